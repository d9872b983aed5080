//! Who started a process, written into its environment.
//!
//! The first half of a run id is the colony's: made when its status directory is first used, kept
//! in `status/.colony` until everything was stopped in order. The second half is new for each
//! start: it says which program and which start it is. So a process that carries our half was
//! started by us or by a monitor that died before us, whether or not its start was ever recorded.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ncolony_core::ProgramName;
use ncolony_core::colony::Generation;
use ncolony_core::files::{Durability, read_regular, replace_file};
use ncolony_core::status::content_digest;

/// The file in the status directory that holds the colony's half, and which directory that is: what
/// was copied to another place speaks of a colony that is not ours to touch.
const FILE: &str = ".colony";

/// It is never longer.
const FILE_BYTES_MAX: usize = 1024;

/// Gives run ids.
#[derive(Debug)]
pub(crate) struct RunIds {
    path: PathBuf,
    colony: String,
}

/// Whether a monitor was here before that did not end in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Predecessor {
    /// None was, or the last one stopped everything.
    None,
    /// One was, and may have left processes behind.
    Unclean,
}

impl RunIds {
    /// Takes up the colony's half, or makes one. `used` is the one that a predecessor has written
    /// down, and `seek` finds one in what it has left. Nothing is written before both are known:
    /// whoever is killed here leaves it to the next to find the same.
    pub(crate) fn open(
        status: &Path,
        used: Option<String>,
        seek: impl FnOnce() -> Option<String>,
    ) -> io::Result<(Self, Predecessor)> {
        let path = status.join(FILE);
        let noted = note(&path).filter(|note| note.is_of(status));
        let noted = noted.map(|note| note.colony);
        let used = used.filter(|text| is_half(text)).or(noted.clone());
        if let Some(colony) = used.or_else(seek) {
            let is_noted = noted.as_ref() == Some(&colony);
            let ids = Self { path, colony };
            if !is_noted {
                // If it cannot be written now, it is tried with every look at everything.
                let _not_written = ids.write();
            }
            return Ok((ids, Predecessor::Unclean));
        }
        let colony = format!("{:016x}", random()?);
        let ids = Self { path, colony };
        ids.write()?;
        Ok((ids, Predecessor::None))
    }

    fn write(&self) -> io::Result<()> {
        let home = self.path.parent().and_then(home).unwrap_or_default();
        let text = format!("{} {home}\n", self.colony);
        replace_file(&self.path, text.as_bytes(), Durability::Renamed).map_err(|error| error.source)
    }

    /// Goes on with the half that the image before this one had. `None`: it is none.
    pub(crate) fn handed_over(status: &Path, colony: &str) -> Option<Self> {
        is_half(colony).then(|| Self {
            path: status.join(FILE),
            colony: colony.to_owned(),
        })
    }

    /// Writes the colony's half again if somebody has removed it.
    pub(crate) fn keep(&self) -> io::Result<()> {
        if self.path.exists() {
            return Ok(());
        }
        self.write()
    }

    /// Which status directory the colony is of.
    pub(crate) fn home(&self) -> Option<String> {
        self.path.parent().and_then(home)
    }

    /// What every run id of this colony begins with.
    pub(crate) fn colony(&self) -> &str {
        &self.colony
    }

    /// The id of a start. It is the same whenever it is asked for, and no other start has it.
    pub(crate) fn of(&self, name: &ProgramName, generation: Generation) -> String {
        let name = content_digest(name.as_str().as_bytes());
        // Half of the digest tells names apart well enough: the name itself stands beside it.
        let name = name.get(..8).unwrap_or_default();
        format!("{}{name}{:08x}", self.colony, generation.number())
    }

    /// Which start of this program an id is of; `None`: it is no id of this colony, or of another
    /// program.
    pub(crate) fn generation(&self, name: &ProgramName, run_id: &str) -> Option<Generation> {
        let number = u64::from_str_radix(run_id.get(24..)?, 16).ok()?;
        let generation = Generation::of_number(number);
        (self.of(name, generation) == run_id).then_some(generation)
    }

