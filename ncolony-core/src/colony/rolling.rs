//! Instances are restarted one at a time: when the processes of a whole family are out of date, the
//! next one is stopped only when all others that are wanted are RUNNING again.
//!
//! So an instance waits while another one of its family is missing, whatever made it so: it is
//! being stopped or started, or it does not come up. One that was told by hand does not wait, nor
//! does one that is wanted down.

use std::collections::{BTreeMap, BTreeSet};

use super::phase::{Phase, Rest};
use super::program::{Program, Want};
use super::sentence;
use crate::event::Cause;
use crate::name::ProgramName;
use crate::policy::is_success;
use crate::status::TurnWord;

/// What an instance is to the others of its family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// Its process is out of date, and its turn has not come.
    waits: bool,
    /// It is wanted up and is not RUNNING, or is about to be stopped in its turn.
    missing: Option<Missing>,
}

/// Why an instance is not RUNNING that is wanted up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    /// It is on its way.
    Comes,
    /// It was on its way, and has failed; it may be on its way again.
    Fails,
}

/// Why a process is out of date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutOfDate {
    /// A message asks for a later start.
    ByMessage,
    /// Its file says to start it with something else.
    ByFile,
}

impl OutOfDate {
    /// The sentence for it.
    pub(super) fn why(self, program: &Program) -> String {
        sentence::out_of_date(self == Self::ByMessage, program.asked_because.as_deref())
    }

    /// The word for it.
    pub(super) fn cause(self, program: &Program) -> Cause {
        match self {
            Self::ByMessage => program.word,
            Self::ByFile => Cause::Config,
        }
    }
}

/// The instances of one family that make others wait, or wait themselves.
#[derive(Clone, Debug, Default)]
struct Family {
    waiting: BTreeSet<u32>,
    missing: BTreeMap<u32, Missing>,
    /// Who holds the others up, as their records say it.
    said: Option<u32>,
}

/// All families in which somebody waits or is missing. It is made of what the programs are, so
/// nothing of it has to be written down.
#[derive(Clone, Debug, Default)]
pub(super) struct Rolling {
    families: BTreeMap<ProgramName, Family>,
    /// Families in which something has changed.
    stirred: BTreeSet<ProgramName>,
    /// Instances whose record has another reason now.
    restated: Vec<ProgramName>,
}

impl Family {
    /// Whose turn has come: nobody is missing, or nobody but the one whose turn it is.
    fn turn(&self) -> Option<u32> {
        let mut missing = self.missing.keys();
        match (missing.next(), missing.next()) {
            (None, _) => self.waiting.first().copied(),
            (Some(one), None) => self.waiting.get(one).copied(),
            (Some(_), Some(_)) => None,
        }
    }

    /// The first that was on its way and has failed.
    fn failing(&self) -> Option<u32> {
        let mut missing = self.missing.iter();
        let first = missing.find(|(_, missing)| **missing == Missing::Fails);
        first.map(|(number, _)| *number)
    }
}

impl Rolling {
    /// Takes in what an instance is now.
    pub(super) fn note(&mut self, name: &ProgramName, part: Part) {
        let Some(number) = name.instance_number() else {
            return;
        };
        let family = name.family();
        if part == Part::default() && !self.families.contains_key(&family) {
            return;
        }
        let all = self.families.entry(family.clone()).or_default();
        if part.waits {
            all.waiting.insert(number);
        } else {
            all.waiting.remove(&number);
        }
        match part.missing {
            // What has failed once is not believed before it is RUNNING.
            Some(missing) => {
                let known = all.missing.entry(number).or_insert(missing);
                if missing == Missing::Fails {
                    *known = missing;
                }
            }
            None => drop(all.missing.remove(&number)),
        }
        self.stirred.insert(family);
    }

