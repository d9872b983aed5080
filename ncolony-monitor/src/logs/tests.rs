use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::sys::pipe;

fn source() -> Source {
    Source {
        name: ProgramName::new("web").unwrap(),
        generation: Generation::default(),
    }
}

fn next(reports: &mut UnboundedReceiver<Report>) -> Report {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match reports.try_recv() {
            Ok(report) => return report,
            Err(_) => assert!(Instant::now() < deadline, "nothing was reported"),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn bytes_reach_the_file_unchanged_and_the_last_lines_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("web.log");
    let (sender, mut reports) = unbounded_channel();
    let mut logs = Logs::start(sender).unwrap();
    let (reader, mut writer) = pipe::for_output().unwrap();
    let id = logs.open(source(), reader, Destination::File(path.clone()));
    let printed: Vec<u8> = (0..200_000_u32)
        .map(|n| n.to_le_bytes()[0])
        .chain(*b"\nlast\n")
        .collect();
    writer.write_all(&printed).unwrap();
    drop(writer);
    logs.finish(id);
    let Report::Printed {
        source: told,
        lines,
    } = next(&mut reports)
    else {
        panic!()
    };
    assert_eq!((told, lines.last().unwrap().as_str()), (source(), "last"));
    drop(logs);
    assert!(fs::read(path).unwrap() == printed);
}

#[test]
fn a_pipe_that_ends_first_still_tells_its_last_lines() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("web.log");
    let (sender, mut reports) = unbounded_channel();
    let mut logs = Logs::start(sender).unwrap();
    let (reader, mut writer) = pipe::for_output().unwrap();
    writer.write_all(b"one\n").unwrap();
    drop(writer);
    let id = logs.open(source(), reader, Destination::File(path.clone()));
    let deadline = Instant::now() + Duration::from_secs(20);
    while fs::read(&path).unwrap_or_default() != b"one\n" {
        assert!(Instant::now() < deadline);
    }
    logs.finish(id);
    let Report::Printed { lines, .. } = next(&mut reports) else {
        panic!()
    };
    assert_eq!(lines, ["one"]);
}

#[test]
fn what_cannot_be_written_waits_and_is_written_when_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("missing/web.log");
    let (sender, mut reports) = unbounded_channel();
    let mut logs = Logs::start(sender).unwrap();
    let (reader, mut writer) = pipe::for_output().unwrap();
    logs.open(source(), reader, Destination::File(path.clone()));
    writer.write_all(b"one\n").unwrap();
    let Report::Trouble { why, .. } = next(&mut reports) else {
        panic!()
    };
    assert!(why.contains("ENOENT"), "{why}");
    fs::create_dir(path.parent().unwrap()).unwrap();
    let Report::Healed { .. } = next(&mut reports) else {
        panic!()
    };
    drop(logs);
    assert_eq!(fs::read(path).unwrap(), b"one\n");
}

#[test]
fn a_log_that_is_a_fifo_without_a_reader_stops_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo.log");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    let (sender, mut reports) = unbounded_channel();
    let mut logs = Logs::start(sender).unwrap();
    let (reader, mut writer) = pipe::for_output().unwrap();
    logs.open(source(), reader, Destination::File(fifo.clone()));
    writer.write_all(b"one\n").unwrap();
    let Report::Trouble { path, why } = next(&mut reports) else {
        panic!()
    };
    assert!(path == fifo && why.contains("ENXIO"), "{why}");
    let (reader, mut writer) = pipe::for_output().unwrap();
    let id = logs.open(source(), reader, Destination::File(dir.path().join("log")));
    writer.write_all(b"two\n").unwrap();
    logs.finish(id);
    let Report::Printed { lines, .. } = next(&mut reports) else {
        panic!()
    };
    assert_eq!(lines, ["two"]);
}

#[test]
fn a_file_that_was_moved_is_opened_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("web.log");
    let (sender, _reports) = unbounded_channel();
    let mut logs = Logs::start(sender).unwrap();
    let (reader, mut writer) = pipe::for_output().unwrap();
    logs.open(source(), reader, Destination::File(path.clone()));
    let wait_for = |path: &std::path::Path, wanted: &[u8]| {
        let deadline = Instant::now() + Duration::from_secs(20);
        while fs::read(path).unwrap_or_default() != wanted {
            assert!(Instant::now() < deadline);
        }
    };
    writer.write_all(b"one\n").unwrap();
    wait_for(&path, b"one\n");
    let moved = dir.path().join("moved");
    fs::rename(&path, &moved).unwrap();
    logs.reopen();
    writer.write_all(b"two\n").unwrap();
    wait_for(&path, b"two\n");
    assert_eq!(fs::read(moved).unwrap(), b"one\n");
}
