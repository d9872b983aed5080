//! Taking up what an earlier monitor has left: what it wrote down is compared with the processes
//! that are there, and what has happened meanwhile becomes facts for the machine.
//!
//! A process is a program's if it was written down and its identity in this boot proves that its
//! number still means it, or if the environment that it was started with holds the run id of that
//! start. A start that nobody lived to write down is found by the second, and so is a whole colony
//! whose journal was lost. Nothing else is ever told anything.

mod marked;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

use ncolony_core::colony::snapshot::{FoundProcess, ProgramSnapshot, Remembered, Snapshot};
use ncolony_core::colony::{Generation, Group, Observation};
use ncolony_core::status::ProcessIdentity;
use ncolony_core::time::Now;
use ncolony_core::{Defaults, Exit, ProgramName, ProgramSpec, Signal};

use crate::run_id::RunIds;
use crate::sources::strays::Stray;
use crate::sys::pidfd::Pidfd;
use crate::sys::{account, environ, limits, reap};
pub(crate) use marked::Sight;
use marked::{Marked, Table, marked};

/// A main process that is there.
#[derive(Debug)]
pub(crate) struct Living {
    pub(crate) name: ProgramName,
    pub(crate) generation: Generation,
    pub(crate) pid: u32,
    /// What holds it; `None`: it is our own child.
    pub(crate) held: Option<Pidfd>,
}

/// What is there of a program whose main process is gone.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) name: ProgramName,
    pub(crate) generation: Generation,
    pub(crate) members: Vec<Stray>,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Adoption {
    /// What is remembered, with what was only found.
    pub(crate) snapshot: Snapshot,
    /// What has happened since it was written down.
    pub(crate) facts: Vec<Observation>,
    pub(crate) living: Vec<Living>,
    pub(crate) left: Vec<Left>,
}

/// Compares what is remembered with what is there.
///
/// # Errors
/// There are too few descriptors to see all of it. Nothing was done.
pub(crate) fn adopt(
    snapshot: Snapshot,
    run_ids: &RunIds,
    defaults: &Defaults,
    now: Now,
    sight: Sight,
    handed: BTreeMap<ProgramName, Pidfd>,
) -> io::Result<Adoption> {
    let mut adopter = Adopter {
        boot_id: environ::boot_id(),
        by_pid: HashMap::new(),
        table: marked(run_ids, sight)?,
        adoption: Adoption {
            snapshot,
            ..Adoption::default()
        },
        now,
        handed,
    };
    let of_start = |(start, all): (&(ProgramName, Generation), &Vec<Marked>)| {
        let start = start.clone();
        all.iter()
            .map(move |it| (it.pid, start.clone()))
            .collect::<Vec<_>>()
    };
    adopter.by_pid = adopter.table.iter().flat_map(of_start).collect();
    let known: Vec<ProgramSnapshot> = adopter
        .adoption
        .snapshot
        .programs
        .values()
        .cloned()
        .collect();
    for program in &known {
        adopter.take_up(program);
    }
    adopter.take_unrecorded(defaults);
    adopter.end_the_rest();
    Ok(adopter.adoption)
}

struct Adopter {
    boot_id: String,
    table: Table,
    /// Which start each process says that it is from.
    by_pid: HashMap<u32, (ProgramName, Generation)>,
    adoption: Adoption,
    now: Now,
    /// Processes that the image before this one has held.
    handed: BTreeMap<ProgramName, Pidfd>,
}

impl Adopter {
    /// What has become of a program that was written down.
    fn take_up(&mut self, program: &ProgramSnapshot) {
        let (name, generation) = (program.name.clone(), program.generation());
        match program.remembered() {
            Remembered::Nothing => {}
            Remembered::Process { pid, identity } => {
                if !self.keep(program, pid, identity.as_ref()) {
                    self.ended(program);
                }
            }
            Remembered::Ordered => match self.take_leader(&name, generation) {
                Some(leader) => self.found(program, leader),
                None if self.has_members(program) => {
                    // It was started, and has ended since.
                    let pid = self.group_of_members(program);
                    self.fact_adopted(program, pid, None);
                    self.ended(program);
                }
                None => {
                    let fact = Observation::NeverStarted { name, generation };
                    self.adoption.facts.push(fact);
                }
            },
            Remembered::Group { leader: _ } => {
                if self.has_members(program) {
                    self.leave(program);
                } else {
                    self.adoption.facts.push(Observation::GroupGone {
                        name,
                        generation,
                        at: self.now.mono,
                    });
                }
            }
        }
    }

