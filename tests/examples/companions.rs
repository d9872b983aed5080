//! The colony with all companions, which is started with one command.

use std::fs;
use std::time::SystemTime;

use ncolony_core::ProgramStatus;
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::process::{Running, eventually, is_alive, program, record};

struct Colony {
    // It ends before its directory goes.
    running: Running,
    directory: TempDir,
}

impl Colony {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut command = program("examples/companions");
        command.arg("--root").arg(directory.path());
        let running = Running::start(command, &directory.path().join("output"));
        eventually("the introduction", || {
            running.output().contains("Ctrl-C ends").then_some(())
        });
        Self { running, directory }
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.directory.path().join(path)).unwrap_or_default()
    }

    fn record(&self, name: &str) -> Option<ProgramStatus> {
        record(&self.directory.path().join("status"), name)
    }

    fn last_beat(&self, name: &str) -> Option<SystemTime> {
        let heart = self.directory.path().join("hearts").join(name);
        fs::metadata(heart).ok()?.modified().ok()
    }

    /// Waits until an event says of a program that it was restarted for this.
    fn until_restarted(&self, name: &str, why: &str) {
        eventually(&format!("{name} is restarted: {why}"), || {
            let events = self.read("status/events.jsonl");
            let is_it = |line: &str| line.contains(&format!("{name:?}")) && line.contains(why);
            let starts = self.record(name)?.starts;
            (events.lines().any(is_it) && starts > 1).then_some(())
        });
    }
}

#[test]
fn whoever_is_well_no_more_is_restarted_and_nobody_else_and_ctrl_c_ends_all_of_it() {
    let mut colony = Colony::start();
    let companions = ["beatcheck", "httpcheck", "greeter"];
    let first: Vec<SystemTime> = companions
        .iter()
        .map(|name| eventually("a heart beats", || colony.last_beat(name)))
        .collect();
    colony.until_restarted("stuck-worker", "its heart has stopped");
    colony.until_restarted("failing-web", "500 Internal Server Error");
    colony.until_restarted("hanging-web", "no whole answer within 1 s");
    eventually("three greetings", || {
        (colony
            .read("logs/greeter.log")
            .matches("[1] hello\n")
            .count()
            >= 3)
            .then_some(())
    });
    for (name, first) in companions.iter().zip(first) {
        eventually("a heart beats again", || {
            colony.last_beat(name).filter(|last| *last > first)
        });
    }
    let mut pids = Vec::new();
    for name in ["worker", "beatcheck", "httpcheck", "greeter"] {
        let record = colony.record(name).unwrap();
        assert_eq!(record.starts, 1, "{name}: {record:?}");
        pids.extend(record.pid);
    }
    assert_eq!(pids.len(), 4);

    colony.running.signal(Signal::SIGINT);
    assert!(colony.running.end().success());
    assert!(!pids.into_iter().any(is_alive));
}

#[test]
fn its_files_have_no_fault_that_check_knows() {
    let colony = Colony::start();
    let done = program("ncolony-ctl")
        .arg("--root")
        .arg(colony.directory.path())
        .args(["--json", "check"])
        .output()
        .unwrap();
    let document: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let files = document["files"].as_array().unwrap();
    assert_eq!(files.len(), 7);
    for file in files {
        assert_eq!(
            (&file["ok"], file["warnings"].as_array().unwrap().len()),
            (&true.into(), 0)
        );
    }
}
