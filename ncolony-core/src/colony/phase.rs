//! What is so of one program: the phases that its process goes through.

use std::sync::Arc;
use std::time::Duration;

use super::health::Health;
use super::stop::Patience;
use crate::exit::Exit;
use crate::policy::Ended;
use crate::spec::ProgramSpec;
use crate::status::ProcessIdentity;
use crate::time::{Mono, Wall};

/// Why a program that is wanted up is at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Nothing holds it: it starts when it is wanted.
    Stopped,
    /// It ended, and its policy leaves it at that.
    Exited(Exit),
    /// It died young too many times in a row, or can never be started.
    Fatal,
}

/// A living process.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Child {
    pub(crate) pid: u32,
    pub(crate) identity: Option<ProcessIdentity>,
    pub(crate) started: Mono,
    /// The same for people.
    pub(crate) started_wall: Wall,
    /// What it was started with; its policy is the one in force.
    pub(crate) spec: Arc<ProgramSpec>,
    /// Whether an earlier monitor started it, and died.
    pub(crate) adopted: bool,
    /// What was seen of it, and heard from it.
    pub(crate) health: Health,
}

/// What is so.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Phase {
    /// Nothing runs.
    Idle(Rest),
    /// Nothing runs, and the next start waits.
    Delayed {
        until: Mono,
        /// However short the wait becomes: starts that nobody commanded keep their spacing.
        earliest: Mono,
        wait: Duration,
        next_start: Wall,
    },
    /// A start was ordered, and its outcome is not known.
    Ordered { spec: Arc<ProgramSpec>, asked: Mono },
    /// It runs, and is not ready yet: its condition does not hold, or without one it has not lived
    /// for its threshold.
    Starting(Child),
    /// It runs.
    Running(Child),
    /// It was told to stop.
    Stopping { child: Child, patience: Patience },
    /// Its main process is gone; what is left of its group was told to stop.
    Clearing {
        /// The number of the main process, and of the group.
        leader: u32,
        ended: Ended,
        by_itself: bool,
        spec: Arc<ProgramSpec>,
        patience: Patience,
    },
}

impl Phase {
    /// Whether something of it may run, or soon, that is listened for.
    pub(super) fn listens(&self) -> bool {
        match self {
            Self::Idle(_) | Self::Delayed { .. } => false,
            Self::Starting(child) | Self::Running(child) | Self::Stopping { child, .. } => {
                child.spec.listens()
            }
            Self::Ordered { spec, .. } | Self::Clearing { spec, .. } => spec.listens(),
        }
    }
}
