//! The fake config directory, listed as a real one would be.

use std::collections::BTreeMap;

use ncolony_core::colony::Reading;
use ncolony_core::colony::diff::Found;
use ncolony_core::descriptor::ConfigError;
use ncolony_core::files::{DirectoryId, Entry, EntryKind, Fingerprint, Listing};
use ncolony_core::status::content_digest;

use crate::action::{Content, Slot, Upheaval, Who};
use crate::cast::Cast;

type Files = BTreeMap<(Who, Slot), (Content, u64)>;

/// A directory of program files, and the one that was moved away.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    files: Files,
    /// What the directory held that another one has replaced.
    moved_away: Option<Files>,
    unreadable: bool,
    versions: u64,
    /// How often it was replaced; an even number is the first directory.
    inode: u64,
}

impl Folder {
    pub(super) fn write(&mut self, who: Who, slot: Slot, content: Content) {
        self.versions += 1;
        self.files.insert((who, slot), (content, self.versions));
    }

    pub(super) fn erase(&mut self, who: Who, slot: Slot) {
        self.files.remove(&(who, slot));
    }

    pub(super) fn upset(&mut self, upheaval: Upheaval) {
        match upheaval {
            Upheaval::Unreadable => self.unreadable = true,
            Upheaval::Readable => self.unreadable = false,
            Upheaval::Replaced => {
                if self.moved_away.is_none() {
                    self.moved_away = Some(std::mem::take(&mut self.files));
                    self.inode += 1;
                }
            }
            Upheaval::Restored => {
                if let Some(files) = self.moved_away.take() {
                    self.files = files;
                    self.inode -= 1;
                }
            }
        }
    }

    /// The directory as it stands, unless it cannot be listed.
    pub(super) fn list(&self, cast: &Cast) -> Option<Listing> {
        let entry = |((who, slot), (content, version)): (&(Who, Slot), &(Content, u64))| Entry {
            file: file_name(cast, *who, *slot).into(),
            kind: match content {
                Content::Good(_) | Content::Broken => {
                    EntryKind::Regular(Fingerprint::of_number(*version))
                }
                Content::Folder => EntryKind::Directory,
            },
        };
        let directory = DirectoryId {
            device: 1,
            inode: self.inode,
            born: None,
        };
        (!self.unreadable).then(|| Listing {
            directory,
            entries: self.files.iter().map(entry).collect(),
        })
    }

    /// Reads what a look has found under a program's name.
    pub(super) fn read(&self, cast: &Cast, who: Who, found: &Found) -> Reading {
        let content = [Slot::Plain, Slot::Json]
            .into_iter()
            .find_map(|slot| self.files.get(&(who, slot)));
        let bad = |why: &str, digest| Reading::Bad {
            error: ConfigError::whole(why),
            digest,
        };
        match (found, content) {
            (Found::Nothing, _) | (Found::File(_), None) => Reading::Absent,
            (Found::Unusable(why), _) => bad(why, None),
            (Found::File(_), Some((Content::Folder, _))) => bad("it is a directory", None),
            (Found::File(_), Some((Content::Broken, version))) => bad(
                "it does not parse",
                Some(content_digest(&version.to_le_bytes())),
            ),
            (Found::File(_), Some((Content::Good(recipe), _))) => {
                Reading::Good(cast.spec(who, *recipe).clone())
            }
        }
    }

    /// What a program's file truly holds, where exactly one good file is there.
    #[must_use]
    pub fn truth(&self, who: Who) -> Option<Content> {
        let plain = self.files.get(&(who, Slot::Plain));
        let json = self.files.get(&(who, Slot::Json));
        match (plain, json) {
            (Some((content, _)), None) | (None, Some((content, _))) => Some(*content),
            (Some(_), Some(_)) => Some(Content::Broken),
            (None, None) => None,
        }
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (Who, Slot, Content)> {
        let file =
            |((who, slot), (content, _)): (&(Who, Slot), &(Content, u64))| (*who, *slot, *content);
        self.files.iter().map(file)
    }
}

fn file_name(cast: &Cast, who: Who, slot: Slot) -> String {
    let name = cast.name(who);
    match slot {
        Slot::Plain => name.to_string(),
        Slot::Json => format!("{name}.json"),
    }
}
