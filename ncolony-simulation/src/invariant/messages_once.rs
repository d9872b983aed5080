//! I6: every message that the machine was told of is disposed of once, in the same breath: removed
//! when it was acted on or could not be, moved aside when nobody can make sense of it. Its outcome
//! is written before, if it has an `id`, and says what became of it.

use ncolony_core::message::Reply;

use super::{Invariant, Violation};
use crate::ledger::Disposal;
use crate::world::{Monitor, World};

const THIS: Invariant = Invariant::MessagesOnce;

/// An outcome is to be written.
pub(crate) fn answered(monitor: &mut Monitor, reply: &Reply) -> Result<(), Violation> {
    let mut outstanding = monitor.outstanding.values();
    let question = outstanding.find(|expected| expected.id.as_ref() == Some(&reply.id));
    let expected = question.map(|expected| expected.ok);
    THIS.must(expected == Some(reply.ok), || {
        format!("{reply:?} is written where {question:?} was asked")
    })?;
    THIS.must(reply.ok == reply.error.is_none(), || {
        format!("{reply:?} contradicts itself")
    })?;
    THIS.must(monitor.answered.insert(reply.id.clone()), || {
        format!("{reply:?} is written twice")
    })
}

/// The monitor's image is to be replaced.
pub(crate) fn upgrade_ordered(monitor: &mut Monitor) -> Result<(), Violation> {
    THIS.must(monitor.upgrades == 1, || {
        "an upgrade is ordered that no message has asked for".to_owned()
    })?;
    monitor.upgrades = 0;
    Ok(())
}

/// A message is to be removed.
pub(crate) fn discarded(monitor: &mut Monitor, file: &str) -> Result<(), Violation> {
    disposed(monitor, file, Disposal::Discard)
}

/// A message is to be moved aside.
pub(crate) fn rejected(monitor: &mut Monitor, file: &str) -> Result<(), Violation> {
    disposed(monitor, file, Disposal::Reject)
}

fn disposed(monitor: &mut Monitor, file: &str, how: Disposal) -> Result<(), Violation> {
    let Some(expected) = monitor.outstanding.remove(file) else {
        return Err(THIS.broken(format!("{file} is disposed of, and nobody has read it")));
    };
    THIS.must(!expected.upgrades, || {
        format!("{file} is disposed of before its upgrade has come out")
    })?;
    THIS.must(expected.disposal == how, || {
        format!("{file} is disposed of by {how:?}, and should be by {expected:?}")
    })?;
    if let Some(id) = &expected.id {
        THIS.must(monitor.answered.remove(id), || {
            format!("{file} is disposed of, and its outcome was not written")
        })?;
    }
    if expected.rescan {
        THIS.must(monitor.rescans > 0, || {
            format!("{file} has asked for a look at the directories, and there was none")
        })?;
        monitor.rescans -= 1;
    }
    Ok(())
}

/// All faults have ended, and time has run on: every message was read.
pub(crate) fn calm(world: &World) -> Result<(), Violation> {
    let left = world.messages();
    THIS.must(left.is_empty(), || {
        format!("messages were never read: {left:?}")
    })
}

/// After a breath no message is left that was read, but for an upgrade that is under way.
pub(crate) fn check(monitor: &Monitor) -> Result<(), Violation> {
    let open = &monitor.outstanding;
    THIS.must(open.values().all(|expected| expected.upgrades), || {
        format!("messages were read and not disposed of: {open:?}")
    })?;
    THIS.must(monitor.upgrades == 0, || {
        "an upgrade was asked for and not ordered".to_owned()
    })?;
    let answered = &monitor.answered;
    THIS.must(answered.is_empty(), || {
        format!("outcomes were written that nobody had asked for: {answered:?}")
    })?;
    THIS.must(monitor.rescans == 0, || {
        "a look at the directories was ordered that nobody had asked for".to_owned()
    })
}
