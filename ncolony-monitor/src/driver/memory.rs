//! What is written down for a successor, before anything is done, and how it is taken up.

use std::collections::BTreeMap;

use ncolony_core::ProgramName;
use ncolony_core::colony::{Colony, Observation};

use super::Driver;
use crate::inheritance::Inheritance;
use crate::journal::Everything;
use crate::sources::messages::Mailbox;
use crate::state::{Mark, Settled};
use crate::sys::clock;

/// What is known now, for a journal that is written anew.
pub(super) fn everything(colony: &Colony, mailbox: &Mailbox) -> Everything {
    let standing = mailbox.settled();
    Everything {
        snapshot: colony.snapshot(),
        standing: standing.map(|(file, mark)| (file.clone(), mark)).collect(),
    }
}

impl Driver {
    /// Writes down what has changed. Nothing that was ordered is done before.
    pub(super) fn write_down(&mut self) {
        if !self.colony.has_changes() {
            return;
        }
        let changes = self.colony.take_changes();
        let mark = |file: &String| {
            let mark = self.executor.mailbox.mark_of(file)?;
            Some((file.clone(), mark))
        };
        let files = changes.acted_on.iter().map(|acted_on| &acted_on.file);
        let marks: BTreeMap<String, Mark> = files.filter_map(mark).collect();
        let problem = self.journal.problem().is_some();
        let (colony, mailbox) = (&self.colony, &self.executor.mailbox);
        self.journal
            .append(changes, marks, || everything(colony, mailbox));
        if problem != self.journal.problem().is_some() {
            self.overview.touch();
        }
    }

    /// Takes up what an earlier monitor has left. Nothing follows from it before the directories
    /// were looked at.
    pub(super) fn take_up(&mut self, inheritance: Inheritance, exit_with: Option<ProgramName>) {
        let now = clock::now();
        self.colony = inheritance.colony;
        self.colony.resume_events(self.executor.events.kept());
        if let Some(name) = exit_with {
            self.colony.end_with(name);
        }
        self.executor
            .take_up(&self.colony, inheritance.living, inheritance.left);
        for fact in inheritance.facts {
            self.observe_inherited(fact);
        }
        // Nobody has kept the last lines of what ended unseen.
        self.colony.release_events();
        for (file, settled) in inheritance.settled {
            self.settle_message(&file, settled);
        }
        self.records.acted(now.mono);
    }

    fn observe_inherited(&mut self, fact: Observation) {
        if let Observation::Exited {
            name, generation, ..
        } = &fact
        {
            self.executor.ended_unseen(name, *generation);
        }
        self.colony.observe(clock::now(), fact);
    }

    /// A message that an earlier monitor had acted on is not acted on again. Its sender may not
    /// have been told.
    fn settle_message(&mut self, file: &str, settled: Settled) {
        if !self.executor.mailbox.is_marked(file, settled.mark) {
            return;
        }
        self.executor.mailbox.remember(file);
        if let Some(reply) = settled.reply {
            self.executor.status.answer(reply, clock::mono());
        }
        if self.colony.is_upgrade_message(file) {
            return;
        }
        match settled.rejected {
            Some(reason) => self.executor.reject(file, &reason),
            None => self.executor.mailbox.discard(file),
        }
    }
}
