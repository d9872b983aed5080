//! I11: what is wanted comes to be. At all times: what is wanted up and nothing holds back has been
//! started, and the colony is closed when it is to close and nothing runs. And when all faults have
//! ended and time has run on, what runs is what is wanted.

use std::sync::Arc;

use ncolony_core::{Mono, ProgramName, ProgramSpec, State};

use super::{Invariant, Violation};
use crate::action::{Content, Who};
use crate::cast::{ACTORS, PROGRAMS};
use crate::ledger::{Account, Known, Pause};
use crate::world::{Kernel, Monitor, ProcessGroup, World};

const THIS: Invariant = Invariant::Liveness;

pub(super) fn check(monitor: &Monitor, now: Mono) -> Result<(), Violation> {
    let ledger = &monitor.ledger;
    for (name, account) in &ledger.accounts {
        let pauses = *account.known_pause().unwrap_or(&Pause::Fatal) != Pause::None;
        let held_back = pauses || ledger.start_waits(name, now).is_some();
        THIS.must(held_back || !account.wanted(ledger.closing), || {
            format!("{name} is wanted, nothing holds it back, and it is not started: {account:?}")
        })?;
    }
    let idle = |account: &Account| matches!(account.known, Known::Nothing(_));
    let closed = ledger.closing && ledger.accounts.values().all(idle);
    THIS.must(monitor.colony.is_closed() == closed, || {
        format!(
            "closed is {}, and should be {closed}",
            monitor.colony.is_closed()
        )
    })
}

/// A monitor has closed and ended.
pub(crate) fn closed(kernel: &Kernel) -> Result<(), Violation> {
    THIS.must(kernel.is_empty(), || {
        format!("the colony has closed, and this is left: {kernel:?}")
    })
}

/// All faults have ended, and time has run on.
pub(crate) fn calm(world: &World) -> Result<(), Violation> {
    let Some(monitor) = &world.monitor else {
        return Err(THIS.broken("there is no monitor"));
    };
    // Who has to say that he is well is waited for at all times.
    let mut accounts = monitor.ledger.accounts.values();
    let watched = accounts.any(|account| {
        let life = account.alive();
        life.is_some_and(|life| life.spec.process.watchdog.is_some())
    });
    THIS.must(watched || monitor.colony.poll_timeout().is_none(), || {
        "something is due although nothing happens any more".to_owned()
    })?;
    THIS.must(
        !monitor.ledger.closing || monitor.colony.is_closed(),
        || "the colony was to close and has not".to_owned(),
    )?;
    for who in (0..PROGRAMS).map(Who) {
        check_file(world, monitor, who)?;
    }
    for who in (0..ACTORS).map(Who) {
        check_one(world, monitor, who)?;
    }
    Ok(())
}

fn check_one(world: &World, monitor: &Monitor, who: Who) -> Result<(), Violation> {
    let name = world.name(who);
    let account = monitor.ledger.accounts.get(name);
    let wanted = account.filter(|account| account.wanted(monitor.ledger.closing));
    let mut groups = world.kernel.groups.iter();
    let group = groups.find(|group| group.who == who);
    let Some(account) = wanted else {
        return THIS.must(group.is_none(), || {
            format!("{name} is not wanted, and {group:?} lives")
        });
    };
    let rests = |account: &Account| {
        matches!(
            account.known,
            Known::Nothing(Pause::Exited(_) | Pause::Fatal)
        )
    };
    let ledger = &monitor.ledger;
    let mut family = ledger.members(world.name(who.program()));
    // One that has failed for good holds up those that come after it.
    let is_held = ledger.waits(name, world.now) && family.any(|(_, account)| rests(account));
    if rests(account) || is_held {
        return Ok(());
    }
    if ledger.is_stuck(name) || ledger.lacks(name) {
        return THIS.must(group.is_none(), || {
            format!("{name} cannot run, and {group:?} lives")
        });
    }
    let process = account.good.as_ref().map(|good| &good.process);
    let replaced = |it: &&ProcessGroup| Some(&it.spec.process) == process || ledger.in_ring(name);
    let right = group.filter(replaced).is_some_and(|group| group.leader);
    let state = monitor.records.get(name).map(|record| record.state);
    THIS.must(right && state == Some(State::Running), || {
        format!("{name} should run as its file says; it is {state:?}, and {group:?} lives")
    })
}

/// What the machine goes by is what the file truly says, for all that it asks for and for no other.
fn check_file(world: &World, monitor: &Monitor, who: Who) -> Result<(), Violation> {
    let name = world.name(who);
    let accounts: Vec<(&ProgramName, &Account)> = monitor.ledger.members(name).collect();
    let right = match world.folder.truth(who) {
        None => accounts.is_empty(),
        Some(Content::Broken | Content::Folder) => {
            !accounts.is_empty() && accounts.iter().all(|(_, account)| account.bad)
        }
        Some(Content::Good(recipe)) => {
            let wanted = world.spec(who, recipe).expanded();
            let is_right = |(account, spec): (&(&ProgramName, &Account), &Arc<ProgramSpec>)| {
                account.1.good.as_ref() == Some(spec) && !account.1.bad
            };
            accounts.len() == wanted.len() && accounts.iter().zip(&wanted).all(is_right)
        }
    };
    THIS.must(right, || {
        format!("the file of {name} is not what the machine goes by: {accounts:?}")
    })
}
