//! The fake kernel: process groups that live, take signals and end on a schedule. Its numbers for
//! processes are few, so that they are used again soon.

mod signals;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ncolony_core::colony::{Blame, Generation};
use ncolony_core::{Exit, Mono, ProgramSpec};

use crate::action::{Manner, Millis, Plan, Start, Temper, Who};

/// Numbers of processes go from 2 to this one and around again.
const LAST_PID: u32 = 24;

/// How often a process says that it is well; more often than any file asks for.
const WELL_EVERY: Duration = Duration::from_millis(700);

/// A process group: the main process of a program, and what it has left beside it.
#[derive(Clone, Debug)]
pub struct ProcessGroup {
    /// Tells it from every other, also from one with the same number.
    pub serial: u64,
    /// Whose it is.
    pub who: Who,
    /// Which start it came of.
    pub generation: Generation,
    /// The number of its main process.
    pub pid: u32,
    /// What it was started with.
    pub spec: Arc<ProgramSpec>,
    /// When.
    pub started: Mono,
    /// Whether its main process lives.
    pub leader: bool,
    /// Whether others in it live.
    pub members: bool,
    /// Whether what its file calls ready holds.
    pub risen: bool,
    pub(super) temper: Temper,
    frozen: bool,
    /// The stop signal came while it was frozen.
    pending: bool,
}

impl ProcessGroup {
    /// Whether it is stopped by job control, and whether the stop signal waits for its end.
    pub(super) fn is_frozen(&self) -> (bool, bool) {
        (self.frozen, self.pending)
    }

    /// Whether anything of it lives.
    #[must_use]
    pub fn lives(&self) -> bool {
        self.leader || self.members
    }
}

/// Something that happened to a process.
#[derive(Clone, Debug)]
pub(super) enum Happening {
    /// A start succeeded.
    Spawned {
        who: Who,
        generation: Generation,
        pid: u32,
    },
    /// A start failed.
    SpawnFailed {
        who: Who,
        generation: Generation,
        blame: Blame,
    },
    /// A main process ended, and others of its group live on or not.
    Exited {
        who: Who,
        generation: Generation,
        exit: Exit,
        left: bool,
    },
    /// The last of a group without a main process ended.
    GroupGone { who: Who, generation: Generation },
    /// What a program's file calls ready holds now.
    Risen { who: Who, generation: Generation },
    /// A process has said that it is well.
    Well { who: Who, generation: Generation },
}

#[derive(Clone, Debug)]
pub(super) enum Due {
    Spawn {
        who: Who,
        generation: Generation,
        spec: Arc<ProgramSpec>,
        start: Start,
    },
    LeaderEnds {
        serial: u64,
        exit: Exit,
    },
    MembersEnd {
        serial: u64,
    },
    Rises {
        serial: u64,
    },
    SaysWell {
        serial: u64,
    },
}

/// All processes, and what is due to happen to them.
#[derive(Clone, Debug, Default)]
pub struct Kernel {
    /// The groups of which something lives.
    pub groups: Vec<ProcessGroup>,
    /// How main processes ended.
    exits: BTreeMap<(Who, Generation), Exit>,
    agenda: BTreeMap<(Mono, u64), Due>,
    serials: u64,
    last_pid: u32,
}

fn millis(span: Millis) -> Duration {
    Duration::from_millis(u64::from(span))
}

impl Kernel {
    /// When the next thing happens by itself.
    #[must_use]
    pub fn next_due(&self) -> Option<Mono> {
        self.agenda.keys().next().map(|(due, _)| *due)
    }

    pub(super) fn agenda(&self) -> impl Iterator<Item = (Mono, &Due)> {
        self.agenda.iter().map(|((due, _), what)| (*due, what))
    }

    fn schedule(&mut self, at: Mono, due: Due) {
        self.serials += 1;
        self.agenda.insert((at, self.serials), due);
    }

    fn schedule_manner(&mut self, now: Mono, manner: Manner, due: Due) {
        match manner {
            Manner::Ends(after) => self.schedule(now.after(millis(after)), due),
            Manner::Ignores => {}
        }
    }

    /// A start is ordered. Its outcome happens when the plan says.
    pub(super) fn start(
        &mut self,
        now: Mono,
        who: Who,
        generation: Generation,
        spec: Arc<ProgramSpec>,
        plan: Plan,
    ) {
        let start = plan.start;
        let due = Due::Spawn {
            who,
            generation,
            spec,
            start,
        };
        self.schedule(now.after(millis(plan.takes)), due);
    }

    /// The next thing that is due by `now`, when it happened, and what it came to.
    pub(super) fn happen(&mut self, now: Mono) -> Option<(Mono, Option<Happening>)> {
        let entry = self.agenda.first_entry()?;
        let at = entry.key().0;
        if at > now {
            return None;
        }
        let happening = match entry.remove() {
            Due::Spawn {
                who,
                generation,
                spec,
                start,
            } => Some(self.spawn(at, who, generation, spec, start)),
            Due::LeaderEnds { serial, exit } => self.end_leader(at, serial, exit),
            Due::MembersEnd { serial } => self.end_members(serial),
            Due::Rises { serial } => self.rises(serial),
            Due::SaysWell { serial } => self.says_well(at, serial),
        };
        Some((at, happening))
    }

