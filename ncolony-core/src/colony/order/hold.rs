//! What a program waits for before it is started or told to stop.

use std::sync::Arc;

use super::standing::Lack;
use crate::name::ProgramName;
use crate::status::TurnWord;

/// Why a program is not started, or not told to stop, although that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// It comes after this one, which has not started.
    After(ProgramName),
    /// It requires this one, which is not RUNNING; where it will not be for long, this is why.
    Requires(ProgramName, Option<Lack>),
    /// It is in this ring of programs that wait for each other, and cannot start.
    Ring(Arc<str>),
    /// Others of a lower priority are being started.
    LowerFirst,
    /// This one depends on it, and has to be gone first.
    Dependent(ProgramName),
    /// Others of a higher priority have to be gone first.
    HigherFirst,
    /// What an earlier monitor said of it: it is about to be found out anew.
    Remembered(String),
    /// It is to be restarted, and could not start: it is in this ring.
    Kept(Arc<str>),
}

impl Hold {
    /// What it means for a process that is to be replaced: whether its turn comes by itself.
    pub(crate) fn turn(&self) -> TurnWord {
        match self {
            Self::Ring(_) | Self::Kept(_) => TurnWord::Held,
            Self::After(_)
            | Self::Requires(..)
            | Self::LowerFirst
            | Self::Dependent(_)
            | Self::HigherFirst
            | Self::Remembered(_) => TurnWord::Waits,
        }
    }

    /// What a person is told.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::After(other) => format!("it waits for {other}, which has not started yet"),
            Self::Requires(other, None) => {
                format!("it waits for {other}, which it requires and which is not RUNNING yet")
            }
            Self::Requires(other, Some(lack)) => {
                let lack = lack.words();
                format!("it requires {other}, {lack}; it is started when {other} is RUNNING")
            }
            Self::Ring(ring) => format!(
                "it is not started: these programs wait for each other, {ring}; take one of the \
                 names out of \"after\" or \"requires\""
            ),
            Self::Remembered(sentence) => sentence.clone(),
            Self::LowerFirst => {
                "it waits until programs of a lower priority are started".to_owned()
            }
            Self::Dependent(other) => {
                format!("it is to stop, and is told when {other}, which depends on it, is gone")
            }
            Self::HigherFirst => {
                "it is to stop, and is told when programs of a higher priority are gone".to_owned()
            }
            Self::Kept(ring) => format!(
                "it is to be restarted, and goes on as it is because it could not start: these \
                 programs wait for each other, {ring}"
            ),
        }
    }
}

/// Why what runs without what it requires is told to stop.
pub(super) fn lacks(other: &ProgramName, lack: Lack) -> String {
    format!("it requires {other}, {}", lack.words())
}
