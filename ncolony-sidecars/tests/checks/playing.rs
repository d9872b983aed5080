//! A check that a test plays with, the program files that it reads and the messages that it writes.
//! Nothing here waits for a time, only for what is to happen, and not for ever.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Whatever takes longer is not going to happen.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// The directories that a check looks at.
pub(crate) struct Field {
    directory: TempDir,
}

/// A running check; it ends with this value.
pub(crate) struct Check(Child);

impl Field {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["config", "messages"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        Self { directory }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes the file of a program that is to be checked.
    pub(crate) fn program(&self, name: &str, key: &str, extra: &Value) {
        let text = json!({"args": ["x"], key: extra}).to_string();
        let unfinished = self.path(&format!("{name}.new"));
        fs::write(&unfinished, text).unwrap();
        fs::rename(unfinished, self.path("config").join(name)).unwrap();
    }

    /// Starts `ncolony-beatcheck`; what it says goes to the file `said`.
    pub(crate) fn beatcheck(&self) -> Check {
        self.check(env!("CARGO_BIN_EXE_ncolony-beatcheck"), &[])
    }

    /// Starts one that looks at program files once, and not again as long as a test takes.
    pub(crate) fn beatcheck_that_looks_once(&self) -> Check {
        let binary = env!("CARGO_BIN_EXE_ncolony-beatcheck");
        self.begin(self.command_every(binary, "3600"), &[])
    }

    /// Starts `ncolony-httpcheck` in the same way.
    pub(crate) fn httpcheck(&self, variables: &[(&str, &str)]) -> Check {
        self.check(env!("CARGO_BIN_EXE_ncolony-httpcheck"), variables)
    }

    fn check(&self, binary: &str, variables: &[(&str, &str)]) -> Check {
        self.begin(self.command(binary), variables)
    }

    fn begin(&self, mut command: Command, variables: &[(&str, &str)]) -> Check {
        command.envs(variables.iter().copied());
        command.stderr(File::create(self.path("said")).unwrap());
        Check(command.spawn().unwrap())
    }

    /// A check of this field, given its path.
    pub(crate) fn command(&self, binary: &str) -> Command {
        self.command_every(binary, "0.1")
    }

    fn command_every(&self, binary: &str, freq: &str) -> Command {
        let mut command = Command::new(binary);
        command
            .arg("--config")
            .arg(self.path("config"))
            .arg("--messages")
            .arg(self.path("messages"))
            .args(["--freq", freq])
            .env_remove("SSL_CERT_DIR")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    /// Takes away all requests that have come, as a monitor does; whom they name, and why.
    pub(crate) fn requests(&self) -> Vec<(String, String)> {
        let entries = fs::read_dir(self.path("messages")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let whole = paths.filter(|path| path.extension().is_none_or(|end| end != "new"));
        whole
            .map(|path| {
                let message: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
                fs::remove_file(path).unwrap();
                assert_eq!(message["type"], "RESTART");
                let word = |key: &str| message[key].as_str().unwrap().to_owned();
                (word("name"), word("reason"))
            })
            .collect()
    }

    /// Waits until so many requests for this program have come; gives the names of all that have.
    #[track_caller]
    pub(crate) fn until_requested(&self, name: &str, times: usize) -> BTreeSet<String> {
        let mut names = Vec::new();
        until(&format!("{name} is to be restarted {times} times"), || {
            names.extend(self.requests().into_iter().map(|(name, _)| name));
            (names.iter().filter(|named| *named == name).count() >= times).then_some(())
        });
        names.into_iter().collect()
    }

    /// What the check has said about this program.
    pub(crate) fn said_of(&self, name: &str) -> Vec<String> {
        let said = self.said();
        let lines = said
            .lines()
            .filter(|line| line.contains(&format!(": {name}")));
        lines.map(str::to_owned).collect()
    }

    /// What the check has said.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.path("said")).unwrap()
    }
}

impl Check {
    /// Has it stand still until so much time is over, and go on.
    pub(crate) fn stands_still(&self, span: Duration, meanwhile: impl FnOnce()) {
        let pid = Pid::from_raw(self.0.id().try_into().unwrap());
        kill(pid, Signal::SIGSTOP).unwrap();
        until("it stands still", || {
            (state(&self.0) == Some('T')).then_some(())
        });
        let begun = Instant::now();
        meanwhile();
        until("the time is over", || {
            (begun.elapsed() > span).then_some(())
        });
        kill(pid, Signal::SIGCONT).unwrap();
    }
}

/// The state of a process, as `R`, `S`, `T`.
fn state(process: &Child) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.id())).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

impl Drop for Check {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Waits for this to be so.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it has not happened: {what}");
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}
