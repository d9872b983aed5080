//! What a monitor leaves for its successor, as text: the journal in the status directory, and the
//! memory that is handed over in an upgrade, have the same form.
//!
//! The first line says who wrote it. Each line after it is one entry: what has changed since the
//! one before. The last word about a program is what is so. A line that does not end is one that
//! its writer did not live to finish, and is passed over.

use std::collections::BTreeMap;
use std::fmt;

use ncolony_core::colony::snapshot::{ActedOn, Changes, Snapshot, VERSION};
use ncolony_core::listing::DirectoryId;
use ncolony_core::message::Reply;
use serde::{Deserialize, Serialize};

use crate::handover::Handover;

/// Who wrote a state, and what it holds for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    /// The version of the form.
    pub(crate) ncolony_state: u32,
    /// The version of the monitor that wrote it.
    pub(crate) version: String,
    /// The boot that its process numbers are of.
    pub(crate) boot_id: String,
    /// The process namespace that they are of.
    pub(crate) pid_namespace: u64,
    /// The colony's half of all run ids.
    pub(crate) colony: String,
    /// Which status directory it is the state of.
    #[serde(default)]
    pub(crate) home: Option<String>,
}

/// Which file a message was, whatever comes to stand under its name later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) inode: u64,
    pub(crate) changed: (i64, i64),
}

/// One line after the first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    #[serde(flatten)]
    pub(crate) changes: Changes,
    /// Which files the messages were that were acted on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) marks: BTreeMap<String, Mark>,
    /// The config directory that was last believed, if it is another than before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) config: Option<DirectoryId>,
    /// What an upgrade hands over besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) handover: Option<Handover>,
}

/// A message that a monitor had acted on when it was last heard of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) mark: Mark,
    pub(crate) reply: Option<Reply>,
    /// Why nobody could act on it.
    pub(crate) rejected: Option<String>,
}

/// All that was left.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) header: Header,
    pub(crate) snapshot: Snapshot,
    /// Messages that are not to be acted on again, by file.
    pub(crate) settled: BTreeMap<String, Settled>,
    pub(crate) config: Option<DirectoryId>,
    pub(crate) handover: Option<Handover>,
    /// Lines that could not be read.
    pub(crate) unreadable: usize,
}

/// Why a state cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StateError {
    /// It does not begin as one.
    NoHeader,
    /// A later version wrote it.
    Newer {
        /// The version of the form.
        state: u32,
        /// The version of the monitor that wrote it.
        version: String,
    },
}

impl fmt::Display for StateError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHeader => out.write_str("it does not begin as the state of a monitor does"),
            Self::Newer { state, version } => write!(
                out,
                "version {version} wrote it in form {state}, and this one ({}) reads forms up to {VERSION}",
                env!("CARGO_PKG_VERSION")
            ),
        }
    }
}

impl Header {
    /// The first line that this version writes.
    pub(crate) fn new(colony: &str, boot_id: &str, pid_namespace: u64) -> Self {
        Self {
            ncolony_state: VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            boot_id: boot_id.to_owned(),
            pid_namespace,
            colony: colony.to_owned(),
            home: None,
        }
    }
}

/// A line of text, its end included.
pub(crate) fn line(value: &impl Serialize) -> Vec<u8> {
    // Maps with text for keys and plain values: there is nothing in them that JSON cannot say.
    let mut text = serde_json::to_vec(value).unwrap_or_default();
    text.push(b'\n');
    text
}

/// Reads a state.
///
/// # Errors
/// It is none, or one that this version does not understand.
pub(crate) fn read(text: &[u8]) -> Result<State, StateError> {
    let mut lines = text.split_inclusive(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let header = serde_json::from_slice::<Header>(first).map_err(|_| StateError::NoHeader)?;
    if header.ncolony_state > VERSION {
        return Err(StateError::Newer {
            state: header.ncolony_state,
            version: header.version,
        });
    }
    let mut state = State::empty(header);
    for line in lines {
        match serde_json::from_slice::<Entry>(line) {
            Ok(entry) => state.apply(entry),
            Err(_) => state.unreadable += 1,
        }
    }
    Ok(state)
}

impl State {
    /// The state of a monitor that knows nothing.
    pub(crate) fn empty(header: Header) -> Self {
        Self {
            header,
            snapshot: Snapshot::default(),
            settled: BTreeMap::new(),
            config: None,
            handover: None,
            unreadable: 0,
        }
    }

    fn apply(&mut self, mut entry: Entry) {
        for ActedOn {
            file,
            reply,
            rejected,
        } in std::mem::take(&mut entry.changes.acted_on)
        {
            if let Some(mark) = entry.marks.get(&file).copied() {
                let settled = Settled {
                    mark,
                    reply,
                    rejected,
                };
                self.settled.insert(file, settled);
            }
        }
        self.config = entry.config.or(self.config);
        self.handover = entry.handover.or(self.handover.take());
        self.snapshot.apply(entry.changes);
    }

    /// What is left of it as one entry: what to begin a new journal with.
    pub(crate) fn into_entry(self) -> Entry {
        let marks = self.settled.iter();
        let marks = marks
            .map(|(file, settled)| (file.clone(), settled.mark))
            .collect();
        let acted_on = self.settled.into_iter().map(|(file, settled)| ActedOn {
            file,
            reply: settled.reply,
            rejected: settled.rejected,
        });
        Entry {
            changes: Changes {
                acted_on: acted_on.collect(),
                ..Changes::from(self.snapshot)
            },
            marks,
            config: self.config,
            handover: self.handover,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header::new("c0ffee00c0ffee00", "boot", 7)
    }

    #[test]
    fn a_line_that_was_not_finished_is_passed_over() {
        let entry = Entry {
            config: Some(DirectoryId {
                device: 1,
                inode: 2,
                born: None,
            }),
            ..Entry::default()
        };
        let mut text = line(&header());
        text.extend(line(&entry));
        text.extend(b"{\"programs\": [{\"na");
        let state = read(&text).unwrap();
        assert_eq!((state.config, state.unreadable), (entry.config, 1));
        assert_eq!(state.header, header());
        assert_eq!(state.into_entry().config, entry.config);
    }

    #[test]
    fn a_later_form_is_refused_and_a_later_field_is_not() {
        let mut later = header();
        later.ncolony_state = VERSION + 1;
        later.version = "9.0.0".to_owned();
        let why = read(&line(&later)).unwrap_err();
        assert!(why.to_string().contains("9.0.0"), "{why}");
        let mut text = line(&header());
        text.extend(b"{\"something\": \"new\"}\n");
        assert_eq!(read(&text).unwrap().unreadable, 0);
        assert_eq!(read(b""), Err(StateError::NoHeader));
        assert_eq!(read(b"{}\n"), Err(StateError::NoHeader));
    }
}
