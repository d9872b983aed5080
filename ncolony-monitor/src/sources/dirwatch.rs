//! Hints that a directory may have changed. A hint is never believed: it says where to look, and
//! the look is the truth.
//!
//! A hint names the entries that it is about where it can. Then these are looked at, so that a
//! change to one of ten thousand files costs one look; every doubt (an overflow, an error, a
//! directory that is itself renamed, the swap of a ConfigMap's hidden link) asks for a look at the
//! whole.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ncolony_core::files::DirectoryId;
use ncolony_core::name::{FileRole, config_role};
use notify::event::EventKind;
use notify::{Config, Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use crate::sys::signal::with_signals_blocked;

/// More names than this are cheaper to look at in one listing.
const NAMES_MAX: usize = 64;

/// Where to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hint {
    /// Nothing has happened.
    #[default]
    None,
    /// Something happened to these entries.
    Names(BTreeSet<OsString>),
    /// Anything may have happened.
    Whole,
}

impl Hint {
    fn add(&mut self, name: OsString) {
        match self {
            Self::None => *self = Self::Names(BTreeSet::from([name])),
            Self::Names(names) if names.len() < NAMES_MAX => drop(names.insert(name)),
            Self::Names(_) => *self = Self::Whole,
            Self::Whole => {}
        }
    }
}

/// Hints of one directory, on their way from the watcher's thread to the loop.
#[derive(Debug, Default)]
struct Pending {
    hint: Mutex<Hint>,
}

impl Pending {
    fn lock(&self) -> MutexGuard<'_, Hint> {
        // Whoever panicked with it left a whole hint behind.
        self.hint.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A watched directory.
#[derive(Debug)]
pub(crate) struct DirWatch {
    pending: Arc<Pending>,
    wake: Arc<Notify>,
    watcher: Option<RecommendedWatcher>,
    watched: Option<DirectoryId>,
    /// Why it is not watched, if that was tried and failed.
    failure: Option<String>,
    wanted: bool,
}

impl DirWatch {
    /// A directory that is not watched yet. `wake` is told of every hint; `wanted` is whether it
    /// is to be watched at all.
    pub(crate) fn new(wake: Arc<Notify>, wanted: bool) -> Self {
        Self {
            pending: Arc::default(),
            wake,
            watcher: None,
            watched: None,
            failure: None,
            wanted,
        }
    }

    /// Watches `path` if what it leads to is not what is watched already. `true`: it is watched
    /// anew, and what happened before was not seen.
    pub(crate) fn follow(&mut self, path: &Path, directory: DirectoryId) -> bool {
        if !self.wanted || self.watched == Some(directory) {
            return false;
        }
        // The watch of a directory that is not there any more goes with its watcher.
        self.watcher = None;
        self.watched = None;
        let watcher =
            with_signals_blocked(|| watch(path, Arc::clone(&self.pending), Arc::clone(&self.wake)));
        match watcher {
            Ok(watcher) => {
                self.watcher = Some(watcher);
                self.watched = Some(directory);
                self.failure = None;
                true
            }
            Err(error) => {
                let why = format!("cannot watch {}: {}", path.display(), explain(&error));
                if self.failure.as_ref() != Some(&why) {
                    tracing::warn!("{why}; looking at it instead");
                }
                self.failure = Some(why);
                false
            }
        }
    }

    /// Takes the hints that have come together.
    pub(crate) fn take(&self) -> Hint {
        std::mem::take(&mut *self.pending.lock())
    }

    /// Whether a hint waits.
    pub(crate) fn has_hint(&self) -> bool {
        *self.pending.lock() != Hint::None
    }

    /// Whether the directory is watched.
    pub(crate) fn is_watched(&self) -> bool {
        self.watched.is_some()
    }

