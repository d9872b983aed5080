//! I17: a program that has to be ready counts as up when that was found or said, and never before;
//! what is not ready in time, or does not say in time that it is well, is stopped; and it is looked
//! at as long as that is the question, and no longer.

use std::collections::BTreeMap;

use ncolony_core::colony::Generation;
use ncolony_core::descriptor::Condition;
use ncolony_core::{Mono, ProgramName, State};

use super::{Invariant, Violation};
use crate::ledger::{Account, Life};
use crate::world::Monitor;

const THIS: Invariant = Invariant::Readiness;

/// The process, while nobody has told it to stop.
fn living(account: &Account) -> Option<&Life> {
    account.alive().filter(|life| life.stop.is_none())
}

fn is_looked_at(life: &Life, now: Mono) -> bool {
    let ready = life.spec.policy.ready.as_ref();
    ready.is_some_and(|ready| ready.when != Condition::Notify) && !life.is_up(now)
}

pub(super) fn check(monitor: &Monitor, now: Mono) -> Result<(), Violation> {
    if monitor.colony.poll_timeout().is_some_and(|due| due <= now) {
        return Ok(());
    }
    let mut looked_at: BTreeMap<ProgramName, Generation> = BTreeMap::new();
    for (name, account) in &monitor.ledger.accounts {
        let Some(life) = living(account) else {
            continue;
        };
        let fault = life.fault(now);
        THIS.must(fault.is_none(), || {
            format!("{name} should have been stopped for {fault:?}: {account:?}")
        })?;
        let shown = monitor.records.get(name).map(|record| record.state);
        let early = shown == Some(State::Running) && !life.is_up(now);
        THIS.must(!early, || {
            format!("{name} counts as up and is not ready: {account:?}")
        })?;
        if is_looked_at(life, now) {
            looked_at.insert(name.clone(), life.generation);
        }
    }
    THIS.must(looked_at == monitor.probed, || {
        format!(
            "{:?} are looked at, and should be {looked_at:?}",
            monitor.probed
        )
    })
}
