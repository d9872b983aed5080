//! The monitor's image is replaced while all goes on: the processes stay its children, so what
//! happens to them meanwhile is told to the new image.

use ncolony_core::colony::Observation;
use ncolony_core::colony::diff::Emptiness;

use super::monitor::Fact;
use super::{World, disk};
use crate::invariant::Violation;

impl World {
    /// The upgrade that is under way is done, or cannot be done.
    pub(super) fn end_upgrade(&mut self, done: bool) -> Result<(), Violation> {
        let Some(mut monitor) = self.monitor.take_if(|it| it.upgrade_runs) else {
            return Ok(());
        };
        monitor.upgrade_runs = false;
        // It may have been given up.
        if !done || !monitor.colony.is_upgrading() {
            let why = "the new image does not run".to_owned();
            self.monitor = Some(monitor);
            self.tell(Observation::UpgradeFailed { why });
            return Ok(());
        }
        let facts = monitor.inbox.clone();
        let snapshot = disk::read_back(monitor.colony.snapshot());
        let mut monitor = self.restore(snapshot, monitor)?;
        monitor.tell(Observation::Upgraded);
        // What was seen of the directories is seen again.
        let kept = |fact: &Fact| {
            let (Fact::True(observation) | Fact::Echo(observation)) = fact;
            !matches!(
                observation,
                Observation::Config { .. } | Observation::Message { .. }
            )
        };
        monitor.inbox.extend(facts.into_iter().filter(kept));
        self.monitor = Some(monitor);
        self.lay_keystone();
        self.look(Emptiness::Doubted)?;
        self.turn()
    }
}
