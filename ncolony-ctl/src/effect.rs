//! Whether a program's record shows the effect that a command waits for. Pure: a record goes in, a
//! judgement comes out; [`crate::watch`] does the waiting.
//!
//! The records of before and after may look alike: a program that was in BACKOFF and cannot be
//! started is in BACKOFF again. So a [`Mark`] is taken before the command is written, and what
//! equals it tells nothing. A start that failed before the program was executed does not count as
//! a start, but the state was left and entered again, which shows in `since`.

use ncolony_core::status::WantWord;
use ncolony_core::{Exit, ProgramStatus, State, Wall};

/// What a record said before the command was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    state: State,
    since: Wall,
    starts: u64,
    pid: Option<u32>,
}

impl Mark {
    pub(crate) fn of(record: &ProgramStatus) -> Self {
        Self {
            state: record.state,
            since: record.since,
            starts: record.starts,
            pid: record.pid,
        }
    }

    /// Whether another process has been started since.
    fn has_new_process(&self, record: &ProgramStatus) -> bool {
        record.starts > self.starts && (record.pid.is_none() || record.pid != self.pid)
    }

    /// Whether anything has happened to the program since.
    fn is_past(&self, record: &ProgramStatus) -> bool {
        self.has_new_process(record) || (self.state, self.since) != (record.state, record.since)
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
    /// Another process than before is up.
    Restarted(Option<Mark>),
    /// A process is up, the old one or another.
    Started(Option<Mark>),
    /// No process is there, and none is wanted.
    Stopped,
    /// The file with this digest is in force.
    Added {
        /// Of the bytes that were written.
        digest: String,
        before: Option<Mark>,
        /// What was wrong with the file before.
        error_before: Option<ncolony_core::ConfigError>,
    },
    /// Nothing is left of the program.
    Removed,
    /// `wait` may go.
    Reached(Aim),
}

impl Goal {
    /// Whether the effect is that of a message, so that no record proves to be from after it.
    pub(crate) fn follows_request(&self) -> bool {
        match self {
            Self::Restarted(_) | Self::Started(_) => true,
            Self::Stopped | Self::Added { .. } | Self::Removed | Self::Reached(_) => false,
        }
    }

    /// Whether what the record says of an ended process is about a process that the command
    /// started.
    pub(crate) fn is_about_new_process(&self, record: &ProgramStatus) -> bool {
        match self {
            Self::Restarted(before) | Self::Started(before) | Self::Added { before, .. } => before
                .map_or(record.starts > 0, |before| {
                    record.starts > before.starts && record.exit.is_some()
                }),
            Self::Reached(_) => true,
            Self::Stopped | Self::Removed => false,
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
}

/// Judges a program by its record; `None` is a program that the monitor does not know.
/// `exit_codes` gives the codes that are a success, for a program that has exited.
pub(crate) fn judge(
    goal: &Goal,
    record: Option<&ProgramStatus>,
    exit_codes: &dyn Fn() -> Vec<u8>,
) -> Judgement {
    let Some(record) = record else {
        return judge_absent(goal);
    };
    match goal {
        Goal::Removed => Judgement::Pending,
        Goal::Stopped if record.want == WantWord::Down && record.state == State::Stopped => {
            Judgement::Seen
        }
        Goal::Stopped => Judgement::Pending,
        Goal::Restarted(before) => restarted(before.as_ref(), record, exit_codes),
        Goal::Started(before) => started(before.as_ref(), record, exit_codes),
        Goal::Added {
            digest,
            error_before,
            ..
        } => added(digest, error_before.as_ref(), record, exit_codes),
        Goal::Reached(aim) => reached(*aim, record),
    }
}

fn judge_absent(goal: &Goal) -> Judgement {
    match goal {
        Goal::Removed | Goal::Stopped => Judgement::Seen,
        Goal::Restarted(Some(_)) | Goal::Started(Some(_)) => {
            Judgement::Failed("it was removed meanwhile".to_owned())
        }
        Goal::Restarted(None) | Goal::Started(None) | Goal::Added { .. } | Goal::Reached(_) => {
            Judgement::Pending
        }
    }
}

fn restarted(
    before: Option<&Mark>,
    record: &ProgramStatus,
    exit_codes: &dyn Fn() -> Vec<u8>,
) -> Judgement {
    let Some(before) = before else {
        return up(record, exit_codes);
    };
    let tells = match record.state {
        State::Running | State::Exited => before.has_new_process(record),
        State::Stopped | State::Backoff | State::Fatal => before.is_past(record),
        State::Starting | State::Stopping => false,
    };
    if tells {
        up(record, exit_codes)
    } else {
        Judgement::Pending
    }
}

fn started(
    before: Option<&Mark>,
    record: &ProgramStatus,
    exit_codes: &dyn Fn() -> Vec<u8>,
) -> Judgement {
    let tells =
        record.state == State::Running || before.is_none_or(|before| before.is_past(record));
    if tells {
        up(record, exit_codes)
    } else {
        Judgement::Pending
    }
}

fn added(
    digest: &str,
    error_before: Option<&ncolony_core::ConfigError>,
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
    if record.want == WantWord::Down && record.state == State::Stopped {
        return Judgement::Seen;
    }
    up(record, exit_codes)
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
    let reason = record.reason.as_deref().unwrap_or("no reason is given");
    Judgement::Failed(format!("{}: {reason}", record.state))
}

#[cfg(test)]
mod tests;
