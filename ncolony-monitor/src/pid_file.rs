//! The file with the monitor's number, for those who look for it there.

use std::fs;
use std::path::{Path, PathBuf};

use ncolony_core::files::{Durability, read_regular, replace_file};

use crate::sys::errno;

/// No number is longer, with the end of its line.
const BYTES_MAX: usize = 32;

/// A file that holds our number.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
}

impl PidFile {
    /// The one of this path, not written yet.
    pub(crate) fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// Writes it, whole, in the place of whatever stands there: whoever has the monitor's place is
    /// the one whose number it is.
    ///
    /// # Errors
    /// A sentence: it cannot be written.
    pub(crate) fn write(&self) -> Result<(), String> {
        let number = format!("{}\n", std::process::id());
        replace_file(&self.path, number.as_bytes(), Durability::Renamed).map_err(|error| {
            let why = errno::of(&error.source);
            format!("cannot write the pid file {}: {why}", self.path.display())
        })
    }

    /// Removes it, if it is still ours.
    pub(crate) fn remove(&self) {
        let text = read_regular(&self.path, BYTES_MAX).unwrap_or_default();
        let number = str::from_utf8(&text)
            .ok()
            .and_then(|it| it.trim().parse().ok());
        if number != Some(std::process::id()) {
            return;
        }
        if let Err(error) = fs::remove_file(&self.path) {
            let (path, why) = (self.path.display(), errno::of(&error));
            tracing::warn!("cannot remove the pid file {path}: {why}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_one_is_replaced_and_one_of_somebody_else_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pid");
        fs::write(&path, "4711, and more text than any number has").unwrap();
        let file = PidFile::of(&path);
        file.write().unwrap();
        let own = format!("{}\n", std::process::id());
        assert_eq!(fs::read_to_string(&path).unwrap(), own);
        file.remove();
        assert!(!path.exists());
        fs::write(&path, "1\n").unwrap();
        file.remove();
        assert!(path.exists());
        let lost = PidFile::of(&dir.path().join("none/pid"));
        let why = lost.write().unwrap_err();
        assert!(why.contains("none/pid: No such file"), "{why}");
    }
}