    /// Keeps the process that was written down, if it is there.
    fn keep(
        &mut self,
        program: &ProgramSnapshot,
        pid: u32,
        identity: Option<&ProcessIdentity>,
    ) -> bool {
        let (name, generation) = (program.name.clone(), program.generation());
        let handed = self.handed.remove(&program.name);
        if handed.is_some() || reap::is_child(pid) {
            self.table.remove(&(name.clone(), generation));
            self.adoption.living.push(Living {
                name,
                generation,
                pid,
                held: handed,
            });
            return true;
        }
        let held = identity.and_then(|identity| environ::open_if_same(pid, identity));
        // The kernel's own number leaves no doubt; a start time may be another's of that moment.
        let recorded = identity.and_then(|identity| identity.pidfd_inode);
        let believed = |process: &Pidfd| {
            let is_certain = recorded.is_some() && process.inode() == recorded;
            is_certain || !self.is_of_another_start(program, pid)
        };
        let Some(process) = held.filter(believed) else {
            // Where its identity could not be written down, its environment may prove it.
            return match self.take_leader(&name, generation) {
                Some(leader) if leader.pid == pid => {
                    self.found(program, leader);
                    true
                }
                Some(_) | None => false,
            };
        };
        self.table.remove(&(name, generation));
        self.unmark(pid);
        let identity = environ::identity(pid, &self.boot_id);
        self.fact_adopted(program, pid, identity);
        self.live(program, pid, process);
        true
    }

    /// A process that has put on the mark of another start is none of that one's.
    fn unmark(&mut self, pid: u32) {
        let Some(claimed) = self.by_pid.get(&pid) else {
            return;
        };
        if let Some(marked) = self.table.get_mut(claimed) {
            marked.retain(|marked| marked.pid != pid);
            if marked.is_empty() {
                self.table.remove(claimed);
            }
        }
    }

    /// Whether the environment of a process says that it is from another start, which no process
    /// that we have recorded can say.
    fn is_of_another_start(&self, program: &ProgramSnapshot, pid: u32) -> bool {
        let start = self.by_pid.get(&pid);
        start.is_some_and(|(name, generation)| {
            *name != program.name || *generation != program.generation()
        })
    }

    fn found(&mut self, program: &ProgramSnapshot, leader: Marked) {
        let identity = environ::identity(leader.pid, &self.boot_id);
        self.fact_adopted(program, leader.pid, identity);
        self.live(program, leader.pid, leader.process);
    }

    fn live(&mut self, program: &ProgramSnapshot, pid: u32, process: Pidfd) {
        // What else carries its run id is of its tree, and is left alone.
        self.table
            .remove(&(program.name.clone(), program.generation()));
        self.adoption.living.push(Living {
            name: program.name.clone(),
            generation: program.generation(),
            pid,
            held: (!reap::is_child(pid)).then_some(process),
        });
    }

    fn fact_adopted(
        &mut self,
        program: &ProgramSnapshot,
        pid: u32,
        identity: Option<ProcessIdentity>,
    ) {
        self.adoption.facts.push(Observation::Adopted {
            name: program.name.clone(),
            generation: program.generation(),
            pid,
            identity,
        });
    }

    /// The main process is gone. Who was not its parent cannot say how, but for a moment in which
    /// nobody has taken notice.
    fn ended(&mut self, program: &ProgramSnapshot) {
        let group = if self.has_members(program) {
            self.leave(program);
            Group::Left
        } else {
            Group::Gone
        };
        self.adoption.facts.push(Observation::Exited {
            name: program.name.clone(),
            generation: program.generation(),
            exit: Exit::Unknown,
            group,
            at: self.now.mono,
        });
    }

    fn has_members(&self, program: &ProgramSnapshot) -> bool {
        let start = (program.name.clone(), program.generation());
        self.table.contains_key(&start)
    }

