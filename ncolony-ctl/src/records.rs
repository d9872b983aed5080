//! What the monitor says is so, read from the status place.

use std::collections::BTreeMap;
use std::path::Path;

use ncolony_core::files::{FileError, list, read_regular};
use ncolony_core::message::Reply;
use ncolony_core::{MonitorStatus, Places, ProgramName, ProgramStatus};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::ending::Failure;

/// More than any record of ours has.
const RECORD_BYTES_MAX: usize = 64 << 20;

/// A record, understood and as written: what a later monitor adds is passed on to those who read
/// our output.
#[derive(Clone, Debug)]
pub(crate) struct Record<T> {
    /// What it says.
    pub(crate) status: T,
    /// Its text.
    pub(crate) text: Box<RawValue>,
}

/// The record of a program.
pub(crate) type ProgramRecord = Record<ProgramStatus>;

/// The records of all programs, and sentences about those that could not be read.
#[derive(Debug, Default)]
pub(crate) struct ProgramRecords {
    pub(crate) by_name: BTreeMap<ProgramName, ProgramRecord>,
    pub(crate) unreadable: Vec<String>,
}

/// The record of one program; `None`: the monitor does not know it.
pub(crate) fn program(places: &Places, name: &str) -> Result<Option<ProgramRecord>, Failure> {
    read(&places.program_status(name))
}

/// The records of all programs.
pub(crate) fn programs(places: &Places) -> Result<ProgramRecords, Failure> {
    let listing = match list(&places.program_statuses()) {
        Ok(listing) => listing,
        Err(error) if error.is_absent() => return Ok(ProgramRecords::default()),
        Err(error) => return Err(error.into()),
    };
    let mut records = ProgramRecords::default();
    for entry in listing.entries {
        let file = entry.file.to_string_lossy();
        // Anything else is not a record, or one that is just being written.
        let Some(Ok(name)) = file.strip_suffix(".json").map(ProgramName::parse) else {
            continue;
        };
        match program(places, name.as_str()) {
            Ok(Some(record)) => {
                records.by_name.insert(name, record);
            }
            Ok(None) => {}
            Err(failure) => records.unreadable.push(failure.message),
        }
    }
    Ok(records)
}

/// The monitor's own record.
pub(crate) fn monitor(places: &Places) -> Result<Option<Record<MonitorStatus>>, Failure> {
    read(&places.monitor_status())
}

/// The outcome of a message; `None`: there is none yet.
pub(crate) fn reply(places: &Places, id: &str) -> Result<Option<Reply>, Failure> {
    let record: Option<Record<Reply>> = read(&places.reply(id))?;
    Ok(record.map(|record| record.status))
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<Record<T>>, Failure> {
    let bytes = match read_regular(path, RECORD_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(error) if error.is_absent() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let parse = || -> serde_json::Result<Record<T>> {
        let text: Box<RawValue> = serde_json::from_slice(&bytes)?;
        let status = serde_json::from_str(text.get())?;
        Ok(Record { status, text })
    };
    parse().map(Some).map_err(|error| {
        let source = std::io::Error::other(format!(
            "{error}; another version of the monitor may have written it"
        ));
        let path = path.to_owned();
        FileError {
            what: "understand",
            path,
            source,
        }
        .into()
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use ncolony_core::State;
    use serde_json::json;

    /// A record with nothing special about it.
    pub(crate) fn status(name: &str, state: State) -> ProgramStatus {
        serde_json::from_value(json!({
            "schema": 1, "name": name, "state": state, "want": "up", "pid": null,
            "since": "2026-01-01T00:00:00Z", "starts": 1, "exit": null, "output": null,
            "delay": 1.0, "next_start": null, "ready": false, "note": null, "reason": null,
            "config_error": null, "groups": [], "log": null, "adopted": false,
            "config_digest": null, "process": null
        }))
        .unwrap()
    }

    /// The same as a record that was read.
    pub(crate) fn record(status: ProgramStatus) -> ProgramRecord {
        let text = serde_json::value::to_raw_value(&status).unwrap();
        Record { status, text }
    }

    fn places(dir: &tempfile::TempDir) -> Places {
        let at = |name: &str| dir.path().join(name);
        Places {
            config: at("config"),
            messages: at("messages"),
            status: at("status"),
            logs: None,
        }
    }

    #[test]
    fn a_record_keeps_what_this_version_does_not_know() {
        let dir = tempfile::tempdir().unwrap();
        let places = places(&dir);
        std::fs::create_dir_all(places.program_statuses()).unwrap();
        let mut text = serde_json::to_value(status("web", State::Running)).unwrap();
        text["later"] = json!(5);
        std::fs::write(places.program_status("web"), text.to_string()).unwrap();
        std::fs::write(places.program_status(".web"), "half").unwrap();
        std::fs::write(places.program_status("bad"), "{}").unwrap();
        let records = programs(&places).unwrap();
        assert_eq!(records.by_name.len(), 1);
        assert!(records.by_name["web"].text.get().contains("later"));
        assert_eq!(records.unreadable.len(), 1);
        assert!(
            records.unreadable[0].contains("bad.json"),
            "{:?}",
            records.unreadable
        );
    }

    #[test]
    fn where_nothing_is_there_is_no_record() {
        let dir = tempfile::tempdir().unwrap();
        let places = places(&dir);
        assert!(programs(&places).unwrap().by_name.is_empty());
        assert!(monitor(&places).unwrap().is_none());
        assert!(reply(&places, "x").unwrap().is_none());
    }
}
