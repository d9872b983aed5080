//! The one program whose end is the end of all, where there is one: when it ends by itself,
//! whatever its `restart` says, everything is stopped, and how it ended is how the colony ended. Of
//! one with several instances it is the end of any of them.

use super::ending::Closing;
use super::phase::{Phase, Rest};
use super::program::{Program, Want};
use super::{Colony, Observation};
use crate::exit::Exit;
use crate::name::ProgramName;

/// What a program that could never be executed ended with: the shell's word for it.
const NEVER_EXECUTED: Exit = Exit::Code(127);

/// The program, and how it ended.
#[derive(Clone, Debug)]
pub(super) struct Keystone {
    name: ProgramName,
    ended: Option<Exit>,
}

impl Colony {
    /// From now on the end of this program is the end of all. One that had ended for good while no
    /// monitor was there has ended now. That there is no such program is no end: its file may come.
    pub fn end_with(&mut self, name: ProgramName) {
        let ended = self.members(&name).find_map(Program::rested);
        self.keystone = Some(Keystone { name, ended: None });
        self.fall(ended);
    }

    /// The program whose end was the end of all, and how it ended. `None`: it did not, or there is
    /// none.
    #[must_use]
    pub fn keystone_exit(&self) -> Option<(&ProgramName, Exit)> {
        let keystone = self.keystone.as_ref()?;
        Some((&keystone.name, keystone.ended?))
    }

    /// Whether this fact, before it is taken in, is the end of all.
    pub(super) fn end_in(&self, fact: &Observation) -> Option<Exit> {
        let keystone = self.keystone.as_ref()?;
        let Observation::Exited {
            name,
            generation,
            exit,
            ..
        } = fact
        else {
            return None;
        };
        let is_it = *name == keystone.name || name.family() == keystone.name;
        let program = self.programs.get(name).filter(|_| is_it)?;
        let by_itself = program.generation == *generation && program.is_to_go_on();
        by_itself.then_some(*exit)
    }

    /// Whether the program came to rest over this fact, which was taken in, without an end.
    pub(super) fn end_after(&self) -> Option<Exit> {
        let name = &self.keystone.as_ref()?.name;
        self.members(name).find_map(Program::rested)
    }

    /// If the program has ended, so does everything.
    pub(super) fn fall(&mut self, ended: Option<Exit>) {
        let Some(keystone) = self.keystone.as_mut().filter(|_| ended.is_some()) else {
            return;
        };
        if self.closing == Closing::No {
            keystone.ended = ended;
            self.close();
        }
    }
}

impl Program {
    /// Whether it runs, and nobody wants that to be otherwise.
    fn is_to_go_on(&self) -> bool {
        match (&self.phase, self.want(false)) {
            (Phase::Starting(child) | Phase::Running(child), Want::Up { .. }) => {
                !self.is_superseded(&child.spec)
            }
            (
                Phase::Idle(_)
                | Phase::Delayed { .. }
                | Phase::Ordered { .. }
                | Phase::Starting(_)
                | Phase::Running(_)
                | Phase::Stopping { .. }
                | Phase::Clearing { .. },
                Want::Up { .. } | Want::Down(_),
            ) => false,
        }
    }

    /// How it came to rest, if it did by itself.
    fn rested(&self) -> Option<Exit> {
        match &self.phase {
            Phase::Idle(Rest::Exited(exit)) => Some(*exit),
            Phase::Idle(Rest::Fatal) => Some(self.exit.unwrap_or(NEVER_EXECUTED)),
            Phase::Idle(Rest::Stopped)
            | Phase::Delayed { .. }
            | Phase::Ordered { .. }
            | Phase::Starting(_)
            | Phase::Running(_)
            | Phase::Stopping { .. }
            | Phase::Clearing { .. } => None,
        }
    }
}
