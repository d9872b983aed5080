//! What every command works with.

use std::env;
use std::time::{Duration, Instant};

use ncolony_core::Places;
use ncolony_core::errno;
use ncolony_core::places::{Caller, Surroundings};
use nix::unistd::geteuid;

use crate::cli::Global;
use crate::ending::Failure;
use crate::liveness;
use crate::report::Report;

/// The places, the time that there is, and where to say things.
pub(crate) struct Session<'r> {
    pub(crate) places: Places,
    pub(crate) report: &'r mut Report,
    pub(crate) deadline: Deadline,
    /// Whether a monitor was alive when the command began.
    pub(crate) monitor: Option<liveness::Monitor>,
}

/// When a command stops waiting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    /// `None`: never; the time is further away than the clock reaches.
    at: Option<Instant>,
    /// The time that there was in all.
    pub(crate) span: Duration,
}

impl Deadline {
    /// The moment that comes after this span from now; never, where that is too far.
    pub(crate) fn after(span: Duration) -> Self {
        Self {
            at: Instant::now().checked_add(span),
            span,
        }
    }

    /// Whether the time is up.
    pub(crate) fn is_over(&self) -> bool {
        self.at.is_some_and(|at| Instant::now() >= at)
    }

    /// The time that is left, but at most `span`.
    pub(crate) fn at_most(&self, span: Duration) -> Duration {
        self.at.map_or(span, |at| {
            at.saturating_duration_since(Instant::now()).min(span)
        })
    }
}

impl<'r> Session<'r> {
    /// Finds the places and asks whether a monitor is alive.
    pub(crate) fn open(global: &Global, report: &'r mut Report) -> Result<Self, Failure> {
        let places = places(global)?;
        let monitor = liveness::monitor(&places)?;
        Ok(Self {
            places,
            report,
            deadline: Deadline::after(global.timeout),
            monitor,
        })
    }
}

/// The four places that the command line and the environment name.
pub(crate) fn places(global: &Global) -> Result<Places, Failure> {
    let current_dir = env::current_dir().map_err(|error| {
        let why = errno::in_words(&error);
        Failure::failed(format!("the current directory cannot be found: {why}"))
    })?;
    let around = Surroundings {
        variable: &|name| env::var_os(name),
        caller: if geteuid().is_root() {
            Caller::Root
        } else {
            Caller::User
        },
        current_dir,
    };
    Places::resolve(&global.place_flags(), &around)
        .map_err(|error| Failure::usage(error.to_string()))
}
