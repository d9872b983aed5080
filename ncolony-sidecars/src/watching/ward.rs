//! The programs that a check has in its care: as long as their files ask for it and they run.

use std::collections::BTreeMap;

use ncolony_core::{Mono, Places, ProgramName};

use super::programs::{Asked, Programs, Seen};
use super::records::{Life, Run};
use super::voice::Voice;

/// What a check keeps of one program.
pub(crate) trait Patient {
    /// What the program's file asks for.
    type Asked: Asked;

    /// One that is checked from now on; `run` is the start that it is about.
    fn new(asked: Self::Asked, run: Run, now: Mono) -> Self;

    /// What the program's file asked for.
    fn asked(&self) -> &Self::Asked;

    /// Whether this is still the same check, and the program was not started again.
    fn is_about(&self, asked: &Self::Asked, run: &Run) -> bool;
}

/// All that is checked.
#[derive(Debug)]
pub(crate) struct Ward<P: Patient> {
    programs: Programs<P::Asked>,
    /// What is checked, by name.
    pub(crate) patients: BTreeMap<ProgramName, P>,
}

impl<P: Patient> Ward<P> {
    /// Nobody has looked yet.
    pub(crate) fn new() -> Self {
        Self {
            programs: Programs::new(),
            patients: BTreeMap::new(),
        }
    }

    /// Looks at program files and records: who is to be checked from now on, and who no more.
    /// Where the files cannot be listed, everything stays as it is.
    pub(crate) fn look(&mut self, now: Mono, places: &Places, voice: &mut Voice) {
        let Some(seen) = self.programs.look(places, voice) else {
            return;
        };
        self.patients.retain(|name, _| seen.contains_key(name));
        for (name, seen) in seen {
            self.admit(now, name, seen, voice);
        }
    }

    /// Looks at the record of one: is it still the process that it was? Who checks many at a time
    /// need not look at all of them for each that has failed.
    pub(crate) fn look_at(
        &mut self,
        now: Mono,
        name: &ProgramName,
        places: &Places,
        voice: &mut Voice,
    ) {
        let Some(patient) = self.patients.get(name) else {
            return;
        };
        let asked = Ok(patient.asked().clone());
        let life = self.programs.life(places, name, voice);
        self.admit(now, name.clone(), Seen { asked, life }, voice);
    }

    fn admit(&mut self, now: Mono, name: ProgramName, seen: Seen<P::Asked>, voice: &mut Voice) {
        let subject = format!("{name}: its file");
        let asked = match seen.asked {
            Ok(asked) => {
                voice.is_well(&subject);
                Some(asked)
            }
            Err(wrong) => {
                let wrong = format!("{wrong}; it is not checked until that is mended");
                voice.say(&subject, &wrong);
                None
            }
        };
        let run = match seen.life {
            Life::Runs(run) => Some(run),
            Life::Rests => None,
        };
        let (Some(asked), Some(run)) = (asked, run) else {
            self.patients.remove(&name);
            return;
        };
        let known = self.patients.get(&name);
        if !known.is_some_and(|patient| patient.is_about(&asked, &run)) {
            self.patients.insert(name, P::new(asked, run, now));
        }
    }
}

#[cfg(test)]
mod tests;
