//! The machine that decides: facts go in, orders come out, and nothing else happens here. It asks
//! no clock, reads no file and starts no process; time is an argument.
//!
//! ```text
//! scan, message, exit, timer ──► Colony::observe(now, …) ──► poll_effect()  ──► whoever acts
//!                                Colony::settle(now)     ──► poll_timeout()
//! ```
//!
//! For each program two facts are kept apart: what is **wanted** (edited by its file, by messages
//! and by a shutdown) and what is **so** (edited by facts about its process). [`Colony::settle`]
//! brings them together, for the programs that were touched and for no other:
//!
//! | | wanted up | wanted down |
//! |---|---|---|
//! | **idle**, nothing holds it | start it | leave it |
//! | **idle**, exited or fatal | leave it: a word or a new file wakes it | it is stopped |
//! | **delayed** | start it when its wait is over | it is stopped |
//! | **ordered** | wait for the outcome | wait for the outcome |
//! | **starting**, **running** | stop it if it is out of date or not well; else it counts as up when it is ready | stop it |
//! | **stopping**, **clearing** | KILL when its time is up | KILL when its time is up |
//!
//! A process is out of date when a RESTART asked for a later generation, or when its file now says
//! to start it with something else. There is no state "restarting": what is out of date is
//! stopped, and when it has gone the table is looked at afresh. So the last word wins, a STOP
//! cancels a restart that has not begun, and a hundred RESTARTs during one stop cause one start.
//! Instances of one file take turns at that: see `rolling`.

mod chronicle;
mod command;
pub mod diff;
mod ending;
mod essence;
mod facts;
mod family;
mod health;
pub mod io;
mod keystone;
mod order;
mod phase;
mod program;
mod record;
mod rolling;
mod sentence;
mod settle;
pub mod snapshot;
mod stop;
mod telling;
mod upgrade;
mod words;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use chronicle::Chronicle;
use ending::Closing;
pub use essence::Load;
pub use health::EXTENSION_MAX;
pub use io::{Blame, Effect, Generation, Group, Observation, Reading, Scope, SpawnFailure, Word};
use keystone::Keystone;
use order::{Hold, Order};
use program::Program;
use rolling::Rolling;
use snapshot::{ActedOn, Upgrading};
pub use stop::KILL_AGAIN;

use crate::event::Cause;
use crate::name::ProgramName;
use crate::spec::ProgramSpec;
use crate::status::{ProgramStatus, State};
use crate::time::{Mono, Now};

/// All programs, what is wanted of them and what is so.
#[derive(Clone, Debug)]
pub struct Colony {
    programs: BTreeMap<ProgramName, Program>,
    /// Programs that a fact or word has touched since they were last settled.
    touched: BTreeSet<ProgramName>,
    /// When which program is due although nothing happens, and the same by program.
    deadlines: BTreeSet<(Mono, ProgramName)>,
    armed: BTreeMap<ProgramName, Mono>,
    /// Orders that act, in order.
    effects: VecDeque<Effect>,
    /// Programs whose record is out of date. Written after all that acts, once each.
    unpublished: BTreeSet<ProgramName>,
    /// What has happened and was not told yet.
    chronicle: Chronicle,
    closing: Closing,
    /// Which instances wait for each other.
    rolling: Rolling,
    /// The program whose end is the end of all.
    keystone: Option<Keystone>,
    /// How many messages were heard.
    heard: u64,
    /// The highest number of a start of any program that is gone: one of the same name that comes
    /// later begins after it, so that no late fact about the old one fits the new.
    retired: Generation,
    /// The request to replace the monitor's image that is under way.
    upgrading: Option<Upgrading>,
    /// Programs that are not as they were last written down.
    changed: BTreeSet<ProgramName>,
    /// Programs of which is known, since they were last written down, that orders were carried
    /// out. Nothing waits for that to be written.
    carried_out: BTreeSet<ProgramName>,
    /// The start whose stop signal was last handed out.
    asking: Option<(ProgramName, Generation)>,
    /// Messages that were acted on since then.
    acted_on: Vec<ActedOn>,
    /// Who waits for whom.
    order: Order,
}

