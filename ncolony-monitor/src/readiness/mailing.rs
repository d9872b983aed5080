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

use crate::run_id::random;
use crate::sys::notify;
use crate::sys::socket::FileId;

/// The longest name that is no file, less the byte that stands for that.
const ABSTRACT_BYTES: usize = 107;

/// The longest path that an address has room for.
const PATH_BYTES: usize = 107;

/// How many digits a name ends in that nobody can foresee.
const UNFORESEEN_BYTES: usize = 16;

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
        all.push(Address::Abstract(self.abstract_name(name, 0)));
        all
    }

    /// A name that is no file, for a program's own that takes so much more room.
    fn abstract_name(&self, name: &ProgramName, more: usize) -> String {
        let text = format!("ncolony/{}/{name}", self.colony);
        if text.len() + more <= ABSTRACT_BYTES {
            return text;
        }
        let digest = content_digest(name.as_str().as_bytes());
        format!("ncolony/{}/{digest}", self.colony)
    }

    /// What all names begin with that [`Addresses::unforeseen`] gives a program.
    fn unforeseen_begin(&self, name: &ProgramName) -> String {
        let name = self.abstract_name(name, 1 + UNFORESEEN_BYTES);
        format!("{name}/")
    }

    /// A name that nobody can have taken before, for one whose others somebody has: anybody may
    /// take a name that is no file.
    pub(super) fn unforeseen(&self, name: &ProgramName) -> io::Result<Address> {
        let number = random()?;
        let begin = self.unforeseen_begin(name);
        Ok(Address::Abstract(format!("{begin}{number:016x}")))
    }

    /// Where a process of an earlier monitor speaks, by what it was told. It could say anything by
    /// now, so what it says only chooses among what it may have.
    pub(super) fn told(
        &self,
        name: &ProgramName,
        is_own_user: bool,
        told: Option<&str>,
    ) -> Address {
        let mut all = self.of(name, is_own_user);
        let unforeseen = told.and_then(|told| told.strip_prefix('@'));
        all.extend(
            unforeseen
                .filter(|text| self.is_unforeseen(name, text))
                .map(|text| Address::Abstract(text.to_owned())),
        );
        let at = all
            .iter()
            .position(|address| Some(address.variable().as_str()) == told);
        all.swap_remove(at.unwrap_or(0))
    }

    fn is_unforeseen(&self, name: &ProgramName, text: &str) -> bool {
        let begin = self.unforeseen_begin(name);
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        text.strip_prefix(&begin)
            .is_some_and(|end| end.len() == UNFORESEEN_BYTES && end.bytes().all(is_digit))
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
    fn an_unforeseen_name_is_known_again_and_no_other_is_believed() {
        let addresses = Addresses::new(Path::new("/run/status/notify"), &"c".repeat(16));
        for name in [name("web"), name(&"n".repeat(128)), name(&"n".repeat(80))] {
            let taken = addresses.unforeseen(&name).unwrap();
            assert_ne!(taken, addresses.unforeseen(&name).unwrap());
            taken.bind().unwrap();
            let variable = taken.variable();
            let told = |text: &str| addresses.told(&name, false, Some(text));
            assert_eq!(told(&variable), taken);
            let usual = addresses.of(&name, false).swap_remove(0);
            assert_eq!(told(&usual.variable()), usual);
            for forged in [&variable[..variable.len() - 1], "@ncolony/c/web/0", "@", ""] {
                assert_eq!(told(forged), usual, "{forged}");
            }
            assert_eq!(addresses.told(&name, false, None), usual);
        }
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
