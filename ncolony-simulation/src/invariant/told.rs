//! I14: what is told of a program is a chain: each event begins where the one before ended, over
//! every death of a monitor; each end is told at most once, and after its start; the events of all
//! programs are numbered without a gap; and when all has come to rest, what was told last is so.

use std::collections::BTreeMap;

use ncolony_core::{Cause, Event, ProgramName, State};

use super::{Invariant, Violation};
use crate::world::Monitor;

const THIS: Invariant = Invariant::Told;

/// What was told of one program.
#[derive(Clone, Debug)]
struct Tale {
    state: State,
    /// Whether a process was started of whose end nothing was told.
    runs: bool,
}

/// What was told, as far as what comes has to fit to it.
#[derive(Clone, Debug, Default)]
pub struct Told {
    tales: BTreeMap<ProgramName, Tale>,
    /// The number of the last event.
    pub(crate) serial: u64,
}

impl Told {
    /// An event is kept.
    pub(crate) fn tell(&mut self, event: &Event) -> Result<(), Violation> {
        let follows = event.serial == self.serial + 1;
        THIS.must(follows, || {
            format!("{event:?} comes after the event {}", self.serial)
        })?;
        self.serial = event.serial;
        let tale = self.tales.entry(event.name.clone()).or_insert(Tale {
            state: State::Stopped,
            runs: false,
        });
        THIS.must(event.from == tale.state, || {
            format!("{event:?} comes after {tale:?}")
        })?;
        let moves = event.from != event.to;
        THIS.must(moves || event.cause == Cause::Adopted, || {
            format!("{event:?} is no change")
        })?;
        let ends = event.exit.is_some();
        THIS.must(!ends || tale.runs, || {
            format!("{event:?} tells an end that was told before, or of what never ran")
        })?;
        tale.state = event.to;
        tale.runs = !ends && (tale.runs || event.pid.is_some());
        Ok(())
    }

    /// All has come to rest, and all last lines have come.
    pub(crate) fn calm(&self, monitor: &Monitor) -> Result<(), Violation> {
        for (name, tale) in &self.tales {
            let state = monitor.colony.state(name).unwrap_or(State::Stopped);
            THIS.must(tale.state == state, || {
                format!("{name} is {state}, and this was told last: {tale:?}")
            })?;
        }
        let told = |name: &ProgramName| self.tales.contains_key(name);
        let untold = monitor
            .records
            .values()
            .find(|record| record.state != State::Stopped && !told(&record.name));
        THIS.must(untold.is_none(), || {
            format!("nothing was told of {untold:?}")
        })
    }
}
