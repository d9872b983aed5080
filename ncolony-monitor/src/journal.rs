//! What the machine was last known to be, in `status/.journal`.
//!
//! What has changed is appended before anything that was ordered is done. So whoever comes after a
//! monitor that was killed knows at least what was about to happen, and finds out the rest from
//! the processes themselves. Nothing is synchronized to the disk: a killed process loses nothing
//! that it has written, and after a loss of power there are no processes to be found.
//!
//! A journal that cannot be written stops nothing: what is missing in it is written when it can
//! be, and until then a successor knows less.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ncolony_core::colony::snapshot::{ActedOn, Changes, Snapshot, SourceId};
use ncolony_core::files::{Durability, read_regular, replace_file};
use ncolony_core::listing::DirectoryId;
use ncolony_core::time::Mono;

use crate::crash_point;
use crate::run_id;
use crate::state::{self, Entry, Header, Mark, State, StateError};
use crate::sys::{clock, errno};

/// The file in the status directory.
pub(crate) const FILE: &str = ".journal";

/// What is longer than this is no journal of ours.
const BYTES_MAX: usize = 256 * 1024 * 1024;

/// A journal below this size is never written anew.
const SMALL: u64 = 1024 * 1024;

/// While it cannot be written, it is tried at most this often: what is to be written is all there
/// is.
const RETRY: Duration = Duration::from_secs(1);

/// It is written anew when it has grown so many times longer than it was when it was new.
const GROWTH: u64 = 4;

/// The journal of a living monitor.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    header: Header,
    /// `None`: it could not be written, or was removed, and is to be written anew.
    file: Option<File>,
    /// While it cannot be written: not before.
    retry_at: Mono,
    /// Messages that were acted on since it was written anew, and those that were there then: a
    /// message that cannot be removed is to be known as long as it stands.
    acted_on: Vec<(ActedOn, Option<Mark>)>,
    length: u64,
    /// How long it was when it was last written anew.
    compact_length: u64,
    /// Texts that it holds.
    sources: BTreeSet<SourceId>,
    config: Option<DirectoryId>,
    problem: Option<String>,
}

/// Reads what a predecessor has left.
///
/// # Errors
/// There is a journal, and it cannot be read or understood.
pub(crate) fn read(status: &Path) -> Result<Option<State>, String> {
    let path = status.join(FILE);
    let in_words = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    match read_regular(&path, BYTES_MAX) {
        Ok(text) => match state::read(&text) {
            Ok(state) => Ok(Some(state)),
            Err(why @ (StateError::NoHeader | StateError::Newer { .. })) => Err(in_words(&why)),
        },
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(in_words(&errno::of(&error.source))),
    }
}

/// What is known, for a journal that is written anew.
pub(crate) struct Everything {
    pub(crate) snapshot: Snapshot,
    /// Messages that were acted on and are still there.
    pub(crate) standing: BTreeMap<String, Mark>,
}

fn with_marks<'a>(
    acted_on: &'a [ActedOn],
    marks: &'a BTreeMap<String, Mark>,
) -> impl Iterator<Item = (ActedOn, Option<Mark>)> + 'a {
    acted_on
        .iter()
        .map(|acted_on| (acted_on.clone(), marks.get(&acted_on.file).copied()))
}

impl Journal {
    /// A journal that begins with what is known now.
    pub(crate) fn begin(status: &Path, header: Header, first: Entry) -> Self {
        let mut journal = Self {
            path: status.join(FILE),
            header,
            file: None,
            retry_at: Mono::default(),
            acted_on: with_marks(&first.changes.acted_on, &first.marks).collect(),
            length: 0,
            compact_length: 0,
            sources: BTreeSet::new(),
            config: first.config,
            problem: None,
        };
        journal.write_anew(first);
        journal
    }

    /// Appends what has changed. `all` gives everything, for when that is what is to be written.
    pub(crate) fn append(
        &mut self,
        changes: Changes,
        marks: BTreeMap<String, Mark>,
        all: impl FnOnce() -> Everything,
    ) {
        let acted_on = with_marks(&changes.acted_on, &marks);
        self.acted_on.extend(acted_on);
        let grown = self.length > SMALL.max(self.compact_length.saturating_mul(GROWTH));
        if self.file.is_none() || grown {
            if grown || clock::mono() >= self.retry_at {
                self.write_all(all());
            }
            return;
        }
        self.append_entry(Entry {
            changes,
            marks,
            ..Entry::default()
        });
    }

