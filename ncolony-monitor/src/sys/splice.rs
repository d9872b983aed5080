//! Moving bytes out of a pipe so that at no time they are in neither place: the kernel moves them,
//! or we look at a copy first and take the original away afterwards.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::{SpliceFFlags, splice, tee};

/// So much is looked at, at most.
pub(crate) const PEEK_BYTES: usize = 64 * 1024;

/// Moves at most `most` bytes to `file` at `offset`, and says how many. 0: nobody holds the other
/// end, and nothing is left.
///
/// # Errors
/// `WouldBlock`: nothing is there. Others are about the file.
pub(crate) fn to_file(from: &File, file: &File, offset: u64, most: usize) -> io::Result<usize> {
    let mut offset = i64::try_from(offset).unwrap_or(i64::MAX);
    let flags = SpliceFFlags::SPLICE_F_NONBLOCK | SpliceFFlags::SPLICE_F_MOVE;
    loop {
        match splice(from, None, file, Some(&mut offset), most, flags) {
            Err(Errno::EINTR) => {}
            moved => return Ok(moved?),
        }
    }
}

/// Whether this says that the file does not take bytes in this way.
pub(crate) fn is_refused(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EINVAL | libc::ENOSYS | libc::EOPNOTSUPP)
    )
}

/// A pipe of our own, for copies of what is in others.
#[derive(Debug)]
pub(crate) struct Glass {
    reader: PipeReader,
    writer: PipeWriter,
    bytes: Vec<u8>,
}

impl Glass {
    /// A glass with nothing in it.
    ///
    /// # Errors
    /// There are no descriptors left.
    pub(crate) fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let bytes = vec![0; PEEK_BYTES];
        Ok(Self {
            reader,
            writer,
            bytes,
        })
    }

    /// Copies what is first in the pipe, at most `most` bytes, and leaves it there. Nothing: nobody
    /// holds the other end, and nothing is left.
    ///
    /// # Errors
    /// `WouldBlock`: nothing is there.
    pub(crate) fn peek(&mut self, from: &impl AsFd, most: usize) -> io::Result<&[u8]> {
        let most = most.min(self.bytes.len());
        let count = loop {
            match tee(from, &self.writer, most, SpliceFFlags::SPLICE_F_NONBLOCK) {
                Err(Errno::EINTR) => {}
                copied => break copied?,
            }
        };
        self.reader.read_exact(&mut self.bytes[..count])?;
        Ok(&self.bytes[..count])
    }

    /// Takes away what was looked at and has been handed over. A program can read what it printed
    /// itself; then there is less to take.
    pub(crate) fn discard(&mut self, mut from: &File, count: usize) -> io::Result<()> {
        let mut left = count;
        while left > 0 {
            let most = left.min(self.bytes.len());
            match from.read(&mut self.bytes[..most]) {
                Ok(0) => break,
                Ok(taken) => left -= taken,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::sys::fifo;

    #[test]
    fn what_is_looked_at_stays() {
        let (reader, mut writer) = fifo::nameless().unwrap();
        let mut glass = Glass::new().unwrap();
        let nothing = glass.peek(&reader, 10).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        writer.write_all(b"one\ntwo\n").unwrap();
        assert_eq!(glass.peek(&reader, 3).unwrap(), b"one");
        assert_eq!(glass.peek(&reader, 100).unwrap(), b"one\ntwo\n");
        glass.discard(&reader, 4).unwrap();
        assert_eq!(glass.peek(&reader, 100).unwrap(), b"two\n");
        assert_eq!(fifo::waiting(&reader).unwrap(), 4);
        assert!(!fifo::is_abandoned(&reader));
        drop(writer);
        // A process that another test is just starting holds it open too, until it executes.
        let deadline = Instant::now() + Duration::from_secs(60);
        while !fifo::is_abandoned(&reader) {
            assert!(Instant::now() < deadline, "somebody holds it open");
            std::thread::yield_now();
        }
        glass.discard(&reader, 4).unwrap();
        assert!(glass.peek(&reader, 100).unwrap().is_empty());
    }

    #[test]
    fn bytes_move_to_where_they_are_told() {
        let (reader, mut writer) = fifo::nameless().unwrap();
        writer.write_all(b"one\ntwo\n").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let file = File::create(&path).unwrap();
        assert_eq!(to_file(&reader, &file, 0, 4).unwrap(), 4);
        assert_eq!(to_file(&reader, &file, 4, 100).unwrap(), 4);
        assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\n");
        writer.write_all(b"x").unwrap();
        let append = File::options().append(true).open(&path).unwrap();
        assert!(is_refused(&to_file(&reader, &append, 0, 9).unwrap_err()));
    }
}
