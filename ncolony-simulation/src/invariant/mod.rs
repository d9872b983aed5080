//! What must always hold, each in a module of its own. Some of it is checked when an order is
//! carried out, the rest after every breath of the machine.

pub mod bounded;
pub mod delays;
pub mod end_of_all;
pub mod in_order;
pub mod listening;
pub mod liveness;
pub mod messages_once;
pub mod needless_stop;
pub mod one_process;
pub mod own_signals;
pub mod readiness;
pub mod records;
pub mod remembered;
pub mod removed_goes;
pub mod shortages;
pub mod stops_in_time;
pub mod told;

use std::fmt;

use crate::world::World;

/// A sentence that must always be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// I1: of each program lives at most one process group.
    OneProcess,
    /// I2: signals go to living processes of ours, of the present start.
    OwnSignals,
    /// I3: nothing is stopped that is valid, unchanged, and not told to stop.
    NeedlessStop,
    /// I4: what is removed goes.
    RemovedGoes,
    /// I5: a stop asks at once, kills after killtime, and again until all is gone.
    StopsInTime,
    /// I6: every message is disposed of once, and answered if it has an `id`.
    MessagesOnce,
    /// I7: starts keep their delays and their spacing.
    Delays,
    /// I8: what the machine lacks counts against no program.
    Shortages,
    /// I9: the records say what is so.
    Records,
    /// I10: nothing in the machine grows.
    Bounded,
    /// I11: what is wanted comes to be.
    Liveness,
    /// I12: what is listened on is closed when it is wanted no more, and not before.
    Listening,
    /// I13: what a successor reads is what was so.
    Remembered,
    /// I14: each change of a state is told once, and in order.
    Told,
    /// I15: starts and stops keep their order.
    InOrder,
    /// I16: where the end of one program is the end of all, everything ends with it, and with
    /// nothing else.
    EndOfAll,
    /// I17: nothing counts as up before it is ready, and what is not in time is stopped.
    Readiness,
    /// I18: instances are restarted one at a time.
    Rolling,
}

impl Invariant {
    /// Its number, as in the documentation.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// A violation of it.
    #[must_use]
    pub fn broken(self, what: impl Into<String>) -> Violation {
        Violation {
            invariant: self,
            what: what.into(),
        }
    }

    /// Nothing, if `holds`; else a violation.
    ///
    /// # Errors
    /// It does not hold.
    pub fn must(self, holds: bool, what: impl FnOnce() -> String) -> Result<(), Violation> {
        if holds {
            Ok(())
        } else {
            Err(self.broken(what()))
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "I{} ({self:?})", self.number())
    }
}

/// What was found to be broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What should have held.
    pub invariant: Invariant,
    /// What is so instead.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} is broken: {}", self.invariant, self.what)
    }
}

impl std::error::Error for Violation {}

#[cfg(test)]
mod tests;

/// Checks all that must hold when a monitor has drawn breath.
///
/// # Errors
/// The first that does not.
pub fn check(world: &World) -> Result<(), Violation> {
    one_process::check(&world.kernel)?;
    let Some(monitor) = &world.monitor else {
        return Ok(());
    };
    bounded::check(monitor)?;
    messages_once::check(monitor)?;
    // A monitor that is to exit and to leave everything does nothing about programs any more.
    if monitor.ledger.detaching {
        return Ok(());
    }
    end_of_all::check(monitor)?;
    own_signals::check(monitor)?;
    removed_goes::check(monitor)?;
    stops_in_time::check(monitor, world.now)?;
    shortages::check(monitor)?;
    delays::check(monitor, world.now)?;
    liveness::check(monitor, world.now)?;
    listening::check(monitor)?;
    readiness::check(monitor, world.now)?;
    records::check(monitor, &world.kernel, world.now)
}
