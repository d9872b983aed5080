//! One look at the config directory against the last: which files are new, changed or gone, and
//! what cannot be said.
//!
//! A look is three-valued. A name is *present*, or *absent* (and then it is certain: the directory
//! was listed whole), or nothing is known because the directory could not be listed. Nothing is
//! ever stopped on what is not known. A directory that was replaced by an empty one is treated as
//! not known too, until it holds a program file or somebody says that it is meant.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use crate::listing::{DirectoryId, Entry, EntryKind, Fingerprint, Listing};
use crate::name::{FileRole, ProgramName, config_role};
use crate::status::IgnoredFile;

/// A file changed this recently may be changed again without its fingerprint showing it: clocks of
/// file systems are coarse. It is read again at the next look.
const COARSE_SECONDS: i64 = 2;

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

/// What was last seen in the config directory.
#[derive(Debug)]
pub struct Catalogue {
    directory: Option<DirectoryId>,
    files: BTreeMap<ProgramName, BTreeMap<OsString, Seen>>,
    ignored: BTreeSet<IgnoredFile>,
    known: Known,
}

impl Default for Catalogue {
    fn default() -> Self {
        Self {
            directory: None,
            files: BTreeMap::new(),
            ignored: BTreeSet::new(),
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
    /// The files that are passed over, with reasons.
    #[must_use]
    pub fn ignored(&self) -> Vec<IgnoredFile> {
        self.ignored.iter().cloned().collect()
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
        for seen in self
            .files
            .get_mut(name)
            .into_iter()
            .flat_map(BTreeMap::values_mut)
        {
            seen.young = true;
        }
    }

    /// Takes in a whole listing. `wall_seconds` is the present time, for judging how young a file
    /// is; a wrong clock costs a needless read and nothing else.
    pub fn look(&mut self, listing: Listing, emptiness: Emptiness, wall_seconds: i64) -> Diff {
        let (files, ignored) = sort(listing.entries, wall_seconds);
        let replaced = self
            .directory
            .is_some_and(|known| known != listing.directory);
        let emptied = files.is_empty() && !self.files.is_empty();
        if replaced && emptied && emptiness == Emptiness::Doubted {
            let why = "the directory was replaced by an empty one; put a program file into it, \
                       or say RESCAN or send HUP if it is meant";
            self.unknown(why.to_owned());
            return Diff::default();
        }
        self.known = Known::Yes;
        self.directory = Some(listing.directory);
        self.ignored = ignored;
        let old = std::mem::replace(&mut self.files, files);
        let names: BTreeSet<&ProgramName> = old.keys().chain(self.files.keys()).collect();
        let changed = |name: &&ProgramName| is_changed(old.get(*name), self.files.get(*name));
        let changes = names
            .into_iter()
            .filter(changed)
            .map(|name| (name.clone(), found(self.files.get(name))))
            .collect();
        Diff { changes }
    }

    /// Takes in a look at some names of a directory that is otherwise as it was.
    pub fn glance(&mut self, looks: Vec<(OsString, Option<EntryKind>)>, wall_seconds: i64) -> Diff {
        let mut changed = BTreeSet::new();
        for (file, kind) in looks {
            match config_role(&file) {
                FileRole::Program(name) => {
                    let seen = kind.map(|kind| Seen {
                        kind,
                        young: is_young(&kind, wall_seconds),
                    });
                    if self.note(&name, file, seen) {
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
                let found = found(self.files.get(&name));
                (name, found)
            })
            .collect();
        Diff { changes }
    }

    fn note(&mut self, name: &ProgramName, file: OsString, seen: Option<Seen>) -> bool {
        let files = self.files.entry(name.clone()).or_default();
        let changed = match seen {
            Some(seen) => {
                let changed = files.get(&file).is_none_or(|old| differs(old, &seen));
                files.insert(file, seen);
                changed
            }
            None => files.remove(&file).is_some(),
        };
        if files.is_empty() {
            self.files.remove(name);
        }
        changed
    }

    fn note_ignored(&mut self, file: &OsString, reason: String, there: bool) {
        let file = file.to_string_lossy().into_owned();
        let entry = IgnoredFile { file, reason };
        if there {
            self.ignored.insert(entry);
        } else {
            self.ignored.remove(&entry);
        }
    }
}

type Sorted = (
    BTreeMap<ProgramName, BTreeMap<OsString, Seen>>,
    BTreeSet<IgnoredFile>,
);

fn sort(entries: Vec<Entry>, wall_seconds: i64) -> Sorted {
    let mut files: BTreeMap<ProgramName, BTreeMap<OsString, Seen>> = BTreeMap::new();
    let mut ignored = BTreeSet::new();
    for Entry { file, kind } in entries {
        match config_role(&file) {
            FileRole::Program(name) => {
                let seen = Seen {
                    kind,
                    young: is_young(&kind, wall_seconds),
                };
                files.entry(name).or_default().insert(file, seen);
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

fn is_young(kind: &EntryKind, wall_seconds: i64) -> bool {
    match kind {
        EntryKind::Regular(fingerprint) => is_fingerprint_young(fingerprint, wall_seconds),
        EntryKind::Directory | EntryKind::Other(_) => false,
    }
}

fn is_fingerprint_young(fingerprint: &Fingerprint, wall_seconds: i64) -> bool {
    fingerprint.changed_seconds().saturating_add(COARSE_SECONDS) >= wall_seconds
}

fn differs(old: &Seen, new: &Seen) -> bool {
    old.young || old.kind != new.kind
}

fn is_changed(
    old: Option<&BTreeMap<OsString, Seen>>,
    new: Option<&BTreeMap<OsString, Seen>>,
) -> bool {
    let (Some(old), Some(new)) = (old, new) else {
        return old.is_some() || new.is_some();
    };
    !old.keys().eq(new.keys())
        || old
            .values()
            .zip(new.values())
            .any(|(old, new)| differs(old, new))
}

fn found(files: Option<&BTreeMap<OsString, Seen>>) -> Found {
    let Some(files) = files else {
        return Found::Nothing;
    };
    let names: Vec<String> = files
        .keys()
        .map(|file| file.to_string_lossy().into_owned())
        .collect();
    if names.len() > 1 {
        let both = names.join(" and ");
        return Found::Unusable(format!("there are two files, {both}; remove one of them"));
    }
    match files.iter().next() {
        None => Found::Nothing,
        Some((
            file,
            Seen {
                kind: EntryKind::Regular(_),
                ..
            },
        )) => Found::File(file.clone()),
        Some((
            _,
            Seen {
                kind: EntryKind::Directory,
                ..
            },
        )) => Found::Unusable("it is a directory, not a file".to_owned()),
        Some((
            _,
            Seen {
                kind: EntryKind::Other(what),
                ..
            },
        )) => Found::Unusable(format!("it is {what}, not a regular file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: i64 = 1000;

    fn regular(number: u64) -> EntryKind {
        EntryKind::Regular(Fingerprint::of_number(number))
    }

    fn listing(inode: u64, files: &[(&str, EntryKind)]) -> Listing {
        let entry = |(file, kind): &(&str, EntryKind)| Entry {
            file: file.into(),
            kind: *kind,
        };
        Listing {
            directory: DirectoryId { device: 1, inode },
            entries: files.iter().map(entry).collect(),
        }
    }

    fn look(catalogue: &mut Catalogue, inode: u64, files: &[(&str, EntryKind)]) -> Vec<String> {
        shown(&catalogue.look(listing(inode, files), Emptiness::Doubted, LATER))
    }

    fn shown(diff: &Diff) -> Vec<String> {
        let show = |(name, found): &(ProgramName, Found)| match found {
            Found::File(file) => format!("{name}={}", file.to_string_lossy()),
            Found::Unusable(why) => format!("{name}!{why}"),
            Found::Nothing => format!("{name}-"),
        };
        diff.changes.iter().map(show).collect()
    }

    #[test]
    fn added_changed_and_removed() {
        let mut catalogue = Catalogue::default();
        assert_eq!(
            look(
                &mut catalogue,
                1,
                &[("a", regular(1)), ("b.json", regular(2))]
            ),
            ["a=a", "b=b.json"]
        );
        assert!(
            look(
                &mut catalogue,
                1,
                &[("a", regular(1)), ("b.json", regular(2))]
            )
            .is_empty()
        );
        assert_eq!(
            look(
                &mut catalogue,
                1,
                &[("a", regular(3)), ("b.json", regular(2))]
            ),
            ["a=a"]
        );
        assert_eq!(look(&mut catalogue, 1, &[("b.json", regular(2))]), ["a-"]);
    }

    #[test]
    fn two_files_of_one_program_are_unusable_until_one_goes() {
        let mut catalogue = Catalogue::default();
        look(&mut catalogue, 1, &[("a", regular(1))]);
        let both = look(
            &mut catalogue,
            1,
            &[("a", regular(1)), ("a.json", regular(2))],
        );
        assert!(both[0].starts_with("a!there are two files"), "{both:?}");
        assert_eq!(
            look(&mut catalogue, 1, &[("a.json", regular(2))]),
            ["a=a.json"]
        );
    }

    #[test]
    fn what_is_no_file_is_unusable_and_what_is_ignored_is_listed() {
        let mut catalogue = Catalogue::default();
        let files = [
            ("a", EntryKind::Directory),
            ("b", EntryKind::Other("a FIFO")),
            ("c~", regular(1)),
            (".d", regular(2)),
        ];
        let diff = look(&mut catalogue, 1, &files);
        assert!(diff[0].starts_with("a!it is a directory"), "{diff:?}");
        assert!(diff[1].starts_with("b!it is a FIFO"), "{diff:?}");
        let ignored: Vec<String> = catalogue
            .ignored()
            .into_iter()
            .map(|file| file.file)
            .collect();
        assert_eq!(ignored, ["c~"]);
    }

    #[test]
    fn what_cannot_be_listed_changes_nothing() {
        let mut catalogue = Catalogue::default();
        look(&mut catalogue, 1, &[("a", regular(1))]);
        catalogue.unknown("permission denied".to_owned());
        assert_eq!(
            catalogue.known(),
            &Known::No("permission denied".to_owned())
        );
        assert!(look(&mut catalogue, 1, &[("a", regular(1))]).is_empty());
        assert_eq!(catalogue.known(), &Known::Yes);
    }

    #[test]
    fn another_directory_that_is_empty_is_doubted() {
        let mut catalogue = Catalogue::default();
        look(&mut catalogue, 1, &[("a", regular(1))]);
        assert!(look(&mut catalogue, 2, &[("..data", EntryKind::Directory)]).is_empty());
        assert!(matches!(catalogue.known(), Known::No(_)));
        assert_eq!(
            look(&mut catalogue, 2, &[("b", regular(2))]),
            ["a-", "b=b"],
            "not empty any more"
        );
    }

    #[test]
    fn another_directory_that_is_empty_is_believed_when_it_is_meant() {
        let mut catalogue = Catalogue::default();
        look(&mut catalogue, 1, &[("a", regular(1))]);
        let diff = catalogue.look(listing(2, &[]), Emptiness::Meant, LATER);
        assert_eq!(shown(&diff), ["a-"]);
    }

    #[test]
    fn the_same_directory_may_be_emptied() {
        let mut catalogue = Catalogue::default();
        look(&mut catalogue, 1, &[("a", regular(1))]);
        assert_eq!(look(&mut catalogue, 1, &[]), ["a-"]);
    }

    #[test]
    fn a_young_file_is_read_again() {
        let mut catalogue = Catalogue::default();
        let mut reads = |wall_seconds| {
            let files = listing(1, &[("a", regular(1))]);
            catalogue
                .look(files, Emptiness::Doubted, wall_seconds)
                .changes
                .len()
        };
        assert_eq!(reads(COARSE_SECONDS), 1, "it is new");
        assert_eq!(
            reads(LATER),
            1,
            "it may have been changed while it was young"
        );
        assert_eq!(reads(LATER), 0, "it is old enough to be believed");
    }

    #[test]
    fn a_glance_says_what_a_whole_look_would() {
        let mut catalogue = Catalogue::default();
        look(&mut catalogue, 1, &[("a", regular(1)), ("b", regular(2))]);
        let looks = vec![
            ("a".into(), Some(regular(9))),
            ("b".into(), None),
            ("c.json".into(), Some(regular(3))),
            ("x.tmp".into(), Some(regular(4))),
            ("gone".into(), None),
        ];
        let diff = catalogue.glance(looks, LATER);
        assert_eq!(shown(&diff), ["a=a", "b-", "c=c.json"]);
        let now = [
            ("a", regular(9)),
            ("c.json", regular(3)),
            ("x.tmp", regular(4)),
        ];
        assert!(
            look(&mut catalogue, 1, &now).is_empty(),
            "the whole look finds nothing more"
        );
    }
}
