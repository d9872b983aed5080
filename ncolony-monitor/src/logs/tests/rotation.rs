//! Logs that are rotated: at the ends of lines, and told if they cannot be.

use super::*;

#[test]
fn last_lines_are_found_over_a_rotation() {
    let mut bench = Bench::new();
    let (mut out, _) = bench.start("web", r#", "stdout": {"max_bytes": 8}"#);
    out.write_all(b"old\n").unwrap();
    bench.finish("web");
    for line in ["one\n", "two\n", "three\n"] {
        out.write_all(line.as_bytes()).unwrap();
    }
    let lines = bench.finish("web");
    assert_eq!(fs::read(bench.path("logs/web.log")).unwrap(), b"three\n");
    // Of the files before the newest only one is looked at.
    assert_eq!(lines, ["two", "three"]);
}

#[test]
fn a_log_is_rotated_at_the_ends_of_lines() {
    let mut bench = Bench::new();
    let keys = r#", "stdout": {"max_bytes": 100000, "backups": 3}"#;
    let (mut out, _) = bench.start("web", keys);
    let lines: Vec<String> = (0..60_000).map(|n| format!("line {n}\n")).collect();
    for part in lines.chunks(997) {
        out.write_all(part.concat().as_bytes()).unwrap();
    }
    bench.finish("web");
    let read = |name: &str| fs::read(bench.path(name)).unwrap();
    let files = [
        "logs/web.log.3",
        "logs/web.log.2",
        "logs/web.log.1",
        "logs/web.log",
    ]
    .map(read);
    for file in &files {
        assert!(
            file.len() <= 100_000 && file.last() == Some(&b'\n'),
            "{}",
            file.len()
        );
        assert!(file.starts_with(b"line "));
    }
    assert!(files[..3].iter().all(|file| file.len() > 99_900));
    let all = lines.concat();
    assert!(all.as_bytes().ends_with(&files.concat()));
    assert!(!bench.path("logs/web.log.4").exists());
}

#[test]
fn a_line_longer_than_a_log_may_be_stays_whole() {
    let mut bench = Bench::new();
    let keys = r#", "stdout": {"max_bytes": 1000, "backups": 3}"#;
    let (mut out, _) = bench.start("web", keys);
    let long = [&vec![b'x'; 3_000_000][..], b"\n"].concat();
    out.write_all(b"before\n").unwrap();
    out.write_all(&long).unwrap();
    out.write_all(b"after\n").unwrap();
    bench.finish("web");
    let read = |name: &str| fs::read(bench.path(name)).unwrap();
    assert_eq!(read("logs/web.log.2"), b"before\n");
    assert!(read("logs/web.log.1") == long);
    assert_eq!(read("logs/web.log"), b"after\n");
}

#[test]
fn a_log_that_cannot_be_rotated_grows_and_that_is_told() {
    let mut bench = Bench::new();
    // A directory that is not empty does not make way.
    let obstacle = bench.path("logs/web.log.1");
    fs::create_dir_all(obstacle.join("full")).unwrap();
    let keys = r#", "stdout": {"max_bytes": 1000, "backups": 1}"#;
    let (mut out, _) = bench.start("web", keys);
    let line = [&vec![b'x'; 599][..], b"\n"].concat();
    for _line in 0..10 {
        out.write_all(&line).unwrap();
    }
    let Report::Rotation { path, why: Some(_) } = bench.next() else {
        panic!()
    };
    assert_eq!(path, bench.path("logs/web.log"));
    wait_for(&path, &line.repeat(10));
    fs::remove_dir_all(&obstacle).unwrap();
    for _line in 0..2000 {
        out.write_all(&line).unwrap();
    }
    let Report::Rotation { why: None, .. } = bench.next() else {
        panic!()
    };
    wait_for(&path, &line);
}

#[test]
fn half_a_line_near_the_limit_is_not_kept_back_for_ever() {
    let mut bench = Bench::new();
    let (mut out, _) = bench.start("web", r#", "stdout": {"max_bytes": 100}"#);
    out.write_all(b"one\nhalf").unwrap();
    wait_for(&bench.path("logs/web.log"), b"one\nhalf");
    out.write_all(b" and half\n").unwrap();
    wait_for(&bench.path("logs/web.log"), b"one\nhalf and half\n");
}
