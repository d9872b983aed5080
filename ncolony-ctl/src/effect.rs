//! Whether a program's record shows the effect that a command waits for. Pure: a record goes in, a
//! judgement comes out; [`crate::watch`] does the waiting.
//!
//! A record from before the command may look like its effect: a program that was in BACKOFF and
//! cannot be started is in BACKOFF again. So the reply to a request makes a [`Promise`]: which
//! records are from after the request, and which start of the program answers it. What a record
//! says of an earlier start tells nothing.
//!
//! `add` sends no request. Its proof is the digest of what it wrote: the machine changes the state
//! in the same step in which it takes in a file, so no record has that digest and the state of a
//! process that is to be replaced, but for one that says that it waits for its turn. A program that
//! rests under it was started from it, or is one that the change leaves alone, and that it rests is
//! then said at once: such a wait may last an hour.

use ncolony_core::message::Reply;
use ncolony_core::status::{TurnWord, WantWord};
use ncolony_core::{ConfigError, Exit, ProgramName, ProgramStatus, State};

/// What the reply to a request lets expect of a program's record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Promise {
    /// Records with this number or a higher one are from after the request.
    heard: u64,
    /// The start whose process answers it, or a later one.
    generation: u64,
}

impl Promise {
    pub(crate) fn of(reply: &Reply, name: &ProgramName) -> Self {
        Self {
            heard: reply.heard,
            generation: reply.generations.get(name).copied().unwrap_or_default(),
        }
    }

    /// What holds when both hold: the program was asked for twice.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            heard: self.heard.max(other.heard),
            generation: self.generation.max(other.generation),
        }
    }

    fn is_before(&self, record: &ProgramStatus) -> bool {
        record.heard >= self.heard
    }

    fn is_met_by(&self, record: &ProgramStatus) -> bool {
        self.is_before(record) && record.generation >= self.generation
    }
}

/// What `wait` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aim {
    /// This state.
    State(State),
    /// That it counts as ready.
    Ready,
}

/// The effect that a command waits for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Goal {
    /// The process that was promised is up.
    Started(Promise),
    /// No process is there, and none is wanted.
    Stopped(Promise),
    /// The file with this digest is in force.
    Added {
        /// Of the bytes that were written.
        digest: String,
        /// What was wrong with the file before.
        error_before: Option<ConfigError>,
    },
    /// Nothing is left of the program.
    Removed,
    /// `wait` may go.
    Reached(Aim),
}

impl Goal {
    /// Whether what a program printed last explains why the goal is not reached: it is not from
    /// before the command, nor from before a start that failed.
    pub(crate) fn is_explained_by_output(&self, record: &ProgramStatus) -> bool {
        let of_last_start = record.ended == record.generation;
        match self {
            Self::Started(promise) => of_last_start && promise.is_met_by(record),
            Self::Added { .. } | Self::Reached(_) => of_last_start,
            Self::Stopped(_) | Self::Removed => false,
        }
    }
}

/// What a record says about a goal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// Nothing yet.
    Pending,
    /// The effect is there.
    Seen,
    /// It will not come by itself, and this is why.
    Failed(String),
    /// It does not come before another instance has come, which had failed and may have been
    /// mended; this is what is said of it.
    Held(String),
}

/// Judges a program by its record. `exit_codes` gives the codes that are a success, for a program
/// that has exited.
pub(crate) fn judge(
    goal: &Goal,
    record: &ProgramStatus,
    exit_codes: &dyn Fn() -> Vec<u8>,
) -> Judgement {
    match goal {
        Goal::Removed => Judgement::Pending,
        Goal::Stopped(promise) if promise.is_before(record) && is_let_rest(record) => {
            Judgement::Seen
        }
        Goal::Stopped(_) => Judgement::Pending,
        Goal::Started(promise) => started(*promise, record, exit_codes),
        Goal::Added {
            digest,
            error_before,
        } => added(digest, error_before.as_ref(), record, exit_codes),
        Goal::Reached(aim) => reached(*aim, record),
    }
}

