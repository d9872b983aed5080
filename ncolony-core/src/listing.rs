//! A directory as it stood when somebody looked: names, what stands under each, and what tells
//! whether a file may have changed. Whoever looks is [`crate::files`].

use std::ffi::OsString;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::time::Wall;

/// What tells whether a file may have changed since it was last read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    pub(crate) modified: (i64, i64),
    pub(crate) changed: (i64, i64),
    /// Where a link leads to the file: by which directories, and who could change these.
    pub(crate) way: u64,
}

impl Fingerprint {
    /// A fingerprint that stands for this number, for tests and simulations.
    #[must_use]
    pub fn of_number(number: u64) -> Self {
        Self {
            device: 0,
            inode: number,
            size: 0,
            modified: (0, 0),
            changed: (0, 0),
            way: 0,
        }
    }

    /// Whether the file was changed so short a time before `now` that it may be changed once more
    /// without this showing: the clocks of file systems are coarse. Linux's own go by hundredths
    /// of a second at worst; one that knows no fractions goes by whole or by two seconds.
    #[must_use]
    pub fn is_young(&self, now: Wall) -> bool {
        let (seconds, nanos) = self.changed;
        let fractions = nanos != 0 || self.modified.1 != 0;
        let young_millis = if fractions { 50 } else { 2000 };
        let changed_millis = seconds
            .saturating_mul(1000)
            .saturating_add(nanos / 1_000_000);
        changed_millis.saturating_add(young_millis) >= now.as_millis()
    }
}

/// Which directory this is, whatever path leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryId {
    /// The device.
    pub device: u64,
    /// The inode.
    pub inode: u64,
    /// When it was made, where the file system knows. Both numbers are given away again: those of
    /// a file system that was unmounted often go to the next one.
    pub born: Option<SystemTime>,
}

/// What stands under a name in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A file that can be read, perhaps through a symlink.
    Regular(Fingerprint),
    /// A subdirectory.
    Directory,
    /// Anything else: a FIFO, a socket, a symlink that leads nowhere.
    Other(&'static str),
}

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The file's name.
    pub file: OsString,
    /// What it is.
    pub kind: EntryKind,
}

/// A directory as it stood when it was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Which directory this was.
    pub directory: DirectoryId,
    /// Its entries, in order of name.
    pub entries: Vec<Entry>,
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn how_long_a_file_is_young_depends_on_its_file_systems_clock() {
        let young = |nanos, age_millis| {
            let print = Fingerprint {
                changed: (100, nanos),
                ..Fingerprint::of_number(1)
            };
            let changed = 100_000 + nanos / 1_000_000;
            print.is_young(Wall::from_millis(changed + age_millis))
        };
        assert!(young(0, 1999) && !young(0, 2001));
        assert!(young(4_000_000, 49) && !young(4_000_000, 51));
    }
}
