//! A colony for a test: a directory, a monitor over it, and what a test asks of both.
//!
//! However a test ends, its monitor and all that the monitor started are gone after it. When it
//! fails, what the monitor wrote and what it logged is printed.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ncolony_core::message::Reply;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binaries::{binary, install};
use crate::processes;

mod crashing;
mod ending;
mod events;
mod mounts;
mod records;
mod upgrading;

pub(crate) use events::assert_told_in_order;
use records::read_json;
pub(crate) use upgrading::Over;

/// The most that a condition is waited for. A machine that is busy with other things needs far
/// less; a condition that does not come, does not come.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// How the monitor is told its places.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PlaceFlags {
    /// By `--root`.
    Root,
    /// By `--config` and `--messages` alone, as NColony is.
    LikeNColony,
}

/// A directory with a config, a messages, a status and a logs directory, and its monitor.
pub(crate) struct Colony {
    directory: TempDir,
    flags: Vec<String>,
    /// What the monitor is started through, as in `unshare -Ur`.
    wrapper: Vec<String>,
    variables: Vec<(String, String)>,
    /// Which build of the monitor is started.
    build: &'static str,
    places: PlaceFlags,
    user: Option<u32>,
    monitor: Option<Child>,
    mounts: Option<mounts::Mounts>,
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
            variables: Vec::new(),
            build: "ncolony-monitor",
            places: PlaceFlags::Root,
            user: None,
            monitor: None,
            mounts: None,
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

    /// The monitor will have these flags too.
    pub(crate) fn add_flags(&mut self, flags: &[&str]) {
        self.flags
            .extend(flags.iter().map(|flag| (*flag).to_owned()));
    }

    /// The monitor will be started through this command.
    pub(crate) fn wrap(&mut self, wrapper: &[&str]) {
        self.wrapper = wrapper.iter().map(|word| (*word).to_owned()).collect();
    }

    /// The monitor will have this variable in its environment.
    pub(crate) fn variable(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// The monitor will be told its places as NColony is.
    pub(crate) fn like_ncolony(&mut self) {
        self.places = PlaceFlags::LikeNColony;
    }

    /// The monitor will not run as root: permissions hold for it.
    pub(crate) fn without_rights(&mut self) {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        self.user = Some(UNPRIVILEGED);
        // The place where it was built may be closed to others.
        let copy = self.path("ncolony-monitor");
        install(binary("ncolony-monitor"), &copy);
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
        let pid = self.begin();
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

    /// Starts the monitor, and gives its process.
    pub(crate) fn begin(&mut self) -> u32 {
        assert!(self.monitor.is_none(), "the monitor was started before");
        let child = self.command().spawn().unwrap();
        let pid = child.id();
        self.monitor = Some(child);
        pid
    }

    /// The command that starts the monitor.
    pub(crate) fn command(&self) -> Command {
        let own_copy = self.path("ncolony-monitor");
        let monitor = if own_copy.exists() {
            own_copy
        } else {
            binary(self.build)
        };
        let mut words = self.wrapper.iter().map(PathBuf::from).chain([monitor]);
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .args(self.place_flags())
            .args(&self.flags)
            .envs(self.variables.iter().cloned())
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(self.append("monitor.out"))
            .stderr(self.append("monitor.err"));
        self.as_its_user(&mut command);
        command
    }

    /// Has a command run as the user that the monitor runs as.
    pub(crate) fn as_its_user(&self, command: &mut Command) {
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
    }

    fn place_flags(&self) -> Vec<PathBuf> {
        let named = |flag: &str, path| [PathBuf::from(flag), path];
        match self.places {
            PlaceFlags::Root => named("--root", self.directory.path().to_owned()).to_vec(),
            PlaceFlags::LikeNColony => [
                named("--config", self.directory.path().join("config")),
                named("--messages", self.directory.path().join("messages")),
            ]
            .concat(),
        }
    }

    fn append(&self, name: &str) -> File {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        options.open(self.path(name)).unwrap()
    }

    fn remember_half(&self) {
        let mark = fs::read_to_string(self.path("status/.colony"));
        if let Some(half) = mark.unwrap_or_default().split_whitespace().next() {
            self.halves.borrow_mut().insert(half.to_owned());
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

    /// Does something while the monitor stands still, so that it finds all of that at once.
    pub(crate) fn while_it_stands_still<T>(&self, act: impl FnOnce() -> T) -> T {
        self.signal(Signal::SIGSTOP);
        until("the monitor stands still", || {
            (processes::state(self.pid()) == Some('T')).then_some(())
        });
        let result = act();
        self.signal(Signal::SIGCONT);
        result
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
        let Some(mounts) = &self.mounts else {
            return self.directory.path().join(name);
        };
        let directory = self.directory.path().strip_prefix("/").unwrap();
        mounts.root().join(directory).join(name)
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

    // ----- the control program -------------------------------------------------------------

    /// `ncolony-ctl` on this colony, to be run.
    pub(crate) fn ctl_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary("ncolony-ctl"));
        command
            .arg("--root")
            .arg(self.path(""))
            .args(args)
            .stdin(Stdio::null());
        command
    }

    /// Runs `ncolony-ctl` on this colony.
    pub(crate) fn ctl(&self, args: &[&str]) -> Outcome {
        let output = self.ctl_command(args).output().unwrap();
        Outcome {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
