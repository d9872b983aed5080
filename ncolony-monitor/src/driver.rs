//! The one loop: wait, gather, observe, settle, execute. The only owner of the machine.

mod announce;
mod gather;
mod memory;
mod present;
mod upgrade;

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use ncolony_core::colony::diff::{Catalogue, Emptiness};
use ncolony_core::colony::{Effect, Observation};
use ncolony_core::status::Guarantees;
use ncolony_core::time::Mono;
use ncolony_core::{Colony, Exit};
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::announcer::Announcer;
use crate::crash_point;
use crate::executor::{Done, Executor};
use crate::inheritance::{self, Inheritance};
use crate::invocation::Invocation;
use crate::journal::Journal;
use crate::logs::Report;
use crate::overview::Overview;
use crate::own_log::OwnLog;
use crate::record_timing::RecordTiming;
use crate::sources::dirwatch::DirWatch;
use crate::sources::scan::Scanner;
use crate::sources::signals::{Call, Signals};
use crate::sys::clock;
use crate::sys::notifier::Notifier;
use crate::{Settings, WatchMode};

use upgrade::Progress;

/// Orders are carried out for so long before ended children are taken in again: how long a process
/// lived is measured up to the moment in which its end is noticed.
const SLICE: Duration = Duration::from_millis(5);

/// How often groups are looked at whose leaders are gone.
const LEFTOVER_SPACING: Duration = Duration::from_millis(20);

/// When everything has stopped, the last lines of the programs are waited for at most this long.
const LAST_LINES: Duration = Duration::from_secs(1);

/// What the loop has to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Orders are left: only a look at signals and children comes between.
    GoOn,
    /// Nothing: wait for a fact.
    Wait,
}

/// The loop, and all that it owns.
#[derive(Debug)]
pub(crate) struct Driver {
    colony: Colony,
    executor: Executor,
    scanner: Scanner,
    config_watch: DirWatch,
    messages_watch: DirWatch,
    wake: Arc<Notify>,
    signals: Signals,
    reports: UnboundedReceiver<Report>,
    overview: Overview,
    /// Tells those outside who have asked.
    pub(crate) announcer: Announcer,
    /// The file that we print to.
    own_log: Option<OwnLog>,
    frequency: Duration,
    /// When everything is looked at again, hints or none.
    full_look_at: Mono,
    /// Before this no hint is followed.
    hints_from: Mono,
    emptiness: Emptiness,
    /// Messages are known to wait.
    mail_waits: bool,
    /// When to look at messages that were found half written.
    mail_again_at: Option<Mono>,
    /// A child has ended, or may have.
    child_ended: bool,
    records: RecordTiming,
    /// When everything had stopped that was told to.
    closed_at: Option<Mono>,
    /// Logs that cannot be written, by path.
    log_problems: BTreeMap<String, String>,
    /// What a successor will know.
    journal: Journal,
    /// How a successor is started.
    invocation: Option<Invocation>,
    /// How far an upgrade has come that is under way.
    upgrade: Option<Progress>,
}

impl Driver {
    /// Prepares the loop. The signals belong to the runtime that will run it.
    pub(crate) fn new(
        settings: Settings,
        executor: Executor,
        signals: Signals,
        reports: UnboundedReceiver<Report>,
        guarantees: Guarantees,
        inheritance: Inheritance,
        own_log: Option<OwnLog>,
    ) -> Self {
        let wake = Arc::new(Notify::new());
        let watched = settings.watch == WatchMode::Auto;
        let journal = Journal::begin(
            &settings.places.status,
            inheritance::header(&executor.run_ids),
            inheritance.first_entry(&executor.run_ids),
        );
        let scanner = Scanner::new(
            &settings.places.config,
            settings.defaults,
            Catalogue::expecting(inheritance.files(), inheritance.config),
        );
        let exit_with = settings.exit_with.clone();
        let notifier = settings.invocation.as_ref();
        let notifier = notifier.and_then(|_| Notifier::of_environment());
        let mut driver = Self {
            colony: Colony::new(),
            announcer: Announcer::new(notifier),
            own_log,
            scanner,
            config_watch: DirWatch::new(Arc::clone(&wake), watched),
            messages_watch: DirWatch::new(Arc::clone(&wake), watched),
            wake,
            signals,
            reports,
            frequency: settings.frequency,
            executor,
            full_look_at: Mono::default(),
            hints_from: Mono::default(),
            emptiness: Emptiness::Doubted,
            mail_waits: true,
            mail_again_at: None,
            child_ended: true,
            records: RecordTiming::default(),
            closed_at: None,
            log_problems: BTreeMap::new(),
            journal,
            invocation: settings.invocation.clone(),
            upgrade: None,
            overview: Overview::new(settings, guarantees, clock::wall()),
        };
        driver.take_up(inheritance, exit_with);
        driver
    }

