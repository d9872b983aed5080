//! A log file: written by us alone, for one stream or for several.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use ncolony_core::files::make_directory;

use super::compress::Compressor;
use super::custody;
use super::inlet::Inlet;
use super::rotate;
use super::route::Target;
use super::step::{Step, View, decide, in_page};
use super::tail::Tail;
use crate::sys::errno;
use crate::sys::splice::{self, Glass};
use crate::way::Way;

/// So near to its limit a file is written with an eye on where lines end.
const NEAR: u64 = 64 * 1024;

/// A FIFO may be full with so much less than fits into it.
const SLACK: usize = 4096;

/// A rotation that has failed is tried again after so much more.
const AGAIN: u64 = 1024 * 1024;

/// What is moved by one call ends at a multiple of this, so that the next begins at one: the larger
/// the power of two that a write begins at, the fewer and larger are the pieces that the kernel
/// keeps a file in, and each of them costs it about the same.
const PIECE: u64 = 128 * 1024;

/// What came of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moved {
    /// So many bytes were moved; there may be more.
    Bytes(usize),
    /// Nothing is there.
    Nothing,
    /// What is there is half a line, which had better stay whole.
    HalfLine,
    /// Nobody holds the other end any more, and nothing is left.
    End,
}

/// For whom a step is made, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// The channel.
    pub(super) token: u64,
    /// The most that may be moved.
    pub(super) most: usize,
    /// Whether half a line is moved as well.
    pub(super) last_chance: bool,
    /// How many bytes fit into the FIFO: whoever has filled it cannot end its line.
    pub(super) capacity: usize,
    /// Whether what is moved has to be looked at.
    pub(super) looks: bool,
}

impl Turn {
    /// Whether half a line is moved as well, when so much of it is there.
    pub(super) fn takes_half(self, there: usize) -> bool {
        self.last_chance || there + SLACK > self.capacity
    }
}

/// A file, opened.
#[derive(Debug)]
struct Open {
    file: File,
    regular: bool,
}

/// A log file and those who write it.
#[derive(Debug)]
pub(super) struct LogFile {
    pub(super) target: Target,
    /// How many channels end here.
    channels: usize,
    /// Whether more than one has ended here: then lines are looked at.
    pub(super) shared: bool,
    open: Option<Open>,
    /// Whether the kernel does not move bytes to this file.
    copies: bool,
    /// The channel that wrote last, and what is missing of the lines that it was writing.
    last: Option<(u64, usize)>,
    /// Beyond this size a new file is begun: `max_bytes`, or more if that has failed.
    limit: u64,
    /// Why no new file could be begun, while it is so.
    unrotated: Option<String>,
    /// Whether that has changed and was not told.
    is_news: bool,
}

impl LogFile {
    pub(super) fn new(target: Target) -> Self {
        let limit = target.rotation.max_bytes;
        Self {
            target,
            channels: 0,
            shared: false,
            open: None,
            copies: false,
            last: None,
            limit,
            unrotated: None,
            is_news: false,
        }
    }

    /// Lets go of the file; the next step opens what then stands under its name.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// Takes in a channel; how many there are now.
    pub(super) fn join(&mut self) -> usize {
        self.channels += 1;
        self.shared |= self.channels > 1;
        self.channels
    }

    /// Forgets a channel; how many are left.
    pub(super) fn leave(&mut self, token: u64) -> usize {
        self.channels = self.channels.saturating_sub(1);
        self.last = self.last.filter(|(last, _)| *last != token);
        self.channels
    }

