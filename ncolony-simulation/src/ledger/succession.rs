//! What the death of a monitor leaves, and what its successor learns.

use ncolony_core::colony::Generation;
use ncolony_core::{Mono, ProgramName};

use super::ends::SPACING;
use super::{Account, Fault, Known, Ledger, Pause, Stop};

impl Ledger {
    /// What was carried out is written down, too.
    pub(crate) fn written_down(&mut self) {
        for account in self.accounts.values_mut() {
            if let Some(stop) = account.stop_mut() {
                stop.written |= stop.continued;
            }
        }
    }

    /// What was decided is written down, and the monitor dies before it has carried out all of it.
    pub(crate) fn decided(&mut self, now: Mono) {
        let killing = self.killing;
        let names: Vec<ProgramName> = self.accounts.keys().cloned().collect();
        // Those who wait for each other come last, one after the other.
        let (last, first): (Vec<_>, Vec<_>) = names.into_iter().partition(|it| self.may_wait(it));
        let told: Vec<_> = first.iter().map(|name| self.is_told(name, now)).collect();
        for (name, told) in first.iter().zip(told) {
            self.decide_on(name, now, told, killing);
        }
        for name in &last {
            let told = self.is_told(name, now);
            self.decide_on(name, now, told, killing);
        }
        self.settle(now);
    }

    /// Whether a program is told to stop, if it was not before.
    fn is_told(&self, name: &ProgramName, now: Mono) -> (bool, Option<Fault>) {
        let Some(account) = self.accounts.get(name) else {
            return (false, None);
        };
        let left = matches!(account.known, Known::Leftover { .. });
        let must_stop = (account.life()).is_some_and(|life| self.must_stop(name, account, life));
        let is_held = || self.stop_waits(name).is_some() || self.waits(name, now);
        let told = left || (must_stop && !is_held());
        let fault = account.life().and_then(|life| life.fault(now));
        (told, fault.filter(|_| !told))
    }

    fn decide_on(
        &mut self,
        name: &ProgramName,
        now: Mono,
        told: (bool, Option<Fault>),
        killing: bool,
    ) {
        if let Some(account) = self.accounts.get_mut(name) {
            account.decided(now, told, killing);
        }
    }

    /// The monitor is dead: whether stops were asked for is known if it was written down.
    pub(crate) fn bereave(&mut self) {
        for account in self.accounts.values_mut() {
            if let Some(stop) = account.stop_mut()
                && !stop.written
            {
                (stop.asked, stop.continued) = (false, false);
            }
        }
        (self.closing, self.killing) = (false, false);
        self.end_of_all = None;
        (self.upgrading, self.detaching) = (false, false);
        self.forget_batches();
        self.begin();
    }

    pub(super) fn adopted(
        &mut self,
        now: Mono,
        name: &ProgramName,
        generation: Generation,
        pid: u32,
    ) {
        let Some(account) = self.about(name, generation) else {
            return;
        };
        if let Known::Ordered { asked, .. } = &account.known {
            let asked = *asked;
            self.spawned(name, generation, pid, asked);
        }
        if let Some(Account {
            known: Known::Alive(life),
            ..
        }) = self.accounts.get_mut(name)
        {
            life.adopted = true;
            (life.since, life.well) = (now, now);
        }
    }

    pub(super) fn never_started(&mut self, now: Mono, name: &ProgramName, generation: Generation) {
        let Some(account) = self.about(name, generation) else {
            return;
        };
        let Known::Ordered { spec, asked, .. } = &account.known else {
            return;
        };
        // It may have come and gone unseen.
        let spaced = asked.after(SPACING);
        let pause = if account.is_superseded(spec) || spaced <= now {
            Pause::None
        } else {
            Pause::Waits {
                earliest: spaced,
                latest: spaced,
                spaced,
                delay: None,
            }
        };
        account.last_start = account.last_start.max(Some(*asked));
        account.known = Known::Nothing(pause);
    }
}

impl Account {
    fn stop_mut(&mut self) -> Option<&mut Stop> {
        self.life_mut()?.stop.as_mut()
    }

    fn decided(&mut self, now: Mono, (told, fault): (bool, Option<Fault>), killing: bool) {
        let Some(life) = self.life() else {
            return;
        };
        let kill_by = now.after(life.spec.policy.killtime);
        let Some(life) = self.life_mut() else {
            return;
        };
        match &mut life.stop {
            None if told || fault.is_some() => {
                life.stop = Some(Stop {
                    asked: false,
                    fault,
                    ..Stop::begun(kill_by)
                });
            }
            Some(stop) if stop.due_at() <= now || (killing && stop.killed.is_none()) => {
                stop.killed = Some(now);
            }
            None | Some(_) => {}
        }
    }
}