    /// Runs until everything was told to stop and has stopped. Gives how the program ended whose
    /// end was the end of all.
    pub(crate) async fn run(mut self) -> Option<Exit> {
        tracing::info!(pid = std::process::id(), "the monitor is up");
        let mut next = Next::Wait;
        loop {
            if next == Next::Wait {
                self.look_around();
            }
            if self.child_ended || self.executor.children.need_looks() {
                self.reap();
            }
            self.take_reports();
            self.take_readiness();
            next = self.carry_out();
            if next == Next::Wait {
                self.announce_end();
                if self.is_over() {
                    break;
                }
                self.publish_overview();
                self.announce_up();
                self.go_on_with_upgrade().await;
            }
            self.announcer.beat(clock::mono());
            self.executor.logs.take_in();
            self.wait(next).await;
        }
        self.abandon_upgrade();
        self.overview.hurry();
        self.publish_overview();
        if self.colony.is_detaching() {
            // What was carried out since is known then.
            self.write_down();
            tracing::info!("the programs are left running");
            return None;
        }
        // No more lines will come.
        self.colony.release_events();
        self.tell();
        self.executor.children.tree.close();
        self.journal.retire();
        self.executor.run_ids.retire();
        tracing::info!("everything has stopped");
        self.colony.keystone_exit().map(|(_, exit)| exit)
    }

    /// Whether everything was told to stop, has stopped, and its last lines are recorded.
    fn is_over(&mut self) -> bool {
        if !self.colony.is_closed() || self.colony.unpublished() > 0 {
            return false;
        }
        let since = *self.closed_at.get_or_insert_with(clock::mono);
        clock::mono().since(since) >= LAST_LINES || !self.executor.awaits_output()
    }

    // ----- act -----------------------------------------------------------------------------

    /// Carries out orders, and what follows from them, for a while: first all that acts, then the
    /// records.
    fn carry_out(&mut self) -> Next {
        let begun = clock::mono();
        self.colony.settle(clock::now());
        loop {
            self.write_down();
            let act = self.colony.poll_act();
            let acts = act.is_some();
            let news = || self.colony.poll_events();
            let Some(effect) = act.or_else(news).or_else(|| self.due_record()) else {
                return Next::Wait;
            };
            crash_point::reach("before an order");
            let done = self.executor.execute(effect, || self.colony.poll_start());
            crash_point::reach("after an order, before what came of it is known");
            match done {
                Done::Silently => {}
                Done::With(observations) => {
                    self.observe_all(observations);
                    self.colony.settle(clock::now());
                }
                Done::Rescan => self.look_at_everything_soon(),
                Done::Upgrade => self.begin_upgrade(),
            }
            let now = clock::mono();
            self.overview.touch();
            if acts {
                self.records.acted(now);
            }
            if now.since(begun) >= SLICE {
                self.tell();
                return Next::GoOn;
            }
        }
    }

    /// Tells what has happened although more is to be done.
    fn tell(&mut self) {
        self.write_down();
        if let Some(events) = self.colony.poll_events() {
            self.executor.execute(events, || None);
        }
    }

    fn due_record(&mut self) -> Option<Effect> {
        let due = self.records.due(self.colony.unpublished())?;
        if clock::mono() < due {
            None
        } else {
            self.colony.poll_record()
        }
    }

    fn look_at_everything_soon(&mut self) {
        self.emptiness = Emptiness::Meant;
        self.full_look_at = Mono::default();
    }

    // ----- wait ----------------------------------------------------------------------------

    /// Waits for a fact, or only looks whether signals have come.
    async fn wait(&mut self, next: Next) {
        if next == Next::GoOn {
            tokio::task::yield_now().await;
        }
        let timeout = self.timeout(next);
        tokio::select! {
            biased;
            call = self.signals.next() => self.answer_call(call),
            report = self.reports.recv() => {
                if let Some(report) = report {
                    self.take_report(report);
                }
            }
            () = self.wake.notified() => {}
            () = self.executor.children.adopted.changed() => self.child_ended = true,
            () = self.executor.notices.changed() => {}
            () = self.executor.probes.changed() => {}
            () = sleep(timeout) => {}
        }
    }

    fn answer_call(&mut self, call: Call) {
        match call {
            Call::Child => self.child_ended = true,
            Call::Shutdown => {
                let again = self.colony.is_closing();
                tracing::info!(again, "told to stop everything");
                let word = if again {
                    Observation::KillNow
                } else {
                    Observation::Shutdown
                };
                self.colony.observe(clock::now(), word);
            }
            Call::Rescan => {
                self.announcer.looking_anew(clock::mono());
                self.look_at_everything_soon();
            }
            Call::ReopenLogs => self.reopen_logs(),
        }
    }

    /// How long nothing has to be done, if nothing happens; `None` is for ever.
    fn timeout(&self, next: Next) -> Option<Duration> {
        let is_answered = matches!(self.upgrade, Some(Progress::Answered(_)));
        let at_once = self.mail_waits || is_answered || self.colony.has_orders();
        if next == Next::GoOn || at_once {
            return Some(Duration::ZERO);
        }
        let now = clock::mono();
        let hint = self.config_watch.has_hint() || self.messages_watch.has_hint();
        let leftovers = self.executor.children.need_looks();
        let due = [
            Some(self.full_look_at),
            self.colony.poll_timeout(),
            self.overview.due(),
            self.announcer.due(),
            hint.then_some(self.hints_from),
            leftovers.then(|| now.after(LEFTOVER_SPACING)),
            self.records.due(self.colony.unpublished()),
            self.mail_again_at,
            self.executor.notices.due(),
            self.executor.probes.commands.due(),
            self.upgrade.as_ref().and_then(Progress::deadline),
            self.closed_at.map(|since| since.after(LAST_LINES)),
        ];
        due.into_iter().flatten().min().map(|due| due.since(now))
    }
}

async fn sleep(timeout: Option<Duration>) {
    match timeout {
        Some(Duration::ZERO) => {}
        Some(span) => tokio::time::sleep(span).await,
        None => pending().await,
    }
}
