//! What the monitor's own record says of the present.

use std::collections::BTreeMap;

use ncolony_core::status::Watch;

use super::Driver;
use crate::overview::Present;
use crate::sys::clock;

impl Driver {
    /// Writes the monitor's own record if it is time for it.
    pub(super) fn publish_overview(&mut self) {
        let now = clock::mono();
        if self.overview.due().is_some_and(|due| due <= now) {
            let record = self.overview.record(self.present());
            let done = self.executor.status.publish_monitor(&record);
            self.overview.written(now, done);
        }
    }

    fn present(&self) -> Present {
        let watched = self.config_watch.is_watched() && self.messages_watch.is_watched();
        let failures = [&self.config_watch, &self.messages_watch]
            .into_iter()
            .filter_map(|watch| watch.failure())
            .map(|why| format!("{why}; looking at it every {:?} instead", self.frequency));
        let problems = [
            self.executor.mailbox.problem(),
            self.executor.status.problem(),
            self.executor.events.problem(),
            self.executor.place.problem(),
            self.journal.problem(),
        ];
        Present {
            watch: if watched { Watch::Inotify } else { Watch::Poll },
            programs: self.colony.len(),
            ignored: self.scanner.ignored(),
            config_state: self.scanner.state(),
            problems: problems
                .into_iter()
                .flatten()
                .map(str::to_owned)
                .chain(self.scanner.problem())
                .chain(failures)
                .chain(self.log_problems.values().cloned())
                .collect(),
            counters: self.counters(),
        }
    }

    fn counters(&self) -> BTreeMap<String, u64> {
        let done = &self.executor.counters;
        let all = [
            ("files_read", self.scanner.files_read),
            ("full_looks", self.scanner.looks),
            ("messages", self.executor.mailbox.taken),
            ("spawns", done.spawns),
            ("spawn_failures", done.spawn_failures),
            ("exits", done.exits),
            ("orphans", self.executor.children.orphans),
            ("signals", done.signals),
            ("records_written", self.executor.status.written),
            ("events_written", self.executor.events.written),
        ];
        all.into_iter()
            .map(|(name, count)| (name.to_owned(), count))
            .collect()
    }
}
