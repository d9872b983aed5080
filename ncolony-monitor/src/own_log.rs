//! The file that the monitor prints to, where it was told one: its own log, and whatever else
//! goes to its output.

use std::path::{Path, PathBuf};

use ncolony_core::Places;

use crate::sys::{daemon, errno, outlet};

/// The file's name. In the place for logs no program's log is named so: they all end in `.log`.
const NAME: &str = "monitor.out";

/// Where a monitor prints to that has left its caller and was told no file.
pub(crate) fn default_path(places: &Places) -> PathBuf {
    places.logs.as_ref().unwrap_or(&places.status).join(NAME)
}

/// A file that everything goes to that the monitor prints.
#[derive(Debug)]
pub(crate) struct OwnLog {
    path: PathBuf,
}

impl OwnLog {
    /// The one of this path, not opened yet.
    pub(crate) fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// Prints to it from now on, behind what stands there. Opened anew, it is the file that has
    /// the path now: somebody may have renamed the old one.
    ///
    /// # Errors
    /// A sentence: it cannot be opened, and what was printed to stays.
    pub(crate) fn open(&self) -> Result<(), String> {
        let opened = outlet::open_own_log(&self.path).and_then(|file| daemon::print_to(&file));
        opened.map_err(|error| {
            let why = errno::of(&error);
            format!("cannot open the log file {}: {why}", self.path.display())
        })
    }
}
