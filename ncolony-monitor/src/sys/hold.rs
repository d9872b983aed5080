//! Directories, held: what is done in one that is held is done there, whatever its path leads to
//! by then.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use nix::fcntl::{OFlag, open, openat, readlinkat};
use nix::sys::stat::Mode;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};

/// Holds the directory at the root of all paths.
pub(crate) fn hold_root() -> io::Result<File> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    Ok(open("/", flags, Mode::empty())?.into())
}

/// Holds what stands under a name of a directory, without opening it: of a link, the link itself.
pub(crate) fn hold(directory: &File, name: &OsStr) -> io::Result<File> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    Ok(openat(directory, name, flags, Mode::empty())?.into())
}

/// Holds the directory that a name of another leads to, if it leads there through a link.
pub(crate) fn hold_directory(directory: &File, name: &OsStr) -> io::Result<File> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    Ok(openat(directory, name, flags, Mode::empty())?.into())
}

/// Where a link leads.
pub(crate) fn read_link(directory: &File, name: &OsStr) -> io::Result<PathBuf> {
    Ok(readlinkat(directory, name)?.into())
}

/// A path that leads to what is held, and nowhere else.
pub(crate) fn path_of(held: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()))
}

/// Whether a directory is of `proc(5)`: there nobody makes a name, and a link need not lead to where
/// its text says.
pub(crate) fn is_of_processes(directory: &File) -> bool {
    fstatfs(directory).is_ok_and(|found| found.filesystem_type() == PROC_SUPER_MAGIC)
}
