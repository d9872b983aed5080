//! Who must wait for whom, by what the files say: found anew each time from all accounts, without
//! remembering anything but whose stops came together.

use std::collections::BTreeSet;

use ncolony_core::descriptor::Order;
use ncolony_core::{Mono, ProgramName};

use super::{Account, Known, Ledger, Life, Pause};

/// A program that another one names.
struct Need<'a> {
    name: &'a ProgramName,
    requires: bool,
}

impl Account {
    fn order(&self) -> Option<&Order> {
        let started_with = match &self.known {
            Known::Ordered { spec, .. } => Some(spec),
            Known::Alive(life) | Known::Leftover { life, .. } => Some(&life.spec),
            Known::Nothing(_) => None,
        };
        let spec = self.good.as_ref().or(started_with)?;
        Some(&spec.policy.order)
    }

    /// Whether something of it is there, or on its way.
    fn is_there(&self) -> bool {
        !matches!(self.known, Known::Nothing(_))
    }
}

impl Ledger {
    /// Finds out whose stops have come together: those that become due in the same breath.
    pub(crate) fn decide(&mut self) {
        self.breaths += 1;
        let names: Vec<ProgramName> = self.accounts.keys().cloned().collect();
        let leaving: Vec<bool> = names.iter().map(|name| self.leaves(name)).collect();
        for (name, leaves) in names.iter().zip(leaving) {
            if let Some(account) = self.accounts.get_mut(name) {
                let since = account.leaving_since.unwrap_or(self.breaths);
                account.leaving_since = leaves.then_some(since);
            }
        }
    }

    /// Another image of the monitor remembers nothing of which stops came together.
    pub(crate) fn forget_batches(&mut self) {
        for account in self.accounts.values_mut() {
            account.leaving_since = None;
        }
    }

    fn present(&self, name: &ProgramName) -> Option<&Account> {
        self.accounts.get(name).filter(|account| !account.is_over())
    }

