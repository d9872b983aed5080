//! A directory as it stood when somebody looked: names, what stands under each, and what tells
//! whether a file may have changed. Whoever looks is [`crate::files`].

use std::ffi::OsString;

/// What tells whether a file may have changed since it was last read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) size: u64,
    pub(crate) modified: (i64, i64),
    pub(crate) changed: (i64, i64),
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
        }
    }

    /// When the file was last changed, in seconds of the wall clock.
    #[must_use]
    pub fn changed_seconds(&self) -> i64 {
        self.changed.0
    }
}

/// Which directory this is, whatever path leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectoryId {
    /// The device.
    pub device: u64,
    /// The inode.
    pub inode: u64,
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
