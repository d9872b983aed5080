//! The programs' processes: who they are, how they end, and what they leave behind.

use std::collections::{BTreeMap, HashMap};
use std::io;

use ncolony_core::colony::{Generation, Group, Observation, Scope};
use ncolony_core::time::Mono;
use ncolony_core::{Exit, ProgramName, Signal};

use super::adopted::{Adopted, Gone};
use super::leftover::{Hold, Led, Leftover, Whereabouts};
use super::strays::Strays;
use super::tree::Tree;
use crate::listening::Users;
use crate::sys::pidfd::Pidfd;
use crate::sys::{clock, reap, signal};

/// A process that a program runs as.
#[derive(Clone, Debug)]
pub(crate) struct Child {
    pub(crate) name: ProgramName,
    pub(crate) generation: Generation,
    /// What holds it and all that it starts together.
    pub(crate) hold: Hold,
}

/// The end of a child.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) child: Child,
    pub(crate) pid: u32,
    pub(crate) exit: Exit,
    pub(crate) observation: Observation,
}

/// A child that was taken, while it is not known what it has left behind.
#[derive(Debug)]
struct Dead {
    child: Child,
    pid: u32,
    exit: Exit,
    at: Mono,
    /// What is left, unless nothing is for certain.
    leftover: Option<Leftover>,
}

impl Dead {
    fn of_adopted(gone: Gone) -> Self {
        let group = Led {
            number: gone.pid,
            leader: Some(gone.process),
        };
        let child = gone.child;
        let leftover = Leftover::new(child.generation, child.hold.clone(), gone.exit, group);
        let mut leftover = leftover.of_adopted();
        let is_gone = leftover.is_gone();
        Self {
            leftover: (!is_gone).then_some(leftover),
            child,
            pid: gone.pid,
            exit: gone.exit,
            at: gone.at,
        }
    }
}

/// All processes of all programs.
#[derive(Debug)]
pub(crate) struct Children {
    by_pid: HashMap<u32, Child>,
    by_name: BTreeMap<ProgramName, u32>,
    leftovers: BTreeMap<ProgramName, Leftover>,
    /// Those that an earlier monitor started.
    pub(crate) adopted: Adopted,
    /// Children of ours that are no program's, and how they ended.
    expected: BTreeMap<u32, Option<Exit>>,
    /// Whether one of them has ended since that was last asked.
    expected_ended: bool,
    /// Where nobody can leave a program.
    pub(crate) tree: Tree,
    /// Who has left one elsewhere.
    strays: Strays,
    /// Orphans of programs that were reaped because they came to us.
    pub(crate) orphans: u64,
    /// Whether nothing is started any more.
    pub(crate) closing: bool,
}

impl Children {
    /// No children, yet.
    pub(crate) fn new(tree: Tree, strays: Strays) -> Self {
        Self {
            by_pid: HashMap::new(),
            by_name: BTreeMap::new(),
            leftovers: BTreeMap::new(),
            adopted: Adopted::default(),
            expected: BTreeMap::new(),
            expected_ended: false,
            tree,
            strays,
            orphans: 0,
            closing: false,
        }
    }

    /// Expects the end of a child that is no program's.
    pub(crate) fn expect(&mut self, pid: u32) {
        self.expected.insert(pid, None);
    }

    /// Whether a child that was expected to end has done so since this was last asked.
    pub(crate) fn has_expected_ended(&mut self) -> bool {
        std::mem::take(&mut self.expected_ended)
    }

    /// How that child ended, if it has.
    pub(crate) fn take_expected(&mut self, pid: u32) -> Option<Exit> {
        let ended = self.expected.get(&pid).copied().flatten();
        if ended.is_some() {
            self.expected.remove(&pid);
        }
        ended
    }

    /// Ends that child, and what it has started. What comes of it is nobody's matter any more.
    pub(crate) fn end_expected(&mut self, pid: u32) {
        self.kill_expected(pid);
        self.expected.remove(&pid);
    }

    /// Kills that child, and what it has started; its end is still expected.
    pub(crate) fn kill_expected(&self, pid: u32) {
        if self.expected.get(&pid) == Some(&None) {
            // It was not reaped, so the number is its own, and that of the group that it leads.
            let _gone = signal::to_group(pid, Signal::KILL);
        }
    }

    /// Takes in what is left of a program that ended while no monitor was there.
    pub(crate) fn add_leftover(&mut self, name: ProgramName, leftover: Leftover) {
        self.leftovers.insert(name, leftover);
    }

    /// Who has what is listened on for the file that this program, about to be started, is of.
    pub(crate) fn users_of_sockets(&self, name: &ProgramName) -> Users {
        let family = name.family();
        let is_used = self.by_name.contains_key(&family)
            || family.instances_in(&self.by_name).next().is_some()
            || self.adopted.runs_one_of(&family);
        if is_used { Users::Others } else { Users::None }
    }

    /// Takes in a process that was just started.
    pub(crate) fn add(&mut self, pid: u32, child: Child) {
        self.by_name.insert(child.name.clone(), pid);
        self.by_pid.insert(pid, child);
    }

    /// Takes all children that have ended.
    pub(crate) fn reap(&mut self) -> Vec<Ended> {
        let mut dead = self.take_dead();
        dead.extend(self.adopted.take_gone().into_iter().map(Dead::of_adopted));
        let leftovers = dead.iter().filter_map(|dead| dead.leftover.as_ref());
        if leftovers.into_iter().any(Leftover::needs_search) {
            self.seek(&mut dead);
        }
        dead.into_iter().map(|dead| self.conclude(dead)).collect()
    }

