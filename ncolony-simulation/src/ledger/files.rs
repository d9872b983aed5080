//! What a reading of a program's file changes.

use std::sync::Arc;

use ncolony_core::colony::Reading;
use ncolony_core::status::content_digest;
use ncolony_core::{Mono, ProgramName, ProgramSpec};

use super::ends::rests;
use super::{Account, Hand, Known, Ledger, Pause};

impl Ledger {
    pub(super) fn read(&mut self, now: Mono, name: &ProgramName, reading: &Reading) {
        if *reading == Reading::Absent && !self.accounts.contains_key(name) {
            return;
        }
        let account = self
            .accounts
            .entry(name.clone())
            .or_insert_with(Account::new);
        match reading {
            Reading::Good(spec) => account.read_good(now, spec),
            Reading::Bad { digest, .. } => {
                account.bad = true;
                account.digest.clone_from(digest);
            }
            Reading::Absent => {
                account.good = None;
                account.bad = false;
                account.hand = Hand::Off;
                account.deaths = 0;
            }
        }
    }
}

impl Account {
    fn read_good(&mut self, now: Mono, spec: &Arc<ProgramSpec>) {
        self.bad = false;
        self.digest = Some(content_digest(spec.source.as_bytes()));
        let old = self.good.replace(Arc::clone(spec));
        self.apply_policy(spec);
        match old {
            None => self.comes_back(),
            Some(old) if old.process != spec.process => {
                self.deaths = 0;
                self.wake();
            }
            Some(old) => self.policy_changed(now, &old, spec),
        }
    }

    /// A policy holds at once for a process that it is still meant for.
    fn apply_policy(&mut self, new: &Arc<ProgramSpec>) {
        let spec = match &mut self.known {
            Known::Ordered { spec, .. } => spec,
            Known::Alive(life) if life.stop.is_none() => &mut life.spec,
            Known::Alive(_) | Known::Leftover { .. } | Known::Nothing(_) => return,
        };
        if spec.process == new.process {
            *spec = Arc::clone(new);
        }
    }

    /// A file that comes back starts its program, unless that was not yet told to stop.
    fn comes_back(&mut self) {
        self.deaths = 0;
        match &self.known {
            Known::Nothing(_) => self.wake(),
            Known::Alive(life) if life.stop.is_none() => {}
            Known::Alive(_) | Known::Leftover { .. } => self.due = true,
            Known::Ordered { .. } => {}
        }
    }

    /// Nothing holds it back any more.
    pub(super) fn wake(&mut self) {
        if let Known::Nothing(pause) = &mut self.known {
            *pause = Pause::None;
        }
    }

    fn policy_changed(&mut self, now: Mono, old: &ProgramSpec, new: &ProgramSpec) {
        let Known::Nothing(pause) = &mut self.known else {
            return;
        };
        if old.policy == new.policy {
            return;
        }
        match pause {
            Pause::None => {}
            Pause::Exited(exit) => {
                if !rests(&new.policy, *exit) {
                    *pause = Pause::None;
                }
            }
            Pause::Fatal => {
                self.deaths = 0;
                *pause = Pause::None;
            }
            Pause::Waits {
                earliest,
                latest,
                spaced,
                delay,
            } => {
                let most = new.policy.delays.most();
                let cut = now.after(most).max(*spaced);
                if *latest > cut {
                    (*earliest, *latest) = (cut.min(*earliest), cut);
                    *delay = delay.map(|_| most);
                }
            }
        }
    }
}
