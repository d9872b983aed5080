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
    /// Whether it has once lived for its threshold. A threshold that is raised later does not take
    /// that back.
    pub up: bool,
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
    /// Whether it has lived for its threshold.
    pub(super) fn is_up(&self, now: Mono) -> bool {
        self.up || now.since(self.started) >= self.spec.policy.threshold
    }
}
