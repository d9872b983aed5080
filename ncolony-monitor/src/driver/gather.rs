//! The loop's first half: looks where hints, the clock and signals call for it, and tells the
//! machine what was found.

use std::time::Duration;

use ncolony_core::colony::diff::Emptiness;
use ncolony_core::colony::{Observation, Reading};

use super::Driver;
use super::memory::everything;
use crate::executor::Executor;
use crate::logs::{Report, Source};
use crate::sources::dirwatch::Hint;
use crate::sys::clock;

/// The first hint is followed at once, further ones at most this often.
const HINT_SPACING: Duration = Duration::from_millis(10);

/// After a look that found a file that may be half written.
const HALF_SPACING: Duration = Duration::from_millis(1);

impl Driver {
    /// Looks where hints, the clock and waiting messages call for it. The config directory comes
    /// first: a message may be about a program that was written just before it.
    pub(super) fn look_around(&mut self) {
        let now = clock::mono();
        let all = now >= self.full_look_at;
        if all {
            self.full_look();
        } else if now >= self.hints_from {
            self.follow_hints();
        }
        let half = self.mail_again_at.is_some_and(|at| now >= at);
        if all || half || self.mail_waits {
            self.read_mail();
        }
    }

    fn full_look(&mut self) {
        let now = clock::mono();
        if self.emptiness == Emptiness::Meant {
            // Somebody asked for this look, and may wait for the record to count it.
            self.overview.touch();
        }
        self.full_look_at = now.after(self.frequency);
        self.child_ended = true;
        self.hints_from = now.after(HINT_SPACING);
        let before = (
            self.config_watch.is_watched(),
            self.messages_watch.is_watched(),
        );
        self.follow_directories();
        // What was hinted before now is seen by the look itself.
        self.config_watch.take();
        self.messages_watch.take();
        self.look_at_config();
        self.executor.status.forget_old_replies(now);
        self.dispose_again();
        self.look_after_status();
        if before
            != (
                self.config_watch.is_watched(),
                self.messages_watch.is_watched(),
            )
        {
            self.overview.touch();
        }
    }

    /// Puts back what somebody has removed from the status directory, and writes again what could
    /// not be written.
    fn look_after_status(&mut self) {
        let problem = self.executor.place.problem().map(str::to_owned);
        let restored = self.executor.status.restore();
        self.executor.place.keep(&self.executor.run_ids);
        self.executor.notices.keep();
        let place = &self.executor.place;
        self.executor.launchers.accompany(place.lock());
        let (colony, mailbox) = (&self.colony, &self.executor.mailbox);
        self.journal.keep(|| everything(colony, mailbox));
        if problem.as_deref() != self.executor.place.problem() {
            self.overview.touch();
        }
        if restored {
            self.colony.republish_all();
            self.overview.touch();
        }
        self.executor.status.answer_again(clock::mono());
        for name in self.executor.status.take_unwritten() {
            self.colony.republish(&name);
        }
    }

    /// Tries again to get rid of messages that were dealt with.
    fn dispose_again(&mut self) {
        let before = self.executor.mailbox.problem().map(str::to_owned);
        self.executor.dispose_again();
        if before.as_deref() != self.executor.mailbox.problem() {
            self.overview.touch();
        }
    }

    /// Watches what the two paths lead to now.
    fn follow_directories(&mut self) {
        if let Some(directory) = self.scanner.directory() {
            self.config_watch
                .follow(&self.executor.places.config, directory);
        }
        if let Some(directory) = self.executor.mailbox.directory() {
            self.messages_watch
                .follow(self.executor.mailbox.path(), directory);
        }
    }

    fn look_at_config(&mut self) {
        let (state, problem) = (self.scanner.state(), self.scanner.problem());
        let emptiness = std::mem::replace(&mut self.emptiness, Emptiness::Doubted);
        let observations = self.scanner.whole(emptiness);
        self.journal.note_config(self.scanner.believed());
        if self.scanner.state() != state {
            tracing::info!("the config directory: {}", self.scanner.state());
            self.overview.touch();
        }
        if self.scanner.problem() != problem {
            self.tell_of_custody();
        }
        self.observe_config(observations);
    }

    /// Says that the config directory is in other hands than it was.
    fn tell_of_custody(&mut self) {
        match self.scanner.problem() {
            Some(problem) => tracing::error!("{problem}"),
            None => tracing::info!("the config directory is root's alone again"),
        }
        self.overview.touch();
    }

