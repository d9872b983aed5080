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
        // What a machine was told and nobody has written down was told to nobody.
        if self.burn_fuse() {
            return self.die(false);
        }
        let Some(monitor) = &mut self.monitor else {
            return Ok(());
        };
        self.steps += 1;
        let facts = std::mem::take(&mut monitor.inbox);
        for fact in &facts {
            if let Fact::True(Observation::Message { file, .. }) = fact {
                self.mail.hear(file)?;
            }
        }
        monitor.hear(self.now, &facts)?;
        for fact in facts {
            let (Fact::True(observation) | Fact::Echo(observation)) = fact;
            monitor.colony.observe(clocks, observation);
        }
        monitor.colony.settle(clocks);
        self.write_down();
        let before = self.orders;
        while let Some(monitor) = &mut self.monitor {
            let Some(order) = monitor.colony.poll_effect() else {
                break;
            };
            if self.burn_fuse() {
                return self.die(true);
            }
            self.orders += 1;
            Invariant::Bounded.must(self.orders - before <= ORDERS_MAX, || {
                "there is no end of its orders".to_owned()
            })?;
            self.execute(order)?;
        }
        if self.is_detaching() {
            return self.linger();
        }
        if let Some(monitor) = &mut self.monitor {
            monitor.ledger.settle(self.now);
            invariant::listening::let_go(monitor);
        }
        self.watch_kernel();
        invariant::check(self)
    }

    /// Whether the monitor dies before its next breath or order.
    pub(super) fn burn_fuse(&mut self) -> bool {
        let Some(left) = &mut self.fuse else {
            return false;
        };
        let over = *left == 0;
        *left = left.saturating_sub(1);
        over
    }

    fn is_detaching(&self) -> bool {
        let detaching = |monitor: &Monitor| monitor.colony.is_detaching();
        self.monitor.as_ref().is_some_and(detaching)
    }

    /// A monitor that is to leave everything as it is may take its time for last lines: some exit
    /// now, some with their next breath, some are overtaken by their death.
    fn linger(&mut self) -> Result<(), Violation> {
        self.watch_kernel();
        if self.steps.is_multiple_of(2) {
            return self.exit();
        }
        invariant::check(self)
    }

    /// A monitor that is to exit does.
    pub(super) fn hurry(&mut self) -> Result<(), Violation> {
        if self.is_detaching() {
            return self.exit();
        }
        Ok(())
    }

    /// The monitor exits and leaves everything as it is. It writes down what it has carried out.
    fn exit(&mut self) -> Result<(), Violation> {
        self.write_down();
        self.note(|| "    the monitor exits".to_owned());
        if let Some(monitor) = self.monitor.take() {
            invariant::messages_once::check(&monitor)?;
            self.leave(monitor);
        }
        Ok(())
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
            let upgrading = self.ledger.upgrading;
            let expected = self.ledger.hear(now, observation);
            if upgrading && !self.ledger.upgrading {
                self.upgrade_ended(*observation == Observation::Upgraded);
            }
            if let (Some(expected), Observation::Message { file, .. }) = (expected, observation) {
                self.upgrades += u32::from(expected.upgrades);
                self.outstanding.insert(file.clone(), expected);
            }
        }
        self.ledger.decide();
        Ok(())
    }
}
