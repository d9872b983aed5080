//! One look at the config directory against the last: which files are new, changed or gone, and
//! what cannot be said.
//!
//! A look is three-valued. A name is *present*, or *absent* (and then it is certain: the directory
//! was listed whole), or nothing is known because the directory could not be listed. Nothing is
//! ever stopped on what is not known. A directory that was replaced by an empty one is treated as
//! not known too, until it holds a program file or somebody says that it is meant.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use crate::listing::{DirectoryId, Entry, EntryKind, Listing};
use crate::name::{FileRole, ProgramName, config_role};
use crate::status::IgnoredFile;
use crate::time::Wall;

/// What a program's name stands for in the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// One file, to be read.
    File(OsString),
    /// Files that together cannot be used, and why.
    Unusable(String),
    /// No file.
    Nothing,
}

/// What a look calls for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Programs whose files are not what they were, and what is there now.
    pub changes: Vec<(ProgramName, Found)>,
}

/// Whether the directory can be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// It was listed.
    Yes,
    /// It was not, and this is why.
    No(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    kind: EntryKind,
    /// Whether the fingerprint was too young to be trusted.
    young: bool,
}

/// The files that stand for one program; there can be no others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Files {
    /// `NAME`
    plain: Option<Seen>,
    /// `NAME.json`
    json: Option<Seen>,
}

impl Files {
    /// What nobody has looked at yet: any look differs from it.
    fn remembered() -> Self {
        Self {
            plain: Some(Seen {
                kind: EntryKind::Directory,
                young: true,
            }),
            json: None,
        }
    }

    /// The place of the file of this name.
    fn slot(&mut self, file: &OsStr) -> &mut Option<Seen> {
        if file.as_encoded_bytes().ends_with(b".json") {
            &mut self.json
        } else {
            &mut self.plain
        }
    }

    fn is_empty(&self) -> bool {
        self.plain.is_none() && self.json.is_none()
    }

    fn differs(&self, new: &Self) -> bool {
        differs(self.plain.as_ref(), new.plain.as_ref())
            || differs(self.json.as_ref(), new.json.as_ref())
    }
}

/// What was last seen in the config directory.
#[derive(Clone, Debug)]
pub struct Catalogue {
    directory: Option<DirectoryId>,
    files: BTreeMap<ProgramName, Files>,
    ignored: BTreeSet<IgnoredFile>,
    /// Whether `ignored` has changed since somebody last asked.
    ignored_changed: bool,
    known: Known,
}

impl Default for Catalogue {
    fn default() -> Self {
        Self {
            directory: None,
            files: BTreeMap::new(),
            ignored: BTreeSet::new(),
            ignored_changed: false,
            known: Known::No("it has not been looked at".to_owned()),
        }
    }
}

/// Whether an emptied directory is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emptiness {
    /// Nobody said so.
    Doubted,
    /// A person said so, with RESCAN or HUP.
    Meant,
}

impl Catalogue {
    /// What a monitor begins with that knows these programs from its predecessor, and the
    /// directory in which that one had seen them: the first whole look reports each of them,
    /// whether there is a file or none. An empty directory that is not that very one is doubted,
    /// as one that has come into another's place.
    #[must_use]
    pub fn expecting(
        names: impl IntoIterator<Item = ProgramName>,
        directory: Option<DirectoryId>,
    ) -> Self {
        let remembered = |name| (name, Files::remembered());
        Self {
            directory,
            files: names.into_iter().map(remembered).collect(),
            ..Self::default()
        }
    }

    /// The files that are passed over, with reasons.
    #[must_use]
    pub fn ignored(&self) -> Vec<IgnoredFile> {
        self.ignored.iter().cloned().collect()
    }

    /// Whether other files are passed over than when this was last asked.
    pub fn take_ignored_changed(&mut self) -> bool {
        std::mem::take(&mut self.ignored_changed)
    }

    /// Whether the last look succeeded.
    #[must_use]
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// The directory that was last believed.
    #[must_use]
    pub fn directory(&self) -> Option<DirectoryId> {
        self.directory
    }

    /// Takes in that the directory could not be listed: nothing changes but what is known.
    pub fn unknown(&mut self, why: String) {
        self.known = Known::No(why);
    }

    /// Takes in that a file that is there could not be read: the next look reads it again.
    pub fn doubt(&mut self, name: &ProgramName) {
        if let Some(Files { plain, json }) = self.files.get_mut(name) {
            for seen in [plain, json].into_iter().flatten() {
                seen.young = true;
            }
        }
    }

    /// Takes in that other files may be read than before: the next whole look reads every one.
    pub fn doubt_all(&mut self) {
        for Files { plain, json } in self.files.values_mut() {
            for seen in [plain, json].into_iter().flatten() {
                seen.young = true;
            }
        }
    }

