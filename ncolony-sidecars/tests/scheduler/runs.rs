//! When the command runs, and what is printed about it.

use std::fs;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::playing::{Scheduler, every, state, until};

#[test]
fn the_command_line_of_the_original_runs_it_again_and_again() {
    let words = [
        "--arg",
        "sh",
        "--arg",
        "-c",
        "--arg",
        "echo out; printf err >&2; exit 3",
    ];
    let words = words.map(str::to_owned);
    let mut scheduler = Scheduler::new(&[&every("0.05", "10", "1")[..], &words].concat());
    for run in 1..4 {
        scheduler.line(&format!("[scheduler] run {run} exited with code 3 after"));
    }
    for line in ["[1] out", "[2] err"] {
        let count = scheduler.seen().iter().filter(|seen| *seen == line).count();
        assert!(count >= 3, "{:?}", scheduler.seen());
    }
}

#[test]
fn the_last_line_of_a_run_stands_before_its_end() {
    let mut scheduler = Scheduler::of_script(&every("0.05", "10", "1"), "printf 'no end'");
    scheduler.line("[scheduler] run 1 exited with code 0");
    assert_eq!(scheduler.seen()[0], "[1] no end");
}

#[test]
fn a_calendar_runs_by_the_wall_clock() {
    let words = [
        "--cron",
        "* * * * * *",
        "--timezone",
        "UTC",
        "--",
        "date",
        "+%N",
    ];
    let mut scheduler = Scheduler::new(&words.map(str::to_owned));
    scheduler.line("[scheduler] the next run is at 20");
    let nanos: u64 = scheduler.line("[1] ")[4..].parse().unwrap();
    assert!(nanos < 900_000_000, "not at the start of a second: {nanos}");
    scheduler.line("run 2 exited with code 0");
}

#[test]
fn a_calendar_can_begin_with_a_run() {
    let words = ["--cron", "0 0 1 1 *", "--run-at-start", "--", "echo", "now"];
    let mut scheduler = Scheduler::new(&words.map(str::to_owned));
    scheduler.line("[1] now");
    scheduler.line("run 1 exited with code 0");
}

#[test]
fn a_run_that_meets_another_is_left_out() {
    let place = tempfile::tempdir().unwrap();
    let flag = place.path().join("flag");
    let script = format!("until [ -e {} ]; do sleep 0.01; done", flag.display());
    let mut scheduler = Scheduler::of_script(&every("0.05", "100", "1"), &script);
    scheduler.line("a run is due and left out: run 1 is still running");
    fs::write(&flag, "").unwrap();
    scheduler.line("left out meanwhile");
    scheduler.line("run 2 exited with code 0");
}

#[test]
fn with_a_queue_it_starts_when_the_other_has_ended() {
    let place = tempfile::tempdir().unwrap();
    let flag = place.path().join("flag");
    let script = format!("until [ -e {} ]; do sleep 0.01; done", flag.display());
    let words = ["--cron", "* * * * * *", "--overlap", "queue"].map(str::to_owned);
    let mut scheduler = Scheduler::of_script(&words, &script);
    scheduler.line("a run is due and waits: run 1 is still running");
    fs::write(&flag, "").unwrap();
    scheduler.line("run 1 exited with code 0");
    scheduler.line("run 2 exited with code 0");
}

#[test]
fn what_was_missed_while_it_stood_still_is_said() {
    let mut scheduler = Scheduler::of_script(&every("0.05", "10", "1"), "true");
    scheduler.line("run 1 exited");
    scheduler.signal(Signal::SIGSTOP);
    until(|| (state(scheduler.pid().as_raw()) == Some('T')).then_some(()));
    // Another one shows that time goes by.
    let mut clock = Scheduler::of_script(&every("0.05", "10", "1"), "true");
    clock.line("run 8 exited");
    scheduler.signal(Signal::SIGCONT);
    scheduler.line("were missed: this program or the machine stood still");
    let line = scheduler.line("exited with code 0");
    assert!(
        line.contains("run 2 ") || line.contains("run 3 "),
        "made up for: {line}"
    );
}

#[test]
fn a_command_that_cannot_be_executed_is_tried_again() {
    let words = ["--", "/no/such/command"].map(str::to_owned);
    let mut scheduler = Scheduler::new(&[&every("0.05", "10", "1")[..], &words].concat());
    scheduler
        .line("run 1 could not be started: /no/such/command: No such file or directory (ENOENT)");
    scheduler.line("run 2 could not be started");
}

#[test]
fn what_was_asked_for_wrongly_is_a_usage_error() {
    for (words, wanted) in [
        (&["--frequency", "1", "--", "true"][..], "--timeout"),
        (&["--cron", "x", "--", "true"], "--cron"),
        (&["--cron", "0 0 31 4 *", "--", "true"], "no date matches"),
        (
            &[
                "--cron",
                "* * * * *",
                "--timezone",
                "No/Where",
                "--",
                "true",
            ],
            "No/Where",
        ),
    ] {
        let mut scheduler = Command::new(env!("CARGO_BIN_EXE_ncolony-scheduler"));
        let output = scheduler.args(words).output().unwrap();
        let talk = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{talk}");
        assert!(talk.contains(wanted), "{talk}");
    }
}

#[test]
fn it_beats_its_heart_whatever_its_run_does() {
    let place = tempfile::tempdir().unwrap();
    let beat = place.path().join("job");
    let status = place.path().display();
    let file =
        format!(r#"{{"ncolony.beatcheck": {{"period": 0.3, "grace": 1, "status": "{status}"}}}}"#);
    let variables = [("NCOLONY_NAME", "job"), ("NCOLONY_CONFIG", &*file)];
    let words = ["--", "sleep", "1000"].map(str::to_owned);
    let words = [&every("1000", "1000", "1")[..], &words].concat();
    let _scheduler = Scheduler::with_variables(&words, &variables);
    for _beat in 0..3 {
        until(|| beat.exists().then_some(()));
        fs::remove_file(&beat).unwrap();
    }
}

#[test]
fn a_heart_that_cannot_beat_is_said_once_and_stops_nothing() {
    let file =
        r#"{"ncolony.beatcheck": {"period": 0.03, "grace": 1, "status": "/no/such/place/job"}}"#;
    let variables = [("NCOLONY_NAME", "job"), ("NCOLONY_CONFIG", file)];
    let words = [&every("0.05", "10", "1")[..], &["--arg=true".to_owned()]].concat();
    let mut scheduler = Scheduler::with_variables(&words, &variables);
    scheduler.line("ncolony-scheduler: its own heart: ");
    scheduler.line("run 5 exited with code 0");
    let said = scheduler
        .seen()
        .iter()
        .filter(|line| line.contains("heart"));
    assert_eq!(said.count(), 1, "{:?}", scheduler.seen());
}
