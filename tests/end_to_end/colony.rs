//! A colony for a test: a directory, a monitor over it, and what a test asks of both.
//!
//! However a test ends, its monitor and all that the monitor started are gone after it. When it
//! fails, what the monitor wrote and what it logged is printed.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ncolony_core::State;
use ncolony_core::message::Reply;
use ncolony_core::status::{MonitorStatus, ProgramStatus};
use nix::sys::signal::Signal;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binaries::binary;
use crate::processes;

/// The most that a condition is waited for. A machine that is busy with other things needs far
/// less; a condition that does not come, does not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A user without rights, where the tests run as root.
const UNPRIVILEGED: u32 = 65534;

/// Waits until `condition` gives something, and gives that.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(given) = condition() {
            return given;
        }
        assert!(Instant::now() < deadline, "it did not come true: {what}");
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// The file of a program that runs a script in a shell, with further keys.
pub(crate) fn shell(script: &str, keys: Value) -> String {
    let mut file = json!({"args": ["/bin/sh", "-c", script]});
    if let (Value::Object(file), Value::Object(keys)) = (&mut file, keys) {
        file.extend(keys);
    }
    file.to_string()
}

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A directory with a config, a messages, a status and a logs directory, and its monitor.
pub(crate) struct Colony {
    directory: TempDir,
    flags: Vec<String>,
    /// What the monitor is started through, as in `unshare -Ur`.
    wrapper: Vec<String>,
    user: Option<u32>,
    monitor: Option<Child>,
    /// What the run ids of this colony's processes begin with.
    halves: RefCell<BTreeSet<String>>,
    asked: RefCell<u32>,
}

