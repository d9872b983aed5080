//! A turn of the monitor: facts are told, the machine settles, its orders are carried out; again,
//! until nothing more follows. After every breath everything is checked that must always hold.

use std::collections::VecDeque;

use ncolony_core::Mono;
use ncolony_core::colony::Observation;

use super::World;
use super::monitor::{Fact, Monitor};
use crate::invariant::{self, Invariant, Violation};

/// More breaths than this at one moment, and it would never end.
const BREATHS_MAX: u32 = 50;

/// More orders than this in one breath, and there would be no end of them: a history has far fewer
/// facts that could cause some.
const ORDERS_MAX: u64 = 10_000;

impl World {
    /// The monitor acts on what it knows.
    pub(super) fn turn(&mut self) -> Result<(), Violation> {
        for _ in 0..BREATHS_MAX {
            self.breathe()?;
            let now = self.now;
            if !self.monitor.as_ref().is_some_and(|it| it.is_due(now)) {
                return Ok(());
            }
        }
        Err(Invariant::Bounded.broken("it never comes to rest at one moment"))
    }

    fn breathe(&mut self) -> Result<(), Violation> {
        let clocks = self.clocks();
        let Some(monitor) = &mut self.monitor else {
            return Ok(());
        };
        self.steps += 1;
        let facts = std::mem::take(&mut monitor.inbox);
        monitor.hear(self.now, &facts)?;
        for fact in facts {
            let (Fact::True(observation) | Fact::Echo(observation)) = fact;
            monitor.colony.observe(clocks, observation);
        }
        monitor.colony.settle(clocks);
        let before = self.orders;
        while let Some(monitor) = &mut self.monitor {
            let Some(order) = monitor.colony.poll_effect() else {
                break;
            };
            if self.burn_fuse() {
                break;
            }
            self.orders += 1;
            Invariant::Bounded.must(self.orders - before <= ORDERS_MAX, || {
                "there is no end of its orders".to_owned()
            })?;
            self.execute(order)?;
        }
        if let Some(monitor) = &mut self.monitor {
            monitor.ledger.settle(self.now);
        }
        self.watch_kernel();
        invariant::check(self)
    }

    /// Whether the monitor dies before its next order.
    fn burn_fuse(&mut self) -> bool {
        match self.fuse {
            None => return false,
            Some(0) => {}
            Some(left) => {
                self.fuse = Some(left - 1);
                return false;
            }
        }
        self.note(|| "    the monitor dies".to_owned());
        self.fuse = None;
        self.monitor = None;
        self.kernel.forget_starts();
        true
    }
}

impl Monitor {
    /// Tells the ledger what the machine is about to be told.
    fn hear(&mut self, now: Mono, facts: &VecDeque<Fact>) -> Result<(), Violation> {
        self.breath = facts.len();
        self.ledger.begin();
        for fact in facts {
            let Fact::True(observation) = fact else {
                continue;
            };
            if let Observation::Spawned { name, at, .. } = observation {
                invariant::delays::started(self, name, *at)?;
            }
            let expected = self.ledger.hear(now, observation);
            if let (Some(expected), Observation::Message { file, .. }) = (expected, observation) {
                self.outstanding.insert(file.clone(), expected);
            }
        }
        Ok(())
    }
}
