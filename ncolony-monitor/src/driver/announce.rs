//! What the loop tells those outside, and where its own words go.

use super::Driver;
use crate::own_log::OwnLog;

impl Driver {
    /// Tells those outside that the monitor ends, if it does.
    pub(super) fn announce_end(&mut self) {
        if self.colony.is_detaching() {
            self.announcer.stopping("the programs are left running");
        } else if self.colony.is_closing() {
            let first = self.announcer.stopping("everything is being stopped");
            if let (true, Some((name, exit))) = (first, self.colony.keystone_exit()) {
                tracing::info!("{name} {exit}, and its end is the end of all (--exit-with)");
            }
        }
    }

    /// Tells those outside that everything that was known when this turn began has been done.
    pub(super) fn announce_up(&mut self) {
        if !self.colony.is_closing() {
            self.announcer.up(self.colony.len());
        }
    }

    pub(super) fn reopen_logs(&mut self) {
        self.executor.logs.reopen();
        if let Some(Err(why)) = self.own_log.as_ref().map(OwnLog::open) {
            tracing::error!("{why}; what is printed goes where it went");
        }
    }
}