    fn spawn(
        &mut self,
        at: Mono,
        who: Who,
        generation: Generation,
        spec: Arc<ProgramSpec>,
        start: Start,
    ) -> Happening {
        let failed = |blame| Happening::SpawnFailed {
            who,
            generation,
            blame,
        };
        let temper = match start {
            Start::Lives(temper) => temper,
            Start::CannotExecute => return failed(Blame::Program),
            Start::NoRoom => return failed(Blame::Machine),
        };
        let pid = self.free_pid();
        self.serials += 1;
        let serial = self.serials;
        let exit = temper.exit;
        self.schedule_manner(at, temper.life, Due::LeaderEnds { serial, exit });
        if spec.policy.ready.is_some() {
            self.schedule_manner(at, temper.rises, Due::Rises { serial });
        }
        if spec.process.watchdog.is_some() && temper.well {
            self.schedule(at.after(WELL_EVERY), Due::SaysWell { serial });
        }
        self.groups.push(ProcessGroup {
            serial,
            who,
            generation,
            pid,
            spec,
            started: at,
            leader: true,
            members: temper.members.is_some(),
            risen: false,
            frozen: temper.frozen,
            pending: false,
            temper,
        });
        Happening::Spawned {
            who,
            generation,
            pid,
        }
    }

    fn free_pid(&mut self) -> u32 {
        loop {
            self.last_pid = if self.last_pid < LAST_PID {
                (self.last_pid + 1).max(2)
            } else {
                2
            };
            if self.groups.iter().all(|group| group.pid != self.last_pid) {
                return self.last_pid;
            }
        }
    }

    fn group(&mut self, serial: u64) -> Option<&mut ProcessGroup> {
        self.groups.iter_mut().find(|group| group.serial == serial)
    }

    fn bury(&mut self) {
        self.groups.retain(ProcessGroup::lives);
    }

    fn end_leader(&mut self, at: Mono, serial: u64, exit: Exit) -> Option<Happening> {
        let group = self.group(serial).filter(|group| group.leader)?;
        group.leader = false;
        let start = (group.who, group.generation);
        let happening = Happening::Exited {
            who: group.who,
            generation: group.generation,
            exit,
            left: group.members,
        };
        let linger = group.temper.members.map(|members| members.linger);
        if let Some(linger) = linger.filter(|_| group.members) {
            self.schedule_manner(at, linger, Due::MembersEnd { serial });
        }
        self.exits.insert(start, exit);
        self.bury();
        Some(happening)
    }

    /// How a main process ended, for somebody whose child it was not: some kernels tell, some do
    /// not.
    pub(super) fn exit_for_strangers(&self, who: Option<Who>, generation: Generation) -> Exit {
        let exit = who.and_then(|who| self.exits.get(&(who, generation)));
        let told = exit.filter(|_| generation.number().is_multiple_of(2));
        told.copied().unwrap_or(Exit::Unknown)
    }

    fn end_members(&mut self, serial: u64) -> Option<Happening> {
        let group = self.group(serial).filter(|group| group.members)?;
        group.members = false;
        let alone = !group.leader;
        let (who, generation) = (group.who, group.generation);
        self.bury();
        alone.then_some(Happening::GroupGone { who, generation })
    }

    fn rises(&mut self, serial: u64) -> Option<Happening> {
        let group = self.group(serial).filter(|it| it.leader && !it.risen)?;
        group.risen = true;
        let (who, generation) = (group.who, group.generation);
        Some(Happening::Risen { who, generation })
    }

    fn says_well(&mut self, at: Mono, serial: u64) -> Option<Happening> {
        let group = self.group(serial).filter(|group| group.leader)?;
        let (who, generation) = (group.who, group.generation);
        self.schedule(at.after(WELL_EVERY), Due::SaysWell { serial });
        Some(Happening::Well { who, generation })
    }

    /// What a program's file calls ready begins to hold, now.
    pub(super) fn rise(&mut self, now: Mono, who: Who) {
        for serial in self.serials_of(who) {
            self.schedule(now, Due::Rises { serial });
        }
    }

    fn serials_of(&self, who: Who) -> Vec<u64> {
        let groups = self.groups.iter();
        let own = groups.filter(|group| group.who == who);
        own.map(|group| group.serial).collect()
    }

    /// The main process of a program ends by itself, now.
    pub(super) fn die(&mut self, now: Mono, who: Who, exit: Exit) {
        for serial in self.serials_of(who) {
            self.schedule(now, Due::LeaderEnds { serial, exit });
        }
    }

    /// The others of its group end by themselves, now.
    pub(super) fn scatter(&mut self, now: Mono, who: Who) {
        for serial in self.serials_of(who) {
            self.schedule(now, Due::MembersEnd { serial });
        }
    }

    /// A monitor is gone: starts that it had begun come to be now, or, some of those that take
    /// their time, never.
    pub(super) fn settle_starts(&mut self, now: Mono) {
        let starts = self.agenda.iter();
        let starts = starts.filter(|(_, due)| matches!(due, Due::Spawn { .. }));
        let keys: Vec<(Mono, u64)> = starts.map(|(key, _)| *key).collect();
        for key in keys {
            let happens = key.0 <= now || key.1.is_multiple_of(2);
            if let Some(Due::Spawn {
                who,
                generation,
                spec,
                start,
            }) = self.agenda.remove(&key)
                && happens
            {
                self.spawn(now, who, generation, spec, start);
            }
        }
    }

    /// Whether nothing lives and nothing is on its way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let starts = |due: &Due| matches!(due, Due::Spawn { .. });
        self.groups.is_empty() && !self.agenda.values().any(starts)
    }
}