    /// The start of this program that an id is of, as [`RunIds::generation`] says.
    pub(crate) fn start(
        &self,
        name: ProgramName,
        run_id: &str,
    ) -> Option<(ProgramName, Generation)> {
        let generation = self.generation(&name, run_id)?;
        Some((name, generation))
    }

    /// Everything was stopped in order: there is nothing to be found again.
    pub(crate) fn retire(&self) {
        // If it stays, the next monitor looks for what is not there.
        let _stays = fs::remove_file(&self.path);
    }
}

/// The colony's half of a run id; `None`: it is no id of a start of this program.
pub(crate) fn colony_of(name: &ProgramName, run_id: &str) -> Option<String> {
    let colony = run_id.get(..16).filter(|text| is_half(text))?.to_owned();
    let ids = RunIds {
        path: PathBuf::new(),
        colony,
    };
    ids.generation(name, run_id).map(|_| ids.colony)
}

/// Which directory this is, whatever path leads to it: what a copy of it is not.
pub(crate) fn home(status: &Path) -> Option<String> {
    let metadata = fs::metadata(status).ok()?;
    Some(format!("{}:{}", metadata.dev(), metadata.ino()))
}

/// Whether the mark in a status directory was copied from another.
pub(crate) fn is_copied(status: &Path) -> bool {
    note(&status.join(FILE)).is_some_and(|note| !note.is_of(status))
}

/// What the file says.
struct Note {
    colony: String,
    home: Option<String>,
}

impl Note {
    fn is_of(&self, status: &Path) -> bool {
        self.home.is_none() || self.home == home(status)
    }
}

fn note(path: &Path) -> Option<Note> {
    let text = read_regular(path, FILE_BYTES_MAX).ok()?;
    let text = String::from_utf8(text).ok()?;
    let mut words = text.split_whitespace();
    let colony = words.next().filter(|text| is_half(text))?.to_owned();
    let home = words.next().map(str::to_owned);
    Some(Note { colony, home })
}

fn is_half(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A number that nobody can foresee.
pub(crate) fn random() -> io::Result<u64> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(status: &Path) -> (RunIds, Predecessor) {
        RunIds::open(status, None, || None).unwrap()
    }

    #[test]
    fn the_colony_keeps_its_half_until_it_ends_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let (first, predecessor) = open(dir.path());
        assert_eq!(predecessor, Predecessor::None);
        let (web, db) = (
            ProgramName::new("web").unwrap(),
            ProgramName::new("db").unwrap(),
        );
        let one = Generation::default().next();
        let ids = [
            first.of(&web, one),
            first.of(&web, one.next()),
            first.of(&db, one),
        ];
        assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids.iter().all(|id| id.len() == 32));
        assert_eq!(first.generation(&web, &ids[1]), Some(one.next()));
        assert_eq!(first.generation(&db, &ids[1]), None);
        assert_eq!(first.generation(&db, "short"), None);
        assert_eq!(colony_of(&web, &ids[1]).as_deref(), Some(first.colony()));
        assert_eq!(colony_of(&db, &ids[1]), None);
        let (second, predecessor) = open(dir.path());
        assert_eq!(
            (second.colony(), predecessor),
            (first.colony(), Predecessor::Unclean)
        );
        assert!(ids[0].starts_with(second.colony()));
        second.retire();
        // It is known again by what a predecessor has left, the journal first.
        let colony = || Some(first.colony().to_owned());
        let other = || Some("0123456789abcdef".to_owned());
        for (used, sought) in [(colony(), other()), (None, colony())] {
            let (third, predecessor) = RunIds::open(dir.path(), used, || sought).unwrap();
            assert_eq!(
                (third.colony(), predecessor),
                (first.colony(), Predecessor::Unclean)
            );
            assert_eq!(open(dir.path()).0.colony(), first.colony());
            third.retire();
        }
        let no_half = Some("no half".to_owned());
        let fresh = RunIds::open(dir.path(), no_half, || None).unwrap();
        assert_eq!(fresh.1, Predecessor::None);
    }
}
