//! I10: nothing in the machine grows: when it has drawn breath no order and no record is left, and
//! it waits for at most one point of time for each program.

use super::{Invariant, Violation};
use crate::cast::PROGRAMS;
use crate::world::Monitor;

/// So many events of one program may wait for the last lines of its process.
const EVENTS_MAX: usize = 8;

pub(super) fn check(monitor: &Monitor) -> Result<(), Violation> {
    let load = monitor.colony.load();
    let drained = load.orders == 0 && load.records == 0 && load.touched == 0;
    // An end that waits for last lines holds a few events up, and no more.
    let told = load.events <= EVENTS_MAX * load.programs;
    // Programs that are named and absent are remembered as well.
    let ordered = load.ordered <= usize::from(PROGRAMS);
    let bounded = load.deadlines <= load.programs && told && ordered;
    Invariant::Bounded.must(drained && bounded, || {
        format!("the machine carries {load:?}")
    })
}
