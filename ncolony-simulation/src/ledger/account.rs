//! The account of one program: what is wanted of it, what is known of its process, and what holds
//! it back.

use std::sync::Arc;
use std::time::Duration;

use ncolony_core::colony::Generation;
use ncolony_core::status::State;
use ncolony_core::{Exit, Mono, ProgramSpec};

use super::life::Life;

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

impl Account {
    /// A program that nothing is known of yet.
    pub(super) fn new() -> Self {
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

    /// The same, to be changed.
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
    pub(super) fn due_at(&self) -> Option<Mono> {
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
