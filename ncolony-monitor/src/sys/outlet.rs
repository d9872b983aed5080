//! What is written for others to read: the files of programs' logs, and our own standard output
//! and error. Whoever reads may stop reading, and must not stop us by that.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};

/// A reader that is only slow is waited for this long.
const PATIENCE_MS: u16 = 50;

/// So much can be written without waiting to a pipe that says that it has room.
const PIECE: usize = libc::PIPE_BUF;

/// Nothing that stands in the place of a file is waited for, and no terminal becomes ours.
const FLAGS: i32 = libc::O_NONBLOCK | libc::O_NOCTTY;

/// Opens a program's log, to be written at its end and read back. What stands there may be a FIFO
/// that nobody reads: to wait for a reader would stop the output of every program, so that is an
/// error as a full disk is.
pub(crate) fn open_log(path: &Path) -> io::Result<File> {
    let odd = std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
    for_a_log(odd).create(!odd).open(path)
}

/// The same for what stands under this very name, be it a log or not; a link is an error.
pub(crate) fn open_log_there(path: &Path) -> io::Result<File> {
    let odd = !std::fs::symlink_metadata(path)?.is_file();
    let flags = FLAGS | libc::O_NOFOLLOW;
    let file = for_a_log(odd).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() == odd {
        return Err(io::Error::other("it was replaced while it was opened"));
    }
    Ok(file)
}

/// Makes a program's log, where nothing stands yet.
pub(crate) fn make_log(path: &Path) -> io::Result<File> {
    for_a_log(false).create_new(true).open(path)
}

fn for_a_log(odd: bool) -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        // A FIFO that we read ourselves would seem to have a reader.
        .read(!odd)
        .write(true)
        // It is not truncated; and appending is what the kernel does not move bytes to.
        .truncate(false)
        .mode(0o640)
        .custom_flags(FLAGS);
    options
}

/// Opens a file that nothing else than a regular one may stand in the place of: to open a FIFO, or
/// to write to it, would wait for whoever has its other end.
pub(crate) fn open_regular(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    regular(options.custom_flags(FLAGS).open(path)?)
}

/// The same for what stands under this very name; a link is an error.
pub(crate) fn open_regular_there(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(FLAGS | libc::O_NOFOLLOW);
    regular(options.open(path)?)
}

fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

/// Opens the file that the monitor itself prints to, at its end. A FIFO without a reader is an
/// error, and not waited for.
pub(crate) fn open_own_log(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .custom_flags(FLAGS)
        .open(path)
}

/// Whether an [`Outlet`] has taken what it was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// It has, whole.
    Taken,
    /// It has taken nothing: what it took before has not gone yet.
    Full,
}

/// A descriptor that somebody else reads. It is shared with others, so it cannot be told not to
/// wait; we ask before each write whether there is room.
#[derive(Debug)]
pub(crate) struct Outlet<F> {
    fd: F,
    /// What was taken and has not gone.
    rest: Vec<u8>,
    /// Whether its reader has let us wait in vain, and has not read since.
    stuck: bool,
}

impl<F: AsFd> Outlet<F> {
    /// A way out by this descriptor, with nothing that waits.
    pub(crate) fn new(fd: F) -> Self {
        Self {
            fd,
            rest: Vec::new(),
            stuck: false,
        }
    }

    /// Takes `bytes` whole or not at all, so that no line is torn. What cannot be written because
    /// nobody will ever read it, or a disk is full, is dropped.
    pub(crate) fn offer(&mut self, bytes: &[u8]) -> Offer {
        self.push();
        if self.is_behind() {
            return Offer::Full;
        }
        self.rest.extend_from_slice(bytes);
        self.push();
        Offer::Taken
    }

    /// Whether something was taken that has not gone.
    pub(crate) fn is_behind(&self) -> bool {
        !self.rest.is_empty()
    }

    /// Writes what there is room for.
    pub(crate) fn push(&mut self) {
        let mut gone = 0;
        while gone < self.rest.len() {
            if !self.has_room() {
                self.stuck = true;
                break;
            }
            let end = self.rest.len().min(gone + PIECE);
            match nix::unistd::write(&self.fd, &self.rest[gone..end]) {
                Ok(count) => gone += count,
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => {
                    self.stuck = true;
                    break;
                }
                Err(_) => gone = self.rest.len(),
            }
            self.stuck = false;
        }
        self.rest.drain(..gone);
    }

    fn has_room(&self) -> bool {
        let mut fds = [PollFd::new(self.fd.as_fd(), PollFlags::POLLOUT)];
        let patience = if self.stuck { 0 } else { PATIENCE_MS };
        // Where the kernel cannot say, the write itself will.
        !matches!(
            nix::poll::poll(&mut fds, PollTimeout::from(patience)),
            Ok(0)
        )
    }
}

/// A log of ours. Lines that nobody takes are counted and left out.
#[derive(Debug)]
pub(crate) struct LineOutlet<F> {
    outlet: Outlet<F>,
    lost: u64,
}

impl<F: AsFd> LineOutlet<F> {
    /// The same, for lines that may be lost where nobody takes them.
    pub(crate) fn new(fd: F) -> Self {
        Self {
            outlet: Outlet::new(fd),
            lost: 0,
        }
    }
}

/// Never fails: there is nobody left who could be told.
impl<F: AsFd> io::Write for LineOutlet<F> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.lost > 0 {
            let told = format!("({} lines were left out: nobody read them)\n", self.lost);
            if self.outlet.offer(told.as_bytes()) == Offer::Taken {
                self.lost = 0;
            }
        }
        if self.outlet.offer(line) == Offer::Full {
            self.lost += 1;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    fn read_some(reader: &mut io::PipeReader) -> String {
        let mut bytes = vec![0; 1 << 20];
        let count = reader.read(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    }

    #[test]
    fn a_reader_that_does_not_read_is_not_waited_for() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut outlet = Outlet::new(writer);
        let large = vec![b'x'; 1 << 20];
        assert_eq!(outlet.offer(&large), Offer::Taken);
        assert_eq!(outlet.offer(b"more"), Offer::Full);
        let mut left = large.len();
        while left > 0 {
            left -= read_some(&mut reader).len();
            outlet.push();
        }
        assert_eq!(outlet.offer(b"more"), Offer::Taken);
        assert_eq!(read_some(&mut reader), "more");
    }

    #[test]
    fn lines_that_are_lost_are_counted() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut log = LineOutlet::new(writer);
        log.write_all(&vec![b'x'; 1 << 20]).unwrap();
        log.write_all(b"one\n").unwrap();
        log.write_all(b"two\n").unwrap();
        let mut left = 1 << 20;
        while left > 0 {
            left -= read_some(&mut reader).len();
            log.outlet.push();
        }
        log.write_all(b"three\n").unwrap();
        let wanted = "(2 lines were left out: nobody read them)\nthree\n";
        assert_eq!(read_some(&mut reader), wanted);
    }

    #[test]
    fn a_reader_that_is_gone_and_a_full_disk_are_no_error() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut outlet = Outlet::new(writer);
        assert_eq!(outlet.offer(b"x"), Offer::Taken);
        assert_eq!(outlet.offer(b"y"), Offer::Taken);
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut log = LineOutlet::new(full);
        log.write_all(b"x\n").unwrap();
        log.write_all(b"y\n").unwrap();
        assert_eq!(log.lost, 0);
    }
}
