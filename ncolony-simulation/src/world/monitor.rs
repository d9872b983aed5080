//! The fake monitor: the real machine and the real catalogue, what the one was told and the other
//! has seen, and the status directory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use ncolony_core::colony::diff::Catalogue;
use ncolony_core::colony::{Blame, Colony, Generation, Group, Observation, SpawnFailure, Word};
use ncolony_core::{Exit, Mono, ProgramName, ProgramSpec, ProgramStatus};

use super::World;
use super::kernel::Happening;
use super::readiness::{is_of_health, says};
use crate::action::{Echo, Who};
use crate::ledger::{Expected, Ledger};

/// How many past starts of a program late facts can be about.
const PAST_STARTS: usize = 4;

/// A fact on its way to the machine.
#[derive(Clone, Debug)]
pub(super) enum Fact {
    /// It is so, and the ledger hears it too.
    True(Observation),
    /// It comes too late or twice, and must change nothing.
    Echo(Observation),
}

/// Starts that a program had, and the last fact about one.
#[derive(Clone, Debug, Default)]
struct Past {
    generations: VecDeque<Generation>,
    last: Option<Observation>,
}

/// A living monitor.
#[derive(Clone, Debug)]
pub struct Monitor {
    /// The machine.
    pub colony: Colony,
    /// What the contract says must be so.
    pub ledger: Ledger,
    /// The status directory.
    pub records: BTreeMap<ProgramName, ProgramStatus>,
    /// Programs that something is listened on for.
    pub listening: BTreeSet<ProgramName>,
    /// Starts that are being looked at whether they are ready.
    pub probed: BTreeMap<ProgramName, Generation>,
    /// Messages that the machine was told of and that are not disposed of.
    pub outstanding: BTreeMap<String, Expected>,
    /// Where outcomes were written since the message was told.
    pub answered: BTreeSet<ProgramName>,
    /// Looks at the directories that were ordered and not accounted for.
    pub rescans: u32,
    /// Upgrades that messages have asked for and that were not ordered.
    pub upgrades: u32,
    /// Whether an upgrade was ordered and has not come out.
    pub(super) upgrade_runs: bool,
    /// How many facts the machine was told in the present breath.
    pub breath: usize,
    pub(super) inbox: VecDeque<Fact>,
    pub(super) catalogue: Catalogue,
    /// The directory whose listing was last believed.
    pub(super) believed: Option<u64>,
    /// Whether it knows programs of which it has seen no directory.
    pub(super) remembers: bool,
    /// Message files that it has read.
    pub(super) noticed: BTreeSet<u64>,
    pub(super) next_look: Option<Mono>,
    past: BTreeMap<Who, Past>,
}

impl Monitor {
    pub(super) fn new(now: Mono, frequency: Option<Duration>) -> Self {
        Self {
            colony: Colony::new(),
            ledger: Ledger::default(),
            records: BTreeMap::new(),
            listening: BTreeSet::new(),
            probed: BTreeMap::new(),
            outstanding: BTreeMap::new(),
            answered: BTreeSet::new(),
            rescans: 0,
            upgrades: 0,
            upgrade_runs: false,
            breath: 0,
            inbox: VecDeque::new(),
            catalogue: Catalogue::default(),
            believed: None,
            remembers: false,
            noticed: BTreeSet::new(),
            next_look: frequency.map(|span| now.after(span)),
            past: BTreeMap::new(),
        }
    }

    /// A monitor that knows what this one had written down. It finds its records, its replies and
    /// its message files.
    pub(super) fn succeeded_by(
        self,
        colony: Colony,
        catalogue: Catalogue,
        next_look: Option<Mono>,
    ) -> Self {
        let mut records = self.records;
        records.retain(|name, _| colony.knows(name));
        Self {
            colony,
            ledger: self.ledger,
            records,
            outstanding: self.outstanding,
            listening: self.listening,
            answered: self.answered,
            past: self.past,
            catalogue,
            next_look,
            ..Self::new(Mono::default(), None)
        }
    }

    /// The monitor is dead. What its messages have asked for once is lost if it was not done, and
    /// their senders are told so.
    pub(super) fn bereave(&mut self) {
        (self.rescans, self.upgrades) = (0, 0);
        for expected in self.outstanding.values_mut() {
            expected.ok &= !(expected.sends || expected.upgrades);
            (expected.rescan, expected.upgrades) = (false, false);
        }
    }

    /// The upgrade that a message has asked for has come out.
    pub(super) fn upgrade_ended(&mut self, done: bool) {
        self.upgrades = 0;
        for expected in self.outstanding.values_mut() {
            if std::mem::take(&mut expected.upgrades) {
                expected.ok = done;
            }
        }
    }

    pub(super) fn tell(&mut self, fact: Observation) {
        self.inbox.push_back(Fact::True(fact));
    }

    /// Whether it was told all that has happened to its processes.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.inbox.is_empty()
    }

    /// A start opens what it needs.
    pub(super) fn listen(&mut self, spec: &ProgramSpec) {
        if spec.listens() {
            self.listening.insert(spec.name.clone());
        }
    }

    /// When it must do something although nothing happens.
    pub(super) fn next_due(&self) -> Option<Mono> {
        let timeout = self.colony.poll_timeout();
        timeout.into_iter().chain(self.next_look).min()
    }

    pub(super) fn is_due(&self, now: Mono) -> bool {
        let timeout = self.colony.poll_timeout();
        !self.inbox.is_empty() || timeout.is_some_and(|due| due <= now)
    }

    fn remember(&mut self, who: Who, generation: Generation, fact: &Observation) {
        let past = self.past.entry(who).or_default();
        if past.generations.back() != Some(&generation) {
            past.generations.push_back(generation);
        }
        if past.generations.len() > PAST_STARTS {
            past.generations.pop_front();
        }
        past.last = Some(fact.clone());
    }
}

