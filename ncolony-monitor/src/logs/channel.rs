//! One program's output: its pipe, and the place where it goes.

use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::path::PathBuf;

use super::tail::Tail;
use super::{Destination, Source};
use crate::sys::log_file;

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
    File { path: PathBuf, file: Option<File> },
    Own { line: Vec<u8> },
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
            Destination::Own => Sink::Own { line: Vec::new() },
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
    pub(super) fn drain(&mut self, buffer: &mut [u8], own: &mut impl Write) -> Drained {
        let mut moved = 0;
        loop {
            if let Err(error) = self.write_held(own) {
                return Drained::Blocked(error);
            }
            match self.reader.read(buffer) {
                Ok(0) => {
                    self.sink.end_line(&self.source, own);
                    return Drained::Ended;
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

    fn write_held(&mut self, own: &mut impl Write) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        match &mut self.sink {
            Sink::File { path, file } => {
                let mut open = match file.take() {
                    Some(open) => open,
                    None => log_file::open(path)?,
                };
                let result = write_from(&mut open, &mut self.held);
                *file = Some(open);
                result
            }
            Sink::Own { line } => {
                own_lines(&self.source, line, &self.held, own);
                self.held.clear();
                Ok(())
            }
        }
    }
}

impl Sink {
    /// A line that was never ended is ended by the end of its program.
    fn end_line(&mut self, source: &Source, own: &mut impl Write) {
        if let Self::Own { line } = self
            && !line.is_empty()
        {
            own_lines(source, line, b"\n", own);
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

/// Writes whole lines behind the program's name, and keeps the rest for later. Whether somebody
/// listens to our output is not the program's matter: what nobody takes is dropped.
fn own_lines(source: &Source, line: &mut Vec<u8>, printed: &[u8], own: &mut impl Write) {
    let mut out = Vec::with_capacity(printed.len() + 64);
    for part in printed.split_inclusive(|byte| *byte == b'\n') {
        line.extend_from_slice(part);
        let whole = line.last() == Some(&b'\n');
        if whole || line.len() > OWN_LINE_MAX {
            out.extend_from_slice(format!("[{}] ", source.name).as_bytes());
            out.append(line);
            if !whole {
                out.push(b'\n');
            }
        }
    }
    if !out.is_empty() {
        let _dropped = own.write_all(&out).and_then(|()| own.flush());
    }
}
