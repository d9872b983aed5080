//! What is left of a program whose main process has ended: the rest of its process group, and
//! what has left that group.

use std::collections::{HashMap, HashSet};
use std::io;

use ncolony_core::colony::Generation;
use ncolony_core::{Exit, Signal};

use super::strays::{Found, Stray};
use crate::sys::cgroup::Cgroup;
use crate::sys::pidfd::{Members, Pidfd};
use crate::sys::signal;

/// At most so many processes are told at one look, so that one program that forks without end
/// does not keep the monitor from all others.
const AT_A_LOOK: usize = 256;

/// What holds all processes of one start together.
#[derive(Clone, Debug)]
pub(crate) struct Hold {
    /// It is in the environment of all that do not write over it.
    pub(crate) run_id: String,
    /// All of them are in it, where there is one.
    pub(crate) cgroup: Option<Cgroup>,
    pub(crate) said: Said,
    /// Whether nothing is started in its control group any more, which goes with the last in it.
    pub(crate) is_last: bool,
}

/// What a stop has said so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said {
    stop: Option<Signal>,
    killed: bool,
}

impl Hold {
    /// What holds together the process with this run id.
    pub(crate) fn new(run_id: String, cgroup: Option<Cgroup>) -> Self {
        Self {
            run_id,
            cgroup,
            said: Said::default(),
            is_last: false,
        }
    }

    /// The control group, if no other start can use it: we have killed it, or nobody knows. Where
    /// somebody else has, the next start finds out.
    pub(crate) fn spent(self, exit: Exit) -> Option<Cgroup> {
        let is_spent = match exit {
            Exit::Signal(_) | Exit::Code(_) => self.said.killed,
            // Nobody knows what an earlier monitor has done.
            Exit::Unknown => true,
        };
        self.cgroup.filter(|_| is_spent)
    }

    /// Whether somebody is in its control group. To remove that says it too, at half the cost.
    fn is_occupied(&self) -> bool {
        let occupied = |cgroup: &Cgroup| {
            let gone = self.is_last && cgroup.remove().is_ok();
            !gone && cgroup.is_populated()
        };
        self.cgroup.as_ref().is_some_and(occupied)
    }

    /// Takes note of a signal to the whole, while the main process lives: the group gets it, and
    /// who has left the group only if it kills.
    pub(crate) fn tell(&mut self, signal: Signal) {
        self.said.note(signal);
        if signal == Signal::KILL
            && let Some(cgroup) = &self.cgroup
        {
            cgroup.kill();
        }
    }
}

impl Said {
    fn note(&mut self, signal: Signal) {
        if signal == Signal::KILL {
            self.killed = true;
        } else if signal != Signal::CONT || self.stop.is_none() {
            self.stop = Some(signal);
        }
    }

    /// What those are told who have heard nothing yet.
    fn to_newcomers(self) -> Vec<Signal> {
        match (self.killed, self.stop) {
            (true, _) => vec![Signal::KILL],
            (false, Some(stop)) => vec![stop, Signal::CONT],
            (false, None) => Vec::new(),
        }
    }
}

/// A process group whose leader is gone.
#[derive(Debug)]
pub(crate) struct Led {
    /// The number of the leader, and of the group.
    pub(crate) number: u32,
    /// The leader. It holds the group without holding its number, where the kernel can do that.
    pub(crate) leader: Option<Pidfd>,
}

impl Led {
    fn has_members(&self) -> bool {
        match self.leader.as_ref().map(Pidfd::group_members) {
            Some(Members::Some) => true,
            Some(Members::None) => false,
            // The kernel does not give a number away that a group still has members under. Only
            // between the end of the last and our next look could it come to mean another group.
            Some(Members::Unknown) | None => signal::group_exists(self.number),
        }
    }

    /// Whether the leader is still in the group, though it has ended: whoever inherited it has not
    /// taken notice. So long the number of the group is its own.
    fn has_unnoticed_leader(&self) -> bool {
        let leader = self.leader.as_ref();
        leader.is_some_and(|leader| leader.has_ended(0) && leader.keeps_number())
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        match &self.leader {
            Some(leader) if leader.group_members() != Members::Unknown => {
                leader.signal_group(signal)
            }
            Some(_) | None => signal::to_group(self.number, signal),
        }
    }
}

/// A tree whose main process is gone.
#[derive(Debug)]
pub(crate) struct Leftover {
    pub(crate) generation: Generation,
    pub(crate) hold: Hold,
    /// How the main process ended.
    pub(crate) exit: Exit,
    /// The group that the main process led, until it is empty: from then on nobody can enter it.
    group: Option<Led>,
    /// Those who have left the group, came to us, and have not ended.
    strays: HashMap<u32, Pidfd>,
    /// Those in the control group and not in the process group who were told to stop.
    told: HashSet<u32>,
    /// Whether nobody can have left the group: all are in the control group, or they were looked
    /// for when everything else was gone.
    is_complete: bool,
    /// Who has left the group: our own children, or anybody's.
    whereabouts: Whereabouts,
}

/// Where those are who have left a program's group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    /// With us: we are the subreaper of all that we have started.
    WithUs,
    /// Anywhere: an earlier monitor had started the program, and died.
    Anywhere,
}

