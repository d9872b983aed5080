//! A monitor dies, and another takes over what it has left. This is the real monitor's way, in
//! small: what was written down is read, the kernel is asked what has become of each process, and
//! only then anything is decided.

use ncolony_core::colony::diff::{Catalogue, Emptiness};
use ncolony_core::colony::snapshot::{ActedOn, ProgramSnapshot, Remembered, Snapshot};
use ncolony_core::colony::{Colony, Effect, Generation, Group, Observation};
use ncolony_core::{Defaults, Mono, ProgramName};

use super::kernel::ProcessGroup;
use super::monitor::exited;
use super::{Monitor, World, disk};
use crate::invariant::{self, Violation};

impl World {
    /// The monitor dies. Either it had decided nothing that was not carried out, or what it had
    /// decided is written down.
    pub(super) fn die(&mut self, decided: bool) -> Result<(), Violation> {
        self.note(|| "    the monitor dies".to_owned());
        let Some(mut monitor) = self.monitor.take() else {
            return Ok(());
        };
        self.fuse = None;
        // One that is to leave everything as it is decides nothing.
        let decided = decided && !monitor.ledger.detaching;
        if let Some(journal) = self.disk.journal.as_ref().filter(|_| decided) {
            monitor.count_as_ordered(journal, self.now)?;
            monitor.ledger.decided(self.now);
            invariant::listening::died(&mut monitor);
        }
        self.leave(monitor);
        Ok(())
    }

    /// The monitor is gone. Starts on their way come to be now or never.
    pub(super) fn leave(&mut self, mut monitor: Monitor) {
        self.kernel.settle_starts(self.now);
        monitor.ledger.bereave();
        monitor.bereave();
        self.dead = Some(Box::new(monitor));
    }

    /// Another monitor begins: after one that has ended in order afresh, else as its successor.
    pub(super) fn replace(&mut self) -> Result<(), Violation> {
        if let Some(monitor) = &self.monitor {
            if monitor.colony.is_closed() && !monitor.colony.is_detaching() {
                invariant::liveness::closed(&self.kernel)?;
                self.release()?;
                self.disk = disk::Disk::default();
                self.dead = None;
                self.monitor = None;
            } else {
                let fuse = self.fuse;
                self.die(false)?;
                self.fuse = fuse;
            }
        }
        match (self.disk.journal.clone(), self.dead.take()) {
            (Some(journal), Some(dead)) => self.adopt(journal, *dead)?,
            (None, _) | (_, None) => {
                let mut monitor = Monitor::new(self.now, self.frequency);
                monitor.colony.resume_events(self.told.serial);
                self.monitor = Some(monitor);
                self.lay_keystone();
            }
        }
        self.look(Emptiness::Doubted)?;
        self.turn()
    }

    /// The monitor ends, and hears of no more last lines.
    fn release(&mut self) -> Result<(), Violation> {
        if let Some(monitor) = &mut self.monitor {
            monitor.colony.release_events();
        }
        self.write_down();
        let events = self.monitor.as_mut().and_then(|it| it.colony.poll_events());
        // One that dies before it has told all of it has not ended in order.
        let fuse = self.fuse.take();
        let told = events.map_or(Ok(()), |events| self.execute(events));
        self.fuse = fuse;
        told
    }

    fn adopt(&mut self, journal: Snapshot, dead: Monitor) -> Result<(), Violation> {
        let journal = disk::read_back(journal);
        let facts = journal.programs.values().flat_map(|it| self.found(it));
        let mut facts: Vec<Observation> = facts.collect();
        if journal.counts.upgrading.is_some() {
            let why = "the monitor ended before the upgrade was done".to_owned();
            facts.insert(0, Observation::UpgradeFailed { why });
        }
        let upgrading = journal.counts.upgrading.clone();
        let mut monitor = self.restore(journal, dead)?;
        for fact in facts {
            self.note(|| format!("    finds: {fact:?}"));
            monitor.tell(fact);
        }
        let answered = monitor.answered.clone();
        self.monitor = Some(monitor);
        self.lay_keystone();
        let mut left = self.disk.left_over(&self.mail);
        // The machine itself tells how that came out.
        left.retain(|it| upgrading.as_ref().is_none_or(|own| own.file != it.file));
        for acted_on in left {
            let replied = |id: &ProgramName| answered.contains(id);
            for order in orders_left(acted_on, replied) {
                if self.burn_fuse() {
                    return self.die(false);
                }
                self.execute(order)?;
            }
        }
        Ok(())
    }

