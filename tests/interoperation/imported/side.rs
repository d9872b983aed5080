//! One of two copies of a reference configuration: the one that supervisord runs, or the one that
//! is imported and run by our monitor.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nix::unistd::{User, geteuid};
use serde_json::Value;
use tempfile::TempDir;

use crate::colony::python;
use crate::process::{Running, command, install, program};

/// What is added to a configuration so that its states can be asked for.
const OBSERVED: &str = "
[unix_http_server]
file=%(here)s/run/test.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://%(here)s/run/test.sock
[supervisord]
childlogdir=%(here)s/auto
";

/// What both supervisors find when they are started. Whoever opens `/dev/stdout` anew, as supervisord
/// does for programs, writes behind what is there.
const SURROUNDINGS: &str = r#"
umask 022
ulimit -S -n 1024
if [ -n "$OUTPUT" ]; then
    exec >>"$OUTPUT" 2>&1
    unset OUTPUT
fi
exec "$@"
"#;

/// Variables that a shell or either supervisor sets for itself.
fn is_own(entry: &str) -> bool {
    let name = entry.split('=').next().unwrap_or_default();
    let of_shells = ["_", "OLDPWD", "PWD", "SHLVL"];
    of_shells.contains(&name) || name.starts_with("SUPERVISOR_") || name.starts_with("NCOLONY_")
}

/// What a process tells that it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    words: String,
    environment: Vec<String>,
    directory: String,
    identity: Vec<String>,
    open_files: String,
}

/// A copy of a configuration, in a directory of its own.
pub(crate) struct Side {
    directory: TempDir,
}

