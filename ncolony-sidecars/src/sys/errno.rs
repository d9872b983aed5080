//! Error numbers, in words.

use std::io;

/// An I/O error in words with its name, as `No such file or directory (ENOENT)`.
pub(crate) fn of(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(
        || error.to_string(),
        |number| {
            let errno = nix::errno::Errno::from_raw(number);
            format!("{} ({errno:?})", errno.desc())
        },
    )
}

/// Whether this machine, or this process, has run out of something.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    let shortages = [libc::EMFILE, libc::ENFILE, libc::ENOMEM, libc::ENOBUFS];
    error
        .raw_os_error()
        .is_some_and(|number| shortages.contains(&number))
}