    fn needs(&self, name: &ProgramName) -> Vec<Need<'_>> {
        let Some(order) = self.present(name).and_then(Account::order) else {
            return Vec::new();
        };
        let after = order.after.iter().map(|name| (name, false));
        let requires = order.requires.iter().map(|name| (name, true));
        let all = after.chain(requires);
        all.map(|(name, requires)| Need { name, requires })
            .collect()
    }

    /// All that a program needs, and what that needs, and so on.
    fn reach(&self, name: &ProgramName) -> BTreeSet<&ProgramName> {
        let mut reach = BTreeSet::new();
        let mut open = self.needs(name);
        while let Some(need) = open.pop() {
            if reach.insert(need.name) {
                open.extend(self.needs(need.name));
            }
        }
        reach
    }

    /// Whether a program waits for itself in the end.
    #[must_use]
    pub fn in_ring(&self, name: &ProgramName) -> bool {
        self.reach(name).contains(name)
    }

    /// What a program needs, without what needs it in turn.
    fn binding_needs(&self, name: &ProgramName) -> Vec<Need<'_>> {
        let mut needs = self.needs(name);
        needs.retain(|need| !self.reach(need.name).contains(name));
        needs
    }

    /// Whether nobody can count on a program for reasons of its own.
    fn is_out(&self, name: &ProgramName) -> bool {
        let Some(account) = self.present(name) else {
            return true;
        };
        let rests = matches!(
            account.known,
            Known::Nothing(Pause::Exited(_) | Pause::Fatal)
        );
        rests || !account.wanted(self.closing)
    }

    /// Whether a program lacks what it requires.
    #[must_use]
    pub fn lacks(&self, name: &ProgramName) -> bool {
        let needs = self.binding_needs(name);
        let mut required = needs.iter().filter(|need| need.requires);
        required.any(|need| self.is_out(need.name) || self.lacks(need.name))
    }

    /// Whether the process of a program should be on its way out.
    #[must_use]
    pub fn must_stop(&self, name: &ProgramName, account: &Account, life: &Life) -> bool {
        let outdated = account.is_superseded(&life.spec) && !self.in_ring(name);
        !account.wanted(self.closing) || outdated || self.lacks(name)
    }

    /// Whether something of a program is there and is to go.
    fn leaves(&self, name: &ProgramName) -> bool {
        let Some(account) = self.present(name) else {
            return false;
        };
        let spec = match &account.known {
            Known::Nothing(_) => return false,
            Known::Alive(life) if life.stop.is_some() => return true,
            Known::Alive(life) | Known::Leftover { life, .. } => &life.spec,
            Known::Ordered { spec, .. } => spec,
        };
        let outdated = account.is_superseded(spec) && !self.in_ring(name);
        !account.wanted(self.closing) || outdated || self.lacks(name)
    }

    fn priority(&self, name: &ProgramName) -> Option<i32> {
        let order = self.present(name)?.order()?;
        Some(order.priority)
    }

    /// The highest priority among a program and all that it needs.
    fn rank(&self, name: &ProgramName) -> Option<i32> {
        let all = self.reach(name).into_iter().chain([name]);
        all.filter_map(|name| self.priority(name)).max()
    }

    /// Why a program may not be told to stop yet.
    #[must_use]
    pub fn stop_waits(&self, name: &ProgramName) -> Option<String> {
        if self.killing {
            return None;
        }
        let own = self.present(name)?;
        let before = |other: &&ProgramName| {
            let needs = self.binding_needs(other);
            self.leaves(other) && needs.iter().any(|need| need.name == name)
        };
        if let Some(other) = self.accounts.keys().find(before) {
            return Some(format!("{other} needs {name} and is not gone"));
        }
        let rank = self.rank(name);
        let higher = |(other, account): &(&ProgramName, &Account)| {
            let together = self.closing || account.leaving_since == own.leaving_since;
            together && self.leaves(other) && self.rank(other) > rank
        };
        let (other, _) = self.accounts.iter().find(higher)?;
        Some(format!(
            "{other} has a higher rank than {name} and is not gone"
        ))
    }

    /// Why a program may not be started yet.
    #[must_use]
    pub fn start_waits(&self, name: &ProgramName, now: Mono) -> Option<String> {
        if self.in_ring(name) {
            return Some(format!("{name} is in a ring"));
        }
        let needs = self.needs(name);
        if let Some(need) = needs.iter().find(|need| !self.is_met(need, now)) {
            let verb = if need.requires {
                "requires"
            } else {
                "comes after"
            };
            return Some(format!("{name} {verb} {}", need.name));
        }
        let own = self.priority(name);
        let lower = |(other, account): &(&ProgramName, &Account)| {
            // Its own start, when it is asked about afterwards, is not one that it waits for.
            let Known::Ordered { spec, .. } = &account.known else {
                return false;
            };
            *other != name && Some(spec.policy.order.priority) < own
        };
        let (other, _) = self.accounts.iter().find(lower)?;
        Some(format!("{other} has a lower priority than {name}"))
    }

    fn is_met(&self, need: &Need<'_>, now: Mono) -> bool {
        let life = self.present(need.name).and_then(|account| {
            let life = account.alive()?;
            let replaced = account.is_superseded(&life.spec) && !self.in_ring(need.name);
            (life.stop.is_none() && !replaced).then_some(life)
        });
        if need.requires {
            let goes_on = !self.is_out(need.name) && !self.lacks(need.name);
            return goes_on && life.is_some_and(|life| life.is_up(now));
        }
        let started = life.is_some_and(|life| life.spec.policy.ready.is_none() || life.is_up(now));
        started || self.is_out(need.name)
    }

    /// Whether a program that is wanted will never start as things are.
    #[must_use]
    pub fn is_stuck(&self, name: &ProgramName) -> bool {
        if self.present(name).is_none_or(Account::is_there) || self.is_out(name) {
            return false;
        }
        let never = |need: &Need<'_>| {
            let out = self.is_out(need.name);
            (need.requires && out) || (!out && self.is_stuck(need.name))
        };
        self.in_ring(name) || self.needs(name).iter().any(never)
    }
}
