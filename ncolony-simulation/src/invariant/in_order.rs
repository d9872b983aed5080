//! I15: nothing is started before what it comes after and what it requires, or before a lower
//! priority that is due as well; and nothing is told to stop while something that needs it is to go
//! and is there, or a higher priority whose stop came with its own; unless everything is killed.

use ncolony_core::{Mono, ProgramName};

use super::{Invariant, Violation};
use crate::ledger::Ledger;

const THIS: Invariant = Invariant::InOrder;

/// A start was ordered.
pub(super) fn started(ledger: &Ledger, name: &ProgramName, now: Mono) -> Result<(), Violation> {
    match ledger.start_waits(name, now) {
        None => Ok(()),
        Some(why) => Err(THIS.broken(format!("{name} is started, and should wait: {why}"))),
    }
}

/// A stop was ordered.
pub(super) fn told(ledger: &Ledger, name: &ProgramName) -> Result<(), Violation> {
    match ledger.stop_waits(name) {
        None => Ok(()),
        Some(why) => Err(THIS.broken(format!("{name} is told to stop, and should wait: {why}"))),
    }
}
