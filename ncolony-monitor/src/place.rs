//! What proves that a monitor is here: the lock, and the colony's half of all run ids.
//!
//! Both are files in the status directory, and somebody may remove them: by hand, or as a cleaner
//! of temporary directories that takes them for old. Then nobody could see that a monitor is
//! alive, a second one would start everything a second time, and a successor would not find the
//! processes of this one. So both are looked for now and then, and put back.

use std::path::PathBuf;

use crate::run_id::RunIds;
use crate::sys::errno;
use crate::sys::lock::{self, Lock, LockError};

/// The place of the only monitor of a status directory, taken.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    lock: Lock,
    problem: Option<String>,
}

impl Place {
    /// The place of the image before this one, which was handed over.
    pub(crate) fn of_predecessor(path: PathBuf, lock: Lock) -> Self {
        Self {
            path,
            lock,
            problem: None,
        }
    }

    /// The lock, to be handed on.
    pub(crate) fn lock(&self) -> &Lock {
        &self.lock
    }

    /// Takes it.
    ///
    /// # Errors
    /// A sentence: another monitor has it, or the lock cannot be written.
    pub(crate) fn take(path: PathBuf) -> Result<Self, String> {
        let lock = lock::take(&path).map_err(|error| in_words(&path, error))?;
        Ok(Self {
            path,
            lock,
            problem: None,
        })
    }

    /// Puts back what was removed.
    pub(crate) fn keep(&mut self, run_ids: &RunIds) {
        let kept = self.keep_lock().and_then(|()| {
            let kept = run_ids.keep();
            kept.map_err(|error| format!("cannot keep the colony's identity: {error}"))
        });
        let problem = kept.err();
        if let Some(problem) = problem.as_ref().filter(|_| self.problem != problem) {
            tracing::error!("{problem}");
        }
        self.problem = problem;
    }

    fn keep_lock(&mut self) -> Result<(), String> {
        if self.lock.is_at(&self.path) {
            return Ok(());
        }
        self.lock = lock::take(&self.path).map_err(|error| in_words(&self.path, error))?;
        tracing::warn!("{} was removed; it is there again", self.path.display());
        Ok(())
    }

    /// Why what was removed is not there again, while it is so.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }
}

fn in_words(path: &std::path::Path, error: LockError) -> String {
    let path = path.display();
    match error {
        LockError::Held(Some(pid)) => format!(
            "another monitor, process {pid}, holds {path}; one status directory has one monitor"
        ),
        LockError::Held(None) => {
            format!("another monitor holds {path}; one status directory has one monitor")
        }
        LockError::Io(error) => format!("cannot lock {path}: {}", errno::of(&error)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_was_removed_is_put_back() {
        let dir = tempfile::tempdir().unwrap();
        let lock = dir.path().join(".lock");
        let mut place = Place::take(lock.clone()).unwrap();
        let (run_ids, _) = RunIds::open(dir.path()).unwrap();
        let colony = run_ids.colony().to_owned();
        fs::remove_file(&lock).unwrap();
        fs::remove_file(dir.path().join(".colony")).unwrap();
        place.keep(&run_ids);
        assert_eq!(place.problem(), None);
        assert!(Place::take(lock).unwrap_err().contains("another monitor"));
        assert_eq!(RunIds::open(dir.path()).unwrap().0.colony(), colony);
    }

    #[test]
    fn a_monitor_that_came_meanwhile_is_a_problem() {
        let dir = tempfile::tempdir().unwrap();
        let lock = dir.path().join(".lock");
        let mut first = Place::take(lock.clone()).unwrap();
        let (run_ids, _) = RunIds::open(dir.path()).unwrap();
        fs::remove_file(&lock).unwrap();
        let second = Place::take(lock).unwrap();
        first.keep(&run_ids);
        assert!(first.problem().unwrap().contains("another monitor"));
        drop(second);
        first.keep(&run_ids);
        assert_eq!(first.problem(), None);
    }
}