    /// Takes in a look at the config directory.
    fn observe_config(&mut self, observations: Vec<Observation>) {
        if self.scanner.take_ignored_changed() {
            self.overview.touch();
        }
        self.observe_all(observations);
    }

    fn follow_hints(&mut self) {
        let spacing = match self.config_watch.take() {
            Hint::None => Duration::ZERO,
            Hint::Names(names) => {
                let observations = self.scanner.glance(names);
                let spacing = spacing_after(&observations);
                self.observe_config(observations);
                spacing
            }
            Hint::Whole => {
                self.follow_directories();
                self.overview.touch();
                self.look_at_config();
                HINT_SPACING
            }
        };
        let mail = self.messages_watch.take();
        if mail == Hint::Whole {
            self.follow_directories();
        }
        self.mail_waits |= mail != Hint::None;
        self.hints_from = clock::mono().after(spacing);
    }

    fn read_mail(&mut self) {
        let before = self.executor.mailbox.problem().map(str::to_owned);
        let batch = self.executor.mailbox.read();
        self.mail_waits = batch.more;
        self.mail_again_at = batch.again_at;
        if before.as_deref() != self.executor.mailbox.problem() {
            self.overview.touch();
        }
        for path in batch.nameless {
            // Whatever keeps it where it is, it is found again.
            let _moved = self.executor.status.reject(&path, "its name is not text");
        }
        let strangers = batch
            .messages
            .iter()
            .any(|message| self.is_about_a_stranger(message));
        if strangers {
            // Its file may have come before the message, and the hint of it not yet.
            self.look_at_config();
        }
        self.observe_all(batch.messages);
    }

    fn is_about_a_stranger(&self, observation: &Observation) -> bool {
        let Observation::Message {
            message: Ok(message),
            ..
        } = observation
        else {
            return false;
        };
        message
            .name()
            .is_some_and(|name| !self.colony.is_known(name))
    }

    pub(super) fn reap(&mut self) {
        self.child_ended = false;
        self.executor.children.closing = self.colony.is_closing();
        let observations = self.executor.reap();
        self.observe_all(observations);
    }

    pub(super) fn take_reports(&mut self) {
        while let Ok(report) = self.reports.try_recv() {
            self.take_report(report);
        }
    }

    pub(super) fn take_report(&mut self, report: Report) {
        if let Some((path, problem)) = Executor::log_problem(&report) {
            match problem {
                Some(sentence) => {
                    tracing::warn!("{sentence}");
                    self.log_problems.insert(path, sentence);
                }
                None => {
                    tracing::info!(path, "output can be written again");
                    self.log_problems.remove(&path);
                }
            }
            self.overview.touch();
        }
        match report {
            Report::Printed { source, lines } => self.take_lines(source, lines),
            Report::Seen { source } => self.executor.seen(source),
            Report::Left { name, stream } => self.executor.logs.rest(name, stream),
            Report::Trouble { .. } | Report::Healed { .. } | Report::Rotation { .. } => {}
        }
    }

    /// Takes in what programs say of themselves, and whether they are ready. Most of it changes
    /// nothing that is shown, so that alone has nothing written.
    pub(super) fn take_readiness(&mut self) {
        let facts = self.executor.take_readiness();
        let now = clock::now();
        for fact in facts {
            self.colony.observe(now, fact);
        }
    }

    fn take_lines(&mut self, source: Source, lines: Vec<String>) {
        let name = source.name.clone();
        let observation = self.executor.printed(source, lines);
        self.colony.observe(clock::now(), observation);
        // Records of this name were held back, also those of a new program that has it now.
        if self.colony.knows(&name) {
            self.colony.republish(&name);
        }
    }

    pub(super) fn observe_all(&mut self, observations: Vec<Observation>) {
        if observations.is_empty() {
            return;
        }
        self.overview.touch();
        let now = clock::now();
        self.records.acted(now.mono);
        for observation in observations {
            self.colony.observe(now, observation);
        }
    }
}

/// How long the next hints may wait after a look that found this. What was found to be nothing, a
/// temporary file perhaps, or half of something, is about to become what it is meant to be.
fn spacing_after(observations: &[Observation]) -> Duration {
    let is_half = |observation: &Observation| {
        matches!(
            observation,
            Observation::Config {
                reading: Reading::Bad { .. },
                ..
            }
        )
    };
    if observations.is_empty() {
        Duration::ZERO
    } else if observations.iter().all(is_half) {
        HALF_SPACING
    } else {
        HINT_SPACING
    }
}
