//! What is so, written to files. Nobody but the monitor writes here.
//!
//! A record that cannot be written (a full disk) stops nothing: it is remembered and written when
//! it can be, and the monitor's own record says so.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ncolony_core::files::{Durability, FileError, make_directory, remove_file, replace_file};
use ncolony_core::message::Reply;
use ncolony_core::status::{MonitorStatus, ProgramStatus};
use ncolony_core::time::Mono;
use ncolony_core::{Places, ProgramName};

/// Outcomes of messages are kept this long.
const REPLY_LIFE: Duration = Duration::from_secs(600);

/// The newest rejected messages are kept, this many.
const REJECTED_MAX: usize = 100;

/// The status directory.
#[derive(Debug)]
pub(crate) struct StatusDir {
    places: Places,
    pid_dir: Option<PathBuf>,
    /// Programs whose record could not be written or removed.
    unwritten: BTreeSet<ProgramName>,
    replies: VecDeque<(Mono, PathBuf)>,
    /// Rejected messages that are kept, the oldest first.
    rejected: VecDeque<PathBuf>,
    /// What went wrong with the last write, while it is so.
    problem: Option<String>,
    pub(crate) written: u64,
}

impl StatusDir {
    /// Makes the directories, and removes what an earlier monitor left that means nothing now.
    pub(crate) fn open(places: &Places, pid_dir: Option<PathBuf>) -> Result<Self, String> {
        let mut status = Self {
            places: places.clone(),
            pid_dir,
            unwritten: BTreeSet::new(),
            replies: VecDeque::new(),
            rejected: VecDeque::new(),
            problem: None,
            written: 0,
        };
        status
            .make_directories()
            .map_err(|error| error.to_string())?;
        status.sweep();
        status.rejected = rejected_before(&status.places.rejected());
        Ok(status)
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

    fn make_directories(&self) -> Result<(), FileError> {
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
        self.problem = made.as_ref().err().map(ToString::to_string);
        !recorded && made.is_ok()
    }

    /// Removes the records and pid files of earlier programs, and old replies. The directory of
    /// pid files may be shared with others: only what a record names goes from there.
    fn sweep(&self) {
        if let Some(directory) = &self.pid_dir {
            for name in recorded_programs(&self.places.program_statuses()) {
                // Where none was written, none is there.
                let _gone = fs::remove_file(directory.join(name));
            }
        }
        for directory in [self.places.program_statuses(), self.places.replies()] {
            remove_files(&directory);
        }
    }

    /// Writes a program's record.
    pub(crate) fn publish(&mut self, mut record: ProgramStatus) {
        record.log = self.places.program_log(record.name.as_str());
        let path = self.places.program_status(record.name.as_str());
        let written = self.write(&path, &record);
        if written {
            self.unwritten.remove(&record.name);
        } else {
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
                self.problem = Some(format!("cannot remove {}: {error}", path.display()));
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
    pub(crate) fn answer(&mut self, reply: &Reply, now: Mono) {
        let path = self.places.reply(reply.id.as_str());
        self.write(&path, reply);
        self.replies.push_back((now, path));
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

    /// Moves a message aside that could not be acted on, with the reason beside it. `false`: it is
    /// still where it was.
    pub(crate) fn reject(&mut self, message: &Path, reason: &str) -> bool {
        let Some(file) = message.file_name() else {
            return false;
        };
        let target = self.places.rejected().join(file);
        // What stood there under the same name, a directory perhaps, makes way.
        let _made_way = fs::remove_file(&target).or_else(|_| fs::remove_dir_all(&target));
        if !moved(message, &target) {
            return false;
        }
        self.rejected.retain(|kept| *kept != target);
        self.rejected.push_back(target.clone());
        self.keep_newest_rejected();
        let mut beside = target.into_os_string();
        beside.push(".reason");
        self.write_text(Path::new(&beside), format!("{reason}\n").as_bytes());
        true
    }

    fn keep_newest_rejected(&mut self) {
        while self.rejected.len() > REJECTED_MAX
            && let Some(path) = self.rejected.pop_front()
        {
            let mut beside = path.clone().into_os_string();
            beside.push(".reason");
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
                self.problem = Some(format!("cannot write {}: {error}", path.display()));
                false
            }
        }
    }

    fn write_text(&mut self, path: &Path, text: &[u8]) -> bool {
        let result = replace_file(path, text, Durability::Renamed);
        if result.is_ok() {
            self.written += 1;
        }
        self.note_problem(result.as_ref().err().map(ToString::to_string));
        result.is_ok()
    }

    /// The record that would say it may be just what cannot be written, so the log says it too.
    fn note_problem(&mut self, problem: Option<String>) {
        match &problem {
            Some(why) if self.problem.is_none() => {
                tracing::warn!("what is so is not what the records say: {why}");
            }
            None if self.problem.is_some() => tracing::info!("records can be written again"),
            Some(_) | None => {}
        }
        self.problem = problem;
    }
}

fn recorded_programs(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let name = |file: std::ffi::OsString| file.to_str()?.strip_suffix(".json").map(str::to_owned);
    let names = entries
        .flatten()
        .filter_map(|entry| name(entry.file_name()));
    names
        .filter(|name| ProgramName::new(name).is_ok())
        .collect()
}

fn remove_files(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let _gone = fs::remove_file(entry.path());
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
fn moved(source: &Path, target: &Path) -> bool {
    if fs::rename(source, target).is_ok() {
        return true;
    }
    let regular = fs::symlink_metadata(source).is_ok_and(|metadata| metadata.is_file());
    if regular && fs::copy(source, target).is_err() {
        return false;
    }
    remove_file(source).is_ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn status(dir: &tempfile::TempDir) -> StatusDir {
        let at = |name: &str| dir.path().join(name);
        let places = Places {
            config: at("c"),
            messages: at("m"),
            status: at("s"),
            logs: Some(at("l")),
        };
        StatusDir::open(&places, Some(at("pids"))).unwrap()
    }

    #[test]
    fn only_the_newest_rejected_messages_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let mut status = status(&dir);
        for number in 0..REJECTED_MAX + 5 {
            let path = dir.path().join(format!("{number:04}"));
            fs::write(&path, "x").unwrap();
            assert!(status.reject(&path, "it is bad"));
        }
        let count = fs::read_dir(dir.path().join("s/rejected")).unwrap().count();
        assert_eq!(count, 2 * REJECTED_MAX);
        let reason = fs::read_to_string(dir.path().join("s/rejected/0104.reason")).unwrap();
        assert_eq!(reason, "it is bad\n");
    }

    #[test]
    fn directories_and_links_can_be_rejected_too() {
        let dir = tempfile::tempdir().unwrap();
        let mut status = status(&dir);
        for _twice in 0..2 {
            let path = dir.path().join("sub");
            fs::create_dir(&path).unwrap();
            fs::write(path.join("x"), "").unwrap();
            assert!(status.reject(&path, "it is a directory"));
        }
        std::os::unix::fs::symlink("nowhere", dir.path().join("link")).unwrap();
        assert!(status.reject(&dir.path().join("link"), "it leads nowhere"));
    }

    #[test]
    fn directories_that_were_removed_are_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut status = status(&dir);
        assert!(!status.restore());
        fs::remove_dir_all(dir.path().join("s")).unwrap();
        assert!(status.restore() && dir.path().join("s/programs").is_dir());
        let mode = fs::metadata(dir.path().join("s")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o700);
        for one in ["s/replies", "s/rejected", "pids"] {
            fs::remove_dir(dir.path().join(one)).unwrap();
            assert!(!status.restore(), "the records are there");
            assert!(dir.path().join(one).is_dir(), "{one}");
        }
    }

    #[test]
    fn old_replies_go() {
        let dir = tempfile::tempdir().unwrap();
        let mut status = status(&dir);
        let id = ProgramName::new("a1").unwrap();
        let reply = Reply {
            id,
            ok: true,
            error: None,
            programs: Vec::new(),
            heard: 1,
            generations: std::collections::BTreeMap::new(),
        };
        status.answer(&reply, Mono::default());
        let path = dir.path().join("s/replies/a1.json");
        status.forget_old_replies(Mono::default());
        assert!(path.exists());
        status.forget_old_replies(Mono::default().after(REPLY_LIFE));
        assert!(!path.exists());
    }

    #[test]
    fn a_shared_directory_of_pid_files_loses_only_what_was_ours() {
        let dir = tempfile::tempdir().unwrap();
        drop(status(&dir));
        fs::write(dir.path().join("s/programs/web.json"), "{}").unwrap();
        for file in ["web", "nginx.pid", "other"] {
            fs::write(dir.path().join("pids").join(file), "77").unwrap();
        }
        drop(status(&dir));
        let mut left: Vec<_> = fs::read_dir(dir.path().join("pids"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["nginx.pid", "other"]);
    }

    #[test]
    fn pid_files_hold_digits_only() {
        let dir = tempfile::tempdir().unwrap();
        let mut status = status(&dir);
        let name = ProgramName::new("web").unwrap();
        status.write_pid(&name, 77);
        assert_eq!(
            fs::read_to_string(dir.path().join("pids/web")).unwrap(),
            "77"
        );
        status.remove_pid(&name);
        assert!(!dir.path().join("pids/web").exists());
    }
}
