//! How a colony ends: everything is stopped, or everything is left as it is for the next monitor.

use super::Colony;
use super::program::Program;

/// How far the end of the colony has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Closing {
    /// It is not to end.
    No,
    /// Everything is to stop; nothing is started any more.
    Stopping,
    /// The same, and nobody waits for a killtime any more.
    Killing,
    /// The monitor is to exit and to leave everything as it is: nothing is started or stopped.
    Detaching,
}

impl Colony {
    /// Whether everything was told to stop.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.closing != Closing::No
    }

    /// Whether everything was told to stop and has stopped, or is to be left as it is.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        match self.closing {
            Closing::No => false,
            Closing::Stopping | Closing::Killing => self.programs.values().all(Program::is_idle),
            Closing::Detaching => true,
        }
    }

    /// Whether the monitor is to exit and to leave everything running.
    #[must_use]
    pub fn is_detaching(&self) -> bool {
        self.closing == Closing::Detaching
    }

    /// Everything is to stop.
    pub(super) fn close(&mut self) {
        match self.closing {
            Closing::No => {
                self.closing = Closing::Stopping;
                self.cancel_upgrade("the monitor was told to shut down");
            }
            Closing::Stopping | Closing::Killing => {}
            // Whoever asked for that was told that the programs go on.
            Closing::Detaching => return,
        }
        self.touched.extend(self.programs.keys().cloned());
    }

    /// Everything is to stop at once.
    pub(super) fn kill_now(&mut self) {
        self.close();
        if self.closing == Closing::Stopping {
            self.closing = Closing::Killing;
        }
    }

    /// Everything is to be left as it is. A shutdown that has begun is not taken back.
    pub(super) fn detach(&mut self) -> Result<(), &'static str> {
        if self.is_closing() {
            return Err("the monitor is shutting down");
        }
        self.closing = Closing::Detaching;
        self.cancel_upgrade("the monitor was told to exit");
        Ok(())
    }
}
