//! What is so, written to files. Nobody but the monitor writes here.
//!
//! A record that cannot be written (a full disk) stops nothing: it is remembered and written when
//! it can be, and the monitor's own record says so.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ncolony_core::files::{Durability, FileError, make_directory, remove_file, replace_file};
use ncolony_core::message::Reply;
use ncolony_core::status::{MonitorStatus, ProgramStatus};
use ncolony_core::time::Mono;
use ncolony_core::{Places, ProgramName};

use crate::crash_point;
use crate::sys::errno;

/// Outcomes of messages are kept this long.
const REPLY_LIFE: Duration = Duration::from_secs(600);

/// While outcomes cannot be written, the newest are remembered, this many.
const UNANSWERED_MAX: usize = 1000;

/// The newest rejected messages are kept, this many.
const REJECTED_MAX: usize = 100;

/// So many of the directories are no others' at all; that of pid files may be.
const OURS_ALONE: usize = 4;

/// The status directory.
#[derive(Debug)]
pub(crate) struct StatusDir {
    places: Places,
    pid_dir: Option<PathBuf>,
    /// Programs whose record could not be written or removed.
    unwritten: BTreeSet<ProgramName>,
    replies: VecDeque<(Mono, PathBuf)>,
    /// Outcomes that could not be written, the oldest first.
    unanswered: VecDeque<Reply>,
    /// Rejected messages that are kept, the oldest first.
    rejected: VecDeque<PathBuf>,
    /// What went wrong with the last write, while it is so.
    problem: Option<String>,
    pub(crate) written: u64,
}

impl StatusDir {
    /// Nothing is made or looked at yet.
    pub(crate) fn new(places: &Places, pid_dir: Option<PathBuf>) -> Self {
        Self {
            places: places.clone(),
            pid_dir,
            unwritten: BTreeSet::new(),
            replies: VecDeque::new(),
            unanswered: VecDeque::new(),
            rejected: VecDeque::new(),
            problem: None,
            written: 0,
        }
    }

    /// Makes the directories. Those that the disk has no room for just now are made later.
    ///
    /// # Errors
    /// One cannot be made, now or later.
    pub(crate) fn prepare(&mut self) -> Result<(), String> {
        match self.make_directories() {
            Err(error) if errno::may_pass(&error.source) => {
                self.complain(in_words(&error));
                Ok(())
            }
            made => made.map_err(|error| in_words(&error)),
        }
    }

    /// The directories that are ours, and their modes.
    fn directories(&self) -> impl Iterator<Item = (PathBuf, u32)> {
        let places = &self.places;
        let private = [
            places.status.clone(),
            places.program_statuses(),
            places.replies(),
            places.rejected(),
        ];
        let private = private.into_iter().map(|directory| (directory, 0o700));
        private.chain(self.pid_dir.clone().map(|directory| (directory, 0o755)))
    }

    /// Makes the directories.
    pub(crate) fn make_directories(&self) -> Result<(), FileError> {
        let mut all = self.directories();
        all.try_for_each(|(directory, mode)| make_directory(&directory, mode))
    }

    /// Makes the directories again that somebody has removed. `true`: with them, every record is
    /// gone.
    pub(crate) fn restore(&mut self) -> bool {
        let recorded = self.places.program_statuses().is_dir();
        if self.directories().all(|(directory, _)| directory.is_dir()) {
            return false;
        }
        let made = self.make_directories();
        if let Err(error) = &made {
            self.complain(in_words(error));
        }
        !recorded && made.is_ok()
    }