impl Colony {
    /// The directories alone; [`Colony::start`] starts the monitor, with these flags.
    pub(crate) fn new(flags: &[&str]) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("colony.")
            .tempdir()
            .unwrap();
        let colony = Self {
            directory,
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            wrapper: Vec::new(),
            user: None,
            monitor: None,
            halves: RefCell::default(),
            asked: RefCell::default(),
        };
        for place in ["config", "messages", "logs"] {
            fs::create_dir(colony.path(place)).unwrap();
        }
        colony
    }

    /// With its monitor up.
    pub(crate) fn running(flags: &[&str]) -> Self {
        let mut colony = Self::new(flags);
        colony.start();
        colony
    }

    /// The monitor will be started through this command.
    pub(crate) fn wrap(&mut self, wrapper: &[&str]) {
        self.wrapper = wrapper.iter().map(|word| (*word).to_owned()).collect();
    }

    /// The monitor will not run as root: permissions hold for it.
    pub(crate) fn without_rights(&mut self) {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        self.user = Some(UNPRIVILEGED);
        // The place where it was built may be closed to others.
        let copy = self.path("ncolony-monitor");
        fs::copy(binary("ncolony-monitor"), &copy).unwrap();
        for place in [".", "config", "messages", "logs"] {
            self.give_away(place);
        }
    }

    /// Gives a file or directory to the user that the monitor runs as.
    pub(crate) fn give_away(&self, name: &str) {
        if let Some(user) = self.user {
            chown(self.path(name), Some(user), Some(user)).unwrap();
        }
    }

    // ----- the monitor ---------------------------------------------------------------------

    /// Starts the monitor and waits until it has looked at everything.
    pub(crate) fn start(&mut self) {
        assert!(self.monitor.is_none(), "the monitor was started before");
        let child = self.command().spawn().unwrap();
        let pid = child.id();
        self.monitor = Some(child);
        until("the monitor is up", || {
            let ended = self
                .monitor
                .as_mut()
                .and_then(|child| child.try_wait().unwrap());
            assert_eq!(ended, None, "the monitor did not start");
            self.try_overview().filter(|record| record.pid == pid)
        });
        self.remember_half();
    }

    /// The command that starts the monitor.
    pub(crate) fn command(&self) -> Command {
        let own_copy = self.path("ncolony-monitor");
        let monitor = if own_copy.exists() {
            own_copy
        } else {
            binary("ncolony-monitor")
        };
        let mut words = self.wrapper.iter().map(PathBuf::from).chain([monitor]);
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .arg("--root")
            .arg(self.directory.path())
            .args(&self.flags)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(self.append("monitor.out"))
            .stderr(self.append("monitor.err"));
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    fn append(&self, name: &str) -> File {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        options.open(self.path(name)).unwrap()
    }

    fn remember_half(&self) {
        if let Ok(half) = fs::read_to_string(self.path("status/.colony")) {
            self.halves.borrow_mut().insert(half.trim().to_owned());
        }
    }

    /// The monitor's process.
    pub(crate) fn pid(&self) -> u32 {
        self.monitor.as_ref().unwrap().id()
    }

    /// Sends the monitor a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        processes::signal(self.pid(), signal);
    }

    /// Waits until the monitor has ended, and says how.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let mut child = self.monitor.take().unwrap();
        let status = until("the monitor has ended", || child.try_wait().unwrap());
        self.monitor = None;
        status
    }

    /// Has the monitor stop everything, and says how it ended.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.ended()
    }

    /// Kills the monitor as nothing can prevent.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.ended();
    }

    /// What the monitor has logged.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(self.path("monitor.err")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    // ----- files ---------------------------------------------------------------------------

    /// A path in the colony's directory.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a program's file whole: under another name, then renamed.
    pub(crate) fn program(&self, name: &str, file: impl AsRef<[u8]>) {
        self.replace("config", name, file.as_ref());
    }

    /// Removes a program's file.
    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path("config").join(name)).unwrap();
    }

    /// Writes a message, whole.
    pub(crate) fn message(&self, name: &str, message: &Value) {
        self.replace("messages", name, message.to_string().as_bytes());
    }

    /// Sends a message and waits for what comes of it.
    pub(crate) fn ask(&self, mut message: Value) -> Reply {
        let number = self.asked.replace_with(|number| *number + 1);
        let id = format!("ask-{number:06}");
        message["id"] = json!(id);
        self.message(&id, &message);
        let reply = self.path(format!("status/replies/{id}.json"));
        until(&format!("there is a reply to {message}"), || {
            read_json(&reply)
        })
    }

    fn replace(&self, place: &str, name: &str, content: &[u8]) {
        let unfinished = self.path(place).join(format!(".{name}.new"));
        fs::write(&unfinished, content).unwrap();
        if let Some(user) = self.user {
            chown(&unfinished, Some(user), Some(user)).unwrap();
        }
        fs::rename(unfinished, self.path(place).join(name)).unwrap();
    }

    /// Sets the mode of a path in the colony's directory.
    pub(crate) fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// The lines of a file in the colony's directory; none while it is not there.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    // ----- records -------------------------------------------------------------------------

    /// The record of a program, if there is one.
    pub(crate) fn try_record(&self, name: &str) -> Option<ProgramStatus> {
        read_json(&self.path(format!("status/programs/{name}.json")))
    }

    /// The record of a program.
    #[track_caller]
    pub(crate) fn record(&self, name: &str) -> ProgramStatus {
        let record = self.try_record(name);
        record.unwrap_or_else(|| panic!("{name} has no record"))
    }

    /// Waits until a program has such a record.
    #[track_caller]
    pub(crate) fn until_record(
        &self,
        name: &str,
        what: &str,
        condition: impl Fn(&ProgramStatus) -> bool,
    ) -> ProgramStatus {
        until(&format!("{name}: {what}"), || {
            self.try_record(name).filter(&condition)
        })
    }

    /// Waits until a program is in a state.
    #[track_caller]
    pub(crate) fn until_state(&self, name: &str, state: State) -> ProgramStatus {
        self.until_record(name, state.as_str(), |record| record.state == state)
    }

    /// Waits until a program has a process, and gives its number.
    #[track_caller]
    pub(crate) fn until_up(&self, name: &str) -> u32 {
        let record = self.until_record(name, "it has a process", |record| {
            record.pid.is_some() && matches!(record.state, State::Starting | State::Running)
        });
        record.pid.unwrap()
    }

    /// Waits until a program has no record.
    #[track_caller]
    pub(crate) fn until_retracted(&self, name: &str) {
        let record = self.path(format!("status/programs/{name}.json"));
        until(&format!("{name} has no record"), || {
            (!record.exists()).then_some(())
        });
    }

    /// The monitor's own record.
    pub(crate) fn overview(&self) -> MonitorStatus {
        self.try_overview().unwrap()
    }

    fn try_overview(&self) -> Option<MonitorStatus> {
        read_json(&self.path("status/monitor.json"))
    }

    /// Waits until the monitor's own record is so.
    #[track_caller]
    pub(crate) fn until_overview(
        &self,
        what: &str,
        condition: impl Fn(&MonitorStatus) -> bool,
    ) -> MonitorStatus {
        until(what, || self.try_overview().filter(&condition))
    }

    /// Has the monitor do whatever it has to do about what was written before: when this returns
    /// it has looked at everything.
    pub(crate) fn rescan(&self) {
        let looks = |record: &MonitorStatus| record.counters["full_looks"];
        let before = looks(&self.overview());
        assert!(self.ask(json!({"type": "RESCAN"})).ok);
        self.until_overview("it has looked at everything", |record| {
            looks(record) > before
        });
    }

    // ----- the control program -------------------------------------------------------------

    /// Runs `ncolony-ctl` on this colony.
    pub(crate) fn ctl(&self, args: &[&str]) -> Outcome {
        let output = Command::new(binary("ncolony-ctl"))
            .arg("--root")
            .arg(self.directory.path())
            .args(args)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    // ----- the end -------------------------------------------------------------------------

    /// The processes that belong to this colony, but for the monitor itself.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.remember_half();
        let monitor = self.monitor.as_ref().map(Child::id);
        let halves = self.halves.borrow();
        let is_ours = |pid: &u32| {
            let carries = |variable: &String| {
                let id = variable.strip_prefix("NCOLONY_RUN_ID=");
                id.is_some_and(|id| halves.iter().any(|half| id.starts_with(half.as_str())))
            };
            processes::environment(*pid).iter().any(carries)
                || processes::works_in(*pid, self.directory.path())
        };
        let all = processes::all().into_iter();
        all.filter(|pid| Some(*pid) != monitor && *pid != std::process::id())
            .filter(is_ours)
            .collect()
    }

    /// All that helps to see why a test failed.
    fn dump(&self) -> String {
        let mut text = format!("flags {:?}\n", self.flags);
        for place in [
            "config",
            "messages",
            "status",
            "status/programs",
            "status/rejected",
        ] {
            let entries = fs::read_dir(self.path(place))
                .into_iter()
                .flatten()
                .flatten();
            let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
            names.sort();
            names.truncate(40);
            let _ = writeln!(text, "{place}: {names:?}");
            for name in names
                .iter()
                .filter(|name| Path::new(name).extension().is_some())
            {
                let content = fs::read(self.path(place).join(name)).unwrap_or_default();
                let content = String::from_utf8_lossy(&content[..content.len().min(2000)]);
                let _ = writeln!(text, "  {}: {content}", name.display());
            }
        }
        for name in ["monitor.err", "monitor.out"] {
            let lines = self.lines(name);
            let last = lines[lines.len().saturating_sub(60)..].join("\n  ");
            let _ = writeln!(text, "{name}:\n  {last}");
        }
        text
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let bytes = fs::read(path).ok()?;
    let parsed = serde_json::from_slice(&bytes);
    Some(parsed.unwrap_or_else(|error| {
        let text = String::from_utf8_lossy(&bytes);
        panic!("{} is not as it should be: {error}: {text}", path.display())
    }))
}

impl Drop for Colony {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("{}", self.dump());
        }
        if let Some(mut monitor) = self.monitor.take() {
            let _ended = monitor.kill();
            let _ended = monitor.wait();
        }
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let left = self.processes();
            if left.is_empty() {
                return;
            }
            for pid in left {
                processes::signal(pid, Signal::SIGKILL);
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}
