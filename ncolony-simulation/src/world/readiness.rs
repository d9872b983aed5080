//! How a monitor learns that programs are ready, and that they are well.

use ncolony_core::colony::{Generation, Observation, Word};
use ncolony_core::{ProgramName, ProgramSpec};

use super::{Monitor, World};
use crate::action::Who;

impl World {
    /// The monitor begins to look at a start; it may find at once what it looks for.
    pub(super) fn probe(&mut self, spec: &ProgramSpec, generation: Generation) {
        let who = self.cast.who(&spec.name);
        let mut groups = self.kernel.groups.iter();
        let group = groups.find(|it| Some(it.who) == who && it.generation == generation);
        let holds = group.is_some_and(|group| group.risen && group.leader);
        let name = spec.name.clone();
        if let Some(monitor) = &mut self.monitor {
            monitor.probed.insert(name.clone(), generation);
        }
        if holds {
            self.tell(Observation::Ready { name, generation });
        }
    }

    /// That what a program's file calls ready holds now, as it is found or said.
    pub(super) fn risen(&self, name: ProgramName, who: Who, generation: Generation) -> Observation {
        let group = self.kernel.groups.iter().find(|group| group.who == who);
        if group.is_some_and(|group| group.spec.process.notifies) {
            return says(name, generation, Word::Ready);
        }
        Observation::Ready { name, generation }
    }
}

impl Monitor {
    /// How a program is: what it says is heard, and what is looked at is found.
    pub(super) fn tell_health(&mut self, fact: Observation) {
        if let Observation::Ready { name, generation } = &fact
            && self.probed.get(name) != Some(generation)
        {
            return;
        }
        self.tell(fact);
    }
}

/// A process says something of itself.
pub(super) fn says(name: ProgramName, generation: Generation, word: Word) -> Observation {
    Observation::Notified {
        name,
        generation,
        word,
    }
}

/// Whether a fact says how a process is. Such a fact may come twice, and then counts twice.
pub(super) fn is_of_health(fact: &Observation) -> bool {
    matches!(
        fact,
        Observation::Ready { .. } | Observation::Notified { .. }
    )
}
