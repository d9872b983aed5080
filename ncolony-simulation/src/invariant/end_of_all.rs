//! I16: where the end of one program is the end of all, everything is to stop as soon as that one
//! ends by itself, and the machine knows how it ended; and no other end does that.

use super::{Invariant, Violation};
use crate::world::Monitor;

pub(super) fn check(monitor: &Monitor) -> Result<(), Violation> {
    let (colony, ledger) = (&monitor.colony, &monitor.ledger);
    let known = colony.keystone_exit().map(|(_, exit)| exit);
    Invariant::EndOfAll.must(known == ledger.end_of_all, || {
        format!(
            "{:?} ended with {:?}, and the machine takes it for {known:?}",
            ledger.keystone, ledger.end_of_all
        )
    })?;
    Invariant::EndOfAll.must(colony.is_closing() == ledger.closing, || {
        format!(
            "everything is to stop: {}; and it is said to: {}",
            ledger.closing,
            colony.is_closing()
        )
    })
}
