//! The run that is: its processes and what they print.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{ChildStderr, ChildStdout};
use std::time::Duration;

use ncolony_core::{Exit, Mono, Signal};

use super::lines::Lines;
use super::output::{self, Source};
use crate::sys::child::{self, Leader};
use crate::sys::signals::Signals;

/// So much is read at once.
const READ_BYTES: usize = 64 * 1024;

/// A pipe holds no more than this unless somebody has made it larger, so this much is read when all
/// have ended. Whoever left the group may hold it open and print for ever.
const LEFT_BYTES_MAX: usize = 1024 * 1024;

/// How long after the command's end it is looked whether the others have ended: at first, and at
/// last, when they take their time.
const LOOK_SOON: Duration = Duration::from_millis(10);
const LOOK_LATE: Duration = Duration::from_secs(1);

/// What a look at a run has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The command goes on.
    Running,
    /// It has ended, others of its group have not.
    Leaderless(Exit),
    /// Nothing is left.
    Ended(Exit),
}

/// A run and the ends of its pipes.
#[derive(Debug)]
pub(crate) struct Run {
    leader: Leader,
    out: Option<Pipe<ChildStdout>>,
    err: Option<Pipe<ChildStderr>>,
    look: Option<Mono>,
    pause: Duration,
}

#[derive(Debug)]
struct Pipe<P> {
    end: P,
    lines: Lines,
    source: Source,
}

impl Run {
    /// Starts the command.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn start(command: &[OsString], signals: &Signals) -> io::Result<Self> {
        let child::Started { leader, out, err } = child::start(command, signals.before())?;
        Ok(Self {
            leader,
            out: Some(Pipe::new(out, Source::Out)),
            err: Some(Pipe::new(err, Source::Err)),
            look: None,
            pause: LOOK_SOON,
        })
    }

    /// Sends a signal to all of the run. One that has nobody to reach is of no account: what is
    /// left is found by looking.
    pub(crate) fn signal(&mut self, signal: Signal) {
        self.pause = LOOK_SOON;
        self.look = self.look.map(|_| Mono::from_nanos(0));
        self.leader.signal_group(signal);
    }

    /// When it is to be looked at even if nothing happens.
    pub(crate) const fn look_at(&self) -> Option<Mono> {
        self.look
    }

    /// What it can be waited for.
    pub(crate) fn ends(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let out = self.out.iter().map(|pipe| pipe.end.as_fd());
        out.chain(self.err.iter().map(|pipe| pipe.end.as_fd()))
    }

    /// Prints what has come, without waiting.
    pub(crate) fn print(&mut self) {
        self.print_up_to(READ_BYTES);
    }

    fn print_up_to(&mut self, bytes_max: usize) {
        if self.out.as_mut().is_some_and(|pipe| pipe.print(bytes_max)) {
            self.out = None;
        }
        if self.err.as_mut().is_some_and(|pipe| pipe.print(bytes_max)) {
            self.err = None;
        }
    }

    /// Looks what is left of it. When nothing is, all that it has printed is printed.
    pub(crate) fn look(&mut self, now: Mono) -> Seen {
        let Some(exit) = self.leader.exit() else {
            return Seen::Running;
        };
        if self.look.is_some_and(|look| now < look) {
            return Seen::Leaderless(exit);
        }
        if self.leader.leads_others() {
            self.look = Some(now.after(self.pause));
            self.pause = (self.pause * 2).min(LOOK_LATE);
            return Seen::Leaderless(exit);
        }
        self.print_up_to(LEFT_BYTES_MAX);
        if let Some(pipe) = &mut self.out {
            pipe.finish();
        }
        if let Some(pipe) = &mut self.err {
            pipe.finish();
        }
        self.leader.release();
        Seen::Ended(exit)
    }
}

impl<P: Read> Pipe<P> {
    fn new(end: P, source: Source) -> Self {
        Self {
            end,
            lines: Lines::default(),
            source,
        }
    }

    /// Whether this was the end of it.
    fn print(&mut self, bytes_max: usize) -> bool {
        let mut buffer = vec![0; READ_BYTES];
        let mut bytes = 0;
        while bytes < bytes_max {
            match self.end.read(&mut buffer) {
                Ok(0) => {
                    self.finish();
                    return true;
                }
                Ok(read) => {
                    bytes += read;
                    self.lines
                        .take(&buffer[..read], |line| output::line(self.source, line));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
            }
        }
        false
    }

    fn finish(&mut self) {
        self.lines.finish(|line| output::line(self.source, line));
    }
}