impl Default for Colony {
    fn default() -> Self {
        Self::new()
    }
}

impl Colony {
    /// A colony without programs.
    #[must_use]
    pub fn new() -> Self {
        Self {
            programs: BTreeMap::new(),
            touched: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            armed: BTreeMap::new(),
            effects: VecDeque::new(),
            unpublished: BTreeSet::new(),
            chronicle: Chronicle::default(),
            closing: Closing::No,
            rolling: Rolling::default(),
            keystone: None,
            heard: 0,
            retired: Generation::default(),
            upgrading: None,
            changed: BTreeSet::new(),
            carried_out: BTreeSet::new(),
            asking: None,
            acted_on: Vec::new(),
            order: Order::default(),
        }
    }

    /// Takes in a fact. What follows from it is decided by [`Colony::settle`].
    pub fn observe(&mut self, now: Now, observation: Observation) {
        let end_of_all = self.end_in(&observation);
        self.take_in(now, observation);
        let end_of_all = end_of_all.or_else(|| self.end_after());
        self.fall(end_of_all);
    }

    fn take_in(&mut self, now: Now, observation: Observation) {
        match observation {
            Observation::Config { name, reading } => self.read(now, &name, reading),
            Observation::Message { file, message } => self.hear(now, file, message),
            Observation::Spawned {
                name,
                generation,
                pid,
                identity,
                at,
            } => {
                self.with(&name, generation, |program, _| {
                    program.spawned(now, pid, identity, at)
                });
            }
            Observation::SpawnFailed {
                name,
                generation,
                failure,
                at,
            } => {
                self.with(&name, generation, |program, _| {
                    program.spawn_failed(now, &failure, at)
                });
            }
            Observation::Adopted {
                name,
                generation,
                pid,
                identity,
            } => {
                let upgrading = self.is_upgrading();
                self.with(&name, generation, |program, _| {
                    let was_there = program.child().is_some();
                    program.adopted(now, pid, identity);
                    // An image that takes over from itself adopts nothing.
                    if was_there && !upgrading {
                        program.tell_of_adoption(now);
                    }
                });
            }
            Observation::NeverStarted { name, generation } => {
                self.with(&name, generation, |program, _| program.never_started(now));
            }
            Observation::Exited {
                name,
                generation,
                exit,
                group,
                at,
            } => {
                self.with(&name, generation, |program, out| {
                    program.exited(now, exit, group, at, out);
                });
            }
            Observation::GroupGone {
                name,
                generation,
                at: _,
            } => {
                self.with(&name, generation, |program, _| program.group_gone(now));
            }
            Observation::Printed {
                name,
                generation,
                lines,
            } => {
                self.printed(now, &name, generation, lines);
            }
            Observation::Ready { name, generation } => {
                self.with(&name, generation, |program, _| {
                    program.became_ready(now, Cause::Ready);
                });
            }
            Observation::NotReady {
                name,
                generation,
                why,
            } => {
                self.with(&name, generation, |program, _| program.is_not_ready(why));
            }
            Observation::Notified {
                name,
                generation,
                word,
            } => self.notified(now, name, generation, word),
            Observation::Shutdown => self.close(),
            Observation::KillNow => self.kill_now(),
            Observation::Upgraded => self.conclude_upgrade(None),
            Observation::UpgradeFailed { why } => self.conclude_upgrade(Some(why)),
        }
    }

    /// Takes note of when a program is due next.
    fn arm(&mut self, name: &ProgramName) {
        if let Some(due) = self.programs.get(name).and_then(Program::deadline) {
            self.deadlines.insert((due, name.clone()));
            self.armed.insert(name.clone(), due);
        }
    }

