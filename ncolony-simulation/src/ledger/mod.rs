//! What the contract says must be so, from what a monitor was told: for each program its want, what
//! is known of its process, and when it may or must be started. It is written for being compared
//! with, not for deciding: it has no orders, and it knows the past that the machine forgets.

mod account;
mod ends;
mod essence;
mod family;
mod files;
mod health;
mod keystone;
mod life;
mod order;
mod succession;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use ncolony_core::colony::{Generation, Group, Observation};
use ncolony_core::{Exit, Mono, ProgramName, ProgramSpec, Signal};

pub use account::{Account, Hand, Known, Pause};
pub(crate) use ends::SPACING;
pub use life::{Fault, Life, Stop};
pub use words::{Disposal, Expected};

/// All programs.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Those that are known, by name.
    pub accounts: BTreeMap<ProgramName, Account>,
    /// Whether everything is to stop.
    pub closing: bool,
    /// Whether nobody waits for killtimes any more.
    pub killing: bool,
    /// Whether the monitor is to exit and to leave everything as it is.
    pub detaching: bool,
    /// Whether an upgrade is under way.
    pub upgrading: bool,
    /// The program whose end is the end of all.
    pub keystone: Option<ProgramName>,
    /// How it ended, if its end was that.
    pub end_of_all: Option<Exit>,
    /// The highest number of a start, by program, also of those that are gone.
    pub numbers: BTreeMap<ProgramName, Generation>,
    /// Starts of which the last fact came in the present breath.
    pub ended_now: Vec<(ProgramName, Generation)>,
    /// Signals to main processes that messages have asked for in the present breath.
    pub asked_signals: Vec<(ProgramName, Generation, Signal)>,
    /// How many breaths there were.
    pub breaths: u64,
}

impl Ledger {
    /// A new breath: facts that come together.
    pub(crate) fn begin(&mut self) {
        self.ended_now.clear();
        self.asked_signals.clear();
    }

    /// Takes in what the monitor is told. For a message: what must become of it.
    pub(crate) fn hear(&mut self, now: Mono, fact: &Observation) -> Option<Expected> {
        let end = self.end_in(fact);
        let expected = self.take_in(now, fact);
        self.fall(end);
        expected
    }

    fn take_in(&mut self, now: Mono, fact: &Observation) -> Option<Expected> {
        match fact {
            Observation::Config { name, reading } => self.read(now, name, reading),
            Observation::Message { message, .. } => return Some(self.listen(message)),
            Observation::Spawned {
                name,
                generation,
                pid,
                identity: _,
                at,
            } => self.spawned(name, *generation, *pid, *at),
            Observation::SpawnFailed {
                name,
                generation,
                failure,
                at,
            } => self.spawn_failed(name, *generation, failure.blame, *at),
            Observation::Exited {
                name,
                generation,
                exit,
                group,
                at,
            } => self.exited(name, *generation, *exit, *group == Group::Left, *at),
            Observation::GroupGone {
                name,
                generation,
                at: _,
            } => self.group_gone(name, *generation),
            Observation::Printed {
                name,
                generation,
                lines,
            } => self.printed(name, *generation, lines),
            Observation::Adopted {
                name,
                generation,
                pid,
                identity: _,
            } => self.adopted(now, name, *generation, *pid),
            Observation::NeverStarted { name, generation } => {
                self.never_started(now, name, *generation);
            }
            Observation::Upgraded | Observation::UpgradeFailed { .. } => self.upgrading = false,
            Observation::Ready { name, generation } => self.ready(name, *generation),
            Observation::NotReady { .. } => {}
            Observation::Notified {
                name,
                generation,
                word,
            } => self.notified(now, name, *generation, word),
            Observation::Shutdown => self.close(),
            Observation::KillNow => {
                self.close();
                self.killing = self.closing;
            }
        }
        None
    }

    /// The breath is over: what is not wanted has no reason to wait any more, and what waits for
    /// others has waited for its own time.
    pub(crate) fn settle(&mut self, now: Mono) {
        let closing = self.closing;
        for name in self.held_in_time(now) {
            if let Some(account) = self.accounts.get_mut(&name) {
                account.known = Known::Nothing(Pause::None);
            }
        }
        for account in self.accounts.values_mut() {
            if let Known::Alive(life) = &mut account.known {
                life.up = life.is_up(now);
            }
            if !account.wanted(closing) && matches!(account.known, Known::Nothing(_)) {
                account.known = Known::Nothing(Pause::None);
            }
        }
        self.accounts.retain(|_, account| !account.is_over());
    }

    /// Those whose own time for a start has come, and that wait for others.
    fn held_in_time(&self, now: Mono) -> Vec<ProgramName> {
        let held = |(name, account): &(&ProgramName, &Account)| {
            let due = matches!(account.known, Known::Nothing(Pause::Waits { latest, .. }) if latest <= now);
            due && account.wanted(self.closing) && self.start_waits(name, now).is_some()
        };
        let held = self.accounts.iter().filter(held);
        held.map(|(name, _)| name.clone()).collect()
    }

    /// When, after `now`, something must happen or be so although no fact comes.
    pub(crate) fn next_due(&self, now: Mono) -> Option<Mono> {
        let due = self.accounts.values().filter_map(Account::due_at);
        due.filter(|due| *due > now).min()
    }

    /// A start was ordered.
    pub(crate) fn ordered(&mut self, now: Mono, spec: &Arc<ProgramSpec>, generation: Generation) {
        self.numbers.insert(spec.name.clone(), generation);
        if let Some(account) = self.accounts.get_mut(&spec.name) {
            (account.due, account.named) = (false, false);
            account.commanded = !matches!(account.known_pause(), Some(Pause::Waits { .. }));
            account.known = Known::Ordered {
                generation,
                spec: Arc::clone(spec),
                asked: now,
            };
        }
    }

    /// The account of a program whose present start this is.
    fn about(&mut self, name: &ProgramName, generation: Generation) -> Option<&mut Account> {
        let account = self.accounts.get_mut(name)?;
        (account.generation() == Some(generation)).then_some(account)
    }
}
