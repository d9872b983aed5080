//! One monitor per status directory.
//!
//! An open-file-description lock belongs to the open file and goes with the process, however it
//! ends; and others can ask for its holder without taking it. The file can be removed, and then
//! another be locked in its place; so the directory is locked too, where its file system can do
//! that.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, Flock, FlockArg, fcntl};

/// The lock, held while this lives.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    /// The directory that the file stands in, locked as well.
    directory: Option<Flock<File>>,
}

impl AsFd for Lock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Lock {
    /// Whether the file that is locked still stands at `path`.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        let (Ok(held), Ok(there)) = (self.file.metadata(), std::fs::metadata(path)) else {
            return false;
        };
        (held.dev(), held.ino()) == (there.dev(), there.ino())
    }

    /// Takes the lock on `path` again, where the file that was locked is not any more.
    pub(crate) fn renew(&mut self, path: &Path) -> Result<(), LockError> {
        let held = self.directory.as_ref().and_then(|held| identity(held));
        let there = path.parent().and_then(|parent| File::open(parent).ok());
        let is_same = held.is_some() && held == there.as_ref().and_then(identity);
        if !is_same {
            *self = take(path)?;
            return Ok(());
        }
        self.file = take_file(path)?;
        Ok(())
    }
}

fn identity(file: &File) -> Option<(u64, u64)> {
    let metadata = file.metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Locks the directory that `path` is in. `None`: its file system cannot do that.
fn take_directory(path: &Path) -> Result<Option<Flock<File>>, LockError> {
    let Some(parent) = path.parent() else {
        return Ok(None);
    };
    match Flock::lock(File::open(parent)?, FlockArg::LockExclusiveNonblock) {
        Ok(held) => Ok(Some(held)),
        Err((_, Errno::EWOULDBLOCK)) => {
            let holder = File::open(path).ok();
            let holder = holder.and_then(|mut file| read_pid(&mut file));
            Err(LockError::Held(holder))
        }
        Err((_, _)) => Ok(None),
    }
}

/// Why the lock was not taken.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Another monitor holds it; its pid, where it could be read.
    Held(Option<u32>),
    /// The file could not be opened, locked or written.
    Io(io::Error),
}

impl From<io::Error> for LockError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The lock that the image before this one held, by its number; `None`: there is none.
pub(crate) fn handed_over(number: RawFd) -> Option<Lock> {
    let fd = super::descriptors::adopt(number)?;
    let file = File::from(fd);
    // The image before this one has let go of the directory, and nobody else was let in.
    let path = std::fs::read_link(format!("/proc/self/fd/{number}")).ok();
    let directory = path.and_then(|path| take_directory(&path).ok().flatten());
    Some(Lock { file, directory })
}

/// Takes the lock on `path` and writes our pid into it. Nothing is changed if another holds it.
pub(crate) fn take(path: &Path) -> Result<Lock, LockError> {
    let directory = take_directory(path)?;
    let file = take_file(path)?;
    Ok(Lock { file, directory })
}

fn take_file(path: &Path) -> Result<File, LockError> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o644)
        .open(path)?;
    match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole_file())) {
        Ok(_) => {}
        Err(Errno::EAGAIN | Errno::EACCES) => return Err(LockError::Held(read_pid(&mut file))),
        Err(errno) => return Err(io::Error::from(errno).into()),
    }
    if write_pid(&file).is_err() {
        // Whose it is, is there for people. On a full disk it is ours all the same, and the number
        // of another is worse than none.
        let _stays = file.set_len(0);
    }
    Ok(file)
}

/// What is there already is overwritten, which takes no room.
fn write_pid(file: &File) -> io::Result<()> {
    let text = format!("{}\n", std::process::id());
    file.write_all_at(text.as_bytes(), 0)?;
    file.set_len(text.len() as u64)
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn whole_file() -> libc::flock {
    // The constants fit the fields' narrower types by their definition.
    libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_learns_who_holds_it_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".lock");
        let lock = take(&path).unwrap();
        let Err(LockError::Held(holder)) = take(&path) else {
            panic!("it is held")
        };
        assert_eq!(holder, Some(std::process::id()));
        drop(lock);
        assert!(take(&path).is_ok());
    }
}
