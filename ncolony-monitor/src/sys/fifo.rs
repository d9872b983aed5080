//! FIFOs that programs print into.
//!
//! The program's end is opened for both reading and writing, so it has a reader as long as it has a
//! writer: whoever dies, a program that prints gets neither a signal nor an error, and what is in
//! the FIFO stays in it.

use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, PipeReader};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::stat::Mode;
use nix::unistd::{Uid, fchown, mkfifo};

/// Makes a FIFO that only its owner may open, unless one is there. What else stands there makes
/// way.
pub(crate) fn make(path: &Path) -> io::Result<()> {
    match mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR) {
        Err(Errno::EEXIST) if is_fifo(path) => Ok(()),
        Err(Errno::EEXIST) => {
            std::fs::remove_file(path)?;
            Ok(mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR)?)
        }
        made => Ok(made?),
    }
}

fn is_fifo(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo())
}

/// Opens the program's end.
pub(crate) fn open_both(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
}

/// Opens our end: it does not wait, neither for a writer nor for bytes.
pub(crate) fn open_reader(path: &Path) -> io::Result<File> {
    let open = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)?;
    if open.metadata()?.file_type().is_fifo() {
        Ok(open)
    } else {
        Err(io::Error::other("it is not a FIFO"))
    }
}

/// A FIFO that a process has open.
#[derive(Debug)]
pub(crate) struct Held {
    /// The number that it has it under.
    pub(crate) number: RawFd,
    /// What the kernel calls it.
    called: PathBuf,
    found: Metadata,
}

impl Held {
    /// Whether it is this file.
    pub(crate) fn is(&self, other: &Metadata) -> bool {
        (self.found.dev(), self.found.ino()) == (other.dev(), other.ino())
    }

    /// Whether it never had a name.
    pub(crate) fn is_nameless(&self) -> bool {
        self.called.as_os_str().as_bytes().starts_with(b"pipe:[")
    }

    /// Whether it stands or stood in a directory, and under a name, that are called as in `path`.
    pub(crate) fn stood_at(&self, path: &Path) -> bool {
        stood_at(&self.called, path)
    }

    /// Where it can be opened while the process has it.
    pub(crate) fn of_process(&self, pid: u32) -> PathBuf {
        PathBuf::from(format!("/proc/{pid}/fd/{}", self.number))
    }
}

fn stood_at(called: &Path, path: &Path) -> bool {
    let called = called.as_os_str().as_bytes();
    let called = called.strip_suffix(b" (deleted)").unwrap_or(called);
    let called = Path::new(OsStr::from_bytes(called));
    let directory = |path: &Path| Some(path.parent()?.file_name()?.to_owned());
    called.file_name() == path.file_name() && directory(called) == directory(path)
}

/// Whether what was opened by a process's number is the FIFO of this name, or one without a name:
/// the process may have put another under that number meanwhile.
pub(crate) fn is_meant(opened: &File, path: &Path) -> bool {
    let called = std::fs::read_link(format!("/proc/self/fd/{}", opened.as_raw_fd()));
    called.is_ok_and(|called| {
        called.as_os_str().as_bytes().starts_with(b"pipe:[") || stood_at(&called, path)
    })
}

/// The FIFOs that a process has open; none where we may not look.
pub(crate) fn held_by(pid: u32) -> Vec<Held> {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/fd")) else {
        return Vec::new();
    };
    let held = |path: PathBuf| {
        let found = std::fs::metadata(&path).ok()?;
        Some(Held {
            number: path.file_name()?.to_str()?.parse().ok()?,
            called: std::fs::read_link(&path).ok()?,
            found,
        })
    };
    let all = entries.flatten().filter_map(|entry| held(entry.path()));
    all.filter(|held| held.found.file_type().is_fifo())
        .collect()
}

/// Both ends of a FIFO without a name: ours and the program's.
pub(crate) fn nameless() -> io::Result<(File, File)> {
    let (reader, _writer) = io::pipe()?;
    let both = open_both_of(&reader)?;
    fcntl(&reader, FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))?;
    Ok((File::from(OwnedFd::from(reader)), both))
}

fn open_both_of(reader: &PipeReader) -> io::Result<File> {
    let path = format!("/proc/self/fd/{}", reader.as_raw_fd());
    File::options().read(true).write(true).open(path)
}

/// Lets the program open its end again by itself, as by `/dev/stdout`: that takes its owner.
pub(crate) fn give_to(fifo: &File, uid: u32) -> io::Result<()> {
    if fifo.metadata()?.uid() == uid {
        return Ok(());
    }
    Ok(fchown(fifo, Some(Uid::from_raw(uid)), None)?)
}

/// Our own user, whom a FIFO belongs to where its program has no user of its own.
pub(crate) fn own_uid() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// How many bytes are in it.
pub(crate) fn waiting(fifo: &impl AsFd) -> io::Result<u64> {
    let mut count: libc::c_int = 0;
    // SAFETY: the descriptor is open, and the call writes one number to where we say.
    let result = unsafe { libc::ioctl(fifo.as_fd().as_raw_fd(), libc::FIONREAD, &raw mut count) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Whether nobody holds it open for writing.
pub(crate) fn is_abandoned(fifo: &impl AsFd) -> bool {
    let mut fds = [PollFd::new(fifo.as_fd(), PollFlags::empty())];
    let asked = nix::poll::poll(&mut fds, PollTimeout::ZERO);
    let hung_up = |events: PollFlags| events.contains(PollFlags::POLLHUP);
    asked.is_ok() && fds[0].revents().is_some_and(hung_up)
}

/// How many bytes fit into it.
pub(crate) fn capacity(fifo: &impl AsFd) -> usize {
    let asked = fcntl(fifo, FcntlArg::F_GETPIPE_SZ);
    let size = asked.ok().and_then(|size| usize::try_from(size).ok());
    size.unwrap_or(64 * 1024)
}

/// Makes room for more; whether the kernel did.
pub(crate) fn enlarge(fifo: &impl AsFd, bytes: i32) -> bool {
    fcntl(fifo, FcntlArg::F_SETPIPE_SZ(bytes)).is_ok()
}
