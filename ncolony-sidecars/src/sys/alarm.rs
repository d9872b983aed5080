//! A timer that follows the wall clock.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

/// Can be read when its time has come, and when the clock was set.
#[derive(Debug)]
pub(crate) struct Alarm {
    timer: TimerFd,
}

impl Alarm {
    /// One that waits for nothing.
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_REALTIME, flags)?;
        Ok(Self { timer })
    }

    /// From now on it waits for this many nanoseconds after the start of 1970, and no longer for
    /// what it waited for before. Says whether the clock was set since this was last called: then
    /// the number may have been worked out by a clock that shows something else now.
    pub(crate) fn set(&mut self, nanos: Option<u64>) -> io::Result<bool> {
        let Some(nanos) = nanos else {
            self.timer.unset()?;
            return Ok(false);
        };
        // Zero would mean never.
        let at = TimeSpec::from(Duration::from_nanos(nanos.max(1)));
        let flags =
            TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
        match self.timer.set(Expiration::OneShot(at), flags) {
            Ok(()) => Ok(false),
            Err(Errno::ECANCELED) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// What it can be waited for by.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.timer.as_fd()
    }
}