impl World {
    /// Lets what is due in the kernel happen, and tells the monitor.
    pub(super) fn watch_kernel(&mut self) {
        while let Some((at, happening)) = self.kernel.happen(self.now) {
            if let Some(happening) = happening {
                self.report(at, happening);
            }
        }
    }

    fn report(&mut self, at: Mono, happening: Happening) {
        let (who, generation, fact) = self.fact(at, happening);
        self.note(|| format!("    happens: {fact:?}"));
        if let Some(monitor) = &mut self.monitor {
            if is_of_health(&fact) {
                return monitor.tell_health(fact);
            }
            monitor.remember(who, generation, &fact);
            monitor.tell(fact);
        }
    }

    fn fact(&self, at: Mono, happening: Happening) -> (Who, Generation, Observation) {
        let name = |who: Who| self.cast.name(who).clone();
        match happening {
            Happening::Spawned {
                who,
                generation,
                pid,
            } => {
                let name = name(who);
                let identity = None;
                let fact = Observation::Spawned {
                    name,
                    generation,
                    pid,
                    identity,
                    at,
                };
                (who, generation, fact)
            }
            Happening::SpawnFailed {
                who,
                generation,
                blame,
            } => (who, generation, failed(name(who), generation, blame, at)),
            Happening::Exited {
                who,
                generation,
                exit,
                left,
            } => {
                let group = if left { Group::Left } else { Group::Gone };
                (
                    who,
                    generation,
                    exited(name(who), generation, exit, group, at),
                )
            }
            Happening::Risen { who, generation } => {
                (who, generation, self.risen(name(who), who, generation))
            }
            Happening::Well { who, generation } => {
                (who, generation, says(name(who), generation, Word::Well))
            }
            Happening::GroupGone { who, generation } => {
                let name = name(who);
                let fact = Observation::GroupGone {
                    name,
                    generation,
                    at,
                };
                (who, generation, fact)
            }
        }
    }

    /// A late or repeated fact.
    pub(super) fn echo(&mut self, who: Who, echo: Echo) {
        let (now, name) = (self.now, self.cast.name(who).clone());
        let Some(monitor) = &mut self.monitor else {
            return;
        };
        let Some(past) = monitor.past.get(&who) else {
            return;
        };
        // Facts that are on their way come first, or this one would not be a repetition.
        let on_their_way = !monitor.inbox.is_empty();
        let last = past.last.clone().filter(|_| !on_their_way);
        let present = past.generations.back();
        let old = past
            .generations
            .iter()
            .rev()
            .find(|old| present != Some(old));
        let fact = match (echo, old.copied()) {
            (Echo::Again, _) => last,
            (_, None) => None,
            (Echo::OldSpawned, Some(generation)) => Some(Observation::Spawned {
                name,
                generation,
                pid: 1,
                identity: None,
                at: now,
            }),
            (Echo::OldFailed, Some(generation)) => {
                Some(failed(name, generation, Blame::Program, now))
            }
            (Echo::OldExited, Some(generation)) => {
                Some(exited(name, generation, Exit::Unknown, Group::Gone, now))
            }
            (Echo::OldReady, Some(generation)) => Some(Observation::Ready { name, generation }),
            (Echo::OldGroupGone, Some(generation)) => Some(Observation::GroupGone {
                name,
                generation,
                at: now,
            }),
        };
        monitor.inbox.extend(fact.map(Fact::Echo));
    }

    /// The last lines arrive of every process that has ended.
    pub(super) fn print_all(&mut self) {
        let Some(monitor) = &mut self.monitor else {
            return;
        };
        let records = monitor.records.values();
        let ended = records.filter(|record| record.ended > 0);
        let lines = ended.map(|record| Observation::Printed {
            name: record.name.clone(),
            generation: Generation::of_number(record.ended),
            lines: vec!["the last line".to_owned()],
        });
        let facts: Vec<Observation> = lines.collect();
        facts.into_iter().for_each(|fact| monitor.tell(fact));
    }

    /// Lines arrive that a process had printed: the last that is known, or the one before.
    pub(super) fn print(&mut self, who: Who, old: bool) {
        let name = self.cast.name(who).clone();
        let Some(monitor) = &mut self.monitor else {
            return;
        };
        let Some(past) = monitor.past.get(&who) else {
            return;
        };
        let back = past.generations.iter().rev().nth(usize::from(old));
        if let Some(generation) = back.copied() {
            let lines = vec![format!("{generation:?}")];
            monitor.tell(Observation::Printed {
                name,
                generation,
                lines,
            });
        }
    }
}

fn failed(name: ProgramName, generation: Generation, blame: Blame, at: Mono) -> Observation {
    let sentence = "it cannot be started".to_owned();
    Observation::SpawnFailed {
        name,
        generation,
        failure: SpawnFailure { sentence, blame },
        at,
    }
}

pub(super) fn exited(
    name: ProgramName,
    generation: Generation,
    exit: Exit,
    group: Group,
    at: Mono,
) -> Observation {
    Observation::Exited {
        name,
        generation,
        exit,
        group,
        at,
    }
}
