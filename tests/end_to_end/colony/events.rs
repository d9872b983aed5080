//! What a colony's monitor says has happened.

use std::collections::BTreeMap;
use std::fs;

use ncolony_core::{Event, ProgramName, State};

use super::{Colony, until};

impl Colony {
    /// All that was told, from the file before too. A line that is only half there is not read.
    pub(crate) fn events(&self) -> Vec<Event> {
        let read = |file: &str| fs::read_to_string(self.path("status").join(file));
        let files = ["events.jsonl.1", "events.jsonl"].map(read);
        let text = files.map(Result::unwrap_or_default).concat();
        let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
        let lines = whole.lines().map(serde_json::from_str);
        lines.map(Result::unwrap).collect()
    }

    /// What was told of one program.
    pub(crate) fn events_of(&self, name: &str) -> Vec<Event> {
        let mut events = self.events();
        events.retain(|event| event.name.as_str() == name);
        events
    }

    /// Waits until this was told of a program, and gives all that was told of it by then.
    #[track_caller]
    pub(crate) fn until_told(
        &self,
        name: &str,
        what: &str,
        condition: impl Fn(&Event) -> bool,
    ) -> Vec<Event> {
        until(&format!("it is told of {name}: {what}"), || {
            let told = self.events_of(name);
            told.iter().any(&condition).then_some(told)
        })
    }
}

/// Each event begins where the one before it of the same program ended, each end comes after a
/// start and once, and no number is missing or comes twice.
#[track_caller]
pub(crate) fn assert_told_in_order(events: &[Event], when: &str) {
    let serials: Vec<u64> = events.iter().map(|event| event.serial).collect();
    let first = serials.first().copied().unwrap_or_default();
    let wanted: Vec<u64> = (first..).take(serials.len()).collect();
    assert_eq!(serials, wanted, "{when}: {events:#?}");
    let mut states: BTreeMap<&ProgramName, (State, bool)> = BTreeMap::new();
    for event in events {
        let (state, runs) = states.entry(&event.name).or_insert((State::Stopped, false));
        assert_eq!(event.from, *state, "{when}: {event:?} in {events:#?}");
        let ends = event.exit.is_some();
        assert!(!ends || *runs, "{when}: {event:?} in {events:#?}");
        *runs = !ends && (*runs || event.pid.is_some());
        *state = event.to;
    }
}
