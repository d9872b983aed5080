//! The monitor looks at its directories: the files through the real catalogue, and the messages.

use ncolony_core::Wall;
use ncolony_core::colony::Observation;
use ncolony_core::colony::diff::Emptiness;

use super::World;
use super::mail::read_letter;
use crate::invariant::{self, Violation};

/// A wall clock far from the files' times, so that no file is young.
const LATER: Wall = Wall::from_millis(1_000_000_000);

impl World {
    pub(super) fn look_when_due(&mut self) -> Result<(), Violation> {
        let (now, frequency) = (self.now, self.frequency);
        let Some(monitor) = &mut self.monitor else {
            return Ok(());
        };
        if monitor.next_look.is_some_and(|due| due <= now) {
            monitor.next_look = frequency.map(|span| now.after(span));
            return self.look(Emptiness::Doubted);
        }
        Ok(())
    }

    /// The monitor looks at both directories, and is told what it finds.
    pub(super) fn look(&mut self, emptiness: Emptiness) -> Result<(), Violation> {
        self.look_at_files(emptiness)?;
        self.look_at_messages();
        Ok(())
    }

    fn look_at_files(&mut self, emptiness: Emptiness) -> Result<(), Violation> {
        let Some(monitor) = &mut self.monitor else {
            return Ok(());
        };
        let Some(listing) = self.folder.list(&self.cast) else {
            monitor.catalogue.unknown("it cannot be listed".to_owned());
            return Ok(());
        };
        let inode = listing.directory.inode;
        let same = match monitor.believed {
            Some(believed) => believed == inode,
            None => !monitor.remembers,
        };
        let credible = same || !listing.entries.is_empty() || emptiness == Emptiness::Meant;
        let diff = monitor.catalogue.look(listing, emptiness, LATER);
        invariant::needless_stop::looked(&diff, credible)?;
        if credible {
            monitor.believed = Some(inode);
            monitor.remembers = false;
        }
        for (name, found) in diff.changes {
            if let Some(who) = self.cast.who(&name) {
                let reading = self.folder.read(&self.cast, who, &found);
                monitor.tell(Observation::Config { name, reading });
            }
        }
        Ok(())
    }

    fn look_at_messages(&mut self) {
        let Some(monitor) = &mut self.monitor else {
            return;
        };
        for (file, letter) in self.mail.letters() {
            if self.disk.knows(file, letter.inode) {
                continue;
            }
            if monitor.noticed.insert(letter.inode) {
                let message = read_letter(&self.cast, letter);
                let file = file.clone();
                monitor.tell(Observation::Message { file, message });
            }
        }
    }
}
