//! What a reading of a program's file changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use ncolony_core::colony::Reading;
use ncolony_core::status::content_digest;
use ncolony_core::{Mono, ProgramName, ProgramSpec};

use super::ends::rests;
use super::{Account, Hand, Known, Ledger, Pause};

impl Ledger {
    pub(super) fn read(&mut self, now: Mono, name: &ProgramName, reading: &Reading) {
        let members = self.members(name);
        let mut others: BTreeSet<ProgramName> = members.map(|(name, _)| name.clone()).collect();
        match reading {
            Reading::Good(spec) => {
                for spec in spec.expanded() {
                    others.remove(&spec.name);
                    self.account(&spec.name).read_good(now, &spec);
                }
            }
            Reading::Bad { digest, .. } => {
                // Those that go on by an earlier content; if there are none, it has none.
                let is_good = |name: &ProgramName| self.accounts[name].good.is_some();
                let mut bad: Vec<ProgramName> = others
                    .iter()
                    .filter(|name| is_good(name))
                    .cloned()
                    .collect();
                if bad.is_empty() {
                    bad.push(name.clone());
                }
                for name in bad {
                    others.remove(&name);
                    let account = self.account(&name);
                    account.bad = true;
                    account.digest.clone_from(digest);
                }
            }
            Reading::Absent => {}
        }
        for name in others {
            self.account(&name).read_absent();
        }
    }

    fn account(&mut self, name: &ProgramName) -> &mut Account {
        let account = self.accounts.entry(name.clone());
        account.or_insert_with(Account::new)
    }
}

impl Account {
    fn read_absent(&mut self) {
        self.good = None;
        self.bad = false;
        self.hand = Hand::Off;
        self.deaths = 0;
    }

    fn read_good(&mut self, now: Mono, spec: &Arc<ProgramSpec>) {
        let same = |old: &Arc<ProgramSpec>| old.source == spec.source;
        if !self.bad && self.good.as_ref().is_some_and(same) {
            return;
        }
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
