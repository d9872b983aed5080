use std::fs;
use std::io::Write;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use ncolony_core::{Defaults, ProgramSpec};
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;

mod rotation;
mod succession;
mod watched;

/// Logs over a directory of their own, and what they report.
struct Bench {
    directory: TempDir,
    logs: Logs,
    reports: UnboundedReceiver<Report>,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("logs")).unwrap();
        let places = LogPlaces {
            outputs: directory.path().join("output"),
            logs: Some(directory.path().join("logs")),
            syslog: directory.path().join("syslog"),
        };
        let (sender, reports) = unbounded_channel();
        let logs = Logs::start(places, sender).unwrap();
        Self {
            directory,
            logs,
            reports,
        }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    /// Makes a start, and gives what the program prints into.
    fn start(&mut self, name: &str, keys: &str) -> (File, File) {
        let ends = self.logs.prepare(&spec(name, keys)).unwrap();
        let clone = |end: Arc<File>| end.try_clone().unwrap();
        let clones = (clone(ends.stdout()), clone(ends.stderr()));
        self.logs.started(&source(name).name, ends, 7);
        self.logs.take_in();
        clones
    }

    fn finish(&mut self, name: &str) -> Vec<String> {
        self.logs.finish(source(name));
        self.until_printed(name)
    }

    fn until_printed(&mut self, name: &str) -> Vec<String> {
        loop {
            match self.next() {
                Report::Printed {
                    source: told,
                    lines,
                } if told == source(name) => return lines,
                Report::Printed { .. }
                | Report::Trouble { .. }
                | Report::Healed { .. }
                | Report::Rotation { .. }
                | Report::Seen { .. }
                | Report::Left { .. } => {}
            }
        }
    }

    fn next(&mut self) -> Report {
        let deadline = Instant::now() + Duration::from_secs(20);
        self.logs.take_in();
        loop {
            match self.reports.try_recv() {
                Ok(report) => return report,
                Err(_) => assert!(Instant::now() < deadline, "nothing was reported"),
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn until_trouble(&mut self) -> (PathBuf, String) {
        match self.next() {
            Report::Trouble { path, why } => (path, why),
            other @ (Report::Printed { .. }
            | Report::Healed { .. }
            | Report::Rotation { .. }
            | Report::Seen { .. }
            | Report::Left { .. }) => {
                panic!("{other:?}")
            }
        }
    }

    fn until_healed(&mut self) -> PathBuf {
        match self.next() {
            Report::Healed { path } => path,
            other @ (Report::Printed { .. }
            | Report::Trouble { .. }
            | Report::Rotation { .. }
            | Report::Seen { .. }
            | Report::Left { .. }) => {
                panic!("{other:?}")
            }
        }
    }
}

fn spec(name: &str, keys: &str) -> ProgramSpec {
    let text = format!(r#"{{"args": ["x"]{keys}}}"#);
    let name = ProgramName::new(name).unwrap();
    ProgramSpec::parse(name, text.as_bytes(), &Defaults::default()).unwrap()
}

fn source(name: &str) -> Source {
    Source {
        name: ProgramName::new(name).unwrap(),
        generation: Generation::default(),
    }
}

#[track_caller]
fn wait_for(path: &Path, wanted: &[u8]) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while fs::read(path).unwrap_or_default() != wanted {
        let found = fs::read(path).unwrap_or_default();
        let found = String::from_utf8_lossy(&found[..found.len().min(200)]).into_owned();
        assert!(Instant::now() < deadline, "{}: {found:?}", path.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn bytes_reach_the_file_unchanged_and_the_last_lines_are_told() {
    let mut bench = Bench::new();
    let (mut out, _) = bench.start("web", "");
    let printed: Vec<u8> = (0..200_000_u32)
        .map(|n| n.to_le_bytes()[0])
        .chain(*b"\nlast\n")
        .collect();
    out.write_all(&printed).unwrap();
    assert_eq!(bench.finish("web").last().unwrap(), "last");
    let log = bench.path("logs/web.log");
    drop(bench.logs);
    assert!(fs::read(log).unwrap() == printed);
}

#[test]
fn each_process_tells_its_own_last_lines() {
    let mut bench = Bench::new();
    let (mut out, mut err) = bench.start("web", "");
    out.write_all(b"one\n").unwrap();
    err.write_all(b"two\n").unwrap();
    drop((out, err));
    bench.logs.finish(source("web"));
    let (mut out, err) = bench.start("web", "");
    out.write_all(b"three\n").unwrap();
    assert_eq!(bench.until_printed("web"), ["one", "two"]);
    drop((out, err));
    assert_eq!(bench.finish("web"), ["three"]);
    let (_out, _err) = bench.start("web", "");
    assert!(bench.finish("web").is_empty());
    assert_eq!(
        fs::read(bench.path("logs/web.log")).unwrap(),
        b"one\ntwo\nthree\n"
    );
}

#[test]
fn lines_of_programs_that_share_a_file_stay_whole() {
    let mut bench = Bench::new();
    let keys = format!(
        r#", "stdout": {{"file": {:?}}}"#,
        bench.path("shared").to_str().unwrap()
    );
    let (mut one, _) = bench.start("one", &keys);
    let (mut two, _) = bench.start("two", &keys);
    // From then on both are known to write it.
    two.write_all(b"b0\n").unwrap();
    wait_for(&bench.path("shared"), b"b0\n");
    one.write_all(b"a1\na2").unwrap();
    wait_for(&bench.path("shared"), b"b0\na1\n");
    two.write_all(b"b1\n").unwrap();
    wait_for(&bench.path("shared"), b"b0\na1\nb1\n");
    // What is half waits here also when it is not waited for any longer elsewhere.
    let (mut three, _) = bench.start("three", r#", "stdout": {"max_bytes": 100}"#);
    three.write_all(b"c1\nc2").unwrap();
    wait_for(&bench.path("logs/three.log"), b"c1\nc2");
    wait_for(&bench.path("shared"), b"b0\na1\nb1\n");
    one.write_all(b" whole\n").unwrap();
    wait_for(&bench.path("shared"), b"b0\na1\nb1\na2 whole\n");
    let long = vec![b'x'; 200_000];
    one.write_all(&long).unwrap();
    assert_eq!(bench.finish("one").len(), 1);
    two.write_all(b"b2\n").unwrap();
    let wanted = [b"b0\na1\nb1\na2 whole\n", &long[..], b"\nb2\n"].concat();
    wait_for(&bench.path("shared"), &wanted);
}

#[test]
fn standard_error_may_go_elsewhere_and_both_are_told() {
    let mut bench = Bench::new();
    let keys = format!(
        r#", "stderr": {{"file": {:?}}}"#,
        bench.path("err").to_str().unwrap()
    );
    let (mut out, mut err) = bench.start("web", &keys);
    err.write_all(b"bad\n").unwrap();
    out.write_all(b"good\n").unwrap();
    assert_eq!(bench.finish("web"), ["good", "bad"]);
    assert_eq!(fs::read(bench.path("logs/web.log")).unwrap(), b"good\n");
    assert_eq!(fs::read(bench.path("err")).unwrap(), b"bad\n");
    assert!(bench.path("output/web:err").exists());
    // Where it goes to the same place again, its FIFO is not needed any more.
    bench.start("web", "");
    assert!(!bench.path("output/web:err").exists() && bench.path("output/web").exists());
}

#[test]
fn what_nobody_wants_has_no_fifo() {
    let mut bench = Bench::new();
    let (mut out, _err) = bench.start("web", r#", "stdout": "null""#);
    out.write_all(b"x").unwrap();
    assert!(bench.finish("web").is_empty());
    let (_out, _err) = bench.start("own", r#", "stdout": "inherit", "stderr": "inherit""#);
    assert!(bench.finish("own").is_empty());
    assert!(!bench.path("output").exists());
}

#[test]
fn the_machines_log_is_told_line_by_line_and_waited_for() {
    let mut bench = Bench::new();
    let keys = r#", "stdout": "syslog", "stderr": "syslog""#;
    let (mut out, mut err) = bench.start("web", keys);
    out.write_all(b"one\nha").unwrap();
    let (path, why) = bench.until_trouble();
    assert!(
        path == bench.path("syslog") && why.contains("ENOENT"),
        "{why}"
    );
    let socket = UnixDatagram::bind(bench.path("syslog")).unwrap();
    let received = || {
        let mut bytes = [0; 100];
        let count = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    };
    assert_eq!(received(), "<14>web[7]: one");
    assert_eq!(bench.until_healed(), bench.path("syslog"));
    err.write_all(b"two\n").unwrap();
    assert_eq!(received(), "<11>web[7]: two");
    assert_eq!(bench.finish("web"), ["one", "ha", "two"]);
    assert_eq!(received(), "<14>web[7]: ha");
}

#[test]
fn what_cannot_be_written_waits_and_is_written_when_it_can() {
    let mut bench = Bench::new();
    let path = bench.path("missing/web.log");
    let keys = format!(r#", "stdout": {{"file": {:?}}}"#, path.to_str().unwrap());
    let (mut out, _) = bench.start("web", &keys);
    out.write_all(b"one\n").unwrap();
    let (told, why) = bench.until_trouble();
    assert!(told == path && why.contains("ENOENT"), "{why}");
    out.write_all(b"two\n").unwrap();
    assert_eq!(bench.finish("web"), ["one", "two"], "what waits is seen");
    fs::create_dir(path.parent().unwrap()).unwrap();
    assert_eq!(bench.until_healed(), path);
    drop(bench.logs);
    assert_eq!(fs::read(path).unwrap(), b"one\ntwo\n");
}

#[test]
fn a_place_for_logs_that_somebody_removed_is_made_again() {
    let mut bench = Bench::new();
    fs::remove_dir(bench.path("logs")).unwrap();
    let (mut out, _) = bench.start("web", "");
    out.write_all(b"one\n").unwrap();
    wait_for(&bench.path("logs/web.log"), b"one\n");
    fs::remove_dir_all(bench.path("logs")).unwrap();
    out.write_all(b"two\n").unwrap();
    wait_for(&bench.path("logs/web.log"), b"two\n");
}

#[test]
fn a_log_that_is_a_fifo_without_a_reader_stops_nobody_else() {
    let mut bench = Bench::new();
    let fifo = bench.path("fifo.log");
    crate::sys::fifo::make(&fifo).unwrap();
    let keys = format!(r#", "stdout": {{"file": {:?}}}"#, fifo.to_str().unwrap());
    let (mut out, _) = bench.start("web", &keys);
    out.write_all(b"one\n").unwrap();
    let (path, why) = bench.until_trouble();
    assert!(path == fifo && why.contains("ENXIO"), "{why}");
    let (mut out, _) = bench.start("api", "");
    out.write_all(b"two\n").unwrap();
    assert_eq!(bench.finish("api"), ["two"]);
}

#[test]
fn a_file_that_was_moved_is_opened_anew() {
    let mut bench = Bench::new();
    let path = bench.path("logs/web.log");
    let (mut out, _) = bench.start("web", "");
    out.write_all(b"one\n").unwrap();
    wait_for(&path, b"one\n");
    let moved = bench.path("moved");
    fs::rename(&path, &moved).unwrap();
    bench.logs.reopen();
    out.write_all(b"two\n").unwrap();
    wait_for(&path, b"two\n");
    assert_eq!(fs::read(moved).unwrap(), b"one\n");
}
