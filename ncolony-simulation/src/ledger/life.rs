//! A process that a monitor knows of, and the stop that it is in.

use std::sync::Arc;

use ncolony_core::colony::{Generation, KILL_AGAIN};
use ncolony_core::{Mono, ProgramSpec};

/// A stop that has begun.
#[derive(Clone, Debug)]
pub struct Stop {
    /// When KILL must follow.
    pub kill_by: Mono,
    /// Whether the stop signal was sent, as far as anybody can know.
    pub asked: bool,
    /// Whether that is written down.
    pub written: bool,
    /// Whether CONT has followed the stop signal.
    pub continued: bool,
    /// When KILL was last sent.
    pub killed: Option<Mono>,
    /// What it is stopped for although it is wanted.
    pub fault: Option<Fault>,
}

/// What a process is stopped for although it is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It was not ready in time.
    NeverReady,
    /// It did not say in time that it is well.
    Unwell,
}

/// A process that the monitor knows of.
#[derive(Clone, Debug)]
pub struct Life {
    /// Which start it came of.
    pub generation: Generation,
    /// Its number.
    pub pid: u32,
    /// When it was started.
    pub started: Mono,
    /// What it was started with; the policy is the one in force.
    pub spec: Arc<ProgramSpec>,
    /// Whether it has once counted as up. A threshold that is raised later does not take that back.
    pub up: bool,
    /// Since when it is waited for: its start, or the last change of monitors.
    pub since: Mono,
    /// When it last said that it is well, or since when that is waited for.
    pub well: Mono,
    /// The stop that it is in.
    pub stop: Option<Stop>,
    /// Whether an earlier monitor started it.
    pub adopted: bool,
}

impl Stop {
    /// The stop signal is sent.
    #[must_use]
    pub fn begun(kill_by: Mono) -> Self {
        Self {
            kill_by,
            asked: true,
            written: false,
            continued: false,
            killed: None,
            fault: None,
        }
    }

    /// When KILL must be sent next.
    #[must_use]
    pub fn due_at(&self) -> Mono {
        match self.killed {
            None => self.kill_by,
            Some(last) => last.after(KILL_AGAIN),
        }
    }
}

impl Life {
    /// Whether it counts as up: what its file calls ready has held, or without that it has lived
    /// for its threshold. What it may have said while nobody listened is believed in the end.
    #[must_use]
    pub fn is_up(&self, now: Mono) -> bool {
        self.up
            || match &self.spec.policy.ready {
                None => now.since(self.started) >= self.spec.policy.threshold,
                Some(ready) => {
                    let unheard = self.adopted && self.spec.process.notifies;
                    unheard && now.since(self.since) >= ready.timeout
                }
            }
    }

    /// What it must be stopped for although it is wanted.
    #[must_use]
    pub fn fault(&self, now: Mono) -> Option<Fault> {
        let watchdog = self.spec.process.watchdog;
        if watchdog.is_some_and(|span| now.since(self.well) >= span) {
            return Some(Fault::Unwell);
        }
        let ready = self.spec.policy.ready.as_ref();
        let late = ready.is_some_and(|ready| now.since(self.since) >= ready.timeout);
        (late && !self.is_up(now)).then_some(Fault::NeverReady)
    }

    /// When it counts as up, or must be stopped, although no fact comes.
    pub(super) fn due_at(&self) -> Mono {
        let policy = &self.spec.policy;
        let ready = policy.ready.as_ref();
        let up = match ready {
            None => self.started.after(policy.threshold),
            Some(ready) => self.since.after(ready.timeout),
        };
        let watchdog = self.spec.process.watchdog;
        let well = watchdog.map(|span| self.well.after(span));
        well.filter(|well| *well < up || self.up).unwrap_or(up)
    }
}