    /// Removes what an earlier monitor left that means nothing now: the records and pid files of
    /// programs that are not in `keep`, and what was half written. The directory of pid files may
    /// be shared with others: only what a record names goes from there. Where programs are kept,
    /// so are outcomes: somebody may still wait for them.
    pub(crate) fn sweep(&mut self, keep: &BTreeSet<ProgramName>) {
        // Nobody else writes here, so what is half written nobody will finish.
        for (directory, _) in self.directories().take(OURS_ALONE) {
            let is_half_written = |name: &str| name.starts_with('.') && name.ends_with(".new");
            remove_files(&directory, is_half_written);
        }
        self.rejected = rejected_before(&self.places.rejected());
        let half_written = |file: &str| file.starts_with('.') && file.ends_with(".new");
        for (directory, _) in self.directories().take(OURS_ALONE) {
            remove_files(&directory, half_written);
        }
        for name in recorded_programs(&self.places.program_statuses()) {
            if !keep.contains(&name) {
                let record = self.places.program_status(name.as_str());
                let _gone = fs::remove_file(record);
                self.remove_pid(&name);
            }
        }
        let replies = self.places.replies();
        if keep.is_empty() {
            remove_files(&replies, |_| true);
        } else {
            let now = crate::sys::clock::mono();
            let kept = fs::read_dir(replies).into_iter().flatten().flatten();
            self.replies.extend(kept.map(|entry| (now, entry.path())));
        }
    }

    /// Writes a program's record.
    pub(crate) fn publish(&mut self, mut record: ProgramStatus) {
        // A path in the logs place becomes whole here; one that is whole stays as it is.
        let logs = self.places.logs.as_deref();
        record.log = record
            .log
            .filter(|path| path.is_absolute() || logs.is_some())
            .map(|path| logs.map_or_else(|| path.clone(), |logs| logs.join(&path)));
        let path = self.places.program_status(record.name.as_str());
        self.unwritten.remove(&record.name);
        if !self.write(&path, &record) {
            self.unwritten.insert(record.name);
        }
    }

    /// Removes a program's record.
    pub(crate) fn retract(&mut self, name: &ProgramName) {
        let path = self.places.program_status(name.as_str());
        match fs::remove_file(&path) {
            Ok(()) => drop(self.unwritten.remove(name)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                self.unwritten.remove(name);
            }
            Err(error) => {
                self.complain(format!("cannot remove {}: {error}", path.display()));
                self.unwritten.insert(name.clone());
            }
        }
    }

    /// Writes the monitor's own record; whether it could.
    pub(crate) fn publish_monitor(&mut self, record: &MonitorStatus) -> bool {
        let path = self.places.monitor_status();
        self.write(&path, record)
    }

    /// Writes the outcome of a message.
    pub(crate) fn answer(&mut self, reply: Reply, now: Mono) {
        let path = self.places.reply(reply.id.as_str());
        if self.write(&path, &reply) {
            self.replies.push_back((now, path));
            return;
        }
        self.unanswered.push_back(reply);
        if self.unanswered.len() > UNANSWERED_MAX {
            self.unanswered.pop_front();
        }
    }

    /// Writes the outcomes again that could not be written: somebody may still wait for them.
    pub(crate) fn answer_again(&mut self, now: Mono) {
        for reply in std::mem::take(&mut self.unanswered) {
            self.answer(reply, now);
        }
    }

    /// Removes outcomes that nobody will ask for any more.
    pub(crate) fn forget_old_replies(&mut self, now: Mono) {
        while let Some((written, _)) = self.replies.front()
            && now.since(*written) >= REPLY_LIFE
        {
            if let Some((_, path)) = self.replies.pop_front() {
                // Somebody else may have removed it; then all is well.
                let _gone = fs::remove_file(path);
            }
        }
    }

    /// Moves a message aside that could not be acted on, with the reason beside it.
    ///
    /// # Errors
    /// It is still where it was; why, in words.
    pub(crate) fn reject(&mut self, message: &Path, reason: &str) -> Result<(), String> {
        let Some(file) = message.file_name() else {
            return Err("it has no name".to_owned());
        };
        let target = self.places.rejected().join(file);
        // What stood there under the same name, a directory perhaps, makes way.
        let _made_way = fs::remove_file(&target).or_else(|_| fs::remove_dir_all(&target));
        // It comes first: a monitor that is killed here leaves the message to its successor.
        let beside = reason_beside(&target);
        self.write_text(&beside, format!("{reason}\n").as_bytes());
        crash_point::reach("before a rejected message is moved");
        if let Err(error) = moved(message, &target) {
            let _gone = fs::remove_file(beside);
            return Err(errno::of(&error));
        }
        self.rejected.retain(|kept| *kept != target);
        self.rejected.push_back(target);
        self.keep_newest_rejected();
        Ok(())
    }

