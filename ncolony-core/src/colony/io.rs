//! What goes into the machine and what comes out: facts and orders, as values.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::exit::Exit;
use crate::json::ConfigError;
use crate::message::{Message, MessageError, Reply};
use crate::name::ProgramName;
use crate::signal::Signal;
use crate::spec::ProgramSpec;
use crate::status::{ProcessIdentity, ProgramStatus};
use crate::time::Mono;

/// The number of a start of a program. A fact about an older one than the present matches nothing
/// and is ignored.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Generation(u64);

impl Generation {
    /// The generation after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The generation of this number, as [`Generation::number`] gave it.
    #[must_use]
    pub const fn of_number(number: u64) -> Self {
        Self(number)
    }

    /// Its number, for records and replies.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// What a look at a program's file found.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// A good file.
    Good(Arc<ProgramSpec>),
    /// A file that cannot be used, and why. What runs goes on.
    Bad {
        /// What is wrong with it.
        error: ConfigError,
        /// The digest of its content, where it could be read.
        digest: Option<String>,
    },
    /// It is certain that there is no file.
    Absent,
}

/// Who is to blame for a start that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The program: its file names what cannot be executed.
    Program,
    /// The machine, which lacks something just now.
    Machine,
}

/// Why a program could not be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpawnFailure {
    /// Stage, path and cause, in a sentence.
    pub sentence: String,
    /// Whether it counts as an instant death.
    pub blame: Blame,
}

/// What is left of a process group when its leader is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Nothing.
    Gone,
    /// Some members live on.
    Left,
}

/// What a process says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// `READY=1`: it has started, or has read its configuration again.
    Ready,
    /// `RELOADING=1`: it reads its configuration again.
    Reloading,
    /// `STOPPING=1`: it is about to end.
    Stopping,
    /// `STATUS=…`: one line for people; an empty one takes the last one back.
    Status(String),
    /// `WATCHDOG=1`: it is well.
    Well,
    /// `WATCHDOG=trigger`: it is not, and is to be restarted.
    Unwell,
    /// `EXTEND_TIMEOUT_USEC=…`: it needs more time, so much from now on.
    Extend(Duration),
}

/// A fact.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    /// A program's file was looked at, and is not what it was at the last look.
    Config {
        /// The program.
        name: ProgramName,
        /// What was found.
        reading: Reading,
    },
    /// A message file was read.
    Message {
        /// Its name.
        file: String,
        /// What it says.
        message: Result<Message, MessageError>,
    },
    /// A start that was ordered has happened.
    Spawned {
        /// The program.
        name: ProgramName,
        /// Which start.
        generation: Generation,
        /// Its process, which leads a session and a group of that number.
        pid: u32,
        /// What proves later that the number still means this process.
        identity: Option<ProcessIdentity>,
        /// When.
        at: Mono,
    },
    /// A start that was ordered could not happen.
    SpawnFailed {
        /// The program.
        name: ProgramName,
        /// Which start.
        generation: Generation,
        /// Why.
        failure: SpawnFailure,
        /// When.
        at: Mono,
    },
    /// A process that an earlier monitor started was found alive. If its main process alone has
    /// ended, and nobody had written down that it was ever started, `Exited` follows.
    Adopted {
        /// The program.
        name: ProgramName,
        /// Which start.
        generation: Generation,
        /// Its process.
        pid: u32,
        /// What proves later that the number still means this process.
        identity: Option<ProcessIdentity>,
    },
    /// Nothing was found of a start that an earlier monitor had ordered.
    NeverStarted {
        /// The program.
        name: ProgramName,
        /// Which start.
        generation: Generation,
    },
    /// A main process ended.
    Exited {
        /// The program.
        name: ProgramName,
        /// Which start.
        generation: Generation,
        /// How.
        exit: Exit,
        /// What is left of its group.
        group: Group,
        /// When.
        at: Mono,
    },
    /// The last member of a group whose leader had ended before is gone.
    GroupGone {
        /// The program.
        name: ProgramName,
        /// Which start.
        generation: Generation,
        /// When.
        at: Mono,
    },
    /// The last lines that an ended process had printed.
    Printed {
        /// The program.
        name: ProgramName,
        /// Which start.
        generation: Generation,
        /// The lines.
        lines: Vec<String>,
    },
    /// What a program's file calls ready holds.
    Ready {
        /// The program.
        name: ProgramName,
        /// Which start.
        generation: Generation,
    },
    /// It was looked, and it does not hold.
    NotReady {
        /// The program.
        name: ProgramName,
        /// Which start.
        generation: Generation,
        /// Why not, in a few words.
        why: String,
    },
    /// A process has said something of itself, by `sd_notify(3)`.
    Notified {
        /// The program.
        name: ProgramName,
        /// Which start.
        generation: Generation,
        /// What it said.
        word: Word,
    },
    /// Somebody wants the monitor to stop everything and exit.
    Shutdown,
    /// Somebody wants it at once.
    KillNow,
    /// The upgrade that was ordered is done: this is the new image.
    Upgraded,
    /// It could not be done, and nothing has changed.
    UpgradeFailed {
        /// Why.
        why: String,
    },
}

/// To whom a signal goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The main process.
    Leader,
    /// Its whole process group.
    Group,
}

/// An order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Start the program's process. Answered by `Spawned` or `SpawnFailed`.
    Spawn {
        /// What to start.
        spec: Arc<ProgramSpec>,
        /// Which start this is.
        generation: Generation,
    },
    /// Send a signal.
    Signal {
        /// The program.
        name: ProgramName,
        /// Which start.
        generation: Generation,
        /// To whom.
        scope: Scope,
        /// What.
        signal: Signal,
    },
    /// Write down what has happened, in order.
    Tell(Vec<Event>),
    /// Write a program's record.
    Publish(Box<ProgramStatus>),
    /// Remove a program's record: it is gone.
    Retract(ProgramName),
    /// Close what is listened on for a program: it is wanted down, and nothing of it runs.
    Release(ProgramName),
    /// Look again and again whether what the program's file calls ready holds, until it does or
    /// `EndProbe` comes, and answer with `Ready` or `NotReady`. It takes the place of an earlier one
    /// of the same program.
    Probe {
        /// What runs.
        spec: Arc<ProgramSpec>,
        /// Which start this is.
        generation: Generation,
        /// When that was.
        started: Mono,
    },
    /// Look no more.
    EndProbe(ProgramName),
    /// Write the outcome of a message.
    Answer(Reply),
    /// Move a message aside that nobody can act on.
    Reject {
        /// Its file.
        file: String,
        /// Why.
        reason: String,
    },
    /// Remove the file of a message that was acted on.
    Discard {
        /// Its file.
        file: String,
    },
    /// Look at both directories whole.
    Rescan,
    /// Replace the monitor's image. Answered by `Upgraded` or `UpgradeFailed`.
    Upgrade,
}

impl Effect {
    /// Whose stop has been asked for when this was carried out: CONT is the last that asks.
    pub(super) fn ends_asking(&self) -> Option<(ProgramName, Generation)> {
        match self {
            Self::Signal {
                name,
                generation,
                scope: Scope::Group,
                signal: Signal::CONT,
            } => Some((name.clone(), *generation)),
            Self::Signal { .. }
            | Self::Spawn { .. }
            | Self::Tell(_)
            | Self::Publish(_)
            | Self::Retract(_)
            | Self::Release(_)
            | Self::Probe { .. }
            | Self::EndProbe(_)
            | Self::Answer(_)
            | Self::Reject { .. }
            | Self::Discard { .. }
            | Self::Rescan
            | Self::Upgrade => None,
        }
    }
}
