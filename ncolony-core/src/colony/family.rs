//! Programs that have one file: one program of the file's name, or instances of it. A file is about
//! all of them, and so is a message that says its name.

use std::collections::BTreeSet;

use super::Colony;
use super::io::{Effect, Reading};
use super::program::{Program, Want};
use crate::name::ProgramName;
use crate::time::Now;

impl Colony {
    /// The programs that a name means, in the order of names: the one of this name, and all
    /// instances where it is the name of a file.
    pub(super) fn members(&self, name: &ProgramName) -> impl Iterator<Item = &Program> {
        let instances = (!name.is_instance()).then(|| name.instances_in(&self.programs));
        let instances = instances.into_iter().flatten();
        let exact = self.programs.get(name).into_iter();
        exact.chain(instances.map(|(_, program)| program))
    }

    /// Whether a name means anybody: a program, an instance, or a program that has instances.
    #[must_use]
    pub fn is_known(&self, name: &ProgramName) -> bool {
        self.members(name).next().is_some()
    }

    /// Takes in a look at a file, which is about all processes that it stands for, and about those
    /// that it stands for no longer.
    pub(super) fn read(&mut self, now: Now, name: &ProgramName, reading: Reading) {
        let mut described = BTreeSet::new();
        match reading {
            Reading::Good(spec) => {
                for spec in spec.expanded() {
                    described.insert(spec.name.clone());
                    self.read_one(now, spec.name.clone(), Reading::Good(spec));
                }
            }
            // The error is shown on all that go on by what the file said before.
            Reading::Bad { .. } => {
                let going_on = self.members(name).filter(|it| it.spec.is_some());
                described.extend(going_on.map(|it| it.name.clone()));
                if described.is_empty() {
                    described.insert(name.clone());
                }
                for name in &described {
                    self.read_one(now, name.clone(), reading.clone());
                }
            }
            Reading::Absent => {}
        }
        let gone = self.members(name).map(|it| it.name.clone());
        let gone: Vec<_> = gone.filter(|name| !described.contains(name)).collect();
        for name in gone {
            self.read_one(now, name, Reading::Absent);
        }
    }

    fn read_one(&mut self, now: Now, name: ProgramName, reading: Reading) {
        let program = self
            .programs
            .entry(name.clone())
            .or_insert_with(|| Program::new(name.clone(), self.retired, now));
        if program.says_the_same(&reading) {
            return;
        }
        program.read(now, reading);
        self.touched.insert(name);
    }

    /// What is listened on for all of one file is closed when the last of them is wanted down and
    /// nothing of it runs.
    pub(super) fn release(&mut self, name: &ProgramName) {
        let family = name.family();
        let shutting_down = self.is_closing();
        let may_listen = |program| may_listen(program, shutting_down);
        if !self.members(&family).any(may_listen) {
            self.effects.push_back(Effect::Release(family));
        }
    }
}

/// Whether something is listened on for it, or will be as soon as it is settled.
fn may_listen(program: &Program, shutting_down: bool) -> bool {
    let will = |want| match want {
        Want::Up { spec, .. } => spec.listens(),
        Want::Down(_) => false,
    };
    program.listens || will(program.want(shutting_down))
}
