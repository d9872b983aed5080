//! What the contract says must be so, from what a monitor was told: for each program its want, what
//! is known of its process, and when it may or must be started. It is written for being compared
//! with, not for deciding: it has no orders, and it knows the past that the machine forgets.

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
use std::time::Duration;

use ncolony_core::colony::{Generation, Group, Observation};
use ncolony_core::status::State;
use ncolony_core::{Exit, Mono, ProgramName, ProgramSpec, Signal};

pub(crate) use ends::SPACING;
pub use life::{Fault, Life, Stop};
pub use words::{Disposal, Expected};

/// What a person has said over the head of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hand {
    /// Nothing.
    Off,
    /// START, although it is disabled.
    Up,
    /// STOP.
    Down,
}

/// Why nothing is started although no process is there.
#[derive(Clone, Debug, PartialEq)]
pub enum Pause {
    /// There is no reason but that nobody wants it.
    None,
    /// The next start may not be earlier and must not be later.
    Waits {
        /// Not before.
        earliest: Mono,
        /// Not after.
        latest: Mono,
        /// Starts that nobody commanded are this far from the last at least.
        spaced: Mono,
        /// The wait that an instant death has brought; `None`: another cause.
        delay: Option<Duration>,
    },
    /// It ended, and its policy leaves it at that.
    Exited(Exit),
    /// It died young too often, or can never be started.
    Fatal,
}

/// What a monitor knows of a program's process.
#[derive(Clone, Debug)]
pub enum Known {
    /// There is none.
    Nothing(Pause),
    /// A start was ordered.
    Ordered {
        /// Which one.
        generation: Generation,
        /// Of what.
        spec: Arc<ProgramSpec>,
        /// When.
        asked: Mono,
    },
    /// There is one.
    Alive(Life),
    /// Its main process has ended, others of its group have not.
    Leftover {
        /// What it was.
        life: Life,
        /// How it ended.
        exit: Exit,
        /// When it ended.
        ended: Mono,
        /// Whether nobody had asked it to.
        by_itself: bool,
    },
}

/// A program as a monitor should see it.
#[derive(Clone, Debug)]
pub struct Account {
    /// The last good content of its file.
    pub good: Option<Arc<ProgramSpec>>,
    /// Whether its file is bad.
    pub bad: bool,
    /// The digest of the content that was last seen.
    pub digest: Option<String>,
    /// What a person said.
    pub hand: Hand,
    /// A start is asked for that is later than the last one ordered.
    pub due: bool,
    /// It was asked for by the name of this very instance.
    pub named: bool,
    /// Instant deaths in a row.
    pub deaths: u32,
    /// Starts since the last death counted that the machine had no room for.
    pub shortages: u32,
    /// What is known of its process.
    pub known: Known,
    /// How often it was started.
    pub starts: u64,
    /// When it was last started.
    pub last_start: Option<Mono>,
    /// Whether the last start that was ordered had been asked for.
    pub commanded: bool,
    /// How its last process ended, and which start that was.
    pub exit: Option<(Exit, Generation)>,
    /// What that one printed.
    pub printed: Option<Vec<String>>,
    /// Since which breath it is to go although something of it is there.
    pub leaving_since: Option<u64>,
}

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

impl Account {
    fn new() -> Self {
        Self {
            good: None,
            bad: false,
            digest: None,
            hand: Hand::Off,
            due: false,
            named: false,
            deaths: 0,
            shortages: 0,
            known: Known::Nothing(Pause::None),
            starts: 0,
            last_start: None,
            commanded: false,
            exit: None,
            printed: None,
            leaving_since: None,
        }
    }

    /// Whether its file and the people want it to run.
    #[must_use]
    pub fn wanted(&self, closing: bool) -> bool {
        let good = self.good.as_ref().filter(|_| !closing);
        good.is_some_and(|spec| match self.hand {
            Hand::Up => true,
            Hand::Off => spec.enabled,
            Hand::Down => false,
        })
    }

    /// Whether a process started from this is not what its file and the people want now.
    #[must_use]
    pub fn is_superseded(&self, started_with: &ProgramSpec) -> bool {
        let good = self.good.as_ref();
        self.due || good.is_some_and(|good| good.process != started_with.process)
    }

    /// The state that its record must show.
    #[must_use]
    pub fn state(&self, now: Mono) -> State {
        match &self.known {
            Known::Nothing(Pause::None) => State::Stopped,
            Known::Nothing(Pause::Waits { .. }) => State::Backoff,
            Known::Nothing(Pause::Exited(_)) => State::Exited,
            Known::Nothing(Pause::Fatal) => State::Fatal,
            Known::Ordered { .. } => State::Starting,
            Known::Alive(life) if life.stop.is_some() => State::Stopping,
            Known::Alive(life) if life.is_up(now) => State::Running,
            Known::Alive(_) => State::Starting,
            Known::Leftover { .. } => State::Stopping,
        }
    }

    /// The process, while its main process is not known to have ended.
    #[must_use]
    pub fn alive(&self) -> Option<&Life> {
        match &self.known {
            Known::Alive(life) => Some(life),
            Known::Nothing(_) | Known::Ordered { .. } | Known::Leftover { .. } => None,
        }
    }

    /// The group, while it is not known to be gone.
    #[must_use]
    pub fn life(&self) -> Option<&Life> {
        match &self.known {
            Known::Alive(life) | Known::Leftover { life, .. } => Some(life),
            Known::Nothing(_) | Known::Ordered { .. } => None,
        }
    }

    pub(crate) fn life_mut(&mut self) -> Option<&mut Life> {
        match &mut self.known {
            Known::Alive(life) | Known::Leftover { life, .. } => Some(life),
            Known::Nothing(_) | Known::Ordered { .. } => None,
        }
    }

    /// What holds it back while there is no process.
    #[must_use]
    pub fn known_pause(&self) -> Option<&Pause> {
        match &self.known {
            Known::Nothing(pause) => Some(pause),
            Known::Ordered { .. } | Known::Alive(_) | Known::Leftover { .. } => None,
        }
    }

    /// Which start the present facts must be about.
    #[must_use]
    pub fn generation(&self) -> Option<Generation> {
        match &self.known {
            Known::Nothing(_) => None,
            Known::Ordered { generation, .. } => Some(*generation),
            Known::Alive(life) | Known::Leftover { life, .. } => Some(life.generation),
        }
    }

    /// When something must happen to it or be so of it although no fact comes.
    fn due_at(&self) -> Option<Mono> {
        match &self.known {
            Known::Nothing(Pause::Waits { latest, .. }) => Some(*latest),
            Known::Alive(life) | Known::Leftover { life, .. } => Some(match &life.stop {
                Some(stop) => stop.due_at(),
                None => life.due_at(),
            }),
            Known::Nothing(Pause::None | Pause::Exited(_) | Pause::Fatal)
            | Known::Ordered { .. } => None,
        }
    }

    /// Whether nothing is left of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.good.is_none() && !self.bad && matches!(self.known, Known::Nothing(_))
    }
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
