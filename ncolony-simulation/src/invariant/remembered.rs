//! I13: what a successor reads is what was so: every program is in the state that it was in, with
//! its process, its starts, its last exit and its reason.

use ncolony_core::ProgramStatus;
use ncolony_core::colony::Colony;
use ncolony_core::status::WantWord;

use super::{Invariant, Violation};

/// A machine was read back, and has been told nothing yet. That everything is to stop is not
/// remembered: whoever starts another monitor wants things to run. Nor is who waits for whom: that
/// follows from what the instances are.
pub(crate) fn restored(before: &Colony, after: &Colony) -> Result<(), Violation> {
    let closing = before.is_closing() && !before.is_detaching();
    let shown = |record: ProgramStatus| {
        if closing {
            let want = WantWord::Down;
            let reason = None;
            ProgramStatus {
                want,
                reason,
                ..record
            }
        } else {
            record
        }
    };
    let names = before.names().chain(after.names());
    for name in names {
        let was = before.record(name).map(shown);
        let is = after.record(name).map(shown);
        let waits = was.as_ref().is_some_and(|was| was.turn.is_some());
        let without_turn = |record: ProgramStatus| ProgramStatus {
            turn: None,
            reason: record.reason.filter(|_| !waits),
            ..record
        };
        let (was, is) = (was.map(without_turn), is.map(without_turn));
        Invariant::Remembered.must(was == is, || {
            format!("{name} was {was:?}, and is read as {is:?}")
        })?;
    }
    Ok(())
}
