//! What of a world decides its future, for telling states apart in a search.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::kernel::{Due, Kernel};
use super::{Monitor, World};
use crate::cast::MEMORY;
use ncolony_core::colony::Colony;
use ncolony_core::{Defaults, Mono};

impl World {
    /// A number that is the same for worlds with the same future, and hardly ever for others. The
    /// monitor has acted on everything that it knows, and has seen its directories as they are.
    #[must_use]
    pub fn essence(&self) -> u64 {
        let mut out = DefaultHasher::new();
        self.kernel.hash_essence(self.now, &mut out);
        for file in self.folder.files() {
            file.hash(&mut out);
        }
        for (who, plans) in &self.plans {
            if !plans.is_empty() {
                (who, plans).hash(&mut out);
            }
        }
        self.fuse.hash(&mut out);
        for (file, letter) in self.mail.letters() {
            let known = self.disk.knows(file, letter.inode);
            (file, letter.word, letter.id.is_some(), known).hash(&mut out);
        }
        if let Some(dead) = &self.dead {
            self.hash_bequest(dead, &mut out);
        }
        if let Some(monitor) = &self.monitor {
            debug_assert!(!monitor.is_due(self.now), "it has acted");
            monitor.colony.hash_essence(self.now, MEMORY, &mut out);
            monitor.ledger.hash_essence(self.now, &mut out);
            // When it exits goes by the number of the step.
            let lingers = monitor.ledger.detaching.then_some(self.steps % 2);
            lingers.hash(&mut out);
        }
        out.finish()
    }
}

impl World {
    /// What decides the future while no monitor lives: what is written down, and what is expected.
    fn hash_bequest(&self, dead: &Monitor, out: &mut impl Hasher) {
        let journal = self.disk.journal.clone().unwrap_or_default();
        let upgrading = journal.counts.upgrading.is_some();
        let colony = Colony::restored(journal, &Defaults::default(), self.clocks());
        colony.hash_essence(self.now, MEMORY, out);
        (upgrading, self.disk.directory.map(|it| it.inode)).hash(out);
        dead.ledger.hash_essence(self.now, out);
    }
}

impl Kernel {
    fn hash_essence(&self, now: Mono, out: &mut impl Hasher) {
        for group in &self.groups {
            let age = now.since(group.started).min(MEMORY);
            (group.who, age, &group.spec.source).hash(out);
            (group.leader, group.members, group.temper).hash(out);
            (group.is_frozen(), group.risen).hash(out);
        }
        let place = |serial: u64| {
            let mut groups = self.groups.iter();
            groups.position(|group| group.serial == serial)
        };
        for (due, what) in self.agenda() {
            let ahead = due.since(now);
            match what {
                Due::Spawn { who, start, .. } => (0_u8, ahead, who, start).hash(out),
                Due::LeaderEnds { serial, exit } => {
                    (1_u8, ahead, place(*serial), exit).hash(out);
                }
                Due::MembersEnd { serial } => (2_u8, ahead, place(*serial)).hash(out),
                Due::Rises { serial } => (3_u8, ahead, place(*serial)).hash(out),
                Due::SaysWell { serial } => (4_u8, ahead, place(*serial)).hash(out),
            }
        }
    }
}