    /// Takes in a whole listing. `now` is the present time, for judging how young a file
    /// is; a wrong clock costs a needless read and nothing else.
    pub fn look(&mut self, listing: Listing, emptiness: Emptiness, now: Wall) -> Diff {
        let (files, ignored) = sort(listing.entries, now);
        // A directory that nobody has seen is not the one in which files are remembered.
        let replaced = self.directory != Some(listing.directory);
        let emptied = files.is_empty() && !self.files.is_empty();
        if replaced && emptied && emptiness == Emptiness::Doubted {
            let why = "the directory was replaced by an empty one; put a program file into it, \
                       or say RESCAN or send HUP if it is meant";
            self.unknown(why.to_owned());
            return Diff::default();
        }
        self.known = Known::Yes;
        self.directory = Some(listing.directory);
        self.ignored_changed |= self.ignored != ignored;
        self.ignored = ignored;
        let old = std::mem::replace(&mut self.files, files);
        let names: BTreeSet<&ProgramName> = old.keys().chain(self.files.keys()).collect();
        let changed = |name: &&ProgramName| is_changed(old.get(*name), self.files.get(*name));
        let changes = names
            .into_iter()
            .filter(changed)
            .map(|name| (name.clone(), found(name, self.files.get(name))))
            .collect();
        Diff { changes }
    }

    /// Takes in a look at some names of a directory that is otherwise as it was.
    pub fn glance(&mut self, looks: Vec<(OsString, Option<EntryKind>)>, now: Wall) -> Diff {
        let mut changed = BTreeSet::new();
        for (file, kind) in looks {
            match config_role(&file) {
                FileRole::Program(name) => {
                    let seen = kind.map(|kind| Seen {
                        kind,
                        young: is_young(&kind, now),
                    });
                    if self.note(&name, &file, seen) {
                        changed.insert(name);
                    }
                }
                FileRole::Ignored(reason) => self.note_ignored(&file, reason, kind.is_some()),
                FileRole::Hidden => {}
            }
        }
        let changes = changed
            .into_iter()
            .map(|name| {
                let found = found(&name, self.files.get(&name));
                (name, found)
            })
            .collect();
        Diff { changes }
    }

    fn note(&mut self, name: &ProgramName, file: &OsStr, seen: Option<Seen>) -> bool {
        let files = self.files.entry(name.clone()).or_default();
        let slot = files.slot(file);
        let changed = differs(slot.as_ref(), seen.as_ref());
        *slot = seen;
        if files.is_empty() {
            self.files.remove(name);
        }
        changed
    }

    fn note_ignored(&mut self, file: &OsString, reason: String, there: bool) {
        let file = file.to_string_lossy().into_owned();
        let entry = IgnoredFile { file, reason };
        self.ignored_changed |= if there {
            self.ignored.insert(entry)
        } else {
            self.ignored.remove(&entry)
        };
    }
}

type Sorted = (BTreeMap<ProgramName, Files>, BTreeSet<IgnoredFile>);

fn sort(entries: Vec<Entry>, now: Wall) -> Sorted {
    let mut files: BTreeMap<ProgramName, Files> = BTreeMap::new();
    let mut ignored = BTreeSet::new();
    for Entry { file, kind } in entries {
        match config_role(&file) {
            FileRole::Program(name) => {
                let seen = Seen {
                    kind,
                    young: is_young(&kind, now),
                };
                *files.entry(name).or_default().slot(&file) = Some(seen);
            }
            FileRole::Ignored(reason) => {
                ignored.insert(IgnoredFile {
                    file: file.to_string_lossy().into_owned(),
                    reason,
                });
            }
            FileRole::Hidden => {}
        }
    }
    (files, ignored)
}

fn is_young(kind: &EntryKind, now: Wall) -> bool {
    match kind {
        EntryKind::Regular(fingerprint) => fingerprint.is_young(now),
        EntryKind::Directory | EntryKind::Other(_) => false,
    }
}

/// Whether a file has to be looked at again: it came, went, is another, or could not be trusted.
fn differs(old: Option<&Seen>, new: Option<&Seen>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => old.young || old.kind != new.kind,
        (None, None) => false,
        (Some(_), None) | (None, Some(_)) => true,
    }
}

fn is_changed(old: Option<&Files>, new: Option<&Files>) -> bool {
    let none = Files::default();
    old.unwrap_or(&none).differs(new.unwrap_or(&none))
}

fn found(name: &ProgramName, files: Option<&Files>) -> Found {
    let none = Files::default();
    let files = files.unwrap_or(&none);
    let json = format!("{name}.json");
    match (&files.plain, &files.json) {
        (None, None) => Found::Nothing,
        (Some(_), Some(_)) => Found::Unusable(format!(
            "there are two files, {name} and {json}; remove one of them"
        )),
        (Some(seen), None) => one_file(name.as_str().into(), seen),
        (None, Some(seen)) => one_file(json.into(), seen),
    }
}

fn one_file(file: OsString, seen: &Seen) -> Found {
    match seen.kind {
        EntryKind::Regular(_) => Found::File(file),
        EntryKind::Directory => Found::Unusable("it is a directory, not a file".to_owned()),
        EntryKind::Other(what) => Found::Unusable(format!("it is {what}, not a regular file")),
    }
}

#[cfg(test)]
mod tests;
