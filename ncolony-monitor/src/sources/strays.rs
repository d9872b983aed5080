//! Without control groups: processes of a program that have left its process group.
//!
//! A daemon makes a session of its own and has its parent die. The monitor is the subreaper of
//! all that it started, so the daemon becomes its child then: one that it did not start itself.
//! Which start it comes from, its environment says. One that writes over its environment cannot be
//! told from the child of another program, and is left alone.
//!
//! A kernel built with `CONFIG_PROC_CHILDREN` lists our children; elsewhere each number in `/proc`
//! that is not known is asked for, a system call each. With a thousand programs either is about a
//! millisecond, so it is done only when a main process has ended, and for at most a tenth of the
//! time: what then has to wait is looked for again as what is left of a group is.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use ncolony_core::time::Mono;

use super::leftover::Whereabouts;
use crate::sys::pidfd::Pidfd;
use crate::sys::{clock, environ, offspring};

/// A look is followed by at least so many times its own duration without one.
const REST: u32 = 9;

/// A process that is our child and that we did not start.
#[derive(Debug)]
pub(crate) struct Stray {
    pub(crate) pid: u32,
    pub(crate) process: Pidfd,
}

/// What a look found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Strays by the run id of their start.
    pub(crate) by_run_id: HashMap<String, Vec<Stray>>,
    /// The groups that somebody lives in; `None`: only our own children were looked at.
    groups: Option<HashSet<u32>>,
}

impl Found {
    /// Whether it is known that nobody lives in this group.
    pub(crate) fn is_deserted(&self, group: u32) -> bool {
        let groups = self.groups.as_ref();
        groups.is_some_and(|groups| !groups.contains(&group))
    }
}

/// Looks for strays.
#[derive(Debug)]
pub(crate) struct Strays {
    /// Whether orphans come to us.
    are_ours: bool,
    next_look: Mono,
}

impl Strays {
    /// Where orphans do not come to us, none is ever found.
    pub(crate) fn new(are_ours: bool) -> Self {
        Self {
            are_ours,
            next_look: Mono::default(),
        }
    }

    /// All there are; `None`: the last look was too short a time ago.
    pub(crate) fn look(
        &mut self,
        whereabouts: Whereabouts,
        is_known: impl Fn(u32) -> bool,
    ) -> Option<Found> {
        if !self.are_ours && whereabouts == Whereabouts::WithUs {
            return Some(Found::default());
        }
        let begun = clock::mono();
        if begun < self.next_look {
            return None;
        }
        let mut found = Found::default();
        let candidates = match whereabouts {
            Whereabouts::WithUs => offspring::further(is_known),
            Whereabouts::Anywhere => {
                found.groups = Some(living_groups()?);
                // Listed anew: whom a member of a group has left behind meanwhile is among them.
                let mut all = environ::all_processes();
                all.retain(|pid| !is_known(*pid));
                all
            }
        };
        for pid in candidates {
            // The descriptor is opened first: what is then found to be ours is what it holds.
            if let Ok(process) = Pidfd::open(pid)
                && let Some(run_id) = environ::variable(pid, "NCOLONY_RUN_ID")
            {
                found
                    .by_run_id
                    .entry(run_id)
                    .or_default()
                    .push(Stray { pid, process });
            }
        }
        let ended = clock::mono();
        let lasted: Duration = ended.since(begun);
        self.next_look = ended.after(lasted * REST);
        Some(found)
    }
}

/// The groups that somebody lives in; `None`: they cannot be seen just now, as our own cannot.
fn living_groups() -> Option<HashSet<u32>> {
    let own = environ::living_group_of(std::process::id())?;
    let all = environ::all_processes().into_iter();
    let groups: HashSet<u32> = all.filter_map(environ::living_group_of).collect();
    let still = environ::living_group_of(std::process::id());
    (groups.contains(&own) && still == Some(own)).then_some(groups)
}
