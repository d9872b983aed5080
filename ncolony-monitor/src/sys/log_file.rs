//! The file that a program's output is kept in.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens a log for appending, and makes it if it is not there. What stands there may be a FIFO that
/// nobody reads: to wait for a reader would stop the output of every program, so that is an error,
/// and is tried again as a full disk is.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
}
