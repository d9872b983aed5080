//! What proves that a monitor is here: the lock, and the colony's half of all run ids.
//!
//! Both are files in the status directory, and somebody may remove them: by hand, or as a cleaner
//! of temporary directories that takes them for old. Then nobody could see that a monitor is
//! alive, a second one would start everything a second time, and a successor would not find the
//! processes of this one. So both are looked for now and then, and put back.

use std::path::PathBuf;
use std::time::Duration;

use crate::run_id::RunIds;
use crate::sys::lock::{self, Lock, LockError};
use crate::sys::pidfd::Pidfd;
use crate::sys::{environ, errno};

/// So long, and looking so often, we wait for the last start of a monitor that was killed.
const LAST_START: Duration = Duration::from_secs(2);
const BETWEEN: Duration = Duration::from_millis(5);

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
        let attempts = LAST_START.as_millis() / BETWEEN.as_millis();
        Self::take_in_time(path, attempts, || std::thread::sleep(BETWEEN))
    }

    /// A monitor that was killed in the middle of a start has left a child that holds the lock until
    /// it executes its program, and only then can be seen for what it is. That is waited for.
    fn take_in_time(
        path: PathBuf,
        mut attempts: u128,
        mut pause: impl FnMut(),
    ) -> Result<Self, String> {
        loop {
            match lock::take(&path) {
                Ok(lock) => {
                    return Ok(Self {
                        path,
                        lock,
                        problem: None,
                    });
                }
                Err(LockError::Held(Some(holder))) if attempts > 0 && has_ended(holder) => {
                    attempts -= 1;
                    pause();
                }
                Err(error) => return Err(in_words(&path, error)),
            }
        }
    }

    /// Puts back what was removed.
    pub(crate) fn keep(&mut self, run_ids: &RunIds) {
        let kept = self.keep_lock().and_then(|()| {
            let kept = run_ids.keep();
            kept.map_err(|error| {
                format!("cannot keep the colony's identity: {}", errno::of(&error))
            })
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
        let renewed = self.lock.renew(&self.path);
        renewed.map_err(|error| in_words(&self.path, error))?;
        tracing::warn!("{} was removed; it is there again", self.path.display());
        Ok(())
    }

    /// Why what was removed is not there again, while it is so.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }
}

fn has_ended(pid: u32) -> bool {
    environ::is_zombie(pid)
        || Pidfd::open(pid).is_err_and(|error| errno::is_no_such_process(&error))
}

fn in_words(path: &std::path::Path, error: LockError) -> String {
    let path = path.display();
    match error {
        LockError::Held(Some(pid)) if has_ended(pid) => format!(
            "a process that monitor {pid} was starting when it ended still holds {path}; try again"
        ),
        LockError::Held(Some(pid)) => format!(
            "another monitor, process {pid}, holds {path}; one status directory has one monitor"
        ),
        LockError::Held(None) => {
            format!("another monitor holds {path}; one status directory has one monitor")
        }
        LockError::Io(error) => format!(
            "cannot lock {path}: {}; without a lock two monitors could run the same programs, so none begins; what runs goes on",
            errno::of(&error)
        ),
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
        let (run_ids, _) = RunIds::open(dir.path(), None, || None).unwrap();
        let colony = run_ids.colony().to_owned();
        fs::remove_file(&lock).unwrap();
        fs::remove_file(dir.path().join(".colony")).unwrap();
        place.keep(&run_ids);
        assert_eq!(place.problem(), None);
        assert!(Place::take(lock).unwrap_err().contains("another monitor"));
        assert_eq!(
            RunIds::open(dir.path(), None, || None).unwrap().0.colony(),
            colony
        );
    }

    #[test]
    fn the_last_start_of_one_that_was_killed_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".lock");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        let mut held = Some(lock::take(&path).unwrap());
        fs::write(&path, child.id().to_string()).unwrap();
        let why = Place::take_in_time(path.clone(), 3, || ()).unwrap_err();
        assert!(why.contains("was starting"), "{why}");
        assert!(Place::take_in_time(path.clone(), 1, || held = None).is_ok());
        // One that lives is not waited for.
        let _held = lock::take(&path).unwrap();
        let why = Place::take_in_time(path, 1, || panic!("it waits")).unwrap_err();
        assert!(why.contains("another monitor"), "{why}");
    }

    #[test]
    fn a_monitor_that_came_meanwhile_is_a_problem() {
        let dir = tempfile::tempdir().unwrap();
        let status = dir.path().join("status");
        fs::create_dir(&status).unwrap();
        let lock = status.join(".lock");
        let mut first = Place::take(lock.clone()).unwrap();
        let (run_ids, _) = RunIds::open(&status, None, || None).unwrap();
        fs::remove_file(&lock).unwrap();
        let why = Place::take(lock.clone()).unwrap_err();
        assert!(
            why.contains("another monitor"),
            "the directory is locked: {why}"
        );
        // Another directory in its place is nobody's.
        fs::rename(&status, dir.path().join("moved")).unwrap();
        fs::create_dir(&status).unwrap();
        let second = Place::take(lock).unwrap();
        first.keep(&run_ids);
        assert!(first.problem().unwrap().contains("another monitor"));
        drop(second);
        first.keep(&run_ids);
        assert_eq!(first.problem(), None);
    }
}
