//! Two directories that either monitor can work on, and programs that tell what they were given.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ncolony_core::{Places, ProgramStatus};
use tempfile::TempDir;

use crate::process::{Running, command, eventually, program, record};

/// Which of the two keeps the colony.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Monitor {
    Theirs,
    Ours,
}

/// A Python that has the original.
pub(crate) fn python() -> Command {
    let python = env::var_os("NCOLONY_PYTHON").unwrap_or_else(|| {
        panic!("NCOLONY_PYTHON must name a Python with ncolony; .ci/run makes one")
    });
    command(python)
}

/// A colony in the original's way: two directories, and one for pid files.
pub(crate) struct Colony {
    directory: TempDir,
}

impl Colony {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let colony = Self { directory };
        for name in ["config", "messages", "pids", "witnesses"] {
            fs::create_dir(colony.path(name)).unwrap();
        }
        // Programs of other users come here too.
        fs::set_permissions(colony.root(), Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(colony.path("witnesses"), Permissions::from_mode(0o1777)).unwrap();
        colony.write_witness();
        colony
    }

    /// A program that says its process number when it has all that it was given, and then waits
    /// for an input that never comes. It needs nothing of its environment but its name.
    fn write_witness(&self) {
        let witnesses = self.path("witnesses");
        // No other program is called: while the shell waits for one, it blocks signals, and what
        // was given to it could not be told from what it did itself.
        let text = format!(
            "#!/bin/sh\necho $$ > '{}'/\"$NCOLONY_NAME\"\nread forever\n",
            witnesses.display()
        );
        fs::write(self.witness(), text).unwrap();
        fs::set_permissions(self.witness(), Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// The program that tells what it was given.
    pub(crate) fn witness(&self) -> PathBuf {
        self.path("witness")
    }

    /// The same, as a word of a command line.
    pub(crate) fn witness_word(&self) -> String {
        self.witness().to_str().unwrap().to_owned()
    }

    pub(crate) fn places(&self) -> Places {
        Places {
            config: self.path("config"),
            messages: self.path("messages"),
            status: self.path("status"),
            logs: None,
        }
    }

    fn place_flags(&self) -> [PathBuf; 4] {
        [
            "--messages".into(),
            self.path("messages"),
            "--config".into(),
            self.path("config"),
        ]
    }

    /// Starts a monitor; the command line is the same for both, but for `--pid`, which ends the
    /// original as published with a traceback. Only the variables that are named are in its
    /// environment.
    pub(crate) fn start(&self, monitor: Monitor, variables: &[(&str, &[u8])]) -> Running {
        let mut command = match monitor {
            Monitor::Theirs => {
                let mut python = python();
                python.args(["-m", "twisted", "--log-format=text", "ncolony"]);
                python
            }
            Monitor::Ours => {
                let mut monitor = program("ncolony-monitor");
                monitor.arg("--pid").arg(self.path("pids"));
                monitor
            }
        };
        command
            .args(self.place_flags())
            .args(["--frequency", "0.2", "--threshold", "0.1"])
            .args(["--killtime", "5", "--minrestartdelay", "0.1"])
            .args(["--maxrestartdelay", "1"])
            .env_clear()
            .current_dir(self.root());
        for (name, value) in variables {
            command.env(name, OsStr::from_bytes(value));
        }
        Running::start(command, &self.path("output"))
    }

    /// Runs the original's control program.
    pub(crate) fn their_control(&self, words: &[&str]) {
        let mut command = python();
        command.args(["-m", "ncolony", "ctl"]);
        succeed(command.args(self.place_flags()).args(words));
    }

    /// Runs our control program, and gives what it said.
    pub(crate) fn our_control(&self, words: &[&str]) -> String {
        let mut command = program("ncolony-ctl");
        let done = succeed(command.args(self.place_flags()).args(words));
        String::from_utf8(done.stderr).unwrap()
    }

    /// Our monitor's record of a program.
    pub(crate) fn record(&self, name: &str) -> Option<ProgramStatus> {
        record(&self.path("status"), name)
    }

    /// The process that told it had all it was given, if there is one.
    pub(crate) fn told(&self, name: &str) -> Option<u32> {
        let text = fs::read_to_string(self.path("witnesses").join(name)).ok()?;
        // Without the end of the line it is still being written.
        let digits = text.strip_suffix('\n')?;
        Some(digits.parse().unwrap())
    }

    /// Waits for a process of this program that is not `than`.
    pub(crate) fn process(&self, name: &str, than: Option<u32>) -> u32 {
        eventually(&format!("{name} has a process other than {than:?}"), || {
            self.told(name).filter(|pid| Some(*pid) != than)
        })
    }

    /// The environment that this program's process was started with.
    pub(crate) fn environment(&self, name: &str) -> BTreeMap<String, String> {
        let pairs = self.strings(name, "environ").into_iter().map(|entry| {
            let (key, value) = entry.split_once('=').unwrap();
            (key.to_owned(), value.to_owned())
        });
        pairs.collect()
    }

    /// The words that this program's process was started with, without the interpreter's.
    pub(crate) fn words(&self, name: &str) -> Vec<String> {
        self.strings(name, "cmdline").into_iter().skip(2).collect()
    }

    /// What the kernel keeps of this program's process; of the next one, if it just ends.
    fn strings(&self, name: &str, file: &str) -> Vec<String> {
        let bytes = eventually(&format!("the {file} of {name}"), || {
            let bytes = fs::read(format!("/proc/{}/{file}", self.told(name)?)).ok()?;
            (!bytes.is_empty()).then_some(bytes)
        });
        let text = String::from_utf8(bytes).unwrap();
        text.split_terminator('\0').map(str::to_owned).collect()
    }
}

fn succeed(command: &mut Command) -> Output {
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success(),
        "{command:?}: {}: {said}",
        done.status
    );
    done
}
