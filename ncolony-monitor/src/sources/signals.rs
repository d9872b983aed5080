//! Signals to the monitor.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// A child has changed its state.
    Child,
    /// Stop everything and exit.
    Shutdown,
    /// Look at both directories; an emptied one is meant.
    Rescan,
    /// Open the logs anew.
    ReopenLogs,
}

/// The signals that the monitor listens to.
#[derive(Debug)]
pub(crate) struct Signals {
    child: Signal,
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    user2: Signal,
}

impl Signals {
    /// Begins to listen.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            child: signal(SignalKind::child())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            user2: signal(SignalKind::user_defined2())?,
        })
    }

    /// A signal that has come already.
    pub(crate) async fn heard(&mut self) -> Option<Call> {
        tokio::select! {
            biased;
            call = self.next() => Some(call),
            () = std::future::ready(()) => None,
        }
    }

    /// The next signal.
    pub(crate) async fn next(&mut self) -> Call {
        tokio::select! {
            _ = self.terminate.recv() => Call::Shutdown,
            _ = self.interrupt.recv() => Call::Shutdown,
            _ = self.child.recv() => Call::Child,
            _ = self.hangup.recv() => Call::Rescan,
            _ = self.user2.recv() => Call::ReopenLogs,
        }
    }
}