/// Judges a program without a record: it is gone, or its record is still to come.
pub(crate) fn judge_absent(goal: &Goal, has_file: bool) -> Judgement {
    match goal {
        Goal::Removed => Judgement::Seen,
        Goal::Stopped(_) if !has_file => Judgement::Seen,
        Goal::Started(_) | Goal::Added { .. } if !has_file => {
            Judgement::Failed("it was removed meanwhile".to_owned())
        }
        Goal::Stopped(_) | Goal::Started(_) | Goal::Added { .. } | Goal::Reached(_) => {
            Judgement::Pending
        }
    }
}

/// Whether no process is there, and none is wanted.
fn is_let_rest(record: &ProgramStatus) -> bool {
    record.want == WantWord::Down && record.state == State::Stopped
}

fn started(
    promise: Promise,
    record: &ProgramStatus,
    exit_codes: &dyn Fn() -> Vec<u8>,
) -> Judgement {
    if promise.is_met_by(record) {
        return up(record, exit_codes);
    }
    if !promise.is_before(record) {
        return Judgement::Pending;
    }
    // The promised start has not been ordered. It never will be if a later request took it back.
    if let Some(judgement) = turn(record) {
        return judgement;
    }
    match record.state {
        State::Stopped if record.want == WantWord::Down => failed(record),
        State::Running => Judgement::Failed(
            "a later request took this one back, and the process from before still runs".to_owned(),
        ),
        State::Stopped
        | State::Starting
        | State::Backoff
        | State::Stopping
        | State::Exited
        | State::Fatal => Judgement::Pending,
    }
}

fn added(
    digest: &str,
    error_before: Option<&ConfigError>,
    record: &ProgramStatus,
    exit_codes: &dyn Fn() -> Vec<u8>,
) -> Judgement {
    let is_ours = record.config_digest.as_deref() == Some(digest);
    // A file that may not even be read, such as one that others can write, has no digest.
    let is_unread = record.config_digest.is_none() && record.config_error.as_ref() != error_before;
    if let Some(error) = &record.config_error
        && (is_ours || is_unread)
    {
        return Judgement::Failed(format!("the monitor does not accept its file: {error}"));
    }
    if !is_ours {
        return Judgement::Pending;
    }
    if is_let_rest(record) {
        return Judgement::Seen;
    }
    turn(record).unwrap_or_else(|| up(record, exit_codes))
}

/// What is to be said of a program whose process from before still runs, and is to be replaced.
fn turn(record: &ProgramStatus) -> Option<Judgement> {
    Some(match record.turn? {
        TurnWord::Waits => Judgement::Pending,
        TurnWord::Held if record.name.is_instance() => Judgement::Held(what_is_so(record)),
        TurnWord::Held => failed(record),
    })
}

/// Whether a program that should be up is so, by a record that tells.
fn up(record: &ProgramStatus, exit_codes: &dyn Fn() -> Vec<u8>) -> Judgement {
    match (record.state, record.want) {
        (State::Running, _) => Judgement::Seen,
        (State::Starting | State::Stopping, _) | (State::Stopped, WantWord::Up) => {
            Judgement::Pending
        }
        (State::Exited, _) => match record.exit {
            Some(Exit::Code(code)) if exit_codes().contains(&code) => Judgement::Seen,
            Some(Exit::Code(_) | Exit::Signal(_) | Exit::Unknown) | None => failed(record),
        },
        (State::Stopped, WantWord::Down) | (State::Backoff | State::Fatal, _) => failed(record),
    }
}

fn reached(aim: Aim, record: &ProgramStatus) -> Judgement {
    let is_there = match aim {
        Aim::State(state) => record.state == state,
        Aim::Ready => record.ready,
    };
    if is_there {
        return Judgement::Seen;
    }
    // From these two only a word leads away. STOPPED is not among them: that may be where `wait`
    // was put to see a program come up.
    let rests = matches!(record.state, State::Exited | State::Fatal);
    if rests && aim != Aim::State(State::Stopped) {
        return failed(record);
    }
    Judgement::Pending
}

fn failed(record: &ProgramStatus) -> Judgement {
    Judgement::Failed(what_is_so(record))
}

fn what_is_so(record: &ProgramStatus) -> String {
    let reason = record.reason.as_deref().unwrap_or("no reason is given");
    format!("{}: {reason}", record.state)
}

#[cfg(test)]
mod tests;
