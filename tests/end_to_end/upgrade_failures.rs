//! G5: a new binary that is no good changes nothing.

use std::fs;
use std::fs::OpenOptions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use ncolony_core::status::ProgramStatus;
use serde_json::json;

use crate::colony::{Colony, shell, until};
use crate::processes;

const CAT: &str = r#"{"args": ["cat"]}"#;

/// A colony that has something of everything to lose.
struct Settled {
    colony: Colony,
    before: Vec<ProgramStatus>,
    open: usize,
}

const NAMES: [&str; 3] = ["web", "listener", "crasher"];

impl Settled {
    fn new() -> Self {
        let mut colony = Colony::new(&[]);
        colony.with_own_binary();
        colony.start();
        colony.program("web", CAT);
        let listen = format!("unix://{}", colony.path("socket").display());
        let sockets = json!([{"name": "web", "listen": listen}]);
        colony.program("listener", shell("exec cat", json!({"sockets": sockets})));
        let crasher = json!({"minrestartdelay": 600});
        colony.program("crasher", shell("echo sorry; exit 3", crasher));
        for name in ["web", "listener"] {
            colony.until_state(name, ncolony_core::State::Running);
        }
        colony.until_record("crasher", "its last words are known", |record| {
            record.output.is_some()
        });
        // What nobody prints into is let go of a little later.
        until("nobody listens to the crasher", || {
            let leads_there = |path: &PathBuf| path.to_string_lossy().contains("crasher");
            (!open_files(&colony).iter().any(leads_there)).then_some(())
        });
        // The first failure may open what stays open.
        colony.rescan();
        let before = records(&colony);
        // A record that is just being written would count as open.
        let open = until("the monitor is at rest", || {
            let open = open_files(&colony);
            let sleeps = processes::state(colony.pid()) == Some('S');
            (sleeps && open == open_files(&colony)).then_some(open.len())
        });
        Self {
            colony,
            before,
            open,
        }
    }

    /// Everything is as it was before the upgrade that failed.
    #[track_caller]
    fn check_unchanged(&self, what: &str) {
        let monitor = self.colony.pid();
        assert_eq!(self.colony.overview().pid, monitor, "{what}");
        assert_eq!(records(&self.colony), self.before, "{what}");
        until(&format!("{what}: nothing stays open"), || {
            (open_files(&self.colony).len() == self.open).then_some(())
        });
        let answered = self.colony.ask(json!({"type": "RESCAN"}));
        assert!(answered.ok, "{what}: {answered:?}");
    }

    /// An upgrade to what stands there now fails for this reason, wherever it is told.
    #[track_caller]
    fn check_fails(&self, what: &str, reason: &str) {
        let why = self.colony.fail_to_upgrade();
        assert!(why.contains(reason), "{what}: {why}");
        let said = self.colony.ctl(&["upgrade"]);
        assert_eq!(said.code, Some(1), "{what}: {said:?}");
        assert!(said.stderr.contains(reason), "{what}: {said:?}");
        assert!(said.stderr.contains("nothing was changed"), "{said:?}");
        let logged = self.colony.log();
        let last = logged
            .lines()
            .rfind(|line| line.contains("everything is as it was"));
        assert!(
            logged.contains(reason) && last.is_some(),
            "{what}: {logged}"
        );
        self.check_unchanged(what);
    }

    /// A good upgrade works afterwards.
    fn check_recovers(self) {
        self.colony.install_good();
        self.colony.upgrade();
        assert_eq!(self.colony.overview().pid, self.colony.pid());
        for (now, before) in records(&self.colony).iter().zip(&self.before) {
            assert_eq!(
                (now.pid, now.starts, now.state, now.adopted),
                (before.pid, before.starts, before.state, false),
                "{}",
                now.name
            );
        }
    }
}

/// The programs' records, but for what each message changes.
fn records(colony: &Colony) -> Vec<ProgramStatus> {
    let record = |name: &&str| {
        let mut record = colony.record(name);
        record.heard = 0;
        record
    };
    NAMES.iter().map(record).collect()
}

/// What the monitor has open.
fn open_files(colony: &Colony) -> Vec<PathBuf> {
    let all = fs::read_dir(format!("/proc/{}/fd", colony.pid())).unwrap();
    // One that is closed while it is looked at leads nowhere.
    let lead = |entry: fs::DirEntry| fs::read_link(entry.path()).ok();
    all.flatten().filter_map(lead).collect()
}

