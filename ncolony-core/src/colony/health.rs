//! Whether what runs is well: when it counts as up, and whether it goes on saying that it is.
//!
//! Whoever acts is told to look whether a condition holds ([`Effect::Probe`]) and observes what it
//! finds; how long that is waited for is decided here.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Colony;
use super::io::{Effect, Generation, Word};
use super::phase::{Child, Phase};
use super::program::Program;
use super::sentence;
use crate::descriptor::{Condition, Ready};
use crate::event::Cause;
use crate::name::ProgramName;
use crate::time::{Mono, Now};

/// A program may ask for at most so much more time, counted from its asking; and a stop that it
/// asks to wait for is waited for at most so long in all.
pub const EXTENSION_MAX: Duration = Duration::from_secs(3600);

/// What was seen of a process, and heard from it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Health {
    /// From when on it is waited for: its start, or that of the monitor that took it up.
    pub(crate) since: Mono,
    /// When it last said that it is well, or from when on that is waited for.
    pub(crate) fed: Mono,
    /// It has asked for time until then.
    pub(crate) extended: Option<Mono>,
    /// It has said that it is not well.
    pub(crate) is_unwell: bool,
    /// What it is about to do.
    pub(crate) intent: Intent,
    /// What it last said for people.
    pub(crate) said: Option<String>,
    /// Why its condition did not hold when it was last looked.
    pub(crate) obstacle: Option<String>,
}

/// What a process says that it is about to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Intent {
    /// Its work.
    #[default]
    Work,
    /// It reads its configuration again.
    Reload,
    /// It ends.
    Stop,
}

/// Why a process is stopped although it is wanted: this is its death, as if it had ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fault {
    /// It did not become ready in time.
    NeverReady,
    /// It did not say in time that it is well, or said that it is not.
    Unwell,
}

/// What a word of a process has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing.
    Nothing,
    /// When something is due, and nothing that is shown or kept.
    Time,
    /// What it is or shows.
    Itself,
}

impl Colony {
    /// Whether a program has started, for those that come after it: its `ready` holds where it has
    /// one, else its process has been executed. `false` also when it is being stopped or is not
    /// known.
    #[must_use]
    pub fn has_started(&self, name: &ProgramName) -> bool {
        self.programs.get(name).is_some_and(Program::has_started)
    }

    /// A process has said something of itself. That it is well is said so often that nothing is
    /// written or published for it.
    pub(super) fn notified(
        &mut self,
        now: Now,
        name: ProgramName,
        generation: Generation,
        word: Word,
    ) {
        let program = self.programs.get_mut(&name);
        let Some(program) = program.filter(|program| program.generation == generation) else {
            return;
        };
        match program.notified(now, word) {
            Heard::Nothing => {}
            Heard::Time => {
                self.disarm(&name);
                self.arm(&name);
            }
            Heard::Itself => drop(self.touched.insert(name)),
        }
    }
}

impl Health {
    /// Of a process that is waited for from now on.
    pub(super) fn new(now: Mono) -> Self {
        Self {
            since: now,
            fed: now,
            extended: None,
            is_unwell: false,
            intent: Intent::Work,
            said: None,
            obstacle: None,
        }
    }

    /// What it says of itself.
    pub(super) fn note(&self) -> Option<String> {
        let intent = match self.intent {
            Intent::Work => None,
            Intent::Reload => Some("reloading"),
            Intent::Stop => Some("stopping"),
        };
        match (intent, &self.said) {
            (None, said) => said.clone(),
            (Some(intent), None) => Some(intent.to_owned()),
            (Some(intent), Some(said)) => Some(format!("{intent}: {said}")),
        }
    }

    fn or_extended(&self, due: Mono) -> Mono {
        self.extended.map_or(due, |extended| extended.max(due))
    }
}

impl Child {
    fn ready(&self) -> Option<&Ready> {
        self.spec.policy.ready.as_ref()
    }

    /// When it is to be ready at the latest.
    fn ready_due(&self) -> Option<Mono> {
        let due = self.health.since.after(self.ready()?.timeout);
        Some(self.health.or_extended(due))
    }

    /// When it is to have said again that it is well.
    fn word_due(&self) -> Option<Mono> {
        let due = self.health.fed.after(self.spec.process.watchdog?);
        Some(self.health.or_extended(due))
    }

    /// When something is due of one that has not come up yet.
    pub(super) fn rise_due(&self) -> Mono {
        let by_age = self.started.after(self.spec.policy.threshold);
        let up = self.ready_due().unwrap_or(by_age);
        self.word_due().map_or(up, |word| word.min(up))
    }

    /// When something is due of one that is up.
    pub(super) fn care_due(&self) -> Option<Mono> {
        self.word_due()
    }

    /// Whether it may have said that it is ready while nobody listened.
    fn word_may_be_lost(&self) -> bool {
        let by_word = self.ready().is_some_and(|ready| match ready.when {
            Condition::Notify | Condition::Log(_) => true,
            Condition::Tcp(_) | Condition::Http(_) | Condition::Exec(_) | Condition::File(_) => {
                false
            }
        });
        self.adopted && by_word
    }
}

