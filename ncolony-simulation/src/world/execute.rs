//! Orders are carried out: each is checked first, then done to the fake world.

use ncolony_core::colony::diff::Emptiness;
use ncolony_core::colony::{Effect, Generation, Scope};
use ncolony_core::{Event, ProgramName, Signal};

use super::World;
use crate::invariant::{self, Violation};

impl World {
    pub(super) fn execute(&mut self, order: Effect) -> Result<(), Violation> {
        if !matches!(order, Effect::Publish(_)) {
            self.note(|| format!("    ordered: {}", shown(&order)));
        }
        let Some(monitor) = &mut self.monitor else {
            return Ok(());
        };
        match order {
            Effect::Spawn { spec, generation } => {
                let who = self.cast.who(&spec.name);
                invariant::one_process::ordered(&self.kernel, who)?;
                invariant::own_signals::numbered(monitor, &spec.name, generation)?;
                invariant::delays::ordered(monitor, &spec, self.now)?;
                monitor.ledger.ordered(self.now, &spec, generation);
                monitor.listen(&spec);
                if let Some(who) = who {
                    let plan = self.plans.entry(who).or_default().pop_front();
                    let plan = plan.unwrap_or(self.usual);
                    self.kernel.start(self.now, who, generation, spec, plan);
                }
            }
            Effect::Signal {
                name,
                generation,
                scope,
                signal,
            } => self.signal(&name, generation, scope, signal)?,
            Effect::Tell(events) => return self.keep(&events),
            Effect::Publish(record) => {
                monitor.records.insert(record.name.clone(), *record);
            }
            Effect::Retract(name) => {
                invariant::removed_goes::retracted(monitor, &name)?;
                monitor.records.remove(&name);
            }
            Effect::Probe {
                spec, generation, ..
            } => self.probe(&spec, generation),
            Effect::EndProbe(name) => drop(monitor.probed.remove(&name)),
            Effect::Release(name) => invariant::listening::released(monitor, &name)?,
            Effect::Answer(reply) => invariant::messages_once::answered(monitor, &reply)?,
            Effect::Reject { file, .. } => {
                invariant::messages_once::rejected(monitor, &file)?;
                self.mail.remove(&file);
            }
            Effect::Discard { file } => {
                invariant::messages_once::discarded(monitor, &file)?;
                self.mail.remove(&file);
            }
            Effect::Upgrade => {
                invariant::messages_once::upgrade_ordered(monitor)?;
                monitor.upgrade_runs = true;
            }
            Effect::Rescan => {
                monitor.rescans += 1;
                self.look(Emptiness::Meant)?;
            }
        }
        Ok(())
    }

    /// Events are kept, one after the other: a monitor may die in between.
    fn keep(&mut self, events: &[Event]) -> Result<(), Violation> {
        for event in events {
            if self.burn_fuse() {
                return self.die(true);
            }
            self.told.tell(event)?;
        }
        Ok(())
    }

    fn signal(
        &mut self,
        name: &ProgramName,
        generation: Generation,
        scope: Scope,
        signal: Signal,
    ) -> Result<(), Violation> {
        let Some(monitor) = &mut self.monitor else {
            return Ok(());
        };
        invariant::own_signals::sent(monitor, &self.kernel, name, generation)?;
        match scope {
            Scope::Leader => {
                invariant::own_signals::sent_to_leader(monitor, name, generation, signal)?;
            }
            Scope::Group => {
                invariant::needless_stop::sent(monitor, name, generation, signal, self.now)?;
            }
        }
        let who = self.cast.who(name);
        let group = self
            .kernel
            .groups
            .iter()
            .find(|group| Some(group.who) == who && group.generation == generation);
        if let Some(serial) = group.map(|group| group.serial) {
            let whole_group = scope == Scope::Group;
            self.kernel.signal(self.now, serial, whole_group, signal);
        }
        Ok(())
    }
}

fn shown(order: &Effect) -> String {
    match order {
        Effect::Spawn { spec, generation } => format!("Spawn {} {generation:?}", spec.name),
        Effect::Probe {
            spec, generation, ..
        } => format!("Probe {} {generation:?}", spec.name),
        Effect::Tell(events) => {
            let one = |it: &Event| format!(" {} {}>{} {}", it.name, it.from, it.to, it.cause);
            format!("Tell{}", events.iter().map(one).collect::<String>())
        }
        Effect::Signal { .. }
        | Effect::Publish(_)
        | Effect::Retract(_)
        | Effect::Release(_)
        | Effect::EndProbe(_)
        | Effect::Answer(_)
        | Effect::Reject { .. }
        | Effect::Discard { .. }
        | Effect::Upgrade
        | Effect::Rescan => format!("{order:?}"),
    }
}
