//! I9: the status directory says what is so: no record is out of date when the machine has drawn
//! breath, and each agrees with what the machine was told and with the kernel.

use ncolony_core::status::WantWord;
use ncolony_core::{Mono, ProgramName, ProgramStatus, State};

use super::{Invariant, Violation};
use crate::ledger::{Account, Known, Pause};
use crate::world::{Kernel, Monitor};

const THIS: Invariant = Invariant::Records;

fn check_one(
    name: &ProgramName,
    account: &Account,
    record: &ProgramStatus,
    (closing, waits): (bool, bool),
    now: Mono,
) -> Result<(), Violation> {
    let must = |holds: bool, what: &str| {
        THIS.must(holds, || {
            format!("the {what} of {name} is wrong: {record:?}, known is {account:?}")
        })
    };
    must(record.state == account.state(now), "state")?;
    let want = if account.wanted(closing) {
        WantWord::Up
    } else {
        WantWord::Down
    };
    must(record.want == want, "want")?;
    must(record.turn.is_some() == waits, "turn")?;
    must(record.pid == account.alive().map(|life| life.pid), "pid")?;
    let adopted = account.alive().is_some_and(|life| life.adopted);
    must(record.adopted == adopted, "adoption")?;
    must(record.starts == account.starts, "number of starts")?;
    must(record.exit == account.exit.map(|(exit, _)| exit), "exit")?;
    must(record.output == account.printed, "output")?;
    must(record.config_error.is_some() == account.bad, "error")?;
    must(record.config_digest == account.digest, "digest")?;
    must(
        record.ready == (record.state == State::Running),
        "readiness",
    )?;
    let waits = matches!(account.known, Known::Nothing(Pause::Waits { .. }));
    must(record.next_start.is_some() == waits, "next start")?;
    let groups = account.good.as_ref().map(|spec| &spec.groups);
    must(
        groups.is_none_or(|groups| *groups == record.groups),
        "list of groups",
    )
}

/// A process in a record lives, unless its end is on its way to the machine.
fn check_process(
    record: &ProgramStatus,
    kernel: &Kernel,
    monitor: &Monitor,
) -> Result<(), Violation> {
    let lives = |pid: u32| {
        let mut groups = kernel.groups.iter();
        groups.any(|group| group.pid == pid && group.leader && group.spec.name == record.name)
    };
    let right = record.pid.is_none_or(lives) || !monitor.is_quiet();
    THIS.must(right, || {
        format!(
            "the record of {} names a process that is not there",
            record.name
        )
    })
}

/// Whether a record written now would say what this one says. How many messages were heard when it
/// was written is no part of that: a message that does not touch a program writes no record of it.
fn says(now: Option<ProgramStatus>, record: &ProgramStatus) -> bool {
    let heard = record.heard;
    now.is_some_and(|now| ProgramStatus { heard, ..now } == *record)
}

pub(super) fn check(monitor: &Monitor, kernel: &Kernel, now: Mono) -> Result<(), Violation> {
    if monitor.colony.poll_timeout().is_some_and(|due| due <= now) {
        return Ok(());
    }
    let ledger = &monitor.ledger;
    for (name, account) in &ledger.accounts {
        let Some(record) = monitor.records.get(name) else {
            return Err(THIS.broken(format!("{name} has no record")));
        };
        let waits = ledger.is_to_be_replaced(name);
        check_one(name, account, record, (ledger.closing, waits), now)?;
        check_process(record, kernel, monitor)?;
        THIS.must(says(monitor.colony.record(name), record), || {
            format!("the record of {name} is out of date: {record:?}")
        })?;
    }
    let records = monitor.records.len();
    THIS.must(records == ledger.accounts.len(), || {
        format!(
            "there are {records} records of {} programs",
            ledger.accounts.len()
        )
    })
}
