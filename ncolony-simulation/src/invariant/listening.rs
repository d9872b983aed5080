//! I12: what is listened on for a program stays open while it is wanted up, and is closed in the
//! step in which it is wanted down and nothing of it runs, once, and not before.

use ncolony_core::ProgramName;

use super::{Invariant, Violation};
use crate::ledger::{Account, Known};
use crate::world::Monitor;

const THIS: Invariant = Invariant::Listening;

/// What is listened on for the programs of a file is to be closed.
pub(crate) fn released(monitor: &mut Monitor, name: &ProgramName) -> Result<(), Violation> {
    let users: Vec<ProgramName> = users(monitor, name).collect();
    THIS.must(!users.is_empty(), || {
        format!("nothing is listened on for {name}, and it is to be closed")
    })?;
    THIS.must(!is_needed(monitor, name, &users), || {
        let accounts: Vec<_> = monitor.ledger.members(name).collect();
        format!("what is listened on for {name} is closed, and this is what is known: {accounts:?}")
    })?;
    monitor.listening.retain(|user| user.family() != *name);
    Ok(())
}

/// Programs of a file that something is listened on for.
fn users(monitor: &Monitor, name: &ProgramName) -> impl Iterator<Item = ProgramName> {
    let users = monitor.listening.iter();
    users.filter(move |user| user.family() == *name).cloned()
}

/// Whether one of those for whom it is open is not done, or another is about to need it.
fn is_needed(monitor: &Monitor, name: &ProgramName, users: &[ProgramName]) -> bool {
    let ledger = &monitor.ledger;
    let mut members = ledger.members(name);
    members.any(|(member, account)| {
        let listens = account.good.as_ref().is_some_and(|good| good.listens());
        let will = account.wanted(ledger.closing) && listens;
        will || (users.contains(member) && !is_done(account, ledger.closing))
    })
}

/// Instances that are done let go of what others of their family go on with.
pub(crate) fn let_go(monitor: &mut Monitor) {
    let mut families: Vec<ProgramName> =
        monitor.listening.iter().map(ProgramName::family).collect();
    families.dedup();
    for family in families {
        let users: Vec<ProgramName> = users(monitor, &family).collect();
        if is_needed(monitor, &family, &users) {
            forget_done(monitor, &family);
        }
    }
}

fn forget_done(monitor: &mut Monitor, family: &ProgramName) {
    let ledger = &monitor.ledger;
    let is_done = |name: &ProgramName| {
        let account = ledger.accounts.get(name);
        account.is_none_or(|account| is_done(account, ledger.closing))
    };
    monitor
        .listening
        .retain(|name| name.family() != *family || !is_done(name));
}

/// The monitor is dead, and nothing is open. Its successor closes what may have been open, where it
/// does not know that this was decided.
pub(crate) fn died(monitor: &mut Monitor) {
    let ledger = &monitor.ledger;
    let account = |name: &ProgramName| ledger.accounts.get(name);
    monitor
        .listening
        .retain(|name| account(name).is_some_and(|account| !is_done(account, ledger.closing)));
}

pub(super) fn check(monitor: &Monitor) -> Result<(), Violation> {
    for name in monitor.listening.iter().map(ProgramName::family) {
        let users: Vec<ProgramName> = users(monitor, &name).collect();
        THIS.must(is_needed(monitor, &name, &users), || {
            format!("{name} is wanted down and does not run, and it is still listened for")
        })?;
    }
    Ok(())
}

fn is_done(account: &Account, closing: bool) -> bool {
    !account.wanted(closing) && matches!(account.known, Known::Nothing(_))
}
