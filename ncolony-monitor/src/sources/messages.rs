//! The messages directory: each file is read once, in order of name, and gone when it was acted
//! on.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ncolony_core::ConfigError;
use ncolony_core::colony::Observation;
use ncolony_core::files::{DirectoryId, Entry, EntryKind, directory_id, list, read_regular};
use ncolony_core::message::{MESSAGE_BYTES_MAX, Message, MessageError};
use ncolony_core::name::is_message_file;
use ncolony_core::time::Mono;

use crate::state::Mark;
use crate::sys::{clock, errno};

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
    /// What the last listing found and was not read yet, in order.
    waiting: VecDeque<Entry>,
    /// Files that were acted on and could not be removed.
    done: BTreeMap<String, Mark>,
    /// Files that were read and are being acted on: another message may come to stand under the
    /// same name meanwhile.
    in_hand: BTreeMap<String, Mark>,
    /// Files that were found half written, and until when they are waited for.
    halves: BTreeMap<String, Mono>,
    /// Why the directory could not be listed, while it is so.
    problem: Option<String>,
    pub(crate) taken: u64,
}

impl Mailbox {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            waiting: VecDeque::new(),
            done: BTreeMap::new(),
            in_hand: BTreeMap::new(),
            halves: BTreeMap::new(),
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
        if self.is_done(&file) {
            return;
        }
        let mark = self.mark(&file);
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
        match read_regular(&self.path.join(file), MESSAGE_BYTES_MAX) {
            Ok(bytes) if Message::is_unfinished(&bytes) && self.waits_for_rest(file) => None,
            Ok(bytes) => {
                self.halves.remove(file);
                Some(Message::parse(&bytes))
            }
            Err(error) if error.is_absent() => None,
            Err(error) if error.source.raw_os_error().is_some_and(errno::is_shortage) => None,
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
        let path = self.path.join(file);
        let read = self.in_hand.remove(file);
        if read.is_some() && self.mark(file) != read {
            return;
        }
        let Err(error) = fs::remove_file(&path) else {
            return;
        };
        if error.kind() == std::io::ErrorKind::NotFound {
            return;
        }
        tracing::warn!(
            "cannot remove the message {}: {}",
            path.display(),
            errno::of(&error)
        );
        self.remember(file);
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

    fn is_done(&mut self, file: &str) -> bool {
        let Some(mark) = self.done.get(file).copied() else {
            return false;
        };
        let same = self.mark(file) == Some(mark);
        if !same {
            self.done.remove(file);
        }
        same
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
        self.problem.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_in_order_and_everything_else_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("2"), r#"{"type": "RESCAN"}"#).unwrap();
        fs::write(at("1"), "x").unwrap();
        fs::write(at("0.new"), "ignored").unwrap();
        fs::create_dir(at("3")).unwrap();
        std::os::unix::fs::symlink("nowhere", at("4")).unwrap();
        fs::write(at("5"), vec![b' '; MESSAGE_BYTES_MAX + 1]).unwrap();
        let batch = Mailbox::new(dir.path()).read();
        let mut seen = Vec::new();
        for observation in batch.messages {
            let Observation::Message { file, message } = observation else {
                panic!()
            };
            seen.push((file, message.is_ok()));
        }
        let wanted = [
            ("1", false),
            ("2", true),
            ("3", false),
            ("4", false),
            ("5", false),
        ];
        assert_eq!(seen, wanted.map(|(file, ok)| (file.to_owned(), ok)));
    }

    #[test]
    fn a_message_that_cannot_be_removed_is_not_read_again_until_it_is_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1");
        fs::write(&path, r#"{"type": "RESCAN"}"#).unwrap();
        let mut mailbox = Mailbox::new(dir.path());
        assert_eq!(mailbox.read().messages.len(), 1);
        mailbox.remember("1");
        assert!(mailbox.read().messages.is_empty());
        fs::rename(&path, dir.path().join("0.new")).unwrap();
        fs::write(&path, r#"{"type": "RESCAN"}"#).unwrap();
        assert_eq!(mailbox.read().messages.len(), 1);
    }

    #[test]
    fn a_message_that_was_taken_away_is_forgotten_with_its_inode() {
        let dir = tempfile::tempdir().unwrap();
        let (path, aside) = (dir.path().join("1"), dir.path().join("0.new"));
        fs::write(&path, r#"{"type": "RESCAN"}"#).unwrap();
        let mut mailbox = Mailbox::new(dir.path());
        assert_eq!(mailbox.read().messages.len(), 1);
        mailbox.remember("1");
        fs::rename(&path, &aside).unwrap();
        assert!(mailbox.read().messages.is_empty());
        fs::rename(&aside, &path).unwrap();
        assert_eq!(mailbox.read().messages.len(), 1);
    }

    #[test]
    fn a_message_that_took_the_place_of_another_is_not_lost() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("1"), r#"{"type": "RESCAN"}"#).unwrap();
        let mut mailbox = Mailbox::new(dir.path());
        assert_eq!(mailbox.read().messages.len(), 1);
        fs::write(at("x.new"), r#"{"type": "RESTART-ALL"}"#).unwrap();
        fs::rename(at("x.new"), at("1")).unwrap();
        mailbox.discard("1");
        assert_eq!(mailbox.read().messages.len(), 1);
        mailbox.discard("1");
        assert!(!at("1").exists());
    }

    #[test]
    fn a_message_that_is_still_being_written_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let mut mailbox = Mailbox::new(dir.path());
        fs::write(dir.path().join("1"), "").unwrap();
        let batch = mailbox.read();
        assert!(batch.messages.is_empty() && batch.again_at.is_some());
        fs::write(dir.path().join("1"), r#"{"type": "RESCAN"}"#).unwrap();
        let batch = mailbox.read();
        assert!(batch.messages.len() == 1 && batch.again_at.is_none());
        fs::write(dir.path().join("2"), "{").unwrap();
        let deadline = clock::mono().after(Duration::from_secs(20));
        while mailbox.read().messages.len() < 2 {
            assert!(clock::mono() < deadline, "it is not waited for for ever");
        }
    }

    #[test]
    fn many_messages_are_read_in_batches() {
        let dir = tempfile::tempdir().unwrap();
        for number in 0..=BATCH {
            fs::write(dir.path().join(format!("{number:04}")), "x").unwrap();
        }
        let mut mailbox = Mailbox::new(dir.path());
        let mut read = || {
            let batch = mailbox.read();
            (batch.messages.len(), batch.more)
        };
        assert_eq!(read(), (BATCH, true));
        for number in 0..=BATCH {
            fs::remove_file(dir.path().join(format!("{number:04}"))).unwrap();
        }
        fs::write(dir.path().join("later"), "x").unwrap();
        assert_eq!(read(), (0, true), "the last one was taken away");
        assert_eq!(read(), (1, false));
    }
}
