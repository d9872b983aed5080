//! Error numbers, in words, and which of them are the machine's fault.

use std::io;

/// The path leads nowhere.
pub(crate) const NOT_THERE: i32 = libc::ENOENT;
/// The path may not be used so.
pub(crate) const NOT_PERMITTED: i32 = libc::EACCES;
/// One may not do this.
pub(crate) const NOT_ALLOWED: i32 = libc::EPERM;
/// There is not enough memory, or a limit does not leave enough.
pub(crate) const NO_MEMORY: i32 = libc::ENOMEM;
/// There are too many processes, of the machine or of a user.
pub(crate) const AGAIN: i32 = libc::EAGAIN;
/// The file is nothing that can be executed.
pub(crate) const NOT_EXECUTABLE: i32 = libc::ENOEXEC;

/// The number in words with its name: `No such file or directory (ENOENT)`.
pub(crate) fn in_words(errno: i32) -> String {
    let errno = nix::errno::Errno::from_raw(errno);
    format!("{} ({errno:?})", errno.desc())
}

/// An I/O error in words, without Rust's own "(os error 2)".
pub(crate) fn of(error: &io::Error) -> String {
    error
        .raw_os_error()
        .map_or_else(|| error.to_string(), in_words)
}

/// Whether this says that there is no process to send a signal to.
pub(crate) fn is_no_such_process(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ESRCH)
}

/// Whether this says that no descriptor of that number is open.
pub(crate) fn is_not_open(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EBADF)
}

/// Whether this says that the kernel does not know what it was asked for.
pub(crate) fn is_not_supported(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS))
}

/// Whether this says that we have too many of something open.
pub(crate) fn is_too_many(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EMFILE)
}

/// Whether this says that the machine lacks something just now, and nothing about the program.
pub(crate) fn is_shortage(errno: i32) -> bool {
    const SHORTAGES: [i32; 8] = [
        libc::EAGAIN,
        libc::ENOMEM,
        libc::ENOBUFS,
        libc::EMFILE,
        libc::ENFILE,
        libc::ENOSPC,
        libc::EDQUOT,
        libc::ETXTBSY,
    ];
    SHORTAGES.contains(&errno)
}

/// Whether this says that a disk is full or cannot be written just now, which passes without
/// anything being done about us.
pub(crate) fn may_pass(error: &io::Error) -> bool {
    let errno = error.raw_os_error();
    errno.is_some_and(|errno| errno == libc::EROFS || is_shortage(errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_name() {
        assert_eq!(in_words(libc::ENOENT), "No such file or directory (ENOENT)");
        let error = io::Error::from_raw_os_error(libc::EACCES);
        assert_eq!(of(&error), "Permission denied (EACCES)");
    }

    #[test]
    fn the_machine_is_not_blamed_for_a_missing_program() {
        assert!(is_shortage(libc::EMFILE) && is_shortage(libc::EAGAIN));
        let rarer = [
            libc::ENOMEM,
            libc::ENFILE,
            libc::ENOSPC,
            libc::EDQUOT,
            libc::ETXTBSY,
        ];
        assert!(rarer.into_iter().all(is_shortage));
        assert!(!is_shortage(libc::ENOENT) && !is_shortage(libc::EACCES));
        // A disk that is read-only keeps no program from being started.
        let read_only = io::Error::from_raw_os_error(libc::EROFS);
        assert!(may_pass(&read_only) && !is_shortage(libc::EROFS));
    }
}
