//! I4: a program whose file is removed is told to stop at once, or in its turn, and its record goes
//! with the last of its processes, not before.

use ncolony_core::ProgramName;

use super::{Invariant, Violation};
use crate::world::Monitor;

/// A record is to be removed.
pub(crate) fn retracted(monitor: &Monitor, name: &ProgramName) -> Result<(), Violation> {
    let account = monitor.ledger.accounts.get(name);
    Invariant::RemovedGoes.must(account.is_some_and(|account| account.is_over()), || {
        format!("{name} is retracted, and this is what is known of it: {account:?}")
    })
}

pub(super) fn check(monitor: &Monitor) -> Result<(), Violation> {
    for name in monitor.colony.names().chain(monitor.records.keys()) {
        let known = monitor.ledger.accounts.contains_key(name);
        Invariant::RemovedGoes.must(known, || {
            format!("{name} is gone, and the machine or its record does not know")
        })?;
    }
    let removed = monitor.ledger.accounts.iter();
    for (name, account) in removed.filter(|(_, account)| account.good.is_none()) {
        let told = account.life().is_none_or(|life| life.stop.is_some());
        let waits = || monitor.ledger.stop_waits(name).is_some();
        Invariant::RemovedGoes.must(told || waits(), || {
            format!("the file of {name} was removed, and it was not told to stop")
        })?;
    }
    Ok(())
}
