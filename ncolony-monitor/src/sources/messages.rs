//! The messages directory: each file is read once, in order of name, and gone when it was acted
//! on.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ncolony_core::ConfigError;
use ncolony_core::colony::Observation;
use ncolony_core::custody::Trust;
use ncolony_core::files::{
    DirectoryId, Entry, EntryKind, directory_id, exposure_of_directory, list, read_trusted,
};
use ncolony_core::message::{MESSAGE_BYTES_MAX, Message, MessageError};
use ncolony_core::name::is_message_file;
use ncolony_core::time::Mono;

use crate::state::Mark;
use crate::sys::{clock, errno, limits};

/// So many are read before anything else has its turn.
const BATCH: usize = 256;

/// A message that is found half written is waited for this long, and looked at this often.
const HALF_PATIENCE: Duration = Duration::from_millis(200);
const HALF_SPACING: Duration = Duration::from_millis(20);

/// What a look at the directory found.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) messages: Vec<Observation>,
    /// Files whose names are not text: they can only be moved aside.
    pub(crate) nameless: Vec<PathBuf>,
    /// Whether more wait than were read.
    pub(crate) more: bool,
    /// When to look again, because a message is still being written.
    pub(crate) again_at: Option<Mono>,
}

/// Reads the messages directory.
#[derive(Debug)]
pub(crate) struct Mailbox {
    path: PathBuf,
    trust: Trust,
    /// Who else could change the directory, so that nothing in it is obeyed.
    exposure: Option<String>,
    /// What the last listing found and was not read yet, in order.
    waiting: VecDeque<Entry>,
    /// Files that were acted on and could not be removed.
    done: BTreeMap<String, Mark>,
    /// Files that were read and are being acted on: another message may come to stand under the
    /// same name meanwhile.
    in_hand: BTreeMap<String, Mark>,
    /// Files that were found half written, and until when they are waited for.
    halves: BTreeMap<String, Mono>,
    /// Files among those done that are to be got rid of as soon as that can be done; with a reason,
    /// by moving them aside.
    stuck: BTreeMap<String, Option<String>>,
    /// Why one of them could not be got rid of.
    obstacle: Option<String>,
    /// Why the directory could not be listed, while it is so.
    problem: Option<String>,
    pub(crate) taken: u64,
}

