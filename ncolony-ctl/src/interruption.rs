//! Ctrl-C, for a command that goes on until then and has something to say at its end.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use ncolony_core::errno;
use nix::sys::signal::{SigSet, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::ending::Failure;

/// Holds back INT and TERM until what is to be said has been said.
#[derive(Debug)]
pub(crate) struct Interruption {
    held: SigSet,
    told: SignalFd,
}

impl Interruption {
    /// From now on these signals are only told of.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(crate) fn hold_back() -> Result<Self, Failure> {
        Self::begin().map_err(|error| {
            let why = errno::in_words(&error);
            Failure::failed(format!("cannot wait for an interruption: {why}"))
        })
    }

    fn begin() -> io::Result<Self> {
        let held = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM]);
        held.thread_block()?;
        let told = SignalFd::with_flags(&held, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        Ok(Self { held, told })
    }

    /// Lets the signal act that has come, if one has: whoever started this command sees that it
    /// was interrupted.
    pub(crate) fn let_act(self) {
        let Ok(Some(told)) = self.told.read_signal() else {
            return;
        };
        let signal = i32::try_from(told.ssi_signo).ok().map(Signal::try_from);
        if let Some(Ok(signal)) = signal
            && self.held.thread_unblock().is_ok()
        {
            // What cannot be sent does not act, and then the command ends as it would have.
            let _ends_here = raise(signal);
        }
    }
}

impl AsFd for Interruption {
    /// Can be read when a signal has come.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.told.as_fd()
    }
}
