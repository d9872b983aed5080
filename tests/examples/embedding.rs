//! The programs that have parts of ncolony inside.

use std::process::Output;

use crate::process::{Running, eventually, is_alive, program, record};

/// What it printed, of a program that was to succeed.
fn text(done: Output) -> String {
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{}: {said}", done.status);
    String::from_utf8(done.stdout).unwrap()
}

/// The number at the end of the line that contains `words`.
fn process(text: &str, words: &str) -> u32 {
    let line = text.lines().find(|line| line.contains(words));
    let line = line.unwrap_or_else(|| panic!("no line with {words:?} in {text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn the_library_adds_restarts_and_removes() {
    let directory = tempfile::tempdir().unwrap();
    let mut monitor = program("ncolony-monitor");
    monitor.arg("--root").arg(directory.path());
    let _monitor = Running::start(monitor, &directory.path().join("output"));
    let done = program("examples/embed_ctllib")
        .arg(directory.path())
        .output()
        .unwrap();
    let text = text(done);
    let pids = [process(&text, "runs as"), process(&text, "restarted")];
    assert_ne!(pids[0], pids[1]);
    assert!(text.ends_with("removed, it is gone\n"), "{text}");
    assert!(!directory.path().join("config/sleeper").exists());
    assert_eq!(record(&directory.path().join("status"), "sleeper"), None);
    assert_eq!(pids.map(is_alive), [false, false]);
}

#[test]
fn a_monitor_runs_inside_another_program_and_ends_when_told() {
    let done = program("examples/embed_monitor").output().unwrap();
    let text = text(done);
    assert!(text.starts_with("it says: hello from inside\n"), "{text}");
    assert!(text.ends_with("and everything with it\n"), "{text}");
    let pid = process(&text, "it is process");
    eventually("the end of its program", || (!is_alive(pid)).then_some(()));
}