#[test]
fn a_binary_that_does_not_run_changes_nothing() {
    let settled = Settled::new();
    let colony = &settled.colony;
    let binary = colony.path("ncolony-monitor");

    fs::remove_file(&binary).unwrap();
    settled.check_fails("it is missing", "No such file");

    fs::create_dir(&binary).unwrap();
    settled.check_fails("it is a directory", "Permission denied");
    fs::remove_dir(&binary).unwrap();

    colony.install("#!/bin/sh\nexit 0\n");
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o644)).unwrap();
    settled.check_fails("it is not executable", "Permission denied");

    colony.install("\u{7f}ELF and then nothing that makes sense");
    settled.check_fails("it is of another format", "ENOEXEC");

    colony.install("#!/no/such/interpreter\n");
    settled.check_fails("its interpreter is missing", "No such file");

    colony.install("#!/bin/sh\nexit 0\n");
    let writer = OpenOptions::new().append(true).open(&binary).unwrap();
    settled.check_fails("somebody writes to it", "ETXTBSY");
    drop(writer);
    settled.check_recovers();
}

#[test]
fn a_binary_that_does_not_understand_changes_nothing() {
    let settled = Settled::new();
    for (what, script, reason) in [
        ("it ends", "exit 1", "exited with code 1"),
        (
            "it says why",
            "echo 'the state is of tomorrow' >&2; exit 1",
            "the state is of tomorrow",
        ),
        ("it is killed", "kill -9 $$", "SIGKILL"),
        ("it says nothing", "exit 0", "it said nothing"),
        ("it says something else", "echo yes", "yes"),
        (
            "it has read something else",
            "echo '{\"schema\": 1, \"version\": \"9\", \"programs\": 9, \"files\": []}'",
            "\"programs\": 9",
        ),
        (
            "it refuses the words",
            "exec REAL \"$@\" --no-such-word",
            "--no-such-word",
        ),
        (
            "somebody holds its output open",
            "sleep 1000 & echo 'not today'; exit 1",
            "not today",
        ),
    ] {
        settled.colony.install(&format!("#!/bin/sh\n{script}\n"));
        settled.check_fails(what, reason);
    }
    settled.check_recovers();
}

#[test]
fn a_binary_that_does_not_answer_is_killed_with_all_that_it_has_started() {
    let settled = Settled::new();
    let colony = &settled.colony;
    colony.install("#!/bin/sh\nsleep 1000 & echo $$ $! > asked; wait\n");
    let why = colony.fail_to_upgrade();
    assert!(why.contains("did not answer within 10 s"), "{why}");
    let asked = colony.lines("asked").concat();
    for pid in asked.split(' ') {
        processes::until_gone(pid.parse().unwrap());
    }
    settled.check_unchanged("it hangs");
    settled.check_recovers();
}

#[test]
fn a_binary_that_is_gone_again_when_it_is_to_take_over_changes_nothing() {
    let settled = Settled::new();
    let colony = &settled.colony;
    for (what, after, reason) in [
        (
            "it is closed",
            "chmod 644 ncolony-monitor",
            "Permission denied",
        ),
        ("it is removed", "rm ncolony-monitor", "No such file"),
        (
            "it is another",
            "cp ncolony-monitor other && mv other ncolony-monitor",
            "was replaced by another",
        ),
    ] {
        colony.install(&format!("#!/bin/sh\n{after}\nexec REAL \"$@\"\n"));
        let why = colony.fail_to_upgrade();
        assert!(why.contains(reason), "{what}: {why}");
        settled.check_unchanged(what);
        // What is printed still arrives.
        colony.program("later", shell("echo here; exec cat", json!({})));
        until("it is heard", || {
            (colony.lines("logs/later.log") == ["here"]).then_some(())
        });
        colony.remove("later");
        colony.until_retracted("later");
    }
    settled.check_recovers();
}

#[test]
fn many_programs_are_no_reason_not_to_answer() {
    let mut colony = Colony::new(&[]);
    let longest = "x".repeat(60);
    for number in 0..1500 {
        let name = format!("{longest}-{number}");
        fs::write(
            colony.path("config").join(name),
            r#"{"args": ["cat"], "enabled": false}"#,
        )
        .unwrap();
    }
    colony.start();
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    colony.upgrade();
    assert_eq!(colony.record("web").pid, Some(pid));
}
