//! The programs' processes: who they are, how they end, and what they leave behind.

use std::collections::{BTreeMap, HashMap};
use std::io;

use ncolony_core::colony::{Generation, Group, Observation, Scope};
use ncolony_core::{Exit, ProgramName, Signal};

use crate::sys::pidfd::{Members, Pidfd};
use crate::sys::{clock, reap, signal};

/// A process that a program runs as.
#[derive(Clone, Debug)]
pub(crate) struct Child {
    pub(crate) name: ProgramName,
    pub(crate) generation: Generation,
}

/// A group whose leader is gone.
#[derive(Debug)]
struct Leftover {
    generation: Generation,
    group: u32,
    /// The leader. It holds the group without holding its number, where the kernel can do that.
    leader: Option<Pidfd>,
}

/// The end of a child.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) child: Child,
    pub(crate) pid: u32,
    pub(crate) exit: Exit,
    pub(crate) observation: Observation,
}

/// All processes of all programs.
#[derive(Debug, Default)]
pub(crate) struct Children {
    by_pid: HashMap<u32, Child>,
    by_name: BTreeMap<ProgramName, u32>,
    leftovers: BTreeMap<ProgramName, Leftover>,
    /// Orphans of programs that were reaped because they came to us.
    pub(crate) orphans: u64,
}

impl Children {
    /// Takes in a process that was just started.
    pub(crate) fn add(&mut self, pid: u32, child: Child) {
        self.by_name.insert(child.name.clone(), pid);
        self.by_pid.insert(pid, child);
    }

    /// Takes all children that have ended.
    pub(crate) fn reap(&mut self) -> Vec<Ended> {
        let mut ended = Vec::new();
        while let Some(pid) = reap::peek() {
            let Some(child) = self.by_pid.remove(&pid) else {
                reap::take(pid);
                self.orphans += 1;
                continue;
            };
            // While the dead leader has not been taken, its number is still its own, and so is
            // the descriptor that we open by it.
            let leader = Pidfd::open(pid).ok();
            let exit = reap::take(pid);
            self.by_name.remove(&child.name);
            let group = self.see_group(&child, pid, leader);
            let (name, generation) = (child.name.clone(), child.generation);
            let at = clock::mono();
            let observation = Observation::Exited {
                name,
                generation,
                exit,
                group,
                at,
            };
            ended.push(Ended {
                child,
                pid,
                exit,
                observation,
            });
        }
        ended
    }

    fn see_group(&mut self, child: &Child, pid: u32, leader: Option<Pidfd>) -> Group {
        let leftover = Leftover {
            generation: child.generation,
            group: pid,
            leader,
        };
        if !leftover.has_members() {
            return Group::Gone;
        }
        self.leftovers.insert(child.name.clone(), leftover);
        Group::Left
    }

    /// Whether groups are left whose leaders are gone. Nothing tells when the last member of such
    /// a group ends, unless it happens to be our child; they have to be looked at.
    pub(crate) fn has_leftovers(&self) -> bool {
        !self.leftovers.is_empty()
    }

    /// Looks whether groups that were left are gone now.
    pub(crate) fn look_at_leftovers(&mut self) -> Vec<Observation> {
        let gone = self
            .leftovers
            .extract_if(.., |_, leftover| !leftover.has_members());
        gone.map(|(name, leftover)| Observation::GroupGone {
            name,
            generation: leftover.generation,
            at: clock::mono(),
        })
        .collect()
    }

    /// Sends a signal to a program's process or group, if it is this generation's.
    pub(crate) fn signal(
        &self,
        name: &ProgramName,
        generation: Generation,
        scope: Scope,
        signal: Signal,
    ) -> io::Result<()> {
        if let Some(pid) = self.by_name.get(name) {
            let same = self
                .by_pid
                .get(pid)
                .is_some_and(|child| child.generation == generation);
            return match scope {
                Scope::Leader if same => signal::to_process(*pid, signal),
                Scope::Group if same => signal::to_group(*pid, signal),
                Scope::Leader | Scope::Group => Ok(()),
            };
        }
        match self.leftovers.get(name) {
            Some(leftover) if leftover.generation == generation => leftover.signal(signal),
            Some(_) | None => Ok(()),
        }
    }
}

impl Leftover {
    fn has_members(&self) -> bool {
        match self.leader.as_ref().map(Pidfd::group_members) {
            Some(Members::Some) => true,
            Some(Members::None) => false,
            // The kernel does not give a number away that a group still has members under. Only
            // between the end of the last and our next look could it come to mean another group.
            Some(Members::Unknown) | None => signal::group_exists(self.group),
        }
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        match &self.leader {
            Some(leader) if leader.group_members() != Members::Unknown => {
                leader.signal_group(signal)
            }
            Some(_) | None => signal::to_group(self.group, signal),
        }
    }
}
