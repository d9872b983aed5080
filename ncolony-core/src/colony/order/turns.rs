//! Whose turn it is by priority, among those that are to start or to stop at the same time.

use std::collections::{BTreeMap, BTreeSet};

use super::hold::Hold;
use crate::name::ProgramName;

/// Programs whose stop was decided together: the number of the settling in which it was.
pub(super) type Batch = u64;

/// The batch of a shutdown, in which all are.
pub(super) const ALL: Batch = Batch::MAX;

/// A program's part in the order of priorities, and what it waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The priority with which it counts as being started.
    starting: Option<i32>,
    /// With whom, and at which rank, it counts as being stopped.
    leaving: Option<(Batch, i32)>,
    /// The priority under which it waits for its start.
    start_waits: Option<i32>,
    /// Where it waits for being told to stop.
    stop_waits: Option<(Batch, i32)>,
    /// Why it is not started, or not told to stop.
    pub(crate) hold: Option<Hold>,
}

impl Place {
    /// What is known of a program whose monitor has just begun: what it waited for, in words.
    pub(crate) fn remembered(held: Option<String>) -> Self {
        Self {
            hold: held.map(Hold::Remembered),
            ..Self::default()
        }
    }

    /// With whom, and at which rank, it counts as being stopped.
    pub(super) fn leaving(&self) -> Option<(Batch, i32)> {
        self.leaving
    }
}

/// How many programs are being started or stopped, by priority, and who waits for them.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns {
    starting: BTreeMap<i32, usize>,
    leaving: BTreeMap<(Batch, i32), usize>,
    start_waits: BTreeMap<i32, BTreeSet<ProgramName>>,
    stop_waits: BTreeMap<(Batch, i32), BTreeSet<ProgramName>>,
}

fn recount<K: Ord + Copy>(counts: &mut BTreeMap<K, usize>, old: &mut Option<K>, new: Option<K>) {
    if *old == new {
        return;
    }
    if let Some(key) = old.take()
        && let Some(count) = counts.get_mut(&key)
    {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
    if let Some(key) = new {
        *counts.entry(key).or_default() += 1;
        *old = Some(key);
    }
}

impl Turns {
    /// Takes in whether a program is being started and is to be gone.
    pub(super) fn count(
        &mut self,
        place: &mut Place,
        starting: Option<i32>,
        leaving: Option<(Batch, i32)>,
    ) {
        recount(&mut self.starting, &mut place.starting, starting);
        recount(&mut self.leaving, &mut place.leaving, leaving);
    }

    /// Whether others of a lower priority are being started.
    pub(super) fn lower_start(&self, priority: i32) -> bool {
        self.starting
            .first_key_value()
            .is_some_and(|(lowest, _)| *lowest < priority)
    }

    /// Whether others of a higher rank, whose stop was decided together with this, are not gone.
    pub(super) fn higher_leave(&self, (batch, rank): (Batch, i32)) -> bool {
        let together = self.leaving.range((batch, rank)..=(batch, i32::MAX));
        together
            .last()
            .is_some_and(|((_, highest), _)| *highest > rank)
    }

    /// It waits for its start.
    pub(super) fn wait_to_start(&mut self, name: &ProgramName, place: &mut Place, priority: i32) {
        let class = self.start_waits.entry(priority).or_default();
        class.insert(name.clone());
        place.start_waits = Some(priority);
    }

    /// It waits for being told to stop.
    pub(super) fn wait_to_stop(&mut self, name: &ProgramName, place: &mut Place) {
        if let Some(class) = place.leaving {
            self.stop_waits
                .entry(class)
                .or_default()
                .insert(name.clone());
            place.stop_waits = Some(class);
        }
    }

    /// It does not wait for its turn any longer, or is asked again whether it has to.
    pub(super) fn wait_no_more(&mut self, name: &ProgramName, place: &mut Place) {
        if let Some(class) = place.start_waits.take() {
            remove(&mut self.start_waits, class, name);
        }
        if let Some(class) = place.stop_waits.take() {
            remove(&mut self.stop_waits, class, name);
        }
    }

    /// Those that wait and whose turn it is now.
    pub(super) fn next(&self) -> Vec<ProgramName> {
        let mut next = Vec::new();
        if let Some((lowest, names)) = self.start_waits.first_key_value()
            && !self.lower_start(*lowest)
        {
            next.extend(names.iter().cloned());
        }
        // The highest class of each batch is the one whose turn comes first.
        let mut last = self.stop_waits.last_key_value();
        while let Some((class, names)) = last {
            if !self.higher_leave(*class) {
                next.extend(names.iter().cloned());
            }
            last = self.stop_waits.range(..(class.0, i32::MIN)).next_back();
        }
        next
    }

    /// How many wait for their turn.
    pub(super) fn waiting(&self) -> usize {
        let starts = self.start_waits.values().map(BTreeSet::len);
        let stops = self.stop_waits.values().map(BTreeSet::len);
        starts.chain(stops).sum()
    }
}

fn remove<K: Ord>(classes: &mut BTreeMap<K, BTreeSet<ProgramName>>, class: K, name: &ProgramName) {
    if let Some(names) = classes.get_mut(&class) {
        names.remove(name);
        if names.is_empty() {
            classes.remove(&class);
        }
    }
}
