//! I2: a signal goes to a living process or group of ours, of the present start; to a main process
//! alone only when a message has asked for it; and no start has the number of an earlier one.

use ncolony_core::colony::Generation;
use ncolony_core::{ProgramName, Signal};

use super::{Invariant, Violation};
use crate::world::{Kernel, Monitor};

/// A start was ordered: its number must be new.
pub(crate) fn numbered(
    monitor: &Monitor,
    name: &ProgramName,
    generation: Generation,
) -> Result<(), Violation> {
    let last = monitor.ledger.numbers.get(name);
    Invariant::OwnSignals.must(last.is_none_or(|last| generation > *last), || {
        format!("{name} is started as {generation:?}, and {last:?} was the last")
    })
}

/// Whether the last fact about this start came together with others: an order that an earlier one
/// of them has caused may then be too late, and whoever carries it out drops it.
fn is_excused(monitor: &Monitor, name: &ProgramName, generation: Generation) -> bool {
    let mut ended = monitor.ledger.ended_now.iter();
    monitor.breath > 1 && ended.any(|(one, start)| one == name && *start == generation)
}

/// A signal was ordered.
pub(crate) fn sent(
    monitor: &Monitor,
    kernel: &Kernel,
    name: &ProgramName,
    generation: Generation,
) -> Result<(), Violation> {
    let account = monitor.ledger.accounts.get(name);
    let life = account.and_then(|account| account.life());
    let known = life.filter(|life| life.generation == generation);
    if known.is_none() {
        return Invariant::OwnSignals.must(is_excused(monitor, name, generation), || {
            format!("{name} {generation:?} is sent a signal, and what is known is {account:?}")
        });
    }
    let mut groups = kernel.groups.iter();
    let lives = groups.any(|group| group.generation == generation && group.spec.name == *name);
    Invariant::OwnSignals.must(lives || !monitor.is_quiet(), || {
        format!("{name} {generation:?} is sent a signal, and nothing of it lives")
    })
}

/// A signal to a main process was ordered.
pub(crate) fn sent_to_leader(
    monitor: &mut Monitor,
    name: &ProgramName,
    generation: Generation,
    signal: Signal,
) -> Result<(), Violation> {
    let asked = &mut monitor.ledger.asked_signals;
    let wanted = (name.clone(), generation, signal);
    let place = asked.iter().position(|one| *one == wanted);
    if let Some(place) = place {
        asked.remove(place);
        return Ok(());
    }
    Err(Invariant::OwnSignals.broken(format!(
        "{name} {generation:?} is sent {signal} alone, and nobody has asked for that"
    )))
}

pub(super) fn check(monitor: &Monitor) -> Result<(), Violation> {
    let asked = &monitor.ledger.asked_signals;
    Invariant::OwnSignals.must(asked.is_empty(), || {
        format!("messages have asked for signals that were not sent: {asked:?}")
    })
}
