//! What a colony's monitor says is so, and waiting for it.

use std::fs;
use std::path::Path;

use ncolony_core::State;
use ncolony_core::status::{MonitorStatus, ProgramStatus};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{Colony, until};

impl Colony {
    /// The record of a program, if there is one.
    pub(crate) fn try_record(&self, name: &str) -> Option<ProgramStatus> {
        read_json(&self.path(format!("status/programs/{name}.json")))
    }

    /// The record of a program.
    #[track_caller]
    pub(crate) fn record(&self, name: &str) -> ProgramStatus {
        let record = self.try_record(name);
        record.unwrap_or_else(|| panic!("{name} has no record"))
    }

    /// Waits until a program has such a record.
    #[track_caller]
    pub(crate) fn until_record(
        &self,
        name: &str,
        what: &str,
        condition: impl Fn(&ProgramStatus) -> bool,
    ) -> ProgramStatus {
        until(&format!("{name}: {what}"), || {
            self.try_record(name).filter(&condition)
        })
    }

    /// Waits until a program is in a state.
    #[track_caller]
    pub(crate) fn until_state(&self, name: &str, state: State) -> ProgramStatus {
        self.until_record(name, state.as_str(), |record| record.state == state)
    }

    /// Waits until a program has a process, and gives its number.
    #[track_caller]
    pub(crate) fn until_up(&self, name: &str) -> u32 {
        let record = self.until_record(name, "it has a process", |record| {
            record.pid.is_some() && matches!(record.state, State::Starting | State::Running)
        });
        record.pid.unwrap()
    }

    /// Waits until a program has no record.
    #[track_caller]
    pub(crate) fn until_retracted(&self, name: &str) {
        let record = self.path(format!("status/programs/{name}.json"));
        until(&format!("{name} has no record"), || {
            (!record.exists()).then_some(())
        });
    }

    /// Waits until a message was put aside, and gives the reason.
    #[track_caller]
    pub(crate) fn until_rejected(&self, name: &str) -> String {
        let reason = self.path(format!("status/rejected/{name}.reason"));
        until(&format!("{name} is rejected"), || {
            let text = fs::read_to_string(&reason).ok();
            text.filter(|text| text.ends_with('\n'))
        })
    }

    /// The monitor's own record.
    pub(crate) fn overview(&self) -> MonitorStatus {
        self.try_overview().unwrap()
    }

    pub(super) fn try_overview(&self) -> Option<MonitorStatus> {
        read_json(&self.path("status/monitor.json"))
    }

    /// Waits until the monitor's own record is so.
    #[track_caller]
    pub(crate) fn until_overview(
        &self,
        what: &str,
        condition: impl Fn(&MonitorStatus) -> bool,
    ) -> MonitorStatus {
        until(what, || self.try_overview().filter(&condition))
    }

    /// Has the monitor do whatever it has to do about what was written before: when this returns
    /// it has looked at everything.
    pub(crate) fn rescan(&self) {
        let looks = |record: &MonitorStatus| record.counters["full_looks"];
        let before = looks(&self.overview());
        assert!(self.ask(json!({"type": "RESCAN"})).ok);
        self.until_overview("it has looked at everything", |record| {
            looks(record) > before
        });
    }
}

/// Reads a file that is always written whole, if it is there.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let bytes = fs::read(path).ok()?;
    let parsed = serde_json::from_slice(&bytes);
    Some(parsed.unwrap_or_else(|error| {
        let text = String::from_utf8_lossy(&bytes);
        panic!("{} is not as it should be: {error}: {text}", path.display())
    }))
}
