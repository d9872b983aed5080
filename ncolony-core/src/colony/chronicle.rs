//! The events of all programs on their way out, in one row: each has the next serial number, is
//! written down before it is handed out, and is handed out once.

use std::collections::VecDeque;

use super::Colony;
use super::io::{Effect, Generation};
use super::snapshot::Changes;
use crate::event::Event;
use crate::name::ProgramName;
use crate::time::Now;

/// Events that were not handed out yet, and how far it has come with those that were.
#[derive(Clone, Debug, Default)]
pub(super) struct Chronicle {
    /// The serial number of the newest.
    last: u64,
    /// Those that wait to be handed out, in order.
    waiting: VecDeque<Event>,
    /// Up to here they were handed out.
    told: u64,
    /// Up to here they were written down, and up to here as handed out.
    written: u64,
    written_as_told: u64,
}

impl Chronicle {
    /// What was written down of one.
    pub(super) fn restored(told: u64, events: Vec<Event>) -> Self {
        let last = events.last().map_or(told, |event| event.serial.max(told));
        Self {
            last,
            waiting: events.into(),
            told,
            written: last,
            written_as_told: told,
        }
    }

    /// Takes events in, in order.
    pub(super) fn add(&mut self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            self.last += 1;
            let serial = self.last;
            self.waiting.push_back(Event { serial, ..event });
        }
    }

    fn take(&mut self) -> Vec<Event> {
        self.told = self.last;
        std::mem::take(&mut self.waiting).into()
    }

    /// Passes over those that were handed out by whoever was here before, and were kept.
    fn resume_after(&mut self, serial: u64) {
        self.waiting.retain(|event| event.serial > serial);
        self.told = self.told.max(serial);
        self.last = self.last.max(serial);
        self.written = self.written.max(serial);
    }

    /// Whether there are events that were not written down.
    pub(super) fn has_changes(&self) -> bool {
        self.last > self.written
    }

    /// Writes down what is new.
    pub(super) fn write_down(&mut self, changes: &mut Changes) {
        let is_new = |event: &&Event| event.serial > self.written;
        // They stand in order: those that were written down before come first.
        let new = self.waiting.iter().rev().take_while(is_new);
        changes.events = new.cloned().collect();
        changes.events.reverse();
        if self.told > self.written_as_told {
            changes.told = Some(self.told);
        }
        self.written = self.last;
        self.written_as_told = self.told;
    }

    /// All of it, written down.
    pub(super) fn snapshot(&self) -> (u64, Vec<Event>) {
        (self.told, self.waiting.iter().cloned().collect())
    }
}

impl Colony {
    /// The events that have come since this was last asked, in order. Whoever asks has written
    /// down what has changed, and keeps them.
    pub fn poll_events(&mut self) -> Option<Effect> {
        let events = self.chronicle.take();
        (!events.is_empty()).then_some(Effect::Tell(events))
    }

    /// Says up to which serial number events were kept already. Those that were written down as
    /// not handed out, and were, are passed over; later ones have higher numbers.
    pub fn resume_events(&mut self, kept: u64) {
        self.chronicle.resume_after(kept);
    }

    /// How many events were not handed out yet.
    pub(super) fn untold(&self) -> usize {
        let held = self.programs.values().map(|it| it.telling.events.len());
        self.chronicle.waiting.len() + held.sum::<usize>()
    }

    /// Hands out also what waits for the last lines of its process: nobody will be there to hear
    /// of them.
    pub fn release_events(&mut self) {
        for program in self.programs.values_mut() {
            self.chronicle.add(program.release_events());
        }
    }

    /// What an ended process printed may come when its successor has been started already.
    pub(super) fn printed(
        &mut self,
        now: Now,
        name: &ProgramName,
        generation: Generation,
        lines: Vec<String>,
    ) {
        let Some(program) = self.programs.get_mut(name) else {
            return;
        };
        if program.ended == generation {
            program.telling.lines(&lines);
            self.chronicle.add(program.take_events(now));
            program.output = (!lines.is_empty()).then_some(lines);
            self.unpublished.insert(name.clone());
            self.changed.insert(name.clone());
        }
    }
}
