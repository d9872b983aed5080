//! What a monitor stands on: its places, made and taken, and its colony's identity.

use std::path::Path;

use ncolony_core::Places;
use ncolony_core::custody::Trust;
use ncolony_core::files::{exposure_of_directory, make_directory};

use crate::inheritance::{self, LeftBehind};
use crate::place::Place;
use crate::run_id::{Predecessor, RunIds};
use crate::state::State;
use crate::sys::{errno, limits, lock};

/// Whether a monitor begins although something cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bearing {
    /// It does not.
    Begins,
    /// It goes on in the place of the image before it, and nothing is worth its end: what is not
    /// there, or cannot be had just now, is looked for again later.
    GoesOn,
}

impl Bearing {
    /// What it is for a monitor that was handed this.
    pub(super) fn of(handed: Option<&State>) -> Self {
        handed.map_or(Self::Begins, |_| Self::GoesOn)
    }

    /// Passes an error on, or says it and goes on.
    ///
    /// # Errors
    /// The sentence that was given, where the monitor only begins.
    pub(super) fn bear(self, done: Result<(), String>) -> Result<(), String> {
        match (self, done) {
            (Self::GoesOn, Err(error)) => {
                tracing::error!("{error}; the monitor goes on without it");
                Ok(())
            }
            (Self::Begins | Self::GoesOn, done) => done,
        }
    }
}

/// Makes the status place, which nobody else may write.
pub(super) fn make_status_place(places: &Places, bearing: Bearing) -> Result<(), String> {
    bearing.bear(make(&places.status, 0o700))?;
    bearing.bear(is_ours_alone(&places.status))
}

/// Makes the places that are used when the monitor has its own.
pub(super) fn make_other_places(places: &Places, bearing: Bearing) -> Result<(), String> {
    bearing.bear(make(&places.messages, 0o700))?;
    bearing.bear(make(&places.config, 0o755))?;
    match &places.logs {
        Some(logs) => bearing.bear(make_logs(logs)),
        None => Ok(()),
    }
}

fn make(directory: &Path, mode: u32) -> Result<(), String> {
    make_directory(directory, mode).map_err(|error| {
        let why = errno::of(&error.source);
        let path = error.path.display();
        format!("cannot make the directory {path}: {why}")
    })
}

/// What a monitor finds in its status place it takes up and runs, so nobody else may write there
/// where it is root.
fn is_ours_alone(status: &Path) -> Result<(), String> {
    let trust = Trust::of_user(limits::own_user());
    let exposure = exposure_of_directory(status, trust);
    exposure.map_or(Ok(()), |exposure| {
        Err(format!(
            "cannot take up what stands in the status place: {exposure}"
        ))
    })
}

/// Makes the place for logs. A disk that is full or cannot be written just now is no reason not to
/// begin: it is made when there is something to be written.
fn make_logs(directory: &Path) -> Result<(), String> {
    match make_directory(directory, 0o755) {
        Err(error) if errno::may_pass(&error.source) => {
            let (path, why) = (error.path.display(), errno::of(&error.source));
            tracing::warn!("cannot make the directory {path}: {why}; programs that print wait");
            Ok(())
        }
        _ => make(directory, 0o755),
    }
}

/// Takes up the colony's identity.
pub(super) fn identity(
    places: &Places,
    handed: Option<&State>,
    left: &LeftBehind,
) -> Result<(RunIds, Predecessor), String> {
    let handed = handed.and_then(|state| RunIds::handed_over(&places.status, &state.header.colony));
    if let Some(run_ids) = handed {
        return Ok((run_ids, Predecessor::Unclean));
    }
    let used = left.state.as_ref().map(|state| state.header.colony.clone());
    let seek = || {
        let found = (!left.is_copied).then(|| inheritance::colony_of_records(places));
        found.flatten()
    };
    RunIds::open(&places.status, used, seek).map_err(|error| {
        let why = errno::of(&error);
        format!(
            "cannot keep the colony's identity in {}: {why}; without it no successor could find the programs, so none is started",
            places.status.display()
        )
    })
}

/// Takes the monitor's place, or goes on in that of the image before this one.
pub(super) fn take_place(places: &Places, handed: Option<&State>) -> Result<Place, String> {
    let handover = handed.and_then(|state| state.handover.as_ref());
    let lock = handover.and_then(|handover| lock::handed_over(handover.lock?));
    match lock {
        Some(lock) => Ok(Place::of_predecessor(places.lock(), lock)),
        None => Place::take(places.lock()),
    }
}
