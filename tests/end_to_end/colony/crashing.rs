//! A monitor that dies where a test wants it to, and the one that comes after it.

use std::os::unix::process::ExitStatusExt;

use nix::sys::signal::Signal;

use super::{Colony, until};

/// The build of the monitor that dies at a crash point, and what says at which.
const CRASHING: &str = "ncolony-monitor-crashing";
const VARIABLE: &str = "NCOLONY_CRASH_AT";

impl Colony {
    /// Starts a monitor that will die at this crash point: which time, a space, what it is called.
    /// When this returns it may have.
    pub(crate) fn start_crashing(&mut self, point: &str) {
        self.build = CRASHING;
        self.variable(VARIABLE, point);
        self.monitor = Some(self.command().spawn().unwrap());
        self.build = "ncolony-monitor";
        self.variables.retain(|(name, _)| name != VARIABLE);
    }

    /// Whether the monitor has died at its crash point. It is not there then.
    pub(crate) fn has_crashed(&mut self) -> bool {
        let Some(ended) = self.monitor.as_mut().unwrap().try_wait().unwrap() else {
            return false;
        };
        self.monitor = None;
        self.remember_half();
        let signal = ended.signal();
        assert_eq!(signal, Some(Signal::SIGKILL as i32), "it ended otherwise");
        true
    }

    /// Waits for a condition, whichever monitor brings it about: after one that has died at its
    /// crash point comes one that does not. Whether it did so is noted in `crashed`.
    #[track_caller]
    pub(crate) fn until_in_the_end<T>(
        &mut self,
        what: &str,
        crashed: &mut bool,
        mut condition: impl FnMut(&Self) -> Option<T>,
    ) -> T {
        until(what, || {
            if self.has_crashed() {
                *crashed = true;
                self.start();
            }
            condition(self)
        })
    }
}
