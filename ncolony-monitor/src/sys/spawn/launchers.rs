//! Several launchers, so that several threads can start processes at the same time.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::Launcher;

/// More than so many would only stand in each other's way: the kernel makes control groups, and
/// puts processes into them, one after the other.
const MOST: usize = 4;

/// As many launchers as there are processors to start processes on.
#[derive(Debug)]
pub(crate) struct Launchers {
    first: SharedLauncher,
    others: Vec<SharedLauncher>,
}

/// A launcher that several threads use, one at a time.
#[derive(Clone, Debug)]
pub(crate) struct SharedLauncher(Arc<Mutex<Launcher>>);

impl Launchers {
    /// Prepares for starting processes; best before other descriptors are opened.
    ///
    /// # Errors
    /// There is no memory, or no descriptor, for the first of them. The others are no necessity.
    pub(crate) fn new() -> io::Result<Self> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let first = SharedLauncher::new()?;
        let others = (1..processors.min(MOST)).map_while(|_| SharedLauncher::new().ok());
        Ok(Self {
            first,
            others: others.collect(),
        })
    }

    /// The first of them, for one start.
    pub(crate) fn first(&self) -> MutexGuard<'_, Launcher> {
        self.first.take()
    }

    /// All of them, each for a thread of its own.
    pub(crate) fn all(&self) -> impl Iterator<Item = SharedLauncher> {
        std::iter::once(&self.first).chain(&self.others).cloned()
    }

    /// Has every child hold this open until it executes its program ([`Launcher::accompany`]).
    pub(crate) fn accompany(&self, with: &impl AsFd) {
        for launcher in self.all() {
            launcher.take().accompany(with);
        }
    }

    /// What a program without input reads.
    pub(crate) fn null(&self) -> Arc<File> {
        self.first().null()
    }
}

impl SharedLauncher {
    fn new() -> io::Result<Self> {
        Launcher::new().map(|launcher| Self(Arc::new(Mutex::new(launcher))))
    }

    /// The launcher, for whoever asks first.
    pub(crate) fn take(&self) -> MutexGuard<'_, Launcher> {
        // What a panic elsewhere leaves is as good as new: slots are filled before each start.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
