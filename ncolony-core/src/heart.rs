//! The heart of a program: a file that it touches while it is well. `ncolony-beatcheck` restarts a
//! program whose file is touched no more.
//!
//! What a heart needs stands in the program's own file, under the key `ncolony.beatcheck`, and
//! every program finds its file in its environment:
//!
//! ```
//! use ncolony_core::heart::Heart;
//! # let dir = tempfile::tempdir()?;
//! # let file = serde_json::json!({"args": ["web"],
//! #     "ncolony.beatcheck": {"period": 30, "grace": 3, "status": dir.path()}}).to_string();
//! // In a program: Heart::from_environment()
//! let heart = Heart::of_program(&file, "web", None)?.ok_or("nobody watches this program")?;
//! heart.beat()?;
//! assert!(dir.path().join("web").exists());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::files::{FileError, is_directory, touch};

pub use crate::checks::Watched;

impl Watched {
    /// The files that the heart of a program may be, the likeliest first: where `status` is a
    /// directory, an instance has a file of its own (`NAME:K`) or shares that of its program.
    #[must_use]
    pub fn files(&self, name: &str, instance: Option<u32>) -> Vec<PathBuf> {
        if is_directory(&self.status) {
            self.files_within(name, instance)
        } else {
            vec![self.status.clone()]
        }
    }

    /// The same where `status` is known to be a directory.
    #[must_use]
    pub fn files_within(&self, name: &str, instance: Option<u32>) -> Vec<PathBuf> {
        let own = instance.map(|number| self.status.join(format!("{name}:{number}")));
        own.into_iter().chain([self.status.join(name)]).collect()
    }
}

/// Why a program has no heart although its file speaks of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeartError(String);

impl fmt::Display for HeartError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for HeartError {}

/// The heart of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heart {
    watched: Watched,
    name: String,
    instance: Option<u32>,
    /// Whether `status` was a directory when the program began.
    in_directory: bool,
}

impl Heart {
    /// The heart of this very program, by `NCOLONY_CONFIG`, `NCOLONY_NAME` and `NCOLONY_INSTANCE`.
    /// `None`: nobody watches it, or it runs without a monitor.
    ///
    /// # Errors
    /// The program's file speaks of a heart, and not so that it can be understood.
    pub fn from_environment() -> Result<Option<Self>, HeartError> {
        let variable = |name: &str| std::env::var(name).ok();
        let (Some(file), Some(name)) = (variable("NCOLONY_CONFIG"), variable("NCOLONY_NAME"))
        else {
            return Ok(None);
        };
        let instance = variable("NCOLONY_INSTANCE").and_then(|number| number.parse().ok());
        Self::of_program(&file, &name, instance)
    }

    /// The heart of a program with this file, name and number.
    ///
    /// # Errors
    /// The file is no JSON, or what it says of a heart cannot be understood.
    pub fn of_program(
        file: &str,
        name: &str,
        instance: Option<u32>,
    ) -> Result<Option<Self>, HeartError> {
        let watched = Watched::of_file(file.as_bytes())
            .map_err(|error| HeartError(format!("NCOLONY_CONFIG: {error}")))?;
        Ok(watched.map(|watched| Self {
            in_directory: is_directory(&watched.status),
            watched,
            name: name.to_owned(),
            instance,
        }))
    }

    /// How long to wait from one beat to the next: a third of the period, so that two beats may
    /// come late.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.watched.period / 3
    }

    /// Beats once: the file is made, or its time of change is set to now. Where a directory of
    /// hearts has gone since the program began, nothing is made in its place: it would be one heart
    /// for all, and whoever makes the directory again would find something there.
    ///
    /// # Errors
    /// The file could not be made or changed.
    pub fn beat(&self) -> Result<(), FileError> {
        let files = if self.in_directory {
            self.watched.files_within(&self.name, self.instance)
        } else {
            self.watched.files(&self.name, self.instance)
        };
        touch(files.first().map_or(&self.watched.status, PathBuf::as_path))
    }

    /// Beats from a thread, as long as what this returns is kept. A beat that fails is told to
    /// `failed`, and the next one comes in its time.
    ///
    /// A thread beats also when the rest of the program hangs: where the program has a loop of its
    /// own, [`Heart::beat`] in that loop says more.
    #[must_use]
    pub fn keep_beating(self, mut failed: impl FnMut(FileError) + Send + 'static) -> Beating {
        let (end, ended) = channel::<()>();
        let thread = std::thread::spawn(move || {
            loop {
                if let Err(error) = self.beat() {
                    failed(error);
                }
                match ended.recv_timeout(self.interval()) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        });
        Beating {
            end: Some(end),
            thread: Some(thread),
        }
    }

    /// Where `status` points: the file, or the directory that it stands in.
    #[must_use]
    pub fn status(&self) -> &Path {
        &self.watched.status
    }
}

/// A heart that beats until this is dropped.
#[derive(Debug)]
pub struct Beating {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Beating {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked beats no more either, which is all that is wanted here.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests;