impl Program {
    /// Whether who comes after it may start: its condition holds where it has one, else its process
    /// has been executed.
    pub(crate) fn has_started(&self) -> bool {
        match &self.phase {
            Phase::Starting(child) => child.ready().is_none(),
            Phase::Running(_) => true,
            Phase::Idle(_)
            | Phase::Delayed { .. }
            | Phase::Ordered { .. }
            | Phase::Stopping { .. }
            | Phase::Clearing { .. } => false,
        }
    }

    /// What its file calls ready holds.
    pub(super) fn became_ready(&mut self, now: Now, cause: Cause) {
        if let Phase::Starting(child) = &self.phase
            && child.ready().is_some()
        {
            let child = child.clone();
            self.enter(now, Phase::Running(child), cause);
        }
    }

    /// What its file calls ready did not hold when it was looked.
    pub(super) fn is_not_ready(&mut self, why: String) {
        if let Phase::Starting(child) = &mut self.phase {
            child.health.obstacle = Some(why);
        }
    }

    /// Its process has said something of itself.
    pub(super) fn notified(&mut self, now: Now, word: Word) -> Heard {
        if let Phase::Stopping { patience, .. } = &mut self.phase {
            return match word {
                Word::Extend(span) => patience.extend(now, span),
                Word::Ready
                | Word::Reloading
                | Word::Stopping
                | Word::Status(_)
                | Word::Well
                | Word::Unwell => Heard::Nothing,
            };
        }
        let (Phase::Starting(child) | Phase::Running(child)) = &mut self.phase else {
            return Heard::Nothing;
        };
        let health = &mut child.health;
        let before = (health.intent, health.said.clone());
        let is_ready = word == Word::Ready;
        match word {
            Word::Ready => health.intent = Intent::Work,
            Word::Reloading => health.intent = Intent::Reload,
            Word::Stopping => health.intent = Intent::Stop,
            Word::Status(text) => health.said = (!text.is_empty()).then_some(text),
            Word::Well => {
                health.fed = now.mono;
                return Heard::Time;
            }
            Word::Unwell => {
                health.is_unwell = true;
                return Heard::Itself;
            }
            Word::Extend(span) => {
                health.extended = Some(now.mono.after(span.min(EXTENSION_MAX)));
                return Heard::Time;
            }
        }
        let changed = before != (health.intent, health.said.clone());
        let by_word = is_ready && child.spec.process.notifies;
        if by_word && matches!(self.phase, Phase::Starting(_)) {
            self.became_ready(now, Cause::Ready);
            return Heard::Itself;
        }
        if changed {
            Heard::Itself
        } else {
            Heard::Nothing
        }
    }

    /// Stops what has not become ready in time, or has not said in time that it is well.
    pub(super) fn look_after(&mut self, now: Now, out: &mut VecDeque<Effect>) {
        let (Phase::Starting(child) | Phase::Running(child)) = &self.phase else {
            return;
        };
        let past = |due: Option<Mono>| due.is_some_and(|due| due <= now.mono);
        let rises = matches!(self.phase, Phase::Starting(_));
        if child.health.is_unwell || past(child.word_due()) {
            let said = child.health.is_unwell;
            let why = sentence::unwell(said, child.spec.process.watchdog);
            return self.fail(now, Fault::Unwell, why, out);
        }
        if !rises || !past(child.ready_due()) {
            return;
        }
        if child.word_may_be_lost() {
            self.reason = Some(sentence::WORD_LOST.to_owned());
            return self.became_ready(now, Cause::Timer);
        }
        let obstacle = child.health.obstacle.as_deref();
        let why = child
            .ready()
            .map(|ready| sentence::never_ready(ready, obstacle));
        self.fail(now, Fault::NeverReady, why.unwrap_or_default(), out);
    }

    fn fail(&mut self, now: Now, fault: Fault, why: String, out: &mut VecDeque<Effect>) {
        let cause = match fault {
            Fault::NeverReady => Cause::Ready,
            Fault::Unwell => Cause::Watchdog,
        };
        self.begin_stop(now, why, cause, out);
        if let Phase::Stopping { patience, .. } = &mut self.phase {
            patience.fault = Some(fault);
        }
    }

    /// Has it looked whether a condition holds, for as long as that is the question.
    pub(super) fn keep_probing(&mut self, out: &mut VecDeque<Effect>) {
        let asked = match &self.phase {
            Phase::Starting(child) => child
                .ready()
                .filter(|ready| ready.when != Condition::Notify)
                .map(|ready| (child, ready.clone())),
            Phase::Idle(_)
            | Phase::Delayed { .. }
            | Phase::Ordered { .. }
            | Phase::Running(_)
            | Phase::Stopping { .. }
            | Phase::Clearing { .. } => None,
        };
        let probed: Option<(Generation, Ready)> = asked
            .as_ref()
            .map(|(_, ready)| (self.generation, ready.clone()));
        if self.probed == probed {
            return;
        }
        out.push_back(match asked {
            Some((child, _)) => Effect::Probe {
                spec: child.spec.clone(),
                generation: self.generation,
                started: child.started,
            },
            None => Effect::EndProbe(self.name.clone()),
        });
        self.probed = probed;
    }

    /// What one that has not come up yet waits for, in a sentence.
    pub(super) fn waits_for(&self) -> Option<String> {
        let Phase::Starting(child) = &self.phase else {
            return None;
        };
        let ready = child.ready()?;
        Some(sentence::waits(ready, child.health.obstacle.as_deref()))
    }
}
