//! How the monitor was started: where its binary stands and what it was told, so that a successor
//! can be started in its place.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A command that starts the monitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The binary, by the path under which it was found when the monitor started. Whatever stands
    /// there later is the successor; a symlink is followed anew.
    pub path: PathBuf,
    /// The arguments, the name of the program first.
    pub args: Vec<OsString>,
}

impl Invocation {
    /// How this process was started. `None` where that cannot be told.
    #[must_use]
    pub fn of_this_process() -> Option<Self> {
        let args: Vec<OsString> = env::args_os().collect();
        let here = env::current_dir().ok();
        let path = find(
            args.first()?,
            here.as_deref(),
            env::var_os("PATH").as_deref(),
        )
        .or_else(|| env::current_exe().ok())?;
        Some(Self { path, args })
    }
}

/// Finds a binary as a shell does: by its path, or along PATH.
fn find(name: &OsStr, here: Option<&Path>, path: Option<&OsStr>) -> Option<PathBuf> {
    let absolute = |candidate: PathBuf| here.map(|here| here.join(candidate));
    if name.as_bytes().contains(&b'/') {
        return absolute(name.into()).filter(|path| path.is_file());
    }
    env::split_paths(path?)
        .filter_map(|directory| absolute(directory.join(name)))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symlink_stays_a_symlink() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("v1"), "").unwrap();
        std::os::unix::fs::symlink("v1", dir.path().join("monitor")).unwrap();
        let here = Some(dir.path());
        let wanted = Some(dir.path().join("./monitor"));
        assert_eq!(find(OsStr::new("./monitor"), here, None), wanted);
        let path = env::join_paths([Path::new("/nowhere"), dir.path()]).unwrap();
        let wanted = Some(dir.path().join("monitor"));
        assert_eq!(find(OsStr::new("monitor"), None, Some(&path)), None);
        assert_eq!(find(OsStr::new("monitor"), here, Some(&path)), wanted);
        assert_eq!(find(OsStr::new("other"), here, Some(&path)), None);
    }
}
