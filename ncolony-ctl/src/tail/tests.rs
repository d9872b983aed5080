use std::fs::{self, OpenOptions};
use std::io::Write;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::backups::numbered;
use super::*;

/// A log in a directory of its own, rotated as the monitor does it.
struct Log {
    dir: tempfile::TempDir,
}

impl Log {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("web.log")
    }

    fn write(&self, text: &str) {
        let mut options = OpenOptions::new();
        let mut file = options.append(true).create(true).open(self.path()).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn rotate(&self, backups: u32) {
        let in_use = |number: &u32| {
            let there = |ending| numbered(&self.path(), *number, ending).exists();
            there("") || there(".gz")
        };
        let oldest = (1..backups).take_while(in_use).count();
        for number in (1..=u32::try_from(oldest).unwrap()).rev() {
            for ending in ["", ".gz"] {
                let _not_there = fs::rename(
                    numbered(&self.path(), number, ending),
                    numbered(&self.path(), number + 1, ending),
                );
            }
        }
        fs::rename(self.path(), numbered(&self.path(), 1, "")).unwrap();
    }

    fn compress(&self, number: u32) {
        let plain = numbered(&self.path(), number, "");
        let text = fs::read(&plain).unwrap();
        let unfinished = numbered(&self.path(), number, ".gz.new");
        let file = File::create(&unfinished).unwrap();
        let mut encoder = GzEncoder::new(file, Compression::default());
        encoder.write_all(&text).unwrap();
        let modified = fs::metadata(&plain).unwrap().modified().unwrap();
        encoder.finish().unwrap().set_modified(modified).unwrap();
        fs::rename(unfinished, numbered(&self.path(), number, ".gz")).unwrap();
        fs::remove_file(plain).unwrap();
    }

    fn follow(&self) -> Follower {
        Follower::open(self.path(), 0).unwrap().0
    }

    fn last(&self, lines: usize) -> String {
        text(Follower::open(self.path(), lines).unwrap().1)
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

fn new(follower: &mut Follower) -> String {
    text(follower.new_bytes().unwrap())
}

#[test]
fn the_last_lines_come_from_as_many_files_as_are_needed() {
    let log = Log::new();
    assert_eq!(log.last(3), "");
    for (text, is_compressed) in [("a\nb\n", true), ("c\nd\n", false)] {
        log.write(text);
        log.rotate(9);
        if is_compressed {
            log.compress(1);
        }
    }
    log.write("e\nf\nbegun");
    let cases = [
        (0, ""),
        (1, "begun"),
        (3, "e\nf\nbegun"),
        (4, "d\ne\nf\nbegun"),
        (6, "b\nc\nd\ne\nf\nbegun"),
        (99, "a\nb\nc\nd\ne\nf\nbegun"),
    ];
    for (lines, wanted) in cases {
        assert_eq!(log.last(lines), wanted, "{lines} lines");
    }
}

#[test]
fn a_number_that_is_free_while_a_log_is_rotated_hides_nothing() {
    let log = Log::new();
    log.write("a\n");
    log.rotate(9);
    fs::rename(numbered(&log.path(), 1, ""), numbered(&log.path(), 2, "")).unwrap();
    log.write("b\n");
    assert_eq!(log.last(9), "a\nb\n");
}

#[test]
fn a_log_that_is_rotated_twice_between_two_looks_is_read_to_its_end() {
    let log = Log::new();
    for text in ["a\n", "b\n", "c\n"] {
        log.write(text);
        log.rotate(9);
    }
    log.compress(3);
    let (old, new) = (
        numbered(&log.path(), 3, ".gz"),
        numbered(&log.path(), 7, ".gz"),
    );
    fs::rename(old, new).unwrap();
    fs::rename(numbered(&log.path(), 2, ""), numbered(&log.path(), 4, "")).unwrap();
    fs::write(log.dir.path().join("web.log.x"), "no backup\n").unwrap();
    fs::write(log.dir.path().join("web.log.9.new"), "no backup\n").unwrap();
    log.write("d\n");
    assert_eq!(log.last(9), "a\nb\nc\nd\n");
}

#[test]
fn lines_longer_than_a_chunk_are_whole() {
    let log = Log::new();
    let long = "x".repeat(200_000);
    log.write(&format!("first\n{long}\nlast\n"));
    assert_eq!(log.last(2), format!("{long}\nlast\n"));
}

#[test]
fn a_log_is_followed_through_its_replacement() {
    let log = Log::new();
    let mut follower = log.follow();
    assert_eq!(new(&mut follower), "");
    log.write("a\nb");
    assert_eq!(new(&mut follower), "a\nb");
    log.write("c\nd\n");
    assert_eq!(new(&mut follower), "c\nd\n");
    let mut old = OpenOptions::new().append(true).open(log.path()).unwrap();
    log.rotate(9);
    old.write_all(b"e\n").unwrap();
    assert_eq!(new(&mut follower), "e\n", "there is no new one yet");
    old.write_all(b"f\n").unwrap();
    log.write("g\n");
    assert_eq!(new(&mut follower), "f\ng\n");
    old.write_all(b"late\n").unwrap();
    assert_eq!(new(&mut follower), "late\n");
    assert_eq!(new(&mut follower), "");
}

#[test]
fn no_line_is_lost_or_doubled_by_rotations_between_two_looks() {
    for is_compressed in [false, true] {
        let log = Log::new();
        log.write("old\n");
        let mut follower = log.follow();
        let mut wanted = String::new();
        for rotation in 0..5 {
            let line = format!("{rotation}\n");
            log.write(&line);
            wanted.push_str(&line);
            log.rotate(9);
            if is_compressed {
                log.compress(1);
            }
        }
        log.write("new\n");
        wanted.push_str("new\n");
        assert_eq!(new(&mut follower), wanted, "compressed: {is_compressed}");
        assert_eq!(new(&mut follower), "");
    }
}

#[test]
fn what_was_there_before_a_first_log_is_old() {
    for is_compressed in [false, true] {
        let log = Log::new();
        log.write("old\n");
        log.rotate(9);
        if is_compressed {
            log.compress(1);
        }
        let mut follower = log.follow();
        log.write("a\n");
        log.rotate(9);
        log.write("b\n");
        assert_eq!(new(&mut follower), "a\nb\n");
    }
}

#[test]
fn a_log_whose_old_file_is_kept_nowhere_goes_on_with_the_new_one() {
    let log = Log::new();
    log.write("stale\n");
    log.rotate(9);
    let long_ago = SystemTime::now() - Duration::from_secs(3600);
    let backup = File::options()
        .append(true)
        .open(numbered(&log.path(), 1, ""));
    backup.unwrap().set_modified(long_ago).unwrap();
    log.write("a\n");
    let mut follower = log.follow();
    log.write("b\n");
    fs::remove_file(log.path()).unwrap();
    log.write("c\n");
    assert_eq!(new(&mut follower), "b\nc\n");
}

#[test]
fn a_log_that_is_emptied_in_its_place_begins_anew() {
    let log = Log::new();
    log.write("a\nb\nc\n");
    let mut follower = log.follow();
    File::create(log.path()).unwrap();
    log.write("d\n");
    assert_eq!(new(&mut follower), "d\n");
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let log = Log::new();
    let made = std::process::Command::new("mkfifo")
        .arg(log.path())
        .status();
    assert!(made.unwrap().success());
    let error = Follower::open(log.path(), 1).unwrap_err();
    assert!(error.to_string().contains("regular"), "{error}");
}

#[test]
fn files_that_say_the_same_are_told_apart() {
    for is_compressed in [false, true] {
        let log = Log::new();
        log.write("tick\n");
        let mut follower = log.follow();
        let mut wanted = String::new();
        for _rotation in 0..4 {
            log.rotate(9);
            if is_compressed {
                log.compress(1);
            }
            log.write("tick\n");
            wanted.push_str("tick\n");
        }
        assert_eq!(new(&mut follower), wanted, "compressed: {is_compressed}");
    }
}

#[test]
fn a_log_that_is_rotated_all_the_time_is_followed_line_by_line() {
    const LINES: u32 = 3000;
    let log = Log::new();
    let mut follower = log.follow();
    let mut seen = String::new();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 0..LINES {
                log.write(&format!("{number}\n"));
                if number % 50 == 49 {
                    log.rotate(LINES);
                }
                if number % 150 == 149 {
                    log.compress(1);
                }
            }
        });
        while !writer.is_finished() {
            seen.push_str(&new(&mut follower));
        }
    });
    log.write("end\n");
    seen.push_str(&new(&mut follower));
    let wanted: String = (0..LINES).map(|number| format!("{number}\n")).collect();
    assert!(seen == format!("{wanted}end\n"), "{seen}");
}
