//! Where a stream of a program comes in: the FIFO that it prints into, whichever of its processes
//! does, and our end of it.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ncolony_core::files::make_directory;

use super::Source;
use super::watch::Watch;
use crate::sys::{errno, fifo};

/// Our end of a FIFO. The loop and the thread that moves bytes share it: the one asks, the other
/// takes.
#[derive(Debug)]
pub(super) struct Inlet {
    reader: File,
    /// Where it stands; `None` is one without a name.
    path: Option<PathBuf>,
    /// How many bytes were taken out of it.
    moved: AtomicU64,
    /// Odd while some are being taken.
    turns: AtomicU64,
    /// What is looked for in what comes.
    watch: Mutex<Option<Watch>>,
    is_watched: AtomicBool,
}

impl Inlet {
    fn new(reader: File, path: Option<PathBuf>) -> Self {
        Self {
            reader,
            path,
            moved: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            watch: Mutex::default(),
            is_watched: AtomicBool::new(false),
        }
    }

    /// Makes a FIFO at `path`, or takes up the one that stands there. Where that cannot be done it
    /// is one without a name: a full disk is no reason not to start a program.
    ///
    /// # Errors
    /// Too many descriptors are open.
    pub(super) fn make(path: &Path) -> io::Result<(Self, File)> {
        let named = make_at(path).and_then(|()| {
            let both = fifo::open_both(path)?;
            Ok((Self::open(path)?, both))
        });
        if let Err(error) = &named {
            let why = errno::of(error);
            tracing::debug!("no FIFO at {}: {why}; one without a name", path.display());
        }
        named.or_else(|_| {
            let (reader, both) = fifo::nameless()?;
            Ok((Self::new(reader, None), both))
        })
    }

    /// Takes up the FIFO at `path`, which somebody may be printing into.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let reader = fifo::open_reader(path)?;
        Ok(Self::new(reader, Some(path.to_owned())))
    }

    /// Goes on with an end that is open already, and that stands at `path` or, by now, nowhere.
    pub(super) fn go_on(reader: File, path: &Path) -> Self {
        let named = std::fs::metadata(path).is_ok_and(|found| same(&found, &reader));
        Self::new(reader, named.then(|| path.to_owned()))
    }

    /// Opens the program's end once more. `None`: the FIFO is not where it was, or never had a
    /// name.
    pub(super) fn reopen(&self) -> Option<File> {
        let both = fifo::open_both(self.path.as_ref()?).ok()?;
        same(&both.metadata().ok()?, &self.reader).then_some(both)
    }

    /// Our end.
    pub(super) fn reader(&self) -> &File {
        &self.reader
    }

    /// How many bytes were taken out of it so far.
    pub(super) fn moved(&self) -> u64 {
        self.moved.load(Ordering::SeqCst)
    }

    /// Takes bytes out of it by `act`, which says how many.
    pub(super) fn take(&self, act: impl FnOnce(&File) -> io::Result<usize>) -> io::Result<usize> {
        self.turns.fetch_add(1, Ordering::SeqCst);
        let taken = act(&self.reader);
        let count = taken.as_ref().map_or(0, |count| *count as u64);
        self.moved.fetch_add(count, Ordering::SeqCst);
        self.turns.fetch_add(1, Ordering::SeqCst);
        taken
    }

    /// Looks for something in what comes from now on, or, with nothing, for nothing any more.
    pub(super) fn watch(&self, watch: Option<Watch>) {
        self.is_watched.store(watch.is_some(), Ordering::SeqCst);
        *self.watching() = watch;
    }

    /// Whether anything is looked for.
    pub(super) fn is_watched(&self) -> bool {
        self.is_watched.load(Ordering::SeqCst)
    }

    /// Whether it is this that is looked for.
    pub(super) fn watches(&self, source: &Source, pattern: &str) -> bool {
        let watch = self.watching();
        watch
            .as_ref()
            .is_some_and(|watch| watch.is(source, pattern))
    }

    /// Looks at bytes that come next, of which the first has this place among all that ever came.
    /// Gives whose they are when what was looked for is found.
    pub(super) fn show(&self, place: u64, bytes: &[u8]) -> Option<Source> {
        let mut watch = self.watching();
        let found = watch.as_mut()?.see(place, bytes)?;
        *watch = None;
        self.is_watched.store(false, Ordering::SeqCst);
        Some(found)
    }

    fn watching(&self) -> MutexGuard<'_, Option<Watch>> {
        // What a panic elsewhere left is a watch or none.
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many bytes were printed into it up to now, taken out or not. `None` while the thread is
    /// busy with it for longer than the answer is worth.
    pub(super) fn printed(&self) -> Option<u64> {
        for _attempt in 0..100 {
            let before = self.turns.load(Ordering::SeqCst);
            let printed = self.moved() + fifo::waiting(&self.reader).ok()?;
            let after = self.turns.load(Ordering::SeqCst);
            if before == after && before.is_multiple_of(2) {
                return Some(printed);
            }
            std::hint::spin_loop();
        }
        None
    }
}

fn same(found: &std::fs::Metadata, reader: &File) -> bool {
    let ours = reader.metadata();
    ours.is_ok_and(|ours| (ours.dev(), ours.ino()) == (found.dev(), found.ino()))
}

fn make_at(path: &Path) -> io::Result<()> {
    let made = fifo::make(path);
    match (made, path.parent()) {
        (Err(error), Some(directory)) if error.kind() == io::ErrorKind::NotFound => {
            make_directory(directory, 0o700).map_err(|error| error.source)?;
            fifo::make(path)
        }
        (made, _) => made,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn a_fifo_serves_one_process_after_the_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("output/web");
        let (inlet, mut first) = Inlet::make(&path).unwrap();
        first.write_all(b"one").unwrap();
        drop(first);
        let mut second = inlet.reopen().unwrap();
        second.write_all(b"two").unwrap();
        assert_eq!(inlet.printed(), Some(6));
        let mut bytes = [0; 6];
        let taken = inlet.take(|mut reader| reader.read(&mut bytes)).unwrap();
        assert_eq!((taken, &bytes), (6, b"onetwo"));
        assert_eq!((inlet.moved(), inlet.printed()), (6, Some(6)));
    }

    #[test]
    fn a_fifo_that_was_removed_or_replaced_is_not_taken_for_ours() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("web");
        let (inlet, _both) = Inlet::make(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(inlet.reopen().is_none());
        std::fs::write(&path, "a file").unwrap();
        let (other, _both) = Inlet::make(&path).unwrap();
        assert!(inlet.reopen().is_none() && other.reopen().is_some());
    }

    #[test]
    fn where_no_fifo_can_be_made_there_is_one_without_a_name() {
        let (inlet, mut both) = Inlet::make(Path::new("/proc/self/web")).unwrap();
        both.write_all(b"one").unwrap();
        assert_eq!(inlet.printed(), Some(3));
        assert!(inlet.reopen().is_none());
    }
}
