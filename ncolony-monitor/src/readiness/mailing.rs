//! Where a program speaks to the monitor: addresses that follow from its name, so that every
//! monitor of the colony finds the same.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::{Path, PathBuf};

use ncolony_core::ProgramName;
use ncolony_core::files::make_directory;
use ncolony_core::status::content_digest;

use crate::sys::notify;
use crate::sys::socket::FileId;

/// The longest name that is no file, less the byte that stands for that.
const ABSTRACT_BYTES: usize = 107;

/// The longest path that an address has room for.
const PATH_BYTES: usize = 107;

/// What addresses are made of.
#[derive(Debug)]
pub(crate) struct Addresses {
    directory: PathBuf,
    colony: String,
}

/// Where one program speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// A file, for those who can come to it.
    Path(PathBuf),
    /// A name that is no file.
    Abstract(String),
}

impl Addresses {
    /// Those of this colony, below this directory.
    pub(crate) fn new(directory: &Path, colony: &str) -> Self {
        Self {
            directory: std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned()),
            colony: colony.to_owned(),
        }
    }

    /// The addresses that a program may have, the best first; never none.
    pub(super) fn of(&self, name: &ProgramName, is_own_user: bool) -> Vec<Address> {
        let path = self.directory.join(name.as_str());
        let fits = path.as_os_str().len() <= PATH_BYTES;
        let mut all = Vec::new();
        if is_own_user && fits {
            all.push(Address::Path(path));
        }
        let mut text = format!("ncolony/{}/{name}", self.colony);
        if text.len() > ABSTRACT_BYTES {
            let digest = content_digest(name.as_str().as_bytes());
            text = format!("ncolony/{}/{digest}", self.colony);
        }
        all.push(Address::Abstract(text));
        all
    }

    /// Removes the files of all programs but these.
    pub(crate) fn clear_away(&self, keep: &BTreeSet<ProgramName>) {
        let entries = fs::read_dir(&self.directory).into_iter().flatten();
        for entry in entries.flatten() {
            let file = entry.file_name();
            let is_kept = |name: &ProgramName| name.as_str() == file;
            if !keep.iter().any(is_kept) {
                // Somebody else may have removed it; then all is well.
                let _gone = fs::remove_file(entry.path());
            }
        }
    }
}

impl Address {
    /// As a program finds it in its environment.
    pub(super) fn variable(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Abstract(text) => format!("@{text}"),
        }
    }

    /// Opens it. What an earlier monitor has left there is replaced.
    pub(super) fn bind(&self) -> io::Result<UnixDatagram> {
        match self {
            Self::Path(path) => {
                if let Some(directory) = path.parent() {
                    make_directory(directory, 0o700).map_err(|error| error.source)?;
                }
                self.clear_away();
                notify::bind(&SocketAddr::from_pathname(path)?)
            }
            Self::Abstract(text) => notify::bind(&SocketAddr::from_abstract_name(text)?),
        }
    }

    /// The socket that stands there now, if it is a file.
    pub(super) fn file(&self) -> Option<FileId> {
        match self {
            Self::Path(path) => FileId::at(path),
            Self::Abstract(_) => None,
        }
    }

    /// Removes its file, if it is one and a socket.
    pub(super) fn clear_away(&self) {
        if let Self::Path(path) = self
            && FileId::at(path).is_some()
        {
            // If it stays, the next to open it fails and says so.
            let _gone = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ProgramName {
        ProgramName::new(text).unwrap()
    }

    #[test]
    fn a_file_where_its_user_comes_to_it_and_a_name_elsewhere() {
        let addresses = Addresses::new(Path::new("/run/status/notify"), "c0");
        let shown = |own| -> Vec<String> {
            let all = addresses.of(&name("web"), own);
            all.iter().map(Address::variable).collect()
        };
        assert_eq!(shown(true), ["/run/status/notify/web", "@ncolony/c0/web"]);
        assert_eq!(shown(false), ["@ncolony/c0/web"]);
    }

    #[test]
    fn every_address_has_room_for_the_longest_name() {
        let addresses = Addresses::new(Path::new("/run/status/notify"), &"c".repeat(16));
        let long = name(&"n".repeat(128));
        let [address] = &addresses.of(&long, true)[..] else {
            panic!("the path is too long");
        };
        assert_ne!(addresses.of(&name(&"n".repeat(127)), true)[0], *address);
        address.bind().unwrap();
    }

    #[test]
    fn what_an_earlier_monitor_left_is_replaced_and_what_nobody_needs_goes() {
        let directory = tempfile::tempdir().unwrap();
        let addresses = Addresses::new(&directory.path().join("notify"), "c0");
        let [path, _] = &addresses.of(&name("web"), true)[..] else {
            panic!("a path and a name");
        };
        drop(path.bind().unwrap());
        let _open = path.bind().unwrap();
        let left = || {
            fs::read_dir(directory.path().join("notify"))
                .unwrap()
                .count()
        };
        addresses.clear_away(&BTreeSet::from([name("web")]));
        assert_eq!(left(), 1);
        addresses.clear_away(&BTreeSet::new());
        assert_eq!(left(), 0);
    }
}