    fn keep_newest_rejected(&mut self) {
        while self.rejected.len() > REJECTED_MAX
            && let Some(path) = self.rejected.pop_front()
        {
            let beside = reason_beside(&path);
            // Somebody else may have removed them; then all is well.
            let _gone = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
            let _gone = fs::remove_file(beside);
        }
    }

    /// Writes the pid file that NColony's users know.
    pub(crate) fn write_pid(&mut self, name: &ProgramName, pid: u32) {
        if let Some(directory) = &self.pid_dir {
            let path = directory.join(name.as_str());
            self.write_text(&path, pid.to_string().as_bytes());
        }
    }

    /// Removes it: the process is gone.
    pub(crate) fn remove_pid(&mut self, name: &ProgramName) {
        if let Some(directory) = &self.pid_dir {
            let _gone = fs::remove_file(directory.join(name.as_str()));
        }
    }

    /// Programs whose records have to be written again.
    pub(crate) fn take_unwritten(&mut self) -> BTreeSet<ProgramName> {
        std::mem::take(&mut self.unwritten)
    }

    /// What is wrong with the directory, while it is so.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    fn write(&mut self, path: &Path, record: &impl serde::Serialize) -> bool {
        match serde_json::to_vec(record) {
            Ok(text) => self.write_text(path, &text),
            Err(error) => {
                self.complain(format!("cannot write {}: {error}", path.display()));
                false
            }
        }
    }

    fn write_text(&mut self, path: &Path, text: &[u8]) -> bool {
        match replace_file(path, text, Durability::Renamed) {
            Ok(()) => {
                self.written += 1;
                if self.unwritten.is_empty() && self.unanswered.is_empty() {
                    self.problem = None;
                }
                true
            }
            Err(error) => {
                self.complain(in_words(&error));
                false
            }
        }
    }

    /// A problem is logged when it begins: `monitor.json` may be what cannot be written.
    fn complain(&mut self, problem: String) {
        if self.problem.is_none() {
            tracing::warn!("{problem}; it is tried again");
        }
        self.problem = Some(problem);
    }
}

fn in_words(error: &FileError) -> String {
    let (what, path) = (error.what, error.path.display());
    format!("cannot {what} {path}: {}", errno::of(&error.source))
}

fn reason_beside(rejected: &Path) -> PathBuf {
    let mut beside = rejected.as_os_str().to_owned();
    beside.push(".reason");
    beside.into()
}

/// The programs that a directory of records has one of.
pub(crate) fn recorded_programs(directory: &Path) -> Vec<ProgramName> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let name = |file: std::ffi::OsString| file.to_str()?.strip_suffix(".json").map(str::to_owned);
    let names = entries
        .flatten()
        .filter_map(|entry| name(entry.file_name()));
    names
        .filter_map(|name| ProgramName::parse(&name).ok())
        .collect()
}

fn remove_files(directory: &Path, are_to_go: impl Fn(&str) -> bool) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(&are_to_go) {
            let _gone = fs::remove_file(entry.path());
        }
    }
}

/// What an earlier monitor rejected, the oldest first.
fn rejected_before(directory: &Path) -> VecDeque<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return VecDeque::new();
    };
    let mut kept: Vec<_> = entries
        .flatten()
        .filter(|entry| !entry.file_name().as_encoded_bytes().ends_with(b".reason"))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    kept.sort();
    kept.into_iter().map(|(_, path)| path).collect()
}

/// Moves a file, by its content where the target is on another file system.
fn moved(source: &Path, target: &Path) -> io::Result<()> {
    match fs::rename(source, target) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {}
        renamed => return renamed,
    }
    if fs::symlink_metadata(source)?.is_file() {
        fs::copy(source, target)?;
    }
    remove_file(source).map_err(|error| error.source)
}

#[cfg(test)]
mod tests;
