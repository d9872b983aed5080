//! Processes as tests need them: freshly built, told to end when the test is over, and waited for
//! with a deadline.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ncolony_core::status::ProgramStatus;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Far longer than anything takes that works, also on a machine that is busy with other things.
const DEADLINE: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// Variables that would lead our programs away from the test's own directories.
const VARIABLES: [&str; 5] = [
    "NCOLONY_ROOT",
    "NCOLONY_CONFIG_DIR",
    "NCOLONY_MESSAGES_DIR",
    "NCOLONY_STATUS_DIR",
    "NCOLONY_LOGS_DIR",
];

/// One of the workspace's programs, ready for arguments.
pub(crate) fn program(name: &str) -> Command {
    command(built().join(name))
}

/// Any program, without what this test's own environment says about colonies.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command
}

/// Copies a program that is about to be executed. A process of its own does it: whoever is forked
/// here while a test has the copy open for writing holds it open too, and the kernel executes no
/// file that somebody can write to.
pub(crate) fn install(program: impl AsRef<Path>, at: impl AsRef<Path>) {
    let mut copy = Command::new("cp");
    copy.arg(program.as_ref()).arg(at.as_ref());
    assert!(copy.status().unwrap().success(), "{copy:?}");
}

/// The directory of the workspace's programs, as the sources say them now. Cargo makes the
/// programs of other packages for nobody's tests, so they are asked for here; mostly there is
/// nothing left to do.
pub(crate) fn built() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        // This test is TARGET/PROFILE/deps/NAME.
        let test = std::env::current_exe().unwrap();
        let directory = test.ancestors().nth(2).unwrap();
        let profile = match directory.file_name().and_then(OsStr::to_str) {
            Some("debug") => "dev",
            Some(other) => other,
            None => panic!("{} is in no profile's directory", test.display()),
        };
        let done = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--workspace", "--bins", "--examples"])
            .args(["--locked", "--profile", profile, "--target-dir"])
            .arg(directory.parent().unwrap())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(done.success(), "the programs could not be built: {done}");
        directory.to_owned()
    })
}

/// Looks until there is something, and fails the test with `what` when it takes too long.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        sleep(BETWEEN_LOOKS);
    }
}

/// The record of a program, if there is one.
pub(crate) fn record(status: &Path, name: &str) -> Option<ProgramStatus> {
    let path = status.join("programs").join(format!("{name}.json"));
    let bytes = fs::read(path).ok()?;
    Some(serde_json::from_slice(&bytes).unwrap())
}

/// Whether there is a process of this number that has not ended.
pub(crate) fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        let after_name = stat.rsplit(") ").next().unwrap_or_default();
        !after_name.starts_with(['Z', 'X'])
    })
}

/// A process that is told to end, and waited for, when this value goes.
pub(crate) struct Running {
    child: Child,
    output: PathBuf,
}

impl Running {
    /// Starts it; what it prints goes to the file `output`.
    pub(crate) fn start(mut command: Command, output: &Path) -> Self {
        let file = File::create(output).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        Self {
            child,
            output: output.to_owned(),
        }
    }

    /// All that it has printed.
    pub(crate) fn output(&self) -> String {
        let bytes = fs::read(&self.output).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap());
        kill(pid, signal).unwrap();
    }

    /// What it ends with.
    pub(crate) fn end(&mut self) -> ExitStatus {
        eventually("the end of a process", || self.child.try_wait().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}:\n{}", self.output.display(), self.output());
        }
        if self.child.try_wait().unwrap().is_none() {
            let pid = Pid::from_raw(self.child.id().try_into().unwrap());
            // It may end by itself in this moment.
            let _sent = kill(pid, Signal::SIGTERM);
            let deadline = Instant::now() + DEADLINE;
            while self.child.try_wait().unwrap().is_none() {
                if Instant::now() > deadline {
                    self.child.kill().unwrap();
                }
                sleep(BETWEEN_LOOKS);
            }
        }
    }
}