    fn take_dead(&mut self) -> Vec<Dead> {
        let mut dead = Vec::new();
        while let Some(pid) = reap::peek() {
            let Some(child) = self.by_pid.remove(&pid) else {
                // What it has started and left behind is in its group, and the number of that is its
                // own until it is taken.
                self.kill_expected(pid);
                let exit = reap::take(pid);
                match self.expected.get_mut(&pid) {
                    Some(end) => {
                        *end = Some(exit);
                        self.expected_ended = true;
                    }
                    None => self.orphans += 1,
                }
                continue;
            };
            // While the dead leader has not been taken, its number is still its own, and so is
            // the descriptor that we open by it.
            let leader = Pidfd::open(pid).ok();
            let exit = reap::take(pid);
            let at = clock::mono();
            self.by_name.remove(&child.name);
            let group = Led {
                number: pid,
                leader,
            };
            let hold = Hold {
                is_last: self.closing,
                ..child.hold.clone()
            };
            let mut leftover = Leftover::new(child.generation, hold, exit, group);
            let is_gone = leftover.is_gone();
            dead.push(Dead {
                leftover: (!is_gone).then_some(leftover),
                child,
                pid,
                exit,
                at,
            });
        }
        dead
    }

    /// Looks for those who have left programs that have ended, if somebody could have.
    fn seek(&mut self, dead: &mut [Dead]) {
        let newly = dead.iter_mut().filter_map(|dead| dead.leftover.as_mut());
        let mut sought: Vec<&mut Leftover> = self
            .leftovers
            .values_mut()
            .chain(newly)
            .filter(|leftover| leftover.needs_search())
            .collect();
        if sought.is_empty() {
            return;
        }
        for leftover in &mut sought {
            leftover.forget_ended();
        }
        let everywhere = |leftover: &&mut Leftover| leftover.whereabouts() == Whereabouts::Anywhere;
        let whereabouts = if sought.iter().any(everywhere) {
            Whereabouts::Anywhere
        } else {
            Whereabouts::WithUs
        };
        let found = self.strays.look(whereabouts, |pid| {
            self.by_pid.contains_key(&pid) || sought.iter().any(|leftover| leftover.has_stray(pid))
        });
        let Some(mut found) = found else {
            return;
        };
        for leftover in sought {
            leftover.take_found(&mut found);
        }
    }

    fn conclude(&mut self, dead: Dead) -> Ended {
        let child = dead.child;
        let mut leftover = dead.leftover;
        if let Some(leftover) = &mut leftover {
            leftover.tell_newcomers();
        }
        let group = if let Some(leftover) = leftover.take_if(|leftover| !leftover.is_gone()) {
            self.leftovers.insert(child.name.clone(), leftover);
            Group::Left
        } else {
            self.renew(child.hold.clone(), dead.exit);
            Group::Gone
        };
        let observation = Observation::Exited {
            name: child.name.clone(),
            generation: child.generation,
            exit: dead.exit,
            group,
            at: dead.at,
        };
        Ended {
            child,
            pid: dead.pid,
            exit: dead.exit,
            observation,
        }
    }

    /// How many main processes are our own children.
    pub(crate) fn count(&self) -> usize {
        self.by_pid.len()
    }

    /// Whether it has to be looked again and again, because nothing tells what is waited for.
    pub(crate) fn need_looks(&self) -> bool {
        self.has_leftovers() || self.adopted.has_unexplained()
    }

    /// Whether something is left of programs whose main processes are gone. Nothing tells when the
    /// last of it ends, unless it happens to be our child; it has to be looked at.
    pub(crate) fn has_leftovers(&self) -> bool {
        !self.leftovers.is_empty()
    }

    /// Looks whether what was left is gone now.
    pub(crate) fn look_at_leftovers(&mut self) -> Vec<Observation> {
        self.seek(&mut []);
        for leftover in self.leftovers.values_mut() {
            leftover.tell_newcomers();
        }
        let gone: Vec<(ProgramName, Leftover)> = self
            .leftovers
            .extract_if(.., |_, leftover| leftover.is_gone())
            .collect();
        let mut observations = Vec::new();
        for (name, leftover) in gone {
            observations.push(Observation::GroupGone {
                name,
                generation: leftover.generation,
                at: clock::mono(),
            });
            self.renew(leftover.hold, leftover.exit);
        }
        observations
    }

    /// Has the next start get a new control group, if it must.
    fn renew(&mut self, hold: Hold, exit: Exit) {
        let elsewhere = hold.cgroup.clone();
        if let Some(cgroup) = hold.spent(exit) {
            self.tree.remove(cgroup);
        }
        if let Some(cgroup) = elsewhere {
            self.tree.remove_elsewhere(&cgroup);
        }
    }

    /// Sends a signal to a program's process, or to all of it, if it is this generation's.
    pub(crate) fn signal(
        &mut self,
        name: &ProgramName,
        generation: Generation,
        scope: Scope,
        signal: Signal,
    ) -> io::Result<()> {
        if let Some(pid) = self.by_name.get(name) {
            let child = self.by_pid.get_mut(pid);
            let Some(child) = child.filter(|child| child.generation == generation) else {
                return Ok(());
            };
            return match scope {
                Scope::Leader => signal::to_process(*pid, signal),
                Scope::Group => {
                    child.hold.tell(signal);
                    signal::to_group(*pid, signal)
                }
            };
        }
        let to_group = scope == Scope::Group;
        if let Some(told) = self.adopted.signal(name, generation, to_group, signal) {
            return told;
        }
        match self.leftovers.get_mut(name) {
            Some(leftover) if leftover.generation == generation => leftover.signal(signal),
            Some(_) | None => Ok(()),
        }
    }
}
