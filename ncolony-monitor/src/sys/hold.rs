//! Directories, held: what is done in one that is held is done there, whatever its path leads to
//! by then.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};

/// Holds what stands under a name, without opening it: of a link, the link itself.
pub(crate) fn hold(path: &Path) -> io::Result<File> {
    held(path, libc::O_PATH | libc::O_NOFOLLOW)
}

/// Holds the directory that a path leads to, if it leads through a link.
pub(crate) fn hold_directory(path: &Path) -> io::Result<File> {
    held(path, libc::O_PATH | libc::O_DIRECTORY)
}

fn held(path: &Path, flags: i32) -> io::Result<File> {
    // The kernel wants a way of access and ignores it.
    OpenOptions::new().read(true).custom_flags(flags).open(path)
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
