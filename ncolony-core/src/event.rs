//! What has happened to a program: the lines of `status/events.jsonl`, one for each change of its
//! state.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::exit::Exit;
use crate::name::ProgramName;
use crate::status::State;
use crate::time::Wall;

/// What has brought a change of state about, in one word.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// Its file came, was changed or was removed.
    #[default]
    Config,
    /// Somebody asked for it.
    Message,
    /// Its process ended, or could not be started.
    Exit,
    /// A signal ended its process.
    Signal,
    /// A time was over: a wait before a start, or the life after which it counts as up.
    Timer,
    /// It was found to be ready, or not to become so.
    Ready,
    /// Another program, which it needs, came or went.
    Dependency,
    /// It did not give the sign of life that it had promised.
    Watchdog,
    /// The monitor was told to shut down.
    Shutdown,
    /// A monitor took over from one that had died.
    Adopted,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 10] = [
        Self::Config,
        Self::Message,
        Self::Exit,
        Self::Signal,
        Self::Timer,
        Self::Ready,
        Self::Dependency,
        Self::Watchdog,
        Self::Shutdown,
        Self::Adopted,
    ];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Message => "message",
            Self::Exit => "exit",
            Self::Signal => "signal",
            Self::Timer => "timer",
            Self::Ready => "ready",
            Self::Dependency => "dependency",
            Self::Watchdog => "watchdog",
            Self::Shutdown => "shutdown",
            Self::Adopted => "adopted",
        }
    }

    /// What the end of a process is as a cause.
    #[must_use]
    pub const fn of_exit(exit: Exit) -> Self {
        match exit {
            Exit::Signal(_) => Self::Signal,
            Exit::Code(_) | Exit::Unknown => Self::Exit,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// A change of a program's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub time: Wall,
    /// Whose.
    pub name: ProgramName,
    /// The state before: the `to` of the event before.
    pub from: State,
    /// The state after. It is that before only where a process was adopted.
    pub to: State,
    /// What has brought it about.
    pub cause: Cause,
    /// A sentence for a person.
    pub detail: Option<String>,
    /// The main process that this is about: for an end the one that has ended.
    pub pid: Option<u32>,
    /// How the process ended, where this is an end. Each end is in one event only.
    pub exit: Option<Exit>,
    /// Seconds that it had lived, where this is an end.
    pub lifetime: Option<f64>,
    /// The last lines that it had printed, where this is an end and there were any.
    pub output: Option<Vec<String>>,
    /// The number of this event among those of all programs: it only grows, by one each time where
    /// nothing was lost.
    #[serde(default)]
    pub serial: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_its_word() {
        for cause in Cause::ALL {
            let text = serde_json::to_string(&cause).unwrap();
            assert_eq!(text, format!("{:?}", cause.as_str()));
            assert_eq!(serde_json::from_str::<Cause>(&text).unwrap(), cause);
        }
    }

    #[test]
    fn an_event_is_a_line_that_reads_back() {
        let event = Event {
            time: Wall::from_millis(1_763_640_000_123),
            name: ProgramName::new("web").unwrap(),
            from: State::Running,
            to: State::Backoff,
            cause: Cause::of_exit(Exit::Code(3)),
            detail: None,
            pid: Some(7),
            exit: Some(Exit::Code(3)),
            lifetime: Some(0.5),
            output: Some(vec!["bye".to_owned()]),
            serial: 12,
        };
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(
            text,
            r#"{"time":"2025-11-20T12:00:00.123Z","name":"web","from":"RUNNING","to":"BACKOFF","cause":"exit","detail":null,"pid":7,"exit":{"code":3},"lifetime":0.5,"output":["bye"],"serial":12}"#
        );
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }
}
