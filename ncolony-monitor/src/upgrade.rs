//! From one image of the monitor to the next.
//!
//! The state goes into memory that has a descriptor; the new binary is first asked, as a child,
//! whether it can read that; then it takes the place of this process by `execve`. The process
//! keeps its number, its children, the lock, and what programs print into and listen on. Whatever
//! fails before the `execve` leaves everything as it was. If the new image cannot read the state
//! after all, it takes the programs up as after a crash.

use std::fs::File;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

use ncolony_core::Exit;
use ncolony_core::time::Mono;

use crate::invocation::Invocation;
use crate::state::{self, State};
use crate::sys::descriptors;
use crate::sys::exec::Successor;
use crate::sys::pipe;
use crate::sys::spawn::{Launched, Launcher};
use crate::sys::{clock, errno, trial};

/// Where the new image finds what is handed over: the numbers of the memory and of the lock.
const VARIABLE: &str = "NCOLONY_UPGRADE";

/// The new binary has so long to say that it reads the state.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What a binary that is asked says at most.
const ANSWER_MAX: u64 = 4096;

/// The state that the image before this one hands over, if this is an upgrade.
pub(crate) fn handed_over() -> Option<State> {
    let value = std::env::var(VARIABLE).ok()?;
    let (memory, lock) = value.split_once(':')?;
    let memory: RawFd = memory.parse().ok()?;
    let memory = descriptors::adopt(memory).filter(descriptors::is_state)?;
    match read(memory.into()) {
        Ok(state) => Some(state),
        Err(why) => {
            tracing::error!(
                "what the image before this one handed over: {why}; the programs are taken up as after a crash"
            );
            // The lock goes too: it is taken anew.
            let _lock_number: Option<RawFd> = lock.parse().ok();
            descriptors::close_all_but(None);
            None
        }
    }
}

fn read(mut memory: File) -> Result<State, String> {
    let mut text = Vec::new();
    memory
        .read_to_end(&mut text)
        .map_err(|error| errno::of(&error))?;
    let state = state::read(&text).map_err(|error| error.to_string())?;
    if state.handover.is_none() || state.unreadable > 0 {
        return Err("it is not whole".to_owned());
    }
    Ok(state)
}

/// A new binary that was asked whether it reads the state.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) pid: u32,
    answer: PipeReader,
    pub(crate) deadline: Mono,
}

impl Trial {
    /// Starts the binary on `text` as its input.
    ///
    /// # Errors
    /// A sentence: it cannot be started.
    pub(crate) fn begin(
        invocation: &Invocation,
        text: &[u8],
        launcher: &mut Launcher,
    ) -> Result<Self, String> {
        let path = invocation.path.display();
        let failed = |error: io::Error| format!("cannot ask {path}: {}", errno::of(&error));
        let mut args = invocation.args.clone();
        args.extend(["--read-state".into(), "-".into()]);
        let successor = Successor::new(&invocation.path, &args, &[]).map_err(failed)?;
        let memory = descriptors::memory_of(text).map_err(failed)?;
        let (answer, writer) = pipe::for_answer().map_err(failed)?;
        let launch = trial::launch(&successor, memory.as_fd(), writer.as_fd());
        let launched = launcher.launch(&launch, None);
        let Launched { pid, joined: _ } = launched
            .map_err(|error| format!("cannot execute {path}: {}", errno::in_words(error.errno)))?;
        Ok(Self {
            pid,
            answer,
            deadline: clock::mono().after(PATIENCE),
        })
    }

    /// What came of it, once it has ended.
    ///
    /// # Errors
    /// A sentence: it does not read the state.
    pub(crate) fn conclude(self, invocation: &Invocation, exit: Exit) -> Result<(), String> {
        if exit == Exit::Code(0) {
            return Ok(());
        }
        let mut said = Vec::new();
        // What cannot be read was not said.
        let _silent = self.answer.take(ANSWER_MAX).read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said);
        let path = invocation.path.display();
        let said = said.trim();
        let detail = if said.is_empty() {
            "it said nothing"
        } else {
            said
        };
        Err(format!(
            "the new binary {path} cannot go on from here: asked to read the state, it {exit}: {detail}"
        ))
    }
}

/// The new image, ready to take over: memory with the state, and the command.
pub(crate) fn successor(
    invocation: &Invocation,
    memory: &File,
    lock: RawFd,
) -> io::Result<Successor> {
    let value = format!("{}:{lock}", memory.as_raw_fd());
    Successor::new(&invocation.path, &invocation.args, &[(VARIABLE, value)])
}
