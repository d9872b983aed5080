//! From one image of the monitor to the next.
//!
//! The state goes into memory that has a descriptor; the new binary is first asked, as a child,
//! whether it can read that; then it takes the place of this process by `execve`. The process
//! keeps its number, its children, the lock, and what programs print into and listen on. Whatever
//! fails before the `execve` leaves everything as it was. If the new image cannot read the state
//! after all, it takes the programs up as after a crash.

use std::fs::{self, File};
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use ncolony_core::Exit;
use ncolony_core::time::Mono;

use crate::invocation::Invocation;
use crate::read_state::is_understood;
use crate::state::{self, State};
use crate::sys::descriptors;
use crate::sys::exec::Successor;
use crate::sys::pipe;
use crate::sys::spawn::{Launched, Launcher};
use crate::sys::{clock, errno, trial};

/// Where the new image finds what is handed over: its process, and the numbers of the memory and of
/// the lock. A process of another number has only inherited it.
const VARIABLE: &str = "NCOLONY_UPGRADE";

/// The new binary has so long to say that it reads the state.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Of what a binary that is asked says, no more is read.
const ANSWER_MAX: u64 = 4096;

/// Whether this image has taken the place of another, in the same process.
pub(crate) fn is_successor() -> bool {
    announced().is_some()
}

fn announced() -> Option<String> {
    let value = std::env::var(VARIABLE).ok()?;
    let (process, descriptors) = value.split_once(':')?;
    (process.parse() == Ok(std::process::id())).then(|| descriptors.to_owned())
}

/// The state that the image before this one hands over, if this is an upgrade. To be called before
/// this process has opened anything: what is announced and cannot be read is closed with all that
/// came with it, so that the lock can be taken anew and nothing is listened on twice.
pub(crate) fn handed_over() -> Option<State> {
    match take(&announced()?) {
        Ok(state) => Some(state),
        Err(why) => {
            tracing::error!(
                "what the image before this one handed over cannot be used: {why}; the programs are taken up as after a crash"
            );
            descriptors::close_all();
            None
        }
    }
}

fn take(descriptors: &str) -> Result<State, String> {
    let memory = descriptors.split(':').next().unwrap_or_default();
    let memory: Option<RawFd> = memory.parse().ok();
    let memory = memory
        .and_then(descriptors::adopt)
        .filter(descriptors::is_state);
    read(memory.ok_or("it is not there")?.into())
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

/// Which file a binary is: whoever has answered is to be the one that takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Binary {
    file: (u64, u64),
    size: u64,
    written: (i64, i64),
}

impl Binary {
    fn at(path: &Path) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        Ok(Self {
            file: (found.dev(), found.ino()),
            size: found.size(),
            written: (found.mtime(), found.mtime_nsec()),
        })
    }

    /// Makes sure that it still stands there.
    ///
    /// # Errors
    /// A sentence: another does.
    pub(crate) fn check(self, path: &Path) -> Result<(), String> {
        let shown = path.display();
        match Self::at(path) {
            Ok(found) if found == self => Ok(()),
            Ok(_) => Err(format!(
                "{shown} was replaced by another after it had answered; upgrade again"
            )),
            Err(error) => Err(format!("cannot execute {shown}: {}", errno::of(&error))),
        }
    }
}

/// A new binary that was asked whether it reads the state.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) pid: u32,
    answer: PipeReader,
    pub(crate) deadline: Mono,
    /// How many programs the state knows.
    programs: usize,
    /// Who was asked.
    binary: Binary,
}

impl Trial {
    /// Starts the binary on `text` as its input, a state of so many programs.
    ///
    /// # Errors
    /// A sentence: it cannot be started.
    pub(crate) fn begin(
        invocation: &Invocation,
        text: &[u8],
        programs: usize,
        launcher: &mut Launcher,
    ) -> Result<Self, String> {
        let path = invocation.path.display();
        let failed = |error: io::Error| format!("cannot ask {path}: {}", errno::of(&error));
        let mut args = invocation.args.clone();
        args.extend(["--read-state".into(), "-".into()]);
        let successor = Successor::new(&invocation.path, &args, &[]).map_err(failed)?;
        let binary = Binary::at(&invocation.path)
            .map_err(|error| format!("cannot execute {path}: {}", errno::of(&error)))?;
        let memory = descriptors::memory_of(text).map_err(failed)?;
        let (answer, writer) = pipe::for_answer().map_err(failed)?;
        let launch = trial::launch(&successor, memory, writer);
        let launched = launcher.launch(&launch, None);
        // Nobody but the child has its end of the answer.
        drop(launch);
        let Launched { pid, joined: _ } = launched
            .map_err(|error| format!("cannot execute {path}: {}", errno::in_words(error.errno)))?;
        Ok(Self {
            pid,
            answer,
            deadline: clock::mono().after(PATIENCE),
            programs,
            binary,
        })
    }

    /// What came of it, once it has ended: the binary that reads the state.
    ///
    /// # Errors
    /// A sentence: it does not.
    pub(crate) fn conclude(self, invocation: &Invocation, exit: Exit) -> Result<Binary, String> {
        let mut said = Vec::new();
        // What cannot be read was not said.
        let _silent = self.answer.take(ANSWER_MAX).read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said);
        let said = said.trim();
        if exit == Exit::Code(0) && is_understood(said, self.programs) {
            return Ok(self.binary);
        }
        let path = invocation.path.display();
        let detail = if said.is_empty() {
            "it said nothing"
        } else {
            said
        };
        let wrong = if exit == Exit::Code(0) {
            "it gave no answer of a monitor that has read it".to_owned()
        } else {
            format!("it {exit}")
        };
        Err(format!(
            "the new binary {path} cannot go on from here: asked to read the state, {wrong}: {detail}"
        ))
    }
}

/// The new image, ready to take over: memory with the state, and the command.
pub(crate) fn successor(
    invocation: &Invocation,
    memory: &File,
    lock: RawFd,
) -> io::Result<Successor> {
    let value = format!("{}:{}:{lock}", std::process::id(), memory.as_raw_fd());
    Successor::new(&invocation.path, &invocation.args, &[(VARIABLE, value)])
}