impl Mailbox {
    /// The mailbox of this directory; nothing in it has been looked at.
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            trust: Trust::of_user(limits::own_user()),
            exposure: None,
            waiting: VecDeque::new(),
            done: BTreeMap::new(),
            in_hand: BTreeMap::new(),
            halves: BTreeMap::new(),
            stuck: BTreeMap::new(),
            obstacle: None,
            problem: None,
            taken: 0,
        }
    }

    /// Reads the next messages. What one listing has found is read before the next is made:
    /// a listing for each batch of a hundred thousand would take minutes.
    pub(crate) fn read(&mut self) -> Batch {
        let listed = self.waiting.is_empty();
        if listed {
            self.list();
        }
        let mut batch = Batch::default();
        while batch.messages.len() < BATCH
            && let Some(entry) = self.waiting.pop_front()
        {
            self.take_in(entry, &mut batch);
        }
        // What came after an older listing is seen by the next.
        batch.more = !listed || !self.waiting.is_empty();
        self.taken += batch.messages.len() as u64;
        if !self.halves.is_empty() {
            batch.again_at = Some(clock::mono().after(HALF_SPACING));
        }
        batch
    }

    fn list(&mut self) {
        let exposure = exposure_of_directory(&self.path, self.trust);
        self.exposure = exposure.map(|exposure| format!("every message is refused: {exposure}"));
        match list(&self.path) {
            Ok(listing) => {
                self.problem = None;
                self.forget_gone(&listing.entries);
                self.waiting = listing.entries.into();
            }
            Err(error) => {
                let why = errno::of(&error.source);
                let path = error.path.display();
                self.problem = Some(format!("cannot {} {path}: {why}", error.what));
            }
        }
    }

    fn take_in(&mut self, entry: Entry, batch: &mut Batch) {
        if !is_message_file(&entry.file) {
            return;
        }
        let Some(file) = entry.file.to_str().map(str::to_owned) else {
            batch.nameless.push(self.path.join(&entry.file));
            return;
        };
        let mark = self.mark(&file);
        // The message of an upgrade stays until its outcome is known.
        let is_in_hand = mark.is_some() && self.mark_of(&file) == mark;
        if is_in_hand || self.is_done(&file) {
            return;
        }
        self.done.remove(&file);
        if let Some(message) = self.read_one(&file, entry.kind) {
            self.in_hand.extend(mark.map(|mark| (file.clone(), mark)));
            batch.messages.push(Observation::Message { file, message });
        }
    }

    /// What one file says. `None`: it cannot be read just now, and is tried again.
    fn read_one(&mut self, file: &str, kind: EntryKind) -> Option<Result<Message, MessageError>> {
        let refused = |why: String| {
            Some(Err(MessageError {
                error: ConfigError::whole(why),
                id: None,
            }))
        };
        match kind {
            EntryKind::Directory => return refused("it is a directory, not a file".to_owned()),
            EntryKind::Other(what) => return refused(format!("it is {what}, not a regular file")),
            EntryKind::Regular(_) => {}
        }
        match read_trusted(&self.path.join(file), MESSAGE_BYTES_MAX, self.trust) {
            Ok(bytes) if Message::is_unfinished(&bytes) && self.waits_for_rest(file) => None,
            Ok(bytes) => {
                self.halves.remove(file);
                Some(Message::parse(&bytes))
            }
            Err(error) if error.is_absent() => None,
            Err(error) if error.source.raw_os_error().is_some_and(errno::is_shortage) => None,
            Err(error) if error.is_distrust() => {
                refused(format!("it cannot be trusted: {}", error.source))
            }
            Err(error) => refused(format!("it cannot be read: {}", errno::of(&error.source))),
        }
    }

    /// Whether a half-written message is still given time. A shell that writes in place opens the
    /// file a moment before it writes; one that never writes is rejected in the end.
    fn waits_for_rest(&mut self, file: &str) -> bool {
        let now = clock::mono();
        let until = self.halves.entry(file.to_owned());
        let until = *until.or_insert_with(|| now.after(HALF_PATIENCE));
        now < until
    }

    /// Removes a message that was acted on. One that cannot be removed is remembered, and not
    /// acted on again.
    pub(crate) fn discard(&mut self, file: &str) {
        let read = self.in_hand.remove(file);
        if read.is_some() && self.mark(file) != read {
            return;
        }
        match fs::remove_file(self.path.join(file)) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => self.keep_stuck(file, None, &errno::of(&error)),
        }
    }

    /// A message was moved aside: what comes under its name is another.
    pub(crate) fn moved_aside(&mut self, file: &str) {
        self.in_hand.remove(file);
    }

    /// A message that was dealt with cannot be got rid of now; why not. It is not acted on again.
    pub(crate) fn keep_stuck(&mut self, file: &str, reason: Option<String>, why: &str) {
        self.in_hand.remove(file);
        self.remember(file);
        self.stuck.insert(file.to_owned(), reason);
        let obstacle = format!(
            "cannot remove the message {}: {why}; it was dealt with and is not looked at again",
            self.path.join(file).display()
        );
        if self.obstacle.is_none() {
            tracing::warn!("{obstacle}");
        }
        self.obstacle = Some(obstacle);
    }

    /// Messages that are still to be got rid of; with a reason, by moving them aside. Those that
    /// cannot be, again, are to be kept again.
    pub(crate) fn take_stuck(&mut self) -> Vec<(String, Option<String>)> {
        let stuck = std::mem::take(&mut self.stuck);
        let is_there = |(file, _): &(String, Option<String>)| self.is_done(file);
        stuck.into_iter().filter(is_there).collect()
    }

    /// Forgets what was in the way of getting rid of messages, if nothing is any more.
    pub(crate) fn look_at_stuck(&mut self) {
        if self.stuck.is_empty() {
            self.obstacle = None;
        }
    }

    /// Takes it that this file was dealt with and is still there.
    pub(crate) fn remember(&mut self, file: &str) {
        if let Some(mark) = self.mark(file) {
            self.done.insert(file.to_owned(), mark);
        }
    }

    /// Forgets files that somebody else has removed: a later one of the same name may be given the
    /// same inode.
    fn forget_gone(&mut self, entries: &[Entry]) {
        let is_there = |file: &str| {
            let found = entries.binary_search_by(|entry| entry.file.as_os_str().cmp(file.as_ref()));
            found.is_ok()
        };
        self.done.retain(|file, _| is_there(file));
        self.halves.retain(|file, _| is_there(file));
    }

    fn is_done(&self, file: &str) -> bool {
        let Some(mark) = self.done.get(file).copied() else {
            return false;
        };
        self.mark(file) == Some(mark)
    }

    fn mark(&self, file: &str) -> Option<Mark> {
        let metadata = fs::symlink_metadata(self.path.join(file)).ok()?;
        Some(Mark {
            inode: metadata.ino(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    /// Which file a message is that is being acted on.
    pub(crate) fn mark_of(&self, file: &str) -> Option<Mark> {
        self.in_hand.get(file).copied()
    }

    /// Messages that were acted on and are still there.
    pub(crate) fn settled(&self) -> impl Iterator<Item = (&String, Mark)> {
        let all = self.done.iter().chain(&self.in_hand);
        all.map(|(file, mark)| (file, *mark))
    }

    /// Whether the file of this name is this very one.
    pub(crate) fn is_marked(&self, file: &str, mark: Mark) -> bool {
        self.mark(file) == Some(mark)
    }

    /// The path of a message.
    pub(crate) fn path_of(&self, file: &str) -> PathBuf {
        self.path.join(file)
    }

    /// The directory itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Which directory it is now.
    pub(crate) fn directory(&self) -> Option<DirectoryId> {
        directory_id(&self.path).ok()
    }

    /// What is wrong with the directory, while it is so.
    pub(crate) fn problem(&self) -> Option<&str> {
        let all = [&self.problem, &self.exposure, &self.obstacle];
        all.into_iter().find_map(|problem| problem.as_deref())
    }
}

#[cfg(test)]
mod tests;
