//! Waiting for whichever comes first.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

/// Returns when one of these can be read or has come to its end, or when `patience` is over.
pub(crate) fn wait(ends: &[BorrowedFd<'_>], patience: Option<Duration>) -> io::Result<()> {
    let mut ends: Vec<_> = ends
        .iter()
        .map(|end| PollFd::new(*end, PollFlags::POLLIN))
        .collect();
    match ppoll(&mut ends, patience.map(TimeSpec::from), None) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
