//! What one image of the monitor hands to the next besides what it knows: open descriptors, by
//! number. They stay open across the `execve` that replaces the one by the other.

use std::os::fd::RawFd;

use ncolony_core::ProgramName;
use serde::{Deserialize, Serialize};

/// The descriptors, and what each of them is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Handover {
    /// The lock on the status directory.
    pub(crate) lock: Option<RawFd>,
    /// The reading ends of what programs print.
    #[serde(default)]
    pub(crate) outputs: Vec<Held>,
    /// The sockets that programs listen on.
    #[serde(default)]
    pub(crate) sockets: Vec<Held>,
    /// The sockets that programs say something of themselves to.
    #[serde(default)]
    pub(crate) notices: Vec<Held>,
    /// Main processes that are no children of ours. Only whoever has held one since before its end
    /// can tell how it ended.
    #[serde(default)]
    pub(crate) processes: Vec<Held>,
}

impl Handover {
    /// All numbers.
    pub(crate) fn numbers(&self) -> Vec<RawFd> {
        let held = self.outputs.iter().chain(&self.sockets);
        let held = held.chain(&self.notices).chain(&self.processes);
        held.map(|held| held.fd).chain(self.lock).collect()
    }
}

/// A descriptor that belongs to a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    /// The program.
    pub(crate) program: ProgramName,
    /// Which of its descriptors it is.
    pub(crate) what: String,
    /// Its number.
    pub(crate) fd: RawFd,
}
