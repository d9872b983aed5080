//! I1: of each program lives at most one process group, main process or members.

use super::{Invariant, Violation};
use crate::action::Who;
use crate::world::Kernel;

/// A start was ordered: nothing of an earlier one may live.
pub(crate) fn ordered(kernel: &Kernel, who: Option<Who>) -> Result<(), Violation> {
    let living = kernel.groups.iter().find(|group| Some(group.who) == who);
    Invariant::OneProcess.must(living.is_none(), || {
        let who = who.map(|who| who.to_string()).unwrap_or_default();
        format!("{who} is started while {living:?} lives")
    })
}

pub(super) fn check(kernel: &Kernel) -> Result<(), Violation> {
    for (index, group) in kernel.groups.iter().enumerate() {
        let others = &kernel.groups[index + 1..];
        let twin = others.iter().find(|other| other.who == group.who);
        Invariant::OneProcess.must(twin.is_none(), || {
            format!("{group:?} and {twin:?} live at once")
        })?;
    }
    Ok(())
}