    /// Moves what comes next, if it is time for it. What was seen on the way ends in `tail`.
    ///
    /// # Errors
    /// The file cannot be written; nothing is lost.
    pub(super) fn step(
        &mut self,
        inlet: &Inlet,
        glass: &mut Glass,
        compressor: &mut Compressor,
        turn: Turn,
        tail: &mut Tail,
    ) -> io::Result<Moved> {
        let mut size = self.size()?;
        let shared = self.shared;
        let free = self.limit.saturating_sub(size).saturating_sub(NEAR);
        if !shared && !self.copies && free > 0 && !turn.looks {
            let most = free.min(PIECE - size % PIECE).min(turn.most as u64);
            let moved = self.splice(inlet, size, usize::try_from(most).unwrap_or(usize::MAX));
            self.last = Some((turn.token, 0));
            match or_nothing(moved) {
                Err(error) if splice::is_refused(&error) => self.copies = true,
                moved => return moved,
            }
        }
        let bytes = match glass.peek(inlet.reader(), turn.most) {
            Ok([]) => return Ok(Moved::End),
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Moved::Nothing),
            Err(error) => return Err(error),
        };
        let mut at_line_end = self.ends_at_line_end(size)?;
        if shared && !at_line_end && self.begin_line(turn.token, size)? {
            size += 1;
            at_line_end = true;
        }
        let view = View {
            bytes,
            size,
            max: self.limit,
            at_line_end,
            shared,
            last_chance: turn.takes_half(bytes.len()),
        };
        match decide(view) {
            Step::Move(count) => {
                let copy = bytes[..count].to_vec();
                let count = if self.copies {
                    self.copy(inlet, size, &copy, glass)?
                } else {
                    self.move_all(inlet, size, &copy, turn.token)?
                };
                tail.push(&copy[..count]);
                Ok(Moved::Bytes(count))
            }
            Step::Rotate => {
                self.rotate(size, compressor);
                Ok(Moved::Bytes(0))
            }
            Step::Wait => Ok(Moved::HalfLine),
        }
    }

    fn splice(&self, inlet: &Inlet, size: u64, most: usize) -> io::Result<usize> {
        let Some(open) = &self.open else {
            return Err(io::ErrorKind::NotFound.into());
        };
        inlet.take(|reader| splice::to_file(reader, &open.file, size, most))
    }

    /// Moves what was looked at, or as much of it as there is room for.
    fn move_all(
        &mut self,
        inlet: &Inlet,
        size: u64,
        bytes: &[u8],
        token: u64,
    ) -> io::Result<usize> {
        let mut moved = 0;
        while moved < bytes.len() {
            let rest = &bytes[moved..];
            let offset = size + moved as u64;
            let piece = if self.shared {
                in_page(offset, rest)
            } else {
                rest.len()
            };
            self.last = Some((token, rest.len()));
            match self.splice(inlet, offset, piece) {
                Ok(0) => break,
                Ok(more) => moved += more,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if splice::is_refused(&error) && moved == 0 => {
                    self.copies = true;
                    return Ok(0);
                }
                Err(error) if moved == 0 => return Err(error),
                // The next step meets it again.
                Err(_) => return Ok(moved),
            }
        }
        self.last = Some((token, 0));
        Ok(moved)
    }

    /// Writes a copy, then takes the original away: where the kernel does not move bytes. If we
    /// are killed between the two, they come twice.
    fn copy(
        &mut self,
        inlet: &Inlet,
        size: u64,
        bytes: &[u8],
        glass: &mut Glass,
    ) -> io::Result<usize> {
        let Some(open) = &self.open else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let written = if open.regular {
            open.file.write_at(bytes, size)?
        } else {
            io::Write::write(&mut &open.file, bytes)?
        };
        inlet.take(|reader| glass.discard(reader, written).map(|()| written))
    }

    /// Ends another channel's line before this one's begins. `true`: that took one byte.
    fn begin_line(&mut self, token: u64, size: u64) -> io::Result<bool> {
        match self.last {
            Some((last, _)) if last == token => Ok(false),
            Some((_, missing)) if missing > 0 => {
                Err(io::Error::other("another program's line is not whole yet"))
            }
            Some(_) | None => {
                if let Some(open) = &self.open {
                    open.file.write_at(b"\n", size)?;
                }
                Ok(true)
            }
        }
    }

    fn ends_at_line_end(&self, size: u64) -> io::Result<bool> {
        let (Some(open), Some(last)) = (&self.open, size.checked_sub(1)) else {
            return Ok(true);
        };
        let mut byte = [0];
        let read = open.file.read_at(&mut byte, last)?;
        Ok(read == 0 || byte == *b"\n")
    }

    /// Begins a new file. Where that fails the old one goes on: a log that is too large is better
    /// than a program that stands still.
    fn rotate(&mut self, size: u64, compressor: &mut Compressor) {
        let rotation = self.target.rotation;
        let path = &self.target.path;
        let names = compressor.hold_names();
        let way = Way::to_name(path);
        let rotated = way.and_then(|way| rotate::rotate(way.path(), rotation.backups));
        drop(names);
        self.open = None;
        match rotated {
            Ok(()) => {
                self.limit = rotation.max_bytes;
                self.is_news |= self.unrotated.take().is_some();
                if rotation.compress {
                    compressor.compress(&self.target);
                }
            }
            Err(error) => {
                self.limit = size.saturating_add(AGAIN);
                self.is_news |= self.unrotated.is_none();
                self.unrotated = Some(errno::of(&error));
            }
        }
    }

    /// Whether it has changed that no new file can be begun, and if so, why none can be now.
    pub(super) fn take_news(&mut self) -> Option<Option<String>> {
        std::mem::take(&mut self.is_news).then(|| self.unrotated.clone())
    }

    /// Opens the file if need be, and says how large it is. Only what is regular is rotated.
    fn size(&mut self) -> io::Result<u64> {
        if let Some(open) = &self.open {
            let found = open.file.metadata()?;
            // Where somebody has removed it, the next line stands in a new one.
            if found.nlink() > 0 {
                return Ok(if open.regular { found.size() } else { 0 });
            }
        }
        let file = self.open_new()?;
        let found = file.metadata()?;
        let regular = found.is_file();
        self.copies = !regular;
        if !regular {
            self.limit = u64::MAX;
        }
        self.open = Some(Open { file, regular });
        Ok(if regular { found.size() } else { 0 })
    }

    fn open_new(&self) -> io::Result<File> {
        let path = &self.target.path;
        match (custody::open(&self.target), path.parent()) {
            (Err(error), Some(parent))
                if error.kind() == io::ErrorKind::NotFound && self.target.in_place =>
            {
                make_directory(parent, 0o755).map_err(|error| error.source)?;
                custody::open(&self.target)
            }
            (opened, _) => opened,
        }
    }

    /// The bytes before the last `skip` ones, at most `most`; over a rotation also those of the
    /// newest rotated file.
    pub(super) fn end(&mut self, skip: u64, most: usize) -> Vec<u8> {
        let size = self.size().unwrap_or(0);
        let Some(open) = self.open.as_ref().filter(|open| open.regular) else {
            return Vec::new();
        };
        let end = size.saturating_sub(skip);
        let here = read_before(&open.file, end, most);
        if here.len() == most {
            return here;
        }
        let skip = skip.saturating_sub(size);
        let mut before = before_it(&self.target, skip, most - here.len());
        before.extend(here);
        before
    }
}

fn before_it(log: &Target, skip: u64, most: usize) -> Vec<u8> {
    let newest = Way::to_name(&log.path).and_then(|way| custody::open_rotated(&way, 1, log));
    let Ok(file) = newest else {
        return Vec::new();
    };
    let size = file.metadata().map_or(0, |found| found.size());
    read_before(&file, size.saturating_sub(skip), most)
}

/// The bytes before `end`, at most `most`.
fn read_before(file: &File, end: u64, most: usize) -> Vec<u8> {
    let begin = end.saturating_sub(most as u64);
    let length = usize::try_from(end - begin).unwrap_or(0);
    let mut bytes = vec![0; length];
    // What cannot be read is left out: it is for people, and it is in the log.
    match file.read_exact_at(&mut bytes, begin) {
        Ok(()) => bytes,
        Err(_) => Vec::new(),
    }
}

/// A step that found nothing to move.
fn or_nothing(moved: io::Result<usize>) -> io::Result<Moved> {
    match moved {
        Ok(0) => Ok(Moved::End),
        Ok(count) => Ok(Moved::Bytes(count)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Moved::Nothing),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