    fn group_of_members(&self, program: &ProgramSnapshot) -> u32 {
        let start = (program.name.clone(), program.generation());
        let members = self.table.get(&start).into_iter().flatten();
        members
            .filter_map(|member| environ::group_of(member.pid))
            .next()
            .unwrap_or_default()
    }

    fn leave(&mut self, program: &ProgramSnapshot) {
        let (name, generation) = (program.name.clone(), program.generation());
        let members = self.table.remove(&(name.clone(), generation));
        let members = members.into_iter().flatten().map(|member| Stray {
            pid: member.pid,
            process: member.process,
        });
        self.adoption.left.push(Left {
            name,
            generation,
            members: members.collect(),
        });
    }

    /// The main process of a start, by its environment: the first that led a session. What it has
    /// started may lead others.
    fn take_leader(&mut self, name: &ProgramName, generation: Generation) -> Option<Marked> {
        let members = self.table.get_mut(&(name.clone(), generation))?;
        let leaders = members.iter().enumerate().filter(|(_, it)| it.leads);
        let (at, _) = leaders.min_by_key(|(_, it)| (environ::start_time(it.pid), it.pid))?;
        Some(members.swap_remove(at))
    }

    // ----- what nobody has written down ------------------------------------------------------

    /// Takes up main processes of which nothing was written down. The newest start of a program is
    /// the one that counts, and only if nothing of it is known to run.
    fn take_unrecorded(&mut self, defaults: &Defaults) {
        let mut starts: Vec<(ProgramName, Generation)> = self.table.keys().cloned().collect();
        starts.sort();
        for (name, generation) in starts.into_iter().rev() {
            let has_process = self
                .adoption
                .living
                .iter()
                .any(|living| living.name == name);
            let is_left = self.adoption.left.iter().any(|left| left.name == name);
            let snapshot = self.adoption.snapshot.programs.get(&name);
            let is_newer = snapshot.is_none_or(|known| known.generation() < generation);
            if has_process || is_left || !is_newer {
                continue;
            }
            if let Some(leader) = self.take_leader(&name, generation) {
                self.take_one_unrecorded(name, generation, leader, defaults);
            }
        }
    }

    fn take_one_unrecorded(
        &mut self,
        name: ProgramName,
        generation: Generation,
        leader: Marked,
        defaults: &Defaults,
    ) {
        let pid = leader.pid;
        let Some(source) = environ::variable(pid, "NCOLONY_CONFIG") else {
            return;
        };
        let spec = ProgramSpec::parse(name.clone(), source.as_bytes(), defaults);
        if !spec.is_ok_and(|spec| runs_as_it_says(&spec, pid)) {
            tracing::warn!(program = %name, pid, "it carries our mark and is not ours");
            return;
        }
        let (started, started_wall) =
            environ::started(pid, self.now).unwrap_or((self.now.mono, self.now.wall));
        let found = FoundProcess {
            name: name.clone(),
            generation,
            source: Arc::from(source),
            pid,
            identity: environ::identity(pid, &self.boot_id),
            started,
            started_wall,
        };
        tracing::warn!(program = %name, pid, "nothing was written down of it; it is taken up");
        let snapshot = &mut self.adoption.snapshot;
        let program = ProgramSnapshot::of_found_process(found, &mut snapshot.sources);
        snapshot.programs.insert(name, program.clone());
        self.live(&program, pid, leader.process);
    }

    /// What is from starts that have ended, and from no program that runs, is ended: no second
    /// generation stands beside the first.
    fn end_the_rest(&mut self) {
        for ((name, _), members) in self.table.drain() {
            for member in members {
                let pid = member.pid;
                tracing::warn!(program = %name, pid, "it is left of an earlier start; it is killed");
                // It may have ended meanwhile, which is what we want.
                let _gone = member.process.signal(Signal::KILL);
            }
        }
    }
}

/// Whether a process runs as the user that its own file names: anybody can copy the environment of
/// a program of his own.
fn runs_as_it_says(spec: &ProgramSpec, pid: u32) -> bool {
    let Ok(credentials) = account::resolve(&spec.process.identity) else {
        return false;
    };
    let wanted = credentials.uid.unwrap_or_else(limits::own_user);
    environ::user_of(pid) == Some(wanted)
}