impl Leftover {
    /// What is left of this start, whose main process ended so.
    pub(crate) fn new(generation: Generation, hold: Hold, exit: Exit, group: Led) -> Self {
        Self {
            is_complete: hold.cgroup.is_some(),
            generation,
            hold,
            exit,
            group: Some(group),
            strays: HashMap::new(),
            told: HashSet::new(),
            whereabouts: Whereabouts::WithUs,
        }
    }

    /// What is left of a program that an earlier monitor had started. Its leader counts as a member
    /// of its group until whoever inherited it has taken notice of its end, so where a control group
    /// holds everybody, that is what is asked.
    pub(crate) fn of_adopted(mut self) -> Self {
        self.whereabouts = Whereabouts::Anywhere;
        self.group = self.group.take_if(|_| self.hold.cgroup.is_none());
        self
    }

    /// What was found of a program whose main process had ended unseen. The number of its group
    /// may mean another by now, so its members are held one by one.
    pub(crate) fn found(generation: Generation, hold: Hold, members: Vec<Stray>) -> Self {
        let strays = members.into_iter().map(|stray| (stray.pid, stray.process));
        Self {
            is_complete: hold.cgroup.is_some(),
            generation,
            hold,
            exit: Exit::Unknown,
            group: None,
            strays: strays.collect(),
            told: HashSet::new(),
            whereabouts: Whereabouts::Anywhere,
        }
    }

    /// Where to look for those who have left its group.
    pub(crate) fn whereabouts(&self) -> Whereabouts {
        self.whereabouts
    }

    /// Whether it is known that nobody is left.
    pub(crate) fn is_gone(&mut self) -> bool {
        self.group = self.group.take().filter(Led::has_members);
        self.strays.retain(|_, process| !process.has_ended(0));
        self.group.is_none()
            && self.is_complete
            && self.strays.is_empty()
            && !self.hold.is_occupied()
    }

    /// Whether it has to be looked for who has left the group.
    pub(crate) fn needs_search(&self) -> bool {
        self.hold.cgroup.is_none()
    }

    /// Whether this process is one that we hold.
    pub(crate) fn has_stray(&self, pid: u32) -> bool {
        self.strays.contains_key(&pid)
    }

    /// Forgets who has ended, before a look. Whom they have left behind is with us by now.
    pub(crate) fn forget_ended(&mut self) {
        self.strays.retain(|_, process| !process.has_ended(0));
        self.group = self.group.take().filter(Led::has_members);
    }

    /// Takes in what a look for strays found, and tells those who are new.
    pub(crate) fn take_found(&mut self, found: &mut Found) {
        let strays = found
            .by_run_id
            .remove(&self.hold.run_id)
            .unwrap_or_default();
        let deserted =
            |group: &mut Led| group.has_unnoticed_leader() && found.is_deserted(group.number);
        let _deserted = self.group.take_if(deserted);
        // Whoever was there before the look may have left somebody behind since.
        self.is_complete = self.group.is_none() && self.strays.is_empty() && strays.is_empty();
        for Stray { pid, process } in strays {
            // Who is in the group is told with it.
            if self.is_in_group(pid) {
                continue;
            }
            tell_stray(pid, &process, &self.hold.said.to_newcomers());
            self.strays.insert(pid, process);
        }
    }

    /// Tells those in the control group who have heard nothing yet.
    pub(crate) fn tell_newcomers(&mut self) {
        let Some(cgroup) = &self.hold.cgroup else {
            return;
        };
        let signals = self.hold.said.to_newcomers();
        // Who was to be killed was killed by the kernel, all at once.
        if signals.is_empty() || self.hold.said.killed {
            return;
        }
        let members = cgroup.members();
        self.told.retain(|pid| members.contains(pid));
        let is_new = |pid: &&u32| !self.told.contains(*pid) && !self.is_in_group(**pid);
        let new: Vec<u32> = members
            .iter()
            .filter(is_new)
            .take(AT_A_LOOK)
            .copied()
            .collect();
        for pid in new {
            for signal in &signals {
                cgroup.signal(pid, *signal);
            }
            self.told.insert(pid);
        }
    }

    /// Sends a signal to all that is left.
    pub(crate) fn signal(&mut self, signal: Signal) -> io::Result<()> {
        self.hold.tell(signal);
        self.tell_newcomers();
        for (pid, process) in &self.strays {
            tell_stray(*pid, process, &[signal]);
        }
        self.group
            .as_ref()
            .map_or(Ok(()), |group| group.signal(signal))
    }

    /// Whether this process is told with the group.
    fn is_in_group(&self, pid: u32) -> bool {
        let group = self.group.as_ref();
        group.is_some_and(|group| signal::group_of(pid) == Some(group.number))
    }
}

/// Tells a process that came to us. It is left to it to tell those whom it has started, but KILL
/// leaves nobody that time.
fn tell_stray(pid: u32, process: &Pidfd, signals: &[Signal]) {
    for signal in signals {
        let _ended_meanwhile = process.signal(*signal);
        if *signal == Signal::KILL && signal::group_of(pid) == Some(pid) {
            let _no_member_left = process.signal_group(*signal);
        }
    }
}

#[cfg(test)]
mod tests;
