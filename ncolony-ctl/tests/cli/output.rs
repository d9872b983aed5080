//! What reaches standard output, and who reads it.

use std::fs;
use std::io::{BufRead, BufReader, Read};

use serde_json::json;

use crate::colony::{Colony, until};

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let colony = Colony::new();
    colony.file("web", r#"{"args": ["cat"]}"#);
    let mut child = colony.command().args(["show", "web"]).spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut stderr)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{stderr}");
    assert_eq!(stderr, "");
}

#[test]
fn data_that_cannot_be_written_is_an_error() {
    let colony = Colony::new();
    colony.file("web", r#"{"args": ["cat"]}"#);
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = colony
        .command()
        .args(["show", "web"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn logs_are_printed_byte_for_byte() {
    let colony = Colony::new();
    colony.file("web", "{}");
    colony.file("db", "{}");
    fs::create_dir(colony.path("logs")).unwrap();
    assert_eq!(colony.ends(0, &["logs", "web"]).stdout, "");
    fs::write(colony.path("logs/web.log"), "2\n\u{1b}[1m3\n4").unwrap();
    fs::write(colony.path("logs/web.log.1"), "0\n1\n").unwrap();
    assert_eq!(
        colony.ends(0, &["logs", "web", "-n4"]).stdout,
        "1\n2\n\u{1b}[1m3\n4"
    );
    assert_eq!(
        colony.ends(0, &["logs", "*", "-n", "1"]).stdout,
        "[web] 4\n"
    );
    let line = colony.ends(0, &["logs", "web", "-n", "1", "--json"]).json();
    assert_eq!(line, json!({"schema": 1, "name": "web", "line": "4"}));
    colony.ends(4, &["logs", "nosuch"]);
}

#[test]
fn a_log_is_followed_until_its_reader_goes() {
    let colony = Colony::new();
    colony.file("web", "{}");
    fs::create_dir(colony.path("logs")).unwrap();
    fs::write(colony.path("logs/web.log"), "old\n").unwrap();
    let mut child = colony
        .command()
        .args(["logs", "-f", "web"])
        .spawn()
        .unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut next = || {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line
    };
    assert_eq!(next(), "old\n");
    fs::rename(colony.path("logs/web.log"), colony.path("logs/web.log.1")).unwrap();
    fs::write(colony.path("logs/web.log"), "new\n").unwrap();
    assert_eq!(next(), "new\n");
    drop(reader);
    let status = until("the end of the command", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
}

#[test]
fn colours_come_only_when_they_are_asked_for() {
    let colony = Colony::new();
    colony.file("web", "{}");
    assert!(!colony.ends(1, &["check"]).stdout.contains('\u{1b}'));
    assert!(
        colony
            .ends(1, &["check", "--color", "always"])
            .stdout
            .contains('\u{1b}')
    );
}

#[test]
fn the_version_is_data() {
    let ran = Colony::new().ends(0, &["--version"]);
    assert!(ran.stdout.starts_with("ncolony-ctl "), "{ran:?}");
}

#[test]
fn why_something_failed_is_said_in_words_without_a_number() {
    let colony = Colony::new();
    colony.file("web", r#"{"args": ["cat"], "cwd": "/nosuch"}"#);
    // No rights help where a file stands in the place of a directory, or a directory in a file's.
    fs::create_dir(colony.path("config/dir")).unwrap();
    fs::create_dir_all(colony.path("status/programs")).unwrap();
    fs::create_dir_all(colony.path("status/events.jsonl")).unwrap();
    fs::write(colony.path("messages"), "").unwrap();
    let dir = colony.path("config");
    let dir = dir.to_str().unwrap();
    for args in [
        &["check", "/nosuch"][..],
        &["add", "new", "--cmd", "cat", "--extras", "/nosuch"],
        &["restart", "web"],
        &["import", "supervisord", "/nosuch"],
        &["import", "supervisord", dir],
        &["upgrade", "check", "--binary", "/nosuch"],
        &["upgrade", "check", "--binary", dir],
        &["--status", "/dev/null", "status"],
        &["--config", "/dev/null", "status"],
        &["--config", "/dev/null", "add", "new", "--cmd", "cat"],
        &["events"],
    ] {
        let ran = colony.run(args);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert_ne!(ran.status, Some(0), "{args:?}: {said}");
        assert!(!said.contains("os error"), "{args:?}: {said}");
    }
    let ran = colony.ends(1, &["restart", "web"]);
    assert!(ran.stderr.ends_with("messages: File exists\n"), "{ran:?}");
}
