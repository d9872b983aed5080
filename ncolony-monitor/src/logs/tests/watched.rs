//! A line that is looked for in what a process prints.

use super::*;
use crate::logs::Ends;

fn source_of(name: &str, number: u64) -> Source {
    Source {
        generation: Generation::of_number(number),
        ..source(name)
    }
}

impl Bench {
    /// Makes a start of which this line is looked for.
    fn start_watched(&mut self, source: &Source, keys: &str, line: Option<&str>) -> (File, File) {
        let ends = self
            .logs
            .prepare(&spec(source.name.as_str(), keys))
            .unwrap();
        self.logs.watch_ends(&ends, source, line);
        let clone = |end: Arc<File>| end.try_clone().unwrap();
        let clones = (clone(ends.stdout()), clone(ends.stderr()));
        let ends: Ends = ends;
        self.logs.started(&source.name, ends, 7);
        self.logs.take_in();
        clones
    }

    fn until_seen(&mut self) -> Source {
        loop {
            match self.next() {
                Report::Seen { source } => return source,
                Report::Printed { .. }
                | Report::Trouble { .. }
                | Report::Healed { .. }
                | Report::Rotation { .. }
                | Report::Left { .. } => {}
            }
        }
    }

    /// All that is reported up to the end of this process.
    fn is_seen_before_the_end(&mut self, name: &str) -> bool {
        self.logs.finish(source(name));
        let mut seen = false;
        loop {
            match self.next() {
                Report::Seen { .. } => seen = true,
                Report::Printed { .. } => return seen,
                Report::Trouble { .. }
                | Report::Healed { .. }
                | Report::Rotation { .. }
                | Report::Left { .. } => {}
            }
        }
    }
}

#[test]
fn a_line_is_seen_wherever_it_goes_and_every_byte_arrives() {
    let apart = r#", "stderr": {"max_bytes": 1000}"#;
    for (keys, to_stderr) in [
        ("", false),
        (apart, true),
        (r#", "stdout": "syslog""#, false),
    ] {
        let mut bench = Bench::new();
        let source = source_of("web", 3);
        let (mut out, mut err) = bench.start_watched(&source, keys, Some("^ready [0-9]+$"));
        out.write_all(b"not ready\n").unwrap();
        let end = if to_stderr { &mut err } else { &mut out };
        end.write_all(b"rea").unwrap();
        end.write_all(b"dy 80\nand more\n").unwrap();
        if keys.contains("syslog") {
            let _listener = std::os::unix::net::UnixDatagram::bind(bench.path("syslog")).unwrap();
            assert_eq!(bench.until_seen(), source, "{keys}");
            continue;
        }
        assert_eq!(bench.until_seen(), source, "{keys}");
        if !to_stderr {
            let log = bench.path("logs/web.log");
            wait_for(&log, b"not ready\nready 80\nand more\n");
        }
    }
}

#[test]
fn what_an_earlier_process_has_printed_is_not_seen() {
    let mut bench = Bench::new();
    let (mut old, _) = bench.start_watched(&source_of("web", 1), "", None);
    let (mut out, _) = {
        // It is still in the FIFO, or on its way out of it, when the next one begins.
        old.write_all(b"ready\n").unwrap();
        bench.start_watched(&source_of("web", 2), "", Some("ready"))
    };
    out.write_all(b"almost\n").unwrap();
    assert!(!bench.is_seen_before_the_end("web"));
    let (mut out, _) = bench.start_watched(&source_of("web", 3), "", Some("ready"));
    out.write_all(b"ready\n").unwrap();
    assert_eq!(bench.until_seen(), source_of("web", 3));
}

#[test]
fn it_is_looked_for_once_and_only_as_long_as_it_is_wanted() {
    let mut bench = Bench::new();
    let (mut out, _) = bench.start_watched(&source_of("web", 1), "", Some("ready"));
    out.write_all(b"ready\nready\n").unwrap();
    assert_eq!(bench.until_seen(), source_of("web", 1));
    out.write_all(b"ready\n").unwrap();
    assert!(!bench.is_seen_before_the_end("web"), "it was seen already");
    let (mut out, _) = bench.start_watched(&source_of("web", 2), "", Some("ready"));
    bench.logs.unwatch(&source("web").name);
    out.write_all(b"ready\n").unwrap();
    assert!(!bench.is_seen_before_the_end("web"), "nobody wants to know");
    let (mut out, _) = bench.start_watched(&source_of("web", 3), "", None);
    bench.logs.watch(&source_of("web", 3), "ready");
    out.write_all(b"ready\n").unwrap();
    assert_eq!(bench.until_seen(), source_of("web", 3), "since later");
}
