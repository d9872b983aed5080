//! All faults end, and time runs on: what must become of it is what is wanted.

use std::time::Duration;

use ncolony_core::colony::diff::Emptiness;

use super::{FAULTLESS, World};
use crate::action::Upheaval;
use crate::invariant::{self, Violation};

/// Longer than every life that a plan gives, every killtime and every delay together.
const LONG_ENOUGH: Duration = Duration::from_secs(90);

impl World {
    pub(super) fn calm(&mut self) -> Result<(), Violation> {
        self.plans.clear();
        self.usual = FAULTLESS;
        self.fuse = None;
        self.kernel.heal();
        self.folder.upset(Upheaval::Restored);
        self.folder.upset(Upheaval::Readable);
        // A message may tell a monitor to exit, and the next one another.
        loop {
            if self.monitor.is_none() {
                self.replace()?;
            }
            self.end_upgrade(true)?;
            // The directory that has come back may be an empty one: a person says that it is
            // meant.
            self.look(Emptiness::Meant)?;
            self.turn()?;
            self.end_upgrade(true)?;
            self.hurry()?;
            if self.monitor.is_some() {
                break;
            }
        }
        self.sleep_until(self.now.after(LONG_ENOUGH))?;
        self.print_all();
        self.turn()?;
        invariant::messages_once::calm(self)?;
        if let Some(monitor) = &self.monitor {
            self.told.calm(monitor)?;
        }
        invariant::liveness::calm(self)
    }
}
