//! FIFOs that come and go, and that one monitor takes over from another.

use super::*;
use crate::sys::clock;

#[test]
fn a_program_that_is_gone_leaves_no_fifo_and_loses_nothing() {
    let mut bench = Bench::new();
    let (mut out, _) = bench.start("web", "");
    bench.logs.forget(&source("web").name);
    assert!(!bench.path("output/web").exists());
    out.write_all(b"late\n").unwrap();
    wait_for(&bench.path("logs/web.log"), b"late\n");
    // The name may be another's by then.
    let (mut again, _) = bench.start("web", "");
    again.write_all(b"new\n").unwrap();
    wait_for(&bench.path("logs/web.log"), b"late\nnew\n");
}

#[test]
fn a_program_that_does_not_run_costs_no_descriptor() {
    let mut bench = Bench::new();
    let ends = bench.start("web", "");
    drop(ends);
    assert!(bench.finish("web").is_empty());
    let Report::Left { name, stream } = bench.next() else {
        panic!()
    };
    bench.logs.rest(name.clone(), stream);
    assert!(bench.logs.held.is_empty());
    let (mut out, err) = bench.start("web", "");
    drop(err);
    bench.logs.rest(name, stream);
    assert_eq!(bench.logs.held.len(), 1, "it runs");
    out.write_all(b"one\n").unwrap();
    drop(out);
    assert_eq!(bench.finish("web"), ["one"]);
}

#[test]
fn a_start_that_is_not_made_changes_nothing() {
    let mut bench = Bench::new();
    drop(bench.logs.prepare(&spec("web", "")).unwrap());
    assert!(bench.logs.held.is_empty());
    let (mut out, _err) = bench.start("web", "");
    drop(
        bench
            .logs
            .prepare(&spec("web", r#", "stdout": "syslog""#))
            .unwrap(),
    );
    out.write_all(b"one\n").unwrap();
    wait_for(&bench.path("logs/web.log"), b"one\n");
}

#[test]
fn fifos_of_nobody_are_cleared_away() {
    let mut bench = Bench::new();
    let (_out, _err) = bench.start("web", r#", "stderr": "syslog""#);
    let (_out, _err) = bench.start("api", "");
    bench.logs.clear_away(&[source("web").name].into());
    assert!(bench.path("output/web").exists() && bench.path("output/web:err").exists());
    assert!(!bench.path("output/api").exists());
    // Where one is missing it is made again.
    let (mut out, _err) = bench.start("api", "");
    out.write_all(b"one\n").unwrap();
    wait_for(&bench.path("logs/api.log"), b"one\n");
}

/// A bench in the place of another, which is as good as killed.
fn successor(bench: &mut Bench) -> Bench {
    let (sender, reports) = unbounded_channel();
    let places = bench.logs.places.clone();
    let logs = Logs::start(places, sender).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let directory = std::mem::replace(&mut bench.directory, directory);
    Bench {
        directory,
        logs,
        reports,
    }
}

#[test]
fn a_process_of_an_earlier_monitor_is_taken_up_by_the_name_of_its_fifo() {
    let mut dead = Bench::new();
    let (mut out, _err) = dead.start("web", "");
    // It stands still as if it were dead.
    dead.logs.hand_over();
    out.write_all(b"meanwhile\n").unwrap();
    let mut bench = successor(&mut dead);
    let gone = u32::MAX >> 1;
    bench.logs.adopt(&spec("web", ""), gone).unwrap();
    wait_for(&bench.path("logs/web.log"), b"meanwhile\n");
    out.write_all(b"later\n").unwrap();
    assert_eq!(bench.finish("web"), ["meanwhile", "later"]);
    let (mut again, _err) = bench.start("web", "");
    again.write_all(b"again\n").unwrap();
    wait_for(&bench.path("logs/web.log"), b"meanwhile\nlater\nagain\n");
}

#[test]
fn a_fifo_without_its_name_is_found_by_the_process() {
    let mut dead = Bench::new();
    let (out, _err) = dead.start("web", "");
    dead.logs.hand_over();
    let mut process = std::process::Command::new("sh");
    let process = process.args(["-c", "echo one; exec sleep 600"]).stdout(out);
    let mut process = process.spawn().unwrap();
    for other in [false, true] {
        fs::remove_file(dead.path("output/web")).unwrap();
        if other {
            crate::sys::fifo::make(&dead.path("output/web")).unwrap();
        }
        let (sender, _reports) = unbounded_channel();
        let mut logs = Logs::start(dead.logs.places.clone(), sender).unwrap();
        logs.adopt(&spec("web", ""), process.id()).unwrap();
        wait_for(&dead.path("logs/web.log"), b"one\n");
        crate::sys::fifo::make(&dead.path("output/web")).unwrap();
    }
    process.kill().unwrap();
    process.wait().unwrap();
}

#[test]
fn a_process_that_has_one_stream_in_the_others_place_is_found_all_the_same() {
    let mut dead = Bench::new();
    let (out, err) = dead.start("web", r#", "stderr": "syslog""#);
    dead.logs.hand_over();
    let mut process = std::process::Command::new("sh");
    // As a shell has it while it does `echo word >&2`.
    let script = "exec 3>&1 >&2; echo one >&3; exec sleep 600";
    let process = process.args(["-c", script]).stdout(out).stderr(err);
    let mut process = process.spawn().unwrap();
    let has_changed = || {
        let target = |number| fs::read_link(format!("/proc/{}/fd/{number}", process.id())).ok();
        target(1).is_some() && target(1) == target(2) && target(3).is_some()
    };
    let deadline = clock::mono().after(std::time::Duration::from_secs(60));
    while !has_changed() {
        assert!(clock::mono() < deadline);
        std::thread::yield_now();
    }
    let mut bench = successor(&mut dead);
    let spec = spec("web", r#", "stderr": "syslog""#);
    bench.logs.adopt(&spec, process.id()).unwrap();
    wait_for(&bench.path("logs/web.log"), b"one\n");
    process.kill().unwrap();
    process.wait().unwrap();
}

#[test]
fn what_is_handed_over_is_gone_on_with_by_the_next_or_by_ourselves() {
    let mut first = Bench::new();
    let (mut out, _err) = first.start("web", "");
    out.write_all(b"one\n").unwrap();
    let handed = first.logs.hand_over();
    let clone = |(name, stream, end): (ProgramName, Stream, BorrowedFd<'_>)| {
        (name, stream, end.try_clone_to_owned().unwrap())
    };
    let ends: Vec<_> = handed.into_iter().map(clone).collect();
    assert_eq!(Stream::of_word(ends[0].1.word()), Some(Stream::Out));
    let log = first.path("logs/web.log");
    assert_eq!(fs::read(&log).unwrap(), b"one\n");
    out.write_all(b"two\n").unwrap();
    assert_eq!(fs::read(&log).unwrap(), b"one\n", "nobody moves it");
    first.logs.resume().unwrap();
    wait_for(&log, b"one\ntwo\n");
    first.logs.hand_over();
    out.write_all(b"three\n").unwrap();
    fs::remove_file(first.path("output/web")).unwrap();
    let mut second = successor(&mut first);
    second.logs.take_over(ends);
    second.logs.adopt(&spec("web", ""), u32::MAX >> 1).unwrap();
    wait_for(&log, b"one\ntwo\nthree\n");
}
