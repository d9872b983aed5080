//! The signals that this process is told of.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// What a signal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Stop.
    Stop,
    /// Read again what has been read; or, by the kernel, that the terminal has gone.
    HangUp,
    /// A child has changed.
    Child,
}

/// Holds signals back, and tells of them.
#[derive(Debug)]
pub(crate) struct Signals {
    told: SignalFd,
    before: SigSet,
}

impl Signals {
    /// From now on TERM, INT, QUIT, HUP and CHLD are only told of.
    pub(crate) fn take_over() -> io::Result<Self> {
        // SAFETY: no handler is set, so none can be called at a bad moment. Whoever started us may
        // have ignored it, and then the kernel would take our children before we could.
        unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) }?;
        let held = [
            Signal::SIGTERM,
            Signal::SIGINT,
            Signal::SIGQUIT,
            Signal::SIGHUP,
            Signal::SIGCHLD,
        ];
        let held = SigSet::from_iter(held);
        let before = SigSet::thread_get_mask()?;
        held.thread_block()?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let told = SignalFd::with_flags(&held, flags)?;
        Ok(Self { told, before })
    }

    /// The next that has come, if one has.
    pub(crate) fn next(&self) -> Option<Told> {
        let number = self.told.read_signal().ok().flatten()?.ssi_signo;
        Some(match i32::try_from(number) {
            Ok(libc::SIGCHLD) => Told::Child,
            Ok(libc::SIGHUP) => Told::HangUp,
            Ok(_) | Err(_) => Told::Stop,
        })
    }

    /// What was held back before, which is what a child begins with.
    pub(crate) const fn before(&self) -> SigSet {
        self.before
    }

    /// Can be read when a signal has come.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.told.as_fd()
    }
}

/// From now on HUP does nothing to this process.
pub(crate) fn ignore_hang_up() -> io::Result<()> {
    // SAFETY: no handler is set, so none can be called at a bad moment.
    unsafe { signal(Signal::SIGHUP, SigHandler::SigIgn) }?;
    Ok(())
}
