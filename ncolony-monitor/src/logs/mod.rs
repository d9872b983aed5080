//! What programs print, from their pipes to where it is kept.
//!
//! A thread of its own does this, so that a disk that is slow stops nobody but the programs that
//! print. What cannot be written stays where it is: in the pipe, where the program then waits.

mod channel;
mod pump;
mod tail;

use std::io::{self, PipeReader};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use ncolony_core::ProgramName;
use ncolony_core::colony::Generation;
use tokio::sync::mpsc::UnboundedSender;

use crate::sys::poller::Poller;

/// Where a program's output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Into this file, byte for byte.
    File(PathBuf),
    /// To the monitor's own output, each line behind the program's name.
    Own,
}

/// Whose output a channel carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) name: ProgramName,
    pub(crate) generation: Generation,
}

/// A channel, while it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ChannelId(u64);

/// What the thread tells the loop.
#[derive(Debug)]
pub(crate) enum Report {
    /// The last lines of a process that has ended.
    Printed { source: Source, lines: Vec<String> },
    /// A log cannot be written just now, and its program will have to wait.
    Trouble { path: PathBuf, why: String },
    /// It can be written again.
    Healed { path: PathBuf },
}

#[derive(Debug)]
enum Command {
    Open {
        id: ChannelId,
        source: Source,
        reader: PipeReader,
        destination: Destination,
    },
    Finish(ChannelId),
    Reopen,
    Quit,
}

#[derive(Debug)]
struct Shared {
    poller: Poller,
    commands: Mutex<Vec<Command>>,
}

impl Shared {
    fn send(&self, command: Command) {
        // A panic elsewhere cannot leave a vector of commands half changed.
        let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever put the first one there has woken the thread.
        let first = commands.is_empty();
        commands.push(command);
        drop(commands);
        if first {
            self.poller.wake();
        }
    }

    fn take(&self) -> Vec<Command> {
        std::mem::take(&mut *self.commands.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The loop's end of the thread.
#[derive(Debug)]
pub(crate) struct Logs {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    opened: u64,
}

impl Logs {
    /// Starts the thread. What it has to tell comes out of `reports`' other end.
    pub(crate) fn start(reports: UnboundedSender<Report>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            poller: Poller::new()?,
            commands: Mutex::default(),
        });
        let pump = pump::Pump::new(Arc::clone(&shared), reports);
        let thread = std::thread::Builder::new()
            .name("logs".to_owned())
            .spawn(|| pump.run())?;
        Ok(Self {
            shared,
            thread: Some(thread),
            opened: 0,
        })
    }

    /// Takes over the reading end of a program's output.
    pub(crate) fn open(
        &mut self,
        source: Source,
        reader: PipeReader,
        destination: Destination,
    ) -> ChannelId {
        self.opened += 1;
        let id = ChannelId(self.opened);
        self.shared.send(Command::Open {
            id,
            source,
            reader,
            destination,
        });
        id
    }

    /// Says that the main process has ended: what is in the pipe by now is its last, and its last
    /// lines are reported. The channel goes on while others hold its other end.
    pub(crate) fn finish(&self, id: ChannelId) {
        self.shared.send(Command::Finish(id));
    }

    /// Opens all files anew: somebody has moved them.
    pub(crate) fn reopen(&self) {
        self.shared.send(Command::Reopen);
    }
}

/// Writes what is there, and ends the thread.
impl Drop for Logs {
    fn drop(&mut self) {
        self.shared.send(Command::Quit);
        if let Some(thread) = self.thread.take() {
            // It panicked or it did not; there is nothing left to do about it.
            let _ended = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
