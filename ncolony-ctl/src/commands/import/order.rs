//! One priority for each program, of the two that supervisord orders by: the group's, and the
//! program's in its group.

use std::collections::BTreeMap;

use super::groups::Group;
use super::process::Process;

/// What supervisord orders by: first the group's, then the program's own.
type Key = (i64, i64);

/// The priorities, and whether they had to be numbered anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Priorities {
    of: BTreeMap<Key, i64>,
    /// Whether neither the programs' own nor those of the groups keep the order.
    pub(super) are_new: bool,
}

impl Priorities {
    /// Finds priorities that keep the order of these groups.
    pub(super) fn new(groups: &[Group]) -> Self {
        let processes = groups.iter().flat_map(|group| {
            let processes = group.programs.iter().flatten();
            processes.map(|process| key(group, process))
        });
        let keys: BTreeMap<Key, ()> = processes.map(|key| (key, ())).collect();
        let keys: Vec<Key> = keys.into_keys().collect();
        let candidates = [|key: &Key| key.1, |key: &Key| key.0];
        let kept = candidates.iter().find(|of| {
            keys.windows(2)
                .all(|pair| matches!(pair, [lower, higher] if of(lower) < of(higher)))
        });
        let of = match kept {
            Some(of) => keys.iter().map(|key| (*key, of(key))).collect(),
            None => keys.iter().copied().zip((10..).step_by(10)).collect(),
        };
        Self {
            of,
            are_new: kept.is_none(),
        }
    }

    /// The priority of a process.
    pub(super) fn get(&self, group: &Group, process: &Process) -> i64 {
        self.of
            .get(&key(group, process))
            .copied()
            .unwrap_or(process.priority)
    }
}

fn key(group: &Group, process: &Process) -> Key {
    (group.priority, process.priority)
}
