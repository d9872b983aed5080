//! I12: what is listened on for a program stays open while it is wanted up, and is closed in the
//! step in which it is wanted down and nothing of it runs, once, and not before.

use ncolony_core::ProgramName;

use super::{Invariant, Violation};
use crate::ledger::{Account, Known};
use crate::world::Monitor;

const THIS: Invariant = Invariant::Listening;

/// What is listened on for a program is to be closed.
pub(crate) fn released(monitor: &mut Monitor, name: &ProgramName) -> Result<(), Violation> {
    let open = monitor.listening.remove(name);
    THIS.must(open, || {
        format!("nothing is listened on for {name}, and it is to be closed")
    })?;
    let account = monitor.ledger.accounts.get(name);
    let done = account.is_none_or(|account| is_done(account, monitor.ledger.closing));
    THIS.must(done, || {
        format!(
            "what is listened on for {name} is closed, and this is what is known of it: {account:?}"
        )
    })
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
    let ledger = &monitor.ledger;
    for name in &monitor.listening {
        let account = ledger.accounts.get(name);
        let needed = account.is_some_and(|account| !is_done(account, ledger.closing));
        THIS.must(needed, || {
            format!("{name} is wanted down and does not run, and it is still listened for")
        })?;
    }
    Ok(())
}

fn is_done(account: &Account, closing: bool) -> bool {
    !account.wanted(closing) && matches!(account.known, Known::Nothing(_))
}