impl Side {
    /// Copies the reference configuration of this name.
    pub(crate) fn new(name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interoperation/supervisord");
        copy(&source.join(name), directory.path());
        install(source.join("stand-in"), directory.path().join("stand-in"));
        let side = Self { directory };
        for made in ["log", "run", "auto", "seen"] {
            fs::create_dir(side.path(made)).unwrap();
        }
        // Programs of other users tell there too.
        fs::set_permissions(side.path("seen"), Permissions::from_mode(0o1777)).unwrap();
        side
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    fn root(&self) -> &Path {
        self.directory.path()
    }

    /// A text without what differs between two copies.
    pub(crate) fn without_root(&self, text: &str) -> String {
        text.replace(self.root().to_str().unwrap(), "HERE")
    }

    /// A command in the surroundings that both supervisors are started in.
    fn surrounded(&self, inner: &Command) -> Command {
        let user = User::from_uid(geteuid()).unwrap().unwrap();
        let mut outer = command("/bin/sh");
        outer
            .args(["-c", SURROUNDINGS, "sh"])
            .arg(inner.get_program())
            .args(inner.get_args())
            .current_dir(self.root())
            .env_clear()
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.path("bin").display()),
            )
            .env("HOME", "/home/of-all")
            .env("LANG", "C.UTF-8")
            .env(
                "ME",
                if geteuid().is_root() {
                    "nobody"
                } else {
                    &user.name
                },
            )
            .env("SELF", &user.name)
            .env("SPECIAL", "100% \"of\" it");
        outer
    }

    /// Starts supervisord.
    pub(crate) fn supervisord(&self) -> Running {
        let text = fs::read_to_string(self.path("supervisord.conf")).unwrap();
        fs::write(self.path("observed.conf"), text + OBSERVED).unwrap();
        let mut inner = python();
        inner.args(["-m", "supervisor.supervisord", "-n", "-c"]);
        inner.arg(self.path("observed.conf"));
        self.start(&inner)
    }

    fn start(&self, inner: &Command) -> Running {
        let mut outer = self.surrounded(inner);
        outer.env("OUTPUT", self.path("output"));
        Running::start(outer, &self.path("output"))
    }

    /// Imports the configuration, and gives what was said of it.
    pub(crate) fn import(&self) -> Value {
        let mut inner = program("ncolony-ctl");
        inner.args(["import", "supervisord", "--json", "--root"]);
        inner
            .arg(self.path("colony"))
            .arg(self.path("supervisord.conf"));
        let done = self.surrounded(&inner).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{said}");
        serde_json::from_slice(&done.stdout).unwrap()
    }

    /// Starts our monitor.
    pub(crate) fn monitor(&self) -> Running {
        let mut inner = program("ncolony-monitor");
        inner.arg("--root").arg(self.path("colony"));
        self.start(&inner)
    }

    /// Runs supervisorctl.
    pub(crate) fn supervisorctl(&self, words: &[&str]) -> Output {
        let mut inner = python();
        inner.args(["-m", "supervisor.supervisorctl", "-c"]);
        inner.arg(self.path("observed.conf")).args(words);
        self.surrounded(&inner).output().unwrap()
    }

    /// Runs our control program.
    pub(crate) fn ctl(&self, words: &[&str]) -> Output {
        let mut inner = program("ncolony-ctl");
        inner.args(words);
        let mut outer = self.surrounded(&inner);
        outer.env("NCOLONY_ROOT", self.path("colony"));
        outer.output().unwrap()
    }

    /// The states that supervisorctl shows, by its names of processes.
    pub(crate) fn states_of_theirs(&self) -> BTreeMap<String, String> {
        let done = self.supervisorctl(&["status"]);
        let text = String::from_utf8(done.stdout).unwrap();
        let states = text.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.next()?.to_owned()))
        });
        states.collect()
    }

    /// The state that our record shows.
    pub(crate) fn state_of_ours(&self, name: &str) -> Option<String> {
        let path = self
            .path("colony/status/programs")
            .join(format!("{name}.json"));
        let record: Value = serde_json::from_slice(&fs::read(path).ok()?).unwrap();
        assert_eq!(record["config_error"], Value::Null, "{name}");
        Some(record["state"].as_str().unwrap().to_owned())
    }

    fn seen(&self, name: &str, file: &str) -> Option<String> {
        let bytes = fs::read(self.path("seen").join(format!("{name}.{file}"))).ok()?;
        Some(self.without_root(&String::from_utf8(bytes).unwrap()))
    }

    /// The process that told last that it had all it was given.
    pub(crate) fn told(&self, name: &str) -> Option<u32> {
        Some(self.seen(name, "told")?.trim_end().parse().unwrap())
    }

    /// How often a program has run.
    pub(crate) fn runs(&self, name: &str) -> usize {
        self.seen(name, "runs").unwrap_or_default().lines().count()
    }

    /// What its last run was given.
    pub(crate) fn given(&self, name: &str) -> Option<Given> {
        let status = self.seen(name, "status")?;
        let keys = ["Umask:", "Uid:", "Gid:", "Groups:"];
        let identity = status
            .lines()
            .filter(|line| keys.iter().any(|key| line.starts_with(key)));
        let environ = self.seen(name, "environ")?;
        let variables = environ
            .split_terminator('\0')
            .filter(|entry| !is_own(entry));
        let mut environment: Vec<String> = variables.map(str::to_owned).collect();
        environment.sort();
        let limits = self.seen(name, "limits")?;
        let open_files = limits
            .lines()
            .find(|line| line.starts_with("Max open files"));
        let directory = self.seen(name, "cwd")?;
        Some(Given {
            words: self.seen(name, "cmdline")?,
            environment,
            directory: directory.rsplit(" -> ").next().unwrap().to_owned(),
            identity: identity.map(str::to_owned).collect(),
            open_files: open_files.unwrap().to_owned(),
        })
    }

    /// What programs have printed into the files of a directory, by file, in the order of the
    /// alphabet.
    pub(crate) fn printed(&self, directory: &str) -> BTreeMap<String, Vec<String>> {
        let entries = fs::read_dir(self.path(directory)).unwrap().flatten();
        let files = entries.filter_map(|entry| {
            let lines = self.lines(&entry.path());
            (!lines.is_empty()).then(|| (entry.file_name().into_string().unwrap(), lines))
        });
        files.collect()
    }

    /// The lines of programs in a file, sorted.
    pub(crate) fn lines(&self, file: &Path) -> Vec<String> {
        let bytes = fs::read(file).unwrap();
        let text = self.without_root(&String::from_utf8_lossy(&bytes));
        let mut lines: Vec<String> = text
            .lines()
            .filter(|line| line.starts_with("say "))
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}
