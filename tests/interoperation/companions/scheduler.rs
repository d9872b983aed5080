//! A scheduler that runs what a row says, and the marks that its runs leave.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};

use super::row::{Expected, Marks, Run, Then};
use super::watch::Make;
use crate::colony::{Colony, python};
use crate::process::{built, command, eventually};

/// What the scripts of the rows find: marks are WORD, the machine's age in seconds, PID.
const WORDS: &str = r#"#!/bin/sh
mark() {
    read age idle < /proc/uptime
    read pid rest < /proc/self/stat
    echo "$1 $age $pid" >> 'MARKS'
}
forever() {
    while :; do read nothing <> 'NOBODY'; done
}
"#;

/// A little less than the second that a mark may come early by, for the time that a shell takes
/// to leave its first one.
const TOLERANCE: f64 = 0.6;

/// The words that start a scheduler, without its flags.
pub(crate) fn program(make: Make) -> Vec<String> {
    match make {
        Make::Ours => vec![
            built()
                .join("ncolony-scheduler")
                .to_str()
                .unwrap()
                .to_owned(),
        ],
        Make::Theirs => {
            let python = python().get_program().to_str().unwrap().to_owned();
            let more = ["-m", "twisted", "--log-format=text", "ncolony-scheduler"];
            [vec![python], more.map(str::to_owned).to_vec()].concat()
        }
    }
}

/// A row, and where its command lies.
pub(crate) struct Command {
    pub(crate) run: &'static Run,
    directory: PathBuf,
}

/// How long a scheduler has to end when it is told to.
const KILLTIME: Duration = Duration::from_secs(3);

/// What a run has left.
#[derive(Debug)]
struct Mark {
    word: String,
    age: f64,
    pid: i32,
}

impl Command {
    /// Puts a row's command into this colony, unless it is to come later.
    pub(crate) fn new(colony: &Colony, run: &'static Run) -> Self {
        let directory = colony.path(run.name);
        fs::create_dir(&directory).unwrap();
        mkfifo(&directory.join("nobody"), Mode::S_IRWXU).unwrap();
        let command = Self { run, directory };
        if run.then != Then::CommandComes {
            command.come();
        }
        command
    }

    fn path(&self, name: &str) -> String {
        self.directory.join(name).to_str().unwrap().to_owned()
    }

    /// Puts the command where it is looked for.
    fn come(&self) {
        let words = WORDS
            .replace("MARKS", &self.path("marks"))
            .replace("NOBODY", &self.path("nobody"));
        let (new, path) = (self.path("new"), self.path("command"));
        fs::write(&new, words + self.run.script + "\n").unwrap();
        fs::set_permissions(&new, Permissions::from_mode(0o755)).unwrap();
        fs::rename(new, path).unwrap();
    }

    /// The words that start a scheduler for it.
    pub(crate) fn words(&self, make: Make) -> Vec<String> {
        let mut words = program(make);
        for (flag, seconds) in ["--frequency", "--timeout", "--grace"]
            .iter()
            .zip(self.run.times)
        {
            words.extend([(*flag).to_owned(), seconds.to_string()]);
        }
        words.extend(["--arg".to_owned(), self.path("command")]);
        words
    }

    /// What is to be seen of this scheduler.
    pub(crate) fn expected(&self, make: Make) -> Expected {
        match make {
            Make::Theirs => self.run.theirs,
            Make::Ours => self.run.ours,
        }
    }

    fn marks(&self) -> Vec<Mark> {
        let text = fs::read_to_string(self.path("marks")).unwrap_or_default();
        let line = |line: &str| {
            let mut words = line.split(' ');
            let mark = Mark {
                word: words.next()?.to_owned(),
                age: words.next()?.parse().ok()?,
                pid: words.next()?.parse().ok()?,
            };
            Some(mark)
        };
        // Without the end of the line it is still being written.
        text.split_inclusive('\n')
            .filter_map(|whole| line(whole.strip_suffix('\n')?))
            .collect()
    }

    /// Whether all has been seen that is to come; it fails the test when something else comes.
    pub(crate) fn is_seen(&self, make: Make, output: &str) -> bool {
        let Expected { marks, says } = self.expected(make);
        let found = self.marks();
        let (Marks::First(expected) | Marks::Only(expected)) = marks;
        for (found_one, (word, earliest)) in found.iter().zip(expected) {
            let since = found_one.age - found[0].age;
            let is_so = found_one.word == *word && since > f64::from(*earliest) - TOLERANCE;
            assert!(is_so, "{} of {make:?}: {found:?}", self.run.name);
        }
        let is_too_much = matches!(marks, Marks::Only(_)) && found.len() > expected.len();
        assert!(!is_too_much, "{} of {make:?}: {found:?}", self.run.name);
        found.len() >= expected.len() && says.iter().all(|words| output.contains(words))
    }
}

impl Drop for Command {
    /// Ends what NColony's scheduler leaves behind.
    fn drop(&mut self) {
        for mark in self.marks() {
            let words = fs::read_to_string(format!("/proc/{}/cmdline", mark.pid));
            if words.is_ok_and(|words| words.contains(&self.path("command"))) {
                // It may end by itself in this moment.
                let _sent = kill(Pid::from_raw(mark.pid), Signal::SIGKILL);
            }
        }
    }
}

/// A scheduler without a monitor.
pub(crate) struct Alone {
    make: Make,
    child: Child,
    // What the scheduler leaves behind is ended after the scheduler.
    command: Command,
}

impl Alone {
    /// Starts one of this make for a row.
    pub(crate) fn start(colony: &Colony, make: Make, run: &'static Run) -> Self {
        let row = Command::new(colony, run);
        let words = row.words(make);
        let output = File::create(row.path("output")).unwrap();
        let mut scheduler = command(&words[0]);
        scheduler
            .args(&words[1..])
            .current_dir(colony.root())
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output);
        Self {
            make,
            child: scheduler.spawn().unwrap(),
            command: row,
        }
    }

    /// Waits until all has been seen that is to come, and does what is to happen meanwhile.
    pub(crate) fn until_seen(&mut self) {
        let what = format!("{} of {:?}", self.command.run.name, self.make);
        match self.command.run.then {
            Then::Nothing => {}
            Then::CommandComes => {
                let failed = |output: &str| output.contains("No such file or directory");
                eventually(&what, || failed(&self.output()).then_some(()));
                self.command.come();
            }
            Then::IsStopped => {
                eventually(&what, || (!self.command.marks().is_empty()).then_some(()));
                self.stop(&what);
            }
        }
        eventually(&what, || self.is_seen().then_some(()));
    }

    /// Ends it as a monitor does.
    fn stop(&mut self, what: &str) {
        kill(
            Pid::from_raw(self.child.id().try_into().unwrap()),
            Signal::SIGTERM,
        )
        .unwrap();
        let told = Instant::now();
        eventually(what, || {
            let has_ended = self.child.try_wait().unwrap().is_some();
            (has_ended || told.elapsed() > KILLTIME).then_some(())
        });
        self.kill();
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn output(&self) -> String {
        let bytes = fs::read(self.command.path("output")).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether all has been seen and nothing else.
    pub(crate) fn is_seen(&self) -> bool {
        self.command.is_seen(self.make, &self.output())
    }
}

impl Drop for Alone {
    /// NColony's would wait for the end of its run.
    fn drop(&mut self) {
        self.kill();
    }
}
