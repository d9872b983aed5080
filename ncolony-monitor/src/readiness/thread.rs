//! A look at a file. A file system may not answer for hours, so a thread of its own asks it: one
//! for each program, and not more than a few in all.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use ncolony_core::time::{Mono, Wall};
use tokio::sync::oneshot::{self, Receiver};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Finding;
use crate::sys::signal::with_signals_blocked;
use crate::sys::{clock, errno};

/// The stamps of files may lag this far behind the clock, in milliseconds: they go by its ticks.
const TICK_MILLIS: i64 = 10;

/// Such a thread does next to nothing.
const STACK_BYTES: usize = 64 * 1024;

/// What tells a file that was written from the same file before.
type Stamp = (u64, u64, i64, i64, i64, i64);

/// A file that is waited for.
#[derive(Debug)]
pub(super) struct Awaited {
    path: PathBuf,
    /// When the program was started.
    started: Mono,
    /// The file as it was found at the first look.
    first: Option<Option<Stamp>>,
    places: Arc<Semaphore>,
    /// A thread that has not come back yet.
    pending: Option<Receiver<io::Result<(Stamp, Wall)>>>,
}

impl Awaited {
    pub(super) fn new(path: PathBuf, started: Mono, places: Arc<Semaphore>) -> Self {
        Self {
            path,
            started,
            first: None,
            places,
            pending: None,
        }
    }

    /// Whether it is there and was written since the start. It may be asked again when it was not
    /// waited for: then what was asked before is still waited for.
    pub(super) async fn look(&mut self) -> Finding {
        if self.pending.is_none() {
            let places = Arc::clone(&self.places);
            // It is closed by nobody.
            let place = places
                .acquire_owned()
                .await
                .map_err(|error| error.to_string())?;
            self.pending = Some(ask(self.path.clone(), place)?);
        }
        let answer = match &mut self.pending {
            Some(pending) => pending.await,
            None => return Err("it was not looked".to_owned()),
        };
        self.pending = None;
        let found = answer.map_err(|_| "the thread that looks has ended".to_owned())?;
        self.judge(found, clock::now().mono, clock::wall())
    }

    /// Judges what was found at this moment.
    fn judge(&mut self, found: io::Result<(Stamp, Wall)>, now: Mono, wall: Wall) -> Finding {
        let first = self.first.is_none();
        let before = *self
            .first
            .get_or_insert(found.as_ref().ok().map(|(stamp, _)| *stamp));
        let (stamp, written) = found.map_err(|error| errno::of(&error))?;
        // The clock may have been set since, so the start is reckoned back from now.
        let age = i64::try_from(now.since(self.started).as_millis()).unwrap_or(i64::MAX);
        let started = wall.as_millis().saturating_sub(age);
        let is_new = written.as_millis() + TICK_MILLIS >= started;
        let has_changed = !first && before != Some(stamp);
        if is_new || has_changed {
            Ok(())
        } else {
            Err("it is older than this start".to_owned())
        }
    }
}

fn ask(
    path: PathBuf,
    place: OwnedSemaphorePermit,
) -> Result<Receiver<io::Result<(Stamp, Wall)>>, String> {
    let (answer, pending) = oneshot::channel();
    let look = move || {
        // Nobody may want to know any more.
        let _unheard = answer.send(stamp(&path));
        drop(place);
    };
    let made = with_signals_blocked(|| {
        let thread = std::thread::Builder::new().name("file".to_owned());
        thread.stack_size(STACK_BYTES).spawn(look)
    });
    made.map(|_| pending).map_err(|error| errno::of(&error))
}

/// The file's stamp, and when it was last written or put there.
fn stamp(path: &std::path::Path) -> io::Result<(Stamp, Wall)> {
    let found = fs::metadata(path)?;
    let (written, put) = (
        (found.mtime(), found.mtime_nsec()),
        (found.ctime(), found.ctime_nsec()),
    );
    let (seconds, nanos) = written.max(put);
    let at = Wall::from_millis(
        seconds
            .saturating_mul(1000)
            .saturating_add(nanos / 1_000_000),
    );
    let stamp = (found.dev(), found.ino(), written.0, written.1, put.0, put.1);
    Ok((stamp, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Stamp = (1, 2, 3, 4, 5, 6);

    fn awaited() -> Awaited {
        let started = Mono::from_nanos(5_000_000_000);
        Awaited::new("/x".into(), started, Arc::new(Semaphore::new(1)))
    }

    fn look(awaited: &mut Awaited, found: Option<(Stamp, i64)>, seconds: u64, wall: i64) -> bool {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let found = found.map(|(stamp, at)| (stamp, Wall::from_millis(at)));
        let now = Mono::from_nanos(seconds * 1_000_000_000);
        let judged = awaited.judge(found.ok_or_else(missing), now, Wall::from_millis(wall));
        judged.is_ok()
    }

    #[test]
    fn only_a_file_of_this_start_will_do() {
        // It began at 100 s by the wall clock.
        let mut file = awaited();
        assert!(!look(&mut file, Some((OLD, 99_000)), 6, 101_000));
        assert!(look(&mut file, Some((OLD, 100_500)), 6, 101_000));
        assert!(look(&mut file, Some((OLD, 99_995)), 6, 101_000), "a tick");
        assert!(!look(&mut awaited(), None, 6, 101_000));
    }

    #[test]
    fn a_step_of_the_clock_hides_no_file() {
        let mut back = awaited();
        assert!(!look(&mut back, None, 6, 101_000));
        assert!(look(&mut back, Some((OLD, 41_900)), 7, 42_000), "back");
        let mut changed = awaited();
        assert!(!look(&mut changed, Some((OLD, 10)), 6, 101_000));
        let new = (9, 2, 3, 4, 5, 6);
        assert!(look(&mut changed, Some((new, 20)), 7, 102_000), "another");
    }

    #[test]
    fn a_file_is_asked_for_its_newest_stamp() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        assert!(stamp(&path).is_err());
        let before = clock::wall();
        fs::write(&path, "x").unwrap();
        let (_, at) = stamp(&path).unwrap();
        assert!(at.as_millis() + TICK_MILLIS >= before.as_millis());
    }
}
