use std::path::Path;

use ncolony_core::time::Wall;
use ncolony_core::{Cause, ProgramName, State};

use super::*;
use crate::sys::fifo;

fn event(serial: u64, detail: &str) -> Event {
    Event {
        time: Wall::from_millis(1_763_640_000_123),
        name: ProgramName::new("web").unwrap(),
        from: State::Stopped,
        to: State::Starting,
        cause: Cause::Config,
        detail: Some(detail.to_owned()),
        pid: Some(7),
        exit: None,
        lifetime: None,
        output: None,
        serial,
    }
}

fn serials(path: &Path) -> Vec<u64> {
    let text = fs::read_to_string(path).unwrap();
    let event = |line: &str| serde_json::from_str::<Event>(line).unwrap().serial;
    text.lines().map(event).collect()
}

#[test]
fn what_was_kept_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = EventLog::new(dir.path().join("events.jsonl"));
    assert_eq!(log.kept(), 0);
    log.append(&[event(1, "a"), event(2, "b")]);
    log.append(&[event(3, "c")]);
    assert_eq!((log.kept(), log.written), (3, 3));
    assert_eq!(serials(&log.path), [1, 2, 3]);
    assert_eq!(EventLog::new(dir.path().join("events.jsonl")).kept(), 3);
}

#[test]
fn a_line_that_was_not_finished_is_cut_off_and_not_counted_as_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = EventLog::new(dir.path().join("events.jsonl"));
    // The line before the torn one is longer than what is looked at first.
    let long = "x".repeat(usize::try_from(TAIL).unwrap() * 3);
    log.append(&[event(1, "a"), event(2, &long), event(3, "torn")]);
    let whole = fs::read(&log.path).unwrap();
    fs::write(&log.path, &whole[..whole.len() - 10]).unwrap();
    let mut next = EventLog::new(dir.path().join("events.jsonl"));
    assert_eq!(next.kept(), 2);
    next.append(&[event(3, "again")]);
    assert_eq!(serials(&next.path), [1, 2, 3]);
}

#[test]
fn lines_that_are_not_ours_are_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = EventLog::new(dir.path().join("events.jsonl"));
    log.append(&[event(5, "a")]);
    let mut text = fs::read(&log.path).unwrap();
    text.extend(b"somebody was here\n{}\n");
    fs::write(&log.path, text).unwrap();
    assert_eq!(log.kept(), 5);
}

#[test]
fn a_full_file_is_put_aside() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = EventLog::new(dir.path().join("events.jsonl"));
    let long = "x".repeat(1024 * 1024);
    for serial in 1..=11 {
        log.append(&[event(serial, &long)]);
    }
    assert_eq!(serials(&log.previous), (1..=9).collect::<Vec<_>>());
    assert_eq!(serials(&log.path), [10, 11]);
    assert!(fs::metadata(&log.previous).unwrap().len() <= BYTES_MAX);
    fs::remove_file(&log.path).unwrap();
    assert_eq!(
        EventLog::new(dir.path().join("events.jsonl")).kept(),
        9,
        "it was put aside by one that died then"
    );
}

#[test]
fn a_file_that_was_removed_or_moved_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = EventLog::new(dir.path().join("events.jsonl"));
    log.append(&[event(1, "a")]);
    fs::remove_file(&log.path).unwrap();
    log.append(&[event(2, "b")]);
    assert_eq!(serials(&log.path), [2]);
    let elsewhere = dir.path().join("moved");
    fs::rename(&log.path, &elsewhere).unwrap();
    log.append(&[event(3, "c")]);
    assert_eq!(
        (serials(&elsewhere), serials(&log.path)),
        (vec![2], vec![3])
    );
    assert_eq!(log.problem(), None);
}

#[test]
fn what_cannot_be_written_is_counted_and_it_goes_on_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = EventLog::new(dir.path().join("events.jsonl"));
    log.append(&[event(1, "a")]);
    fs::remove_file(&log.path).unwrap();
    std::os::unix::fs::symlink("/dev/full", &log.path).unwrap();
    let full = File::options().write(true).open(&log.path).unwrap();
    log.id = which(&full.metadata().unwrap());
    log.file = Some(full);
    log.append(&[event(2, "b")]);
    let problem = log.problem().unwrap().to_owned();
    assert!(
        problem.contains("events.jsonl: No space left on device"),
        "{problem}"
    );
    assert!(problem.contains("1 event was not written"), "{problem}");
    log.append(&[event(3, "c"), event(4, "d")]);
    assert!(log.problem().unwrap().contains("3 events were not written"));
    fs::remove_file(&log.path).unwrap();
    log.append(&[event(5, "e")]);
    assert_eq!((log.problem(), log.lost), (None, 0));
    assert_eq!((serials(&log.path), log.written), (vec![5], 2));
}

#[test]
fn nothing_is_waited_for_that_stands_in_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = EventLog::new(dir.path().join("events.jsonl"));
    fifo::make(&log.path).unwrap();
    assert_eq!(log.kept(), 0);
    // More than a FIFO has room for.
    log.append(&[event(1, &"x".repeat(1024 * 1024))]);
    let problem = log.problem().unwrap().to_owned();
    assert!(problem.contains("not a regular file"), "{problem}");
    fs::remove_file(&log.path).unwrap();
    fs::create_dir(&log.path).unwrap();
    log.append(&[event(2, "b")]);
    assert!(log.problem().unwrap().contains("2 events were not written"));
    fs::remove_dir(&log.path).unwrap();
    log.append(&[event(3, "c")]);
    assert_eq!((log.problem(), serials(&log.path)), (None, vec![3]));
}