    /// The next instance whose turn has come to be stopped.
    pub(super) fn next_turn(&mut self) -> Option<ProgramName> {
        while let Some(family) = self.stirred.pop_first() {
            let Some(all) = self.families.get_mut(&family) else {
                continue;
            };
            let failing = all.failing();
            if all.said != failing {
                all.said = failing;
                let waiting = all.waiting.iter().map(|number| family.instance(*number));
                self.restated.extend(waiting);
            }
            if let Some(number) = all.turn() {
                return Some(family.instance(number));
            }
            if all.waiting.is_empty() && all.missing.is_empty() {
                self.families.remove(&family);
            }
        }
        None
    }

    /// Instances that wait for another reason than before.
    pub(super) fn take_restated(&mut self) -> Vec<ProgramName> {
        std::mem::take(&mut self.restated)
    }

    /// Whether an instance waits for its turn, and who holds it up that has failed.
    pub(super) fn wait_of(&self, name: &ProgramName) -> Option<Wait> {
        let family = name.family();
        let all = self.families.get(&family)?;
        let number = name.instance_number()?;
        all.waiting.contains(&number).then(|| Wait {
            held_by: all
                .failing()
                .filter(|failing| *failing != number)
                .map(|failing| family.instance(failing)),
        })
    }
}

/// An instance that waits for its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wait {
    /// The instance that has failed to come up, and comes first.
    held_by: Option<ProgramName>,
}

impl Wait {
    /// The word for it.
    pub(super) fn word(&self) -> TurnWord {
        if self.held_by.is_some() {
            TurnWord::Held
        } else {
            TurnWord::Waits
        }
    }

    /// The sentence for it.
    pub(super) fn reason(&self, why: &str) -> String {
        sentence::waits_for_turn(why, self.held_by.as_ref())
    }
}

impl Program {
    /// Why its process is out of date; `None`: it is not, or there is none that could be stopped.
    pub(super) fn out_of_date(&self, shutting_down: bool) -> Option<OutOfDate> {
        let (Phase::Starting(child) | Phase::Running(child)) = &self.phase else {
            return None;
        };
        let Want::Up { spec, at_least } = self.want(shutting_down) else {
            return None;
        };
        if self.generation < at_least {
            Some(OutOfDate::ByMessage)
        } else {
            let differs = child.spec.needs_restart(&spec);
            differs.then_some(OutOfDate::ByFile)
        }
    }

    /// Why its process is to be replaced now: it is out of date, and waits for no other instance.
    pub(super) fn replacement(&self, shutting_down: bool) -> Option<OutOfDate> {
        self.out_of_date(shutting_down)
            .filter(|_| !self.takes_turns())
    }

    /// Whether others of its family may come first.
    fn takes_turns(&self) -> bool {
        self.name.is_instance() && !self.at_once && !self.has_turn
    }

    /// Whether its process is out of date and goes on for now, since others of its family come
    /// first.
    pub(super) fn waits_for_turn(&self, shutting_down: bool) -> bool {
        self.takes_turns() && self.out_of_date(shutting_down).is_some()
    }

    /// What it is to the others of its family.
    pub(super) fn part(&self, shutting_down: bool) -> Part {
        let waits = self.waits_for_turn(shutting_down);
        let missing = match (self.want(shutting_down), &self.phase) {
            (Want::Up { .. }, Phase::Running(_)) if self.has_turn => Some(Missing::Comes),
            (Want::Down(_), _) | (Want::Up { .. }, Phase::Running(_)) => None,
            (Want::Up { spec, .. }, Phase::Idle(Rest::Exited(exit))) => {
                (!is_success(&spec.policy, *exit)).then_some(Missing::Fails)
            }
            (Want::Up { .. }, Phase::Idle(Rest::Fatal)) => Some(Missing::Fails),
            (Want::Up { .. }, Phase::Delayed { wait, .. }) if !wait.is_zero() => {
                Some(Missing::Fails)
            }
            (
                Want::Up { .. },
                Phase::Idle(Rest::Stopped)
                | Phase::Delayed { .. }
                | Phase::Ordered { .. }
                | Phase::Starting(_)
                | Phase::Stopping { .. }
                | Phase::Clearing { .. },
            ) => Some(Missing::Comes),
        };
        Part { waits, missing }
    }
}
