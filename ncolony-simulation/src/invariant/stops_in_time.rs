//! I5: what must stop is asked in the same breath, with its own stop signal and CONT; KILL follows
//! after killtime, not before, and then every second until the group is gone. Of instances that are
//! out of date one is asked, when no other is missing.

use ncolony_core::{Mono, ProgramName};

use super::{Invariant, Violation};
use crate::ledger::{Account, Known, Ledger, Stop};
use crate::world::Monitor;

fn due_at(stop: &Stop, now: Mono, killing: bool) -> Mono {
    if killing && stop.killed.is_none() {
        now
    } else {
        stop.due_at()
    }
}

/// KILL was ordered.
pub(super) fn killed(
    name: &ProgramName,
    stop: &mut Stop,
    now: Mono,
    killing: bool,
) -> Result<(), Violation> {
    let due = due_at(stop, now, killing);
    Invariant::StopsInTime.must(now >= due, || {
        format!("{name} is killed before its time: {stop:?}")
    })?;
    stop.killed = Some(now);
    Ok(())
}

fn check_one(
    ledger: &Ledger,
    name: &ProgramName,
    account: &Account,
    now: Mono,
) -> Result<(), Violation> {
    let Some(life) = account.life() else {
        return Ok(());
    };
    let left = matches!(account.known, Known::Leftover { .. });
    let Some(stop) = &life.stop else {
        let is_held = || ledger.waits(name, now) || ledger.stop_waits(name).is_some();
        let goes_on = !ledger.must_stop(name, account, life) || is_held();
        let may_live = !left && goes_on;
        return Invariant::StopsInTime.must(may_live, || {
            format!("{name} must stop, and was not asked to: {account:?}")
        });
    };
    Invariant::StopsInTime.must(stop.asked, || {
        format!("{name} must stop, and nobody knows whether it was asked to: {account:?}")
    })?;
    Invariant::StopsInTime.must(stop.continued, || {
        format!("{name} was asked to stop, and CONT did not follow")
    })?;
    let due = due_at(stop, now, ledger.killing);
    Invariant::StopsInTime.must(now < due, || {
        format!("{name} lives on, and KILL was due at {due:?}: {stop:?}, now {now:?}")
    })
}

pub(super) fn check(monitor: &Monitor, now: Mono) -> Result<(), Violation> {
    let ledger = &monitor.ledger;
    if monitor.colony.poll_timeout().is_some_and(|due| due <= now) {
        return Ok(());
    }
    for (name, account) in &ledger.accounts {
        check_one(ledger, name, account, now)?;
    }
    Ok(())
}
