//! One program's output: its pipe, and the place where it goes.

use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;

use super::tail::Tail;
use super::{Destination, Source};
use crate::sys::outlet::{Offer, Outlet, open_log};

/// A line longer than this is broken when it goes to the monitor's own output.
const OWN_LINE_MAX: usize = 64 * 1024;

/// How much one channel may move before the others have their turn.
const TURN_BYTES: usize = 1024 * 1024;

/// What came of draining a channel.
#[derive(Debug)]
pub(super) enum Drained {
    /// There is nothing more for now; this many bytes were moved.
    Dry(usize),
    /// There may be more.
    Turn,
    /// Nobody holds the other end any more.
    Ended,
    /// The file cannot be written just now.
    Blocked(io::Error),
}

#[derive(Debug)]
enum Sink {
    File {
        path: PathBuf,
        file: Option<File>,
    },
    /// The line that has not ended yet, and those that are ready to go.
    Own {
        line: Vec<u8>,
        ready: Vec<u8>,
    },
}

/// One program's output.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) source: Source,
    pub(super) reader: PipeReader,
    /// Whether nobody holds the other end of the pipe any more.
    pub(super) pipe_ended: bool,
    /// Whether the main process has ended. The one may come before the other.
    pub(super) process_ended: bool,
    sink: Sink,
    /// What was read and could not be written yet.
    held: Vec<u8>,
    tail: Tail,
}

impl Channel {
    pub(super) fn new(source: Source, reader: PipeReader, destination: Destination) -> Self {
        let sink = match destination {
            Destination::File(path) => Sink::File { path, file: None },
            Destination::Own => Sink::Own {
                line: Vec::new(),
                ready: Vec::new(),
            },
        };
        Self {
            source,
            reader,
            pipe_ended: false,
            process_ended: false,
            sink,
            held: Vec::new(),
            tail: Tail::default(),
        }
    }

    /// The file that it goes to, if it goes to one.
    pub(super) fn path(&self) -> Option<&PathBuf> {
        match &self.sink {
            Sink::File { path, .. } => Some(path),
            Sink::Own { .. } => None,
        }
    }

    /// The last lines so far.
    pub(super) fn lines(&self) -> Vec<String> {
        self.tail.lines()
    }

    /// Lets go of the file, so that the next line opens what then stands under its name.
    pub(super) fn reopen(&mut self) {
        if let Sink::File { file, .. } = &mut self.sink {
            *file = None;
        }
    }

    /// Moves what is in the pipe to where it goes.
    pub(super) fn drain(&mut self, buffer: &mut [u8], own: &mut Outlet<impl AsFd>) -> Drained {
        let mut moved = 0;
        loop {
            if let Err(error) = self.write_held(own) {
                return Drained::Blocked(error);
            }
            match self.reader.read(buffer) {
                Ok(0) => {
                    return match self.sink.end_line(&self.source, own) {
                        Ok(()) => Drained::Ended,
                        Err(error) => Drained::Blocked(error),
                    };
                }
                Ok(count) => {
                    moved += count;
                    self.tail.push(&buffer[..count]);
                    self.held.extend_from_slice(&buffer[..count]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Drained::Dry(moved);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Drained::Blocked(error),
            }
            if moved >= TURN_BYTES {
                return match self.write_held(own) {
                    Ok(()) => Drained::Turn,
                    Err(error) => Drained::Blocked(error),
                };
            }
        }
    }

    fn write_held(&mut self, own: &mut Outlet<impl AsFd>) -> io::Result<()> {
        match &mut self.sink {
            Sink::File { .. } if self.held.is_empty() => Ok(()),
            Sink::File { path, file } => {
                let mut open = match file.take() {
                    Some(open) => open,
                    None => open_log(path)?,
                };
                let result = write_from(&mut open, &mut self.held);
                *file = Some(open);
                result
            }
            Sink::Own { line, ready } => {
                own_lines(&self.source, line, &self.held, ready);
                self.held.clear();
                hand_over(ready, own)
            }
        }
    }
}

impl Sink {
    /// A line that was never ended is ended by the end of its program.
    fn end_line(&mut self, source: &Source, own: &mut Outlet<impl AsFd>) -> io::Result<()> {
        match self {
            Self::File { .. } => Ok(()),
            Self::Own { line, ready } => {
                if !line.is_empty() {
                    own_lines(source, line, b"\n", ready);
                }
                hand_over(ready, own)
            }
        }
    }
}

/// Writes what it can and takes that away from `held`.
fn write_from(file: &mut File, held: &mut Vec<u8>) -> io::Result<()> {
    while !held.is_empty() {
        match file.write(held) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => drop(held.drain(..count)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Puts whole lines into `ready`, each behind the program's name, and keeps the rest for later.
fn own_lines(source: &Source, line: &mut Vec<u8>, printed: &[u8], ready: &mut Vec<u8>) {
    for part in printed.split_inclusive(|byte| *byte == b'\n') {
        line.extend_from_slice(part);
        let whole = line.last() == Some(&b'\n');
        if whole || line.len() > OWN_LINE_MAX {
            ready.extend_from_slice(format!("[{}] ", source.name).as_bytes());
            ready.append(line);
            if !whole {
                ready.push(b'\n');
            }
        }
    }
}

/// Hands lines to our own output. A reader that does not read makes the program wait, as a full
/// disk does.
fn hand_over(ready: &mut Vec<u8>, own: &mut Outlet<impl AsFd>) -> io::Result<()> {
    if ready.is_empty() {
        return Ok(());
    }
    match own.offer(ready) {
        Offer::Taken => {
            ready.clear();
            Ok(())
        }
        Offer::Full => Err(io::Error::other("nobody reads it")),
    }
}
