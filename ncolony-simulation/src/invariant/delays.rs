//! I7: a start that nobody commanded comes neither before nor after its time: after a long life at
//! once, after an instant death when the delay is over, which begins at the least, doubles with
//! each death and ends at the longest; and never less than 100 ms after the last start.

use std::time::Duration;

use ncolony_core::{Mono, ProgramName, ProgramSpec, ProgramStatus};

use super::{Invariant, Violation, in_order};
use crate::ledger::{Account, Known, Pause, SPACING};
use crate::world::Monitor;

const THIS: Invariant = Invariant::Delays;

/// A start was ordered: it must be wanted, of the present content, and its time must have come.
pub(crate) fn ordered(monitor: &Monitor, spec: &ProgramSpec, now: Mono) -> Result<(), Violation> {
    let (name, ledger) = (&spec.name, &monitor.ledger);
    let account = ledger.accounts.get(name);
    let wanted = account.filter(|account| account.wanted(ledger.closing));
    let Some(account) = wanted else {
        return Err(Invariant::Liveness.broken(format!("{name} is started and not wanted")));
    };
    in_order::started(ledger, name, now)?;
    THIS.must(account.good.as_deref() == Some(spec), || {
        format!("{name} is started from another file than its last good one")
    })?;
    match &account.known {
        Known::Nothing(Pause::None) => Ok(()),
        Known::Nothing(Pause::Waits { earliest, .. }) => THIS.must(now >= *earliest, || {
            format!("{name} is started at {now:?}, before its time: {account:?}")
        }),
        Known::Nothing(Pause::Exited(_) | Pause::Fatal) => Err(THIS.broken(format!(
            "{name} is started, and its policy says that it rests: {account:?}"
        ))),
        Known::Ordered { .. } | Known::Alive(_) | Known::Leftover { .. } => {
            Err(Invariant::OneProcess.broken(format!("{name} is started twice: {account:?}")))
        }
    }
}

/// A start has happened.
pub(crate) fn started(monitor: &Monitor, name: &ProgramName, at: Mono) -> Result<(), Violation> {
    let account = monitor.ledger.accounts.get(name);
    let last = account.and_then(|account| account.last_start.filter(|_| !account.commanded));
    THIS.must(last.is_none_or(|last| at.since(last) >= SPACING), || {
        format!("{name} is started at {at:?}, less than 100 ms after {last:?}")
    })
}

fn check_record(account: &Account, record: &ProgramStatus, now: Mono) -> Result<(), Violation> {
    let Known::Nothing(Pause::Waits {
        latest,
        spaced,
        delay,
        ..
    }) = &account.known
    else {
        return Ok(());
    };
    let name = &record.name;
    THIS.must(now < *latest, || {
        format!("{name} should have been started at {latest:?}, now {now:?}")
    })?;
    let Some(policy) = account.good.as_ref().map(|spec| &spec.policy) else {
        return Ok(());
    };
    let Some(delay) = delay else {
        return Ok(());
    };
    THIS.must(record.delay == delay.as_secs_f64(), || {
        format!("{name} waits {} s, and should {delay:?}", record.delay)
    })?;
    let left = latest.since(now);
    THIS.must(left <= policy.delays.most() || latest == spaced, || {
        format!(
            "{name} waits for {left:?} more, and its policy is {:?}",
            policy.delays
        )
    })
}

pub(super) fn check(monitor: &Monitor, now: Mono) -> Result<(), Violation> {
    if monitor.colony.poll_timeout().is_some_and(|due| due <= now) {
        return Ok(());
    }
    let accounts = monitor.ledger.accounts.iter();
    for (name, account) in accounts {
        if let Some(record) = monitor.records.get(name) {
            check_record(account, record, now)?;
        }
    }
    Ok(())
}

/// What a program's record must show as the delay of its next instant death.
pub(super) fn next_delay(account: &Account) -> Duration {
    let good = account.good.as_ref();
    good.map(|spec| account.next_delay(&spec.policy))
        .unwrap_or_default()
}