    /// Takes down which config directory is believed.
    pub(crate) fn note_config(&mut self, directory: Option<DirectoryId>) {
        if directory.is_some() && directory != self.config {
            self.config = directory;
            self.append_entry(Entry {
                config: directory,
                ..Entry::default()
            });
        }
    }

    /// Writes it anew if it could not be written or somebody has removed it.
    pub(crate) fn keep(&mut self, all: impl FnOnce() -> Everything) {
        if !self.is_there() {
            self.file = None;
            self.write_all(all());
        }
    }

    fn is_there(&self) -> bool {
        let there = fs::metadata(&self.path).map(|it| (it.dev(), it.ino())).ok();
        let held = self.file.as_ref().and_then(|file| file.metadata().ok());
        let held = held.map(|it| (it.dev(), it.ino()));
        held.is_some() && held == there
    }

    /// Everything was stopped in order: there is nothing to be remembered.
    pub(crate) fn retire(&self) {
        // If it stays, the next monitor finds that none of what it says is there.
        let _stays = fs::remove_file(&self.path);
    }

    /// The first line of a state that this monitor hands on.
    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// The config directory that was last believed.
    pub(crate) fn config(&self) -> Option<DirectoryId> {
        self.config
    }

    /// Why it cannot be written, while it is so.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    fn append_entry(&mut self, mut entry: Entry) {
        let Some(file) = &mut self.file else {
            return;
        };
        let known = &self.sources;
        let new: Vec<SourceId> = entry.changes.sources.keys().cloned().collect();
        entry.changes.sources.retain(|id, _| !known.contains(id));
        let text = state::line(&entry);
        crash_point::reach("before an entry of the journal");
        if let Err(error) = file.write_all(&text) {
            // Half a line must not spoil the next one: the whole is written anew.
            self.file = None;
            return self.complain(&error);
        }
        crash_point::reach("after an entry of the journal");
        self.sources.extend(new);
        self.length += text.len() as u64;
        self.problem = None;
    }

    /// Writes it anew with all there is.
    fn write_all(&mut self, all: Everything) {
        let Everything { snapshot, standing } = all;
        let stands = |acted_on: &ActedOn, mark: Option<Mark>| {
            mark.is_some() && standing.get(&acted_on.file).copied() == mark
        };
        self.acted_on
            .retain(|(acted_on, mark)| stands(acted_on, *mark));
        let acted_on = self.acted_on.iter();
        let acted_on = acted_on.map(|(acted_on, _)| acted_on.clone()).collect();
        self.write_anew(Entry {
            changes: Changes {
                acted_on,
                ..Changes::from(snapshot)
            },
            marks: standing,
            config: self.config,
            handover: None,
        });
    }

    fn write_anew(&mut self, entry: Entry) {
        let sources = entry.changes.sources.keys().cloned().collect();
        // Somebody may have put another directory in the place of the one that was there.
        self.header.home = self.path.parent().and_then(run_id::home);
        let mut text = state::line(&self.header);
        text.extend(state::line(&entry));
        crash_point::reach("before a new journal");
        let written = replace_file(&self.path, &text, Durability::Renamed)
            .map_err(|error| error.source)
            .and_then(|()| File::options().append(true).open(&self.path));
        match written {
            Ok(file) => {
                crash_point::reach("after a new journal");
                self.file = Some(file);
                self.sources = sources;
                self.length = text.len() as u64;
                self.compact_length = self.length;
                self.problem = None;
            }
            Err(error) => {
                self.file = None;
                self.complain(&error);
            }
        }
    }

    fn complain(&mut self, error: &io::Error) {
        self.retry_at = clock::mono().after(RETRY);
        let problem = format!(
            "cannot write {}: {}; a monitor that came now would know less of the programs",
            self.path.display(),
            errno::of(error)
        );
        if self.problem.as_ref() != Some(&problem) {
            tracing::warn!("{problem}");
        }
        self.problem = Some(problem);
    }
}

#[cfg(test)]
mod tests;