    /// Why it is not, where it should be.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }
}

fn watch(
    path: &Path,
    pending: Arc<Pending>,
    wake: Arc<Notify>,
) -> notify::Result<RecommendedWatcher> {
    // This is asked before, because a watcher without a thread can only be left lying about.
    can_have_thread()?;
    let root = path.to_owned();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if note(&mut pending.lock(), &root, event) {
            wake.notify_one();
        }
    })?;
    // It does not say whether it got its thread, and everything else, its end too, panics where it
    // has none.
    if let Err(error) = watcher.configure(Config::default()) {
        let _lies_about = ManuallyDrop::new(watcher);
        return Err(error);
    }
    watcher.watch(path, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

/// Whether the kernel gives us another thread just now.
fn can_have_thread() -> notify::Result<()> {
    let thread = std::thread::Builder::new().spawn(|| ());
    let thread = thread.map_err(notify::Error::io)?;
    // There is nothing in it that could panic.
    let _ended = thread.join();
    Ok(())
}

/// Adds what an event says to the hint; whether it says anything.
fn note(hint: &mut Hint, root: &Path, event: notify::Result<Event>) -> bool {
    let Ok(event) = event else {
        *hint = Hint::Whole;
        return true;
    };
    // Our own looks cause these: to follow them would never end.
    if matches!(event.kind, EventKind::Access(_)) && !event.need_rescan() {
        return false;
    }
    if event.need_rescan() || event.paths.is_empty() {
        *hint = Hint::Whole;
        return true;
    }
    let mut said = false;
    for path in &event.paths {
        let name = path.file_name().filter(|_| path.parent() == Some(root));
        said |= match name {
            None => {
                *hint = Hint::Whole;
                true
            }
            Some(name) => note_name(hint, name),
        };
    }
    said
}

fn note_name(hint: &mut Hint, name: &std::ffi::OsStr) -> bool {
    if name.as_encoded_bytes().starts_with(b"..") {
        // A ConfigMap's files are links through `..data`: its swap changes them all.
        *hint = Hint::Whole;
        return true;
    }
    match config_role(name) {
        FileRole::Program(_) | FileRole::Ignored(_) => {
            hint.add(name.to_owned());
            true
        }
        FileRole::Hidden => false,
    }
}

fn explain(error: &notify::Error) -> String {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "the limit of inotify watches is reached (fs.inotify.max_user_watches)".to_owned()
        }
        // For inotify the kernel says the same of files and of instances.
        notify::ErrorKind::Io(error) if crate::sys::errno::is_too_many(error) => format!(
            "{}; the limit of inotify instances may be reached (fs.inotify.max_user_instances)",
            crate::sys::errno::of(error)
        ),
        notify::ErrorKind::Io(error) => crate::sys::errno::of(error),
        notify::ErrorKind::Generic(_)
        | notify::ErrorKind::PathNotFound
        | notify::ErrorKind::WatchNotFound
        | notify::ErrorKind::InvalidConfig(_) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{AccessKind, CreateKind, Flag, ModifyKind, RenameMode};

    fn hint(events: Vec<notify::Result<Event>>) -> Hint {
        let mut hint = Hint::None;
        for event in events {
            note(&mut hint, Path::new("/c"), event);
        }
        hint
    }

    fn event(kind: EventKind, path: &str) -> notify::Result<Event> {
        Ok(Event::new(kind).add_path(path.into()))
    }

    #[test]
    fn our_own_looks_are_no_hint() {
        assert_eq!(
            hint(vec![event(EventKind::Access(AccessKind::Any), "/c/web")]),
            Hint::None
        );
    }

    #[test]
    fn a_named_entry_is_to_be_looked_at() {
        let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::To));
        let names = Hint::Names(["web".into(), "x.new".into()].into());
        assert_eq!(
            hint(vec![event(renamed, "/c/web"), event(renamed, "/c/x.new")]),
            names
        );
        assert_eq!(hint(vec![event(renamed, "/c/.web.abc.new")]), Hint::None);
    }

    #[test]
    fn every_doubt_asks_for_the_whole() {
        let created = EventKind::Create(CreateKind::Any);
        let many = (0..=NAMES_MAX)
            .map(|n| event(created, &format!("/c/n{n}")))
            .collect();
        let overflow = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        for events in [
            vec![Err(notify::Error::generic("gone"))],
            vec![Ok(overflow)],
            vec![event(created, "/c")],
            vec![event(created, "/c/..data")],
            many,
        ] {
            assert_eq!(hint(events), Hint::Whole);
        }
    }
}
