//! The monitor's own record: what it is, how it watches, and what is wrong with its world.

use std::collections::BTreeMap;
use std::time::Duration;

use ncolony_core::status::{Guarantees, IgnoredFile, MonitorStatus, PlacesRecord, SCHEMA, Watch};
use ncolony_core::time::{Mono, Wall};

use crate::Settings;

/// The record is written at most this often.
const SPACING: Duration = Duration::from_millis(100);

/// What the record says that changes.
pub(crate) struct Present {
    pub(crate) watch: Watch,
    pub(crate) programs: usize,
    pub(crate) ignored: Vec<IgnoredFile>,
    pub(crate) config_state: String,
    pub(crate) problems: Vec<String>,
    pub(crate) counters: BTreeMap<String, u64>,
}

/// Knows when the record is to be written, and what never changes in it.
#[derive(Debug)]
pub(crate) struct Overview {
    started: Wall,
    settings: Settings,
    guarantees: Guarantees,
    /// Whether it does not say what is so.
    stale: bool,
    written: Option<Mono>,
}

impl Overview {
    /// The record of a monitor that began at `started`; nothing of it is written yet.
    pub(crate) fn new(settings: Settings, guarantees: Guarantees, started: Wall) -> Self {
        Self {
            started,
            settings,
            guarantees,
            stale: true,
            written: None,
        }
    }

    /// Something that it says has changed.
    pub(crate) fn touch(&mut self) {
        self.stale = true;
    }

    /// When it is to be written, if it is.
    pub(crate) fn due(&self) -> Option<Mono> {
        self.stale.then(|| {
            self.written
                .map_or_else(Mono::default, |last| last.after(SPACING))
        })
    }

    /// It is to be written now, whenever it was written before: there will be no other time.
    pub(crate) fn hurry(&mut self) {
        self.stale = true;
        self.written = None;
    }

    /// It was written, or could not be.
    pub(crate) fn written(&mut self, now: Mono, done: bool) {
        self.written = Some(now);
        self.stale = !done;
    }

    /// The record of this moment.
    pub(crate) fn record(&self, present: Present) -> MonitorStatus {
        let places = &self.settings.places;
        MonitorStatus {
            schema: SCHEMA,
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            executable: self.settings.invocation.as_ref().map(|it| it.path.clone()),
            started: self.started,
            places: PlacesRecord {
                config: places.config.clone(),
                messages: places.messages.clone(),
                status: places.status.clone(),
                logs: places.logs.clone(),
            },
            watch: present.watch,
            frequency: self.settings.frequency.as_secs_f64(),
            defaults: self.settings.defaults,
            programs: present.programs,
            ignored: present.ignored,
            config_state: present.config_state,
            guarantees: self.guarantees,
            problems: present.problems,
            counters: present.counters,
        }
    }
}