    /// The monitor that comes of what was written down, and has seen nothing yet.
    pub(super) fn restore(
        &self,
        snapshot: Snapshot,
        mut before: Monitor,
    ) -> Result<Monitor, Violation> {
        before.ledger.forget_batches();
        let programs = snapshot.programs.values();
        let with_file = programs.filter(|program| program.has_file());
        let names: Vec<ProgramName> = with_file.map(|program| program.name.family()).collect();
        let remembers = !names.is_empty();
        let catalogue = Catalogue::expecting(names, self.disk.directory);
        let mut colony = Colony::restored(snapshot, &Defaults::default(), self.clocks());
        colony.resume_events(self.told.serial);
        invariant::remembered::restored(&before.colony, &colony)?;
        let next_look = self.frequency.map(|span| self.now.after(span));
        let mut monitor = before.succeeded_by(colony, catalogue, next_look);
        monitor.ledger.wait_anew(self.now);
        monitor.believed = self.disk.directory.map(|directory| directory.inode);
        monitor.remembers = remembers;
        Ok(monitor)
    }

    fn group(&self, name: &ProgramName, generation: Generation) -> Option<&ProcessGroup> {
        let who = self.cast.who(name)?;
        let mut groups = self.kernel.groups.iter();
        groups.find(|group| group.who == who && group.generation == generation)
    }

    /// What has become of a program's process, as far as the kernel tells a stranger.
    fn found(&self, program: &ProgramSnapshot) -> Vec<Observation> {
        let (name, generation) = (&program.name, program.generation());
        let group = self.group(name, generation);
        let adopted = |group: &ProcessGroup| Observation::Adopted {
            name: name.clone(),
            generation,
            pid: group.pid,
            identity: None,
        };
        let ended = |left: Group| {
            let who = self.cast.who(name);
            let exit = self.kernel.exit_for_strangers(who, generation);
            exited(name.clone(), generation, exit, left, self.now)
        };
        match (program.remembered(), group) {
            (Remembered::Nothing, _) | (Remembered::Group { .. }, Some(_)) => Vec::new(),
            (Remembered::Ordered, None) => vec![Observation::NeverStarted {
                name: name.clone(),
                generation,
            }],
            (Remembered::Ordered, Some(group)) if !group.leader => {
                vec![adopted(group), ended(Group::Left)]
            }
            (Remembered::Process { .. }, Some(group)) if !group.leader => vec![ended(Group::Left)],
            (Remembered::Ordered | Remembered::Process { .. }, Some(group)) => vec![adopted(group)],
            (Remembered::Process { .. }, None) => vec![ended(Group::Gone)],
            (Remembered::Group { .. }, None) => vec![Observation::GroupGone {
                name: name.clone(),
                generation,
                at: self.now,
            }],
        }
    }
}

/// What is still to be done about a message that was acted on.
fn orders_left(acted_on: ActedOn, replied: impl Fn(&ProgramName) -> bool) -> Vec<Effect> {
    let file = acted_on.file;
    let reply = acted_on.reply.filter(|reply| !replied(&reply.id));
    let disposal = match acted_on.rejected {
        Some(reason) => Effect::Reject { file, reason },
        None => Effect::Discard { file },
    };
    reply
        .map(Effect::Answer)
        .into_iter()
        .chain([disposal])
        .collect()
}

impl Monitor {
    /// Starts that were written down and not carried out have their number and their right as if
    /// they had been.
    fn count_as_ordered(&mut self, journal: &Snapshot, now: Mono) -> Result<(), Violation> {
        for (name, program) in &journal.programs {
            let generation = program.generation();
            let known = self.ledger.numbers.get(name) >= Some(&generation);
            if program.remembered() != Remembered::Ordered || known {
                continue;
            }
            let account = self.ledger.accounts.get(name);
            let Some(spec) = account.and_then(|account| account.good.clone()) else {
                return Err(invariant::Invariant::Liveness.broken(format!(
                    "a start of {name} is written down, and it has no file"
                )));
            };
            invariant::own_signals::numbered(self, name, generation)?;
            invariant::delays::ordered(self, &spec, now)?;
            self.ledger.ordered(now, &spec, generation);
            self.listen(&spec);
        }
        Ok(())
    }
}