    /// The next order. Those that act come first, then the events, then the records that have
    /// changed.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.poll_act()
            .or_else(|| self.poll_events())
            .or_else(|| self.poll_record())
    }

    /// The next order that acts. Whoever asks for it has carried out the one before.
    pub fn poll_act(&mut self) -> Option<Effect> {
        if let Some((name, generation)) = self.asking.take() {
            self.was_asked(name, generation);
        }
        let order = self.effects.pop_front()?;
        self.asking = order.ends_asking();
        Some(order)
    }

    /// The next order, if it is to start a program: many may be polled before what came of the
    /// first is known.
    pub fn poll_start(&mut self) -> Option<(Arc<ProgramSpec>, Generation)> {
        let Some(Effect::Spawn { spec, generation }) = self.effects.front() else {
            return None;
        };
        let start = (Arc::clone(spec), *generation);
        self.effects.pop_front();
        Some(start)
    }

    /// Whether an order that acts waits to be polled.
    #[must_use]
    pub fn has_orders(&self) -> bool {
        !self.effects.is_empty()
    }

    /// The next record that has changed, as it is now: however often it changed, it is written
    /// once.
    pub fn poll_record(&mut self) -> Option<Effect> {
        let name = self.unpublished.pop_first()?;
        Some(match self.programs.get(&name) {
            Some(program) => Effect::Publish(Box::new(self.record_of(program))),
            None => Effect::Retract(name),
        })
    }

    /// How many records have changed and were not polled yet.
    #[must_use]
    pub fn unpublished(&self) -> usize {
        self.unpublished.len()
    }

    /// When [`Colony::settle`] must be called next, if nothing happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.deadlines.first().map(|(due, _)| *due)
    }

    /// Whether there is such a program.
    #[must_use]
    pub fn knows(&self, name: &ProgramName) -> bool {
        self.programs.contains_key(name)
    }

    /// How many programs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.programs.len()
    }

    /// Whether there is no program.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.programs.is_empty()
    }

    /// The names of all programs, in order.
    pub fn names(&self) -> impl Iterator<Item = &ProgramName> {
        self.programs.keys()
    }

    /// The record of a program as it would be published now.
    #[must_use]
    pub fn record(&self, name: &ProgramName) -> Option<ProgramStatus> {
        self.programs
            .get(name)
            .map(|program| self.record_of(program))
    }

    fn record_of(&self, program: &Program) -> ProgramStatus {
        let shutting_down = self.is_closing() && !self.is_detaching();
        let mut record = program.record(shutting_down, self.heard);
        if let Some(outdated) = program.out_of_date(shutting_down) {
            if let Some(wait) = self.rolling.wait_of(&program.name) {
                record.turn = Some(wait.word());
                record.reason = Some(wait.reason(&outdated.why(program)));
            } else {
                record.turn = program.place.hold.as_ref().map(Hold::turn);
            }
        }
        record
    }

    /// Has the record of a program published once more: the last time, it could not be written.
    pub fn republish(&mut self, name: &ProgramName) {
        self.unpublished.insert(name.clone());
    }

    /// Has every record published once more: somebody has removed them.
    pub fn republish_all(&mut self) {
        self.unpublished.extend(self.programs.keys().cloned());
    }

    /// The state of a program.
    #[must_use]
    pub fn state(&self, name: &ProgramName) -> Option<State> {
        self.programs.get(name).map(Program::state)
    }

    /// What the present process of a program was started with.
    #[must_use]
    pub fn started_with(&self, name: &ProgramName) -> Option<&Arc<ProgramSpec>> {
        self.programs.get(name)?.started_with()
    }

    /// What the last good file of a program says.
    #[must_use]
    pub fn described(&self, name: &ProgramName) -> Option<&Arc<ProgramSpec>> {
        self.programs.get(name)?.spec.as_ref()
    }

    fn disarm(&mut self, name: &ProgramName) {
        if let Some(due) = self.armed.remove(name) {
            self.deadlines.remove(&(due, name.clone()));
        }
    }

    /// Hands a fact to the program whose present generation it is about.
    fn with(
        &mut self,
        name: &ProgramName,
        generation: Generation,
        act: impl FnOnce(&mut Program, &mut VecDeque<Effect>),
    ) {
        let Some(program) = self.programs.get_mut(name) else {
            return;
        };
        if program.generation == generation {
            act(program, &mut self.effects);
            self.touched.insert(name.clone());
        }
    }
}

#[cfg(test)]
mod tests;
