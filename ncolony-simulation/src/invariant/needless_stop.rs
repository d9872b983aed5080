//! I3: a group is signalled only when its program is not wanted, its process is out of date, or
//! its main process has ended; never because a file is bad, a directory unknown, or a message
//! malformed. And it is signalled as the contract says: the stop signal, CONT, then KILL.

use ncolony_core::colony::Generation;
use ncolony_core::colony::diff::Diff;
use ncolony_core::{Mono, ProgramName, Signal};

use super::{Invariant, Violation};
use super::{in_order, stops_in_time};
use crate::ledger::{Account, Fault, Known, Stop};
use crate::world::Monitor;

/// A directory was looked at. One that has come into the place of another and is empty says
/// nothing, unless somebody has said that it is meant.
pub(crate) fn looked(diff: &Diff, credible: bool) -> Result<(), Violation> {
    Invariant::NeedlessStop.must(credible || diff.changes.is_empty(), || {
        format!("an empty directory in the place of another is believed: {diff:?}")
    })
}

/// A signal to a whole group was ordered.
pub(crate) fn sent(
    monitor: &mut Monitor,
    name: &ProgramName,
    generation: Generation,
    signal: Signal,
    now: Mono,
) -> Result<(), Violation> {
    let ledger = &monitor.ledger;
    let Some(account) = ledger.accounts.get(name) else {
        return Ok(());
    };
    let ended = matches!(account.known, Known::Leftover { .. });
    let Some(life) = account.life() else {
        return Ok(());
    };
    if life.generation != generation {
        return Ok(());
    }
    let told = ledger.must_stop(name, account, life) && ledger.stop_waits(name).is_none();
    let fault = life.fault(now).filter(|_| !ended && !told);
    let must_stop = ended || fault.is_some() || ledger.must_stop(name, account, life);
    let justified = life.stop.is_some() || must_stop;
    Invariant::NeedlessStop.must(justified, || {
        format!("{name} is sent {signal}, although it is wanted as it is: {account:?}")
    })?;
    // What is not well does not wait for others.
    if life.stop.is_none() && !ended && fault.is_none() {
        in_order::told(ledger, name)?;
        // What is not well is stopped on its own account.
        let in_turn = !ledger.waits(name, now) || life.fault(now).is_some();
        Invariant::Rolling.must(in_turn, || {
            format!("{name} is stopped while another of its family is missing: {account:?}")
        })?;
    }
    take_note(monitor, name, signal, fault, now)
}

/// A signal that has a reason is one of a stop: the stop signal, CONT, then KILL.
fn take_note(
    monitor: &mut Monitor,
    name: &ProgramName,
    signal: Signal,
    fault: Option<Fault>,
    now: Mono,
) -> Result<(), Violation> {
    let killing = monitor.ledger.killing;
    let account = monitor.ledger.accounts.get_mut(name);
    let Some(life) = account.and_then(Account::life_mut) else {
        return Ok(());
    };
    let policy = &life.spec.policy;
    match &mut life.stop {
        None => {
            Invariant::NeedlessStop.must(signal == policy.stop_signal, || {
                format!("{name} is sent {signal} before {}", policy.stop_signal)
            })?;
            life.stop = Some(Stop {
                fault,
                ..Stop::begun(now.after(policy.killtime))
            });
        }
        // The predecessor may have asked, or not: nobody knows.
        Some(stop) if !stop.asked => {
            Invariant::NeedlessStop.must(signal == policy.stop_signal, || {
                format!("{name} is sent {signal} before {}", policy.stop_signal)
            })?;
            *stop = Stop {
                fault: stop.fault,
                ..Stop::begun(now.after(policy.killtime))
            };
        }
        Some(stop) if signal == Signal::CONT && !stop.continued => stop.continued = true,
        Some(stop) => {
            Invariant::NeedlessStop.must(signal == Signal::KILL, || {
                format!("{name} is sent {signal} in the middle of a stop: {stop:?}")
            })?;
            stops_in_time::killed(name, stop, now, killing)?;
        }
    }
    Ok(())
}
