//! `logs -f`: what programs print, as it comes, from the real monitor.

use std::fs;

use ncolony_core::State;
use nix::sys::signal::Signal;
use serde_json::json;

use crate::colony::{Colony, shell, until};
use crate::following::Following;

fn following(colony: &Colony, words: &[&str]) -> Following {
    Following::begin(colony, &[&["logs", "-f"], words].concat())
}

/// A program that prints the lines that are put into a directory, one file each, in order.
fn teller(colony: &Colony, name: &str) {
    let from = colony.path(format!("{name}.said"));
    fs::create_dir(&from).unwrap();
    let script = "n=1; while :; do while [ ! -e \"$FROM/$n\" ]; do sleep 0.01; done; \
                  cat \"$FROM/$n\"; n=$((n+1)); echo $n > \"$FROM/next\"; done";
    let env = json!({"FROM": from, "PATH": "/usr/bin:/bin"});
    colony.program(name, shell(script, json!({"env": env})));
}

/// Has it print, and waits until it has.
fn tell(colony: &Colony, name: &str, number: u32, text: &str) {
    let from = colony.path(format!("{name}.said"));
    let unfinished = from.join("unfinished");
    fs::write(&unfinished, text).unwrap();
    fs::rename(unfinished, from.join(number.to_string())).unwrap();
    until("it has printed", || {
        let next = fs::read_to_string(from.join("next")).ok()?;
        (next.trim().parse::<u32>().ok()? > number).then_some(())
    });
}

/// Moves a log away as the world around does it, and has the monitor open a new one.
fn rotate(colony: &Colony, log: &str, number: u32) {
    let path = colony.path("logs").join(log);
    fs::rename(&path, colony.path("logs").join(format!("{log}.{number}"))).unwrap();
    colony.signal(Signal::SIGUSR2);
}

#[test]
fn a_log_is_followed_from_before_it_is_there_and_through_its_rotation() {
    let colony = Colony::running(&[]);
    teller(&colony, "web");
    colony.until_up("web");
    let mut following = following(&colony, &["web"]);
    tell(&colony, "web", 1, "one\n");
    assert_eq!(following.line(), "one");
    rotate(&colony, "web.log", 1);
    tell(&colony, "web", 2, "two\n");
    assert_eq!(following.line(), "two");
    assert!(colony.ctl(&["restart", "web"]).code == Some(0));
    // The new process tells everything again.
    assert_eq!([following.line(), following.line()], ["one", "two"]);
}

#[test]
fn no_line_is_lost_or_doubled_by_the_monitors_own_rotation() {
    const LINES: u32 = 4000;
    for compress in [false, true] {
        let colony = Colony::running(&[]);
        let go = colony.path("go");
        let script = format!(
            "while [ ! -e '{}' ]; do sleep 0.01; done; n=0; \
             while [ $n -lt {LINES} ]; do echo $n; n=$((n+1)); done; exec cat",
            go.display()
        );
        let stdout = json!({"max_bytes": 1000, "backups": 100, "compress": compress});
        colony.program("web", shell(&script, json!({"stdout": stdout})));
        colony.until_up("web");
        let count = LINES.to_string();
        let mut following = following(&colony, &["web", "-n", &count]);
        fs::write(go, "").unwrap();
        for number in 0..LINES {
            assert_eq!(
                following.line(),
                number.to_string(),
                "compressed: {compress}"
            );
        }
        let all = colony.ctl(&["logs", "web", "-n", &count]).stdout;
        let wanted: String = (0..LINES).map(|number| format!("{number}\n")).collect();
        assert!(all == wanted, "compressed: {compress}: {all}");
    }
}

#[test]
fn lines_of_several_programs_bear_their_names() {
    let colony = Colony::running(&[]);
    for name in ["web", "db"] {
        teller(&colony, name);
        colony.until_up(name);
    }
    let mut following = following(&colony, &["web", "db"]);
    tell(&colony, "web", 1, "half");
    tell(&colony, "db", 1, "whole\n");
    assert_eq!(following.line(), "[db] whole");
    tell(&colony, "web", 2, " and half\n");
    assert_eq!(following.line(), "[web] half and half");
}

#[test]
fn a_line_without_an_end_is_shown_when_its_program_ends() {
    let colony = Colony::running(&[]);
    for name in ["web", "db"] {
        teller(&colony, name);
        colony.until_up(name);
    }
    let mut following = following(&colony, &["*"]);
    tell(&colony, "web", 1, "begun");
    assert_eq!(colony.ctl(&["stop", "web"]).code, Some(0));
    colony.until_state("web", State::Stopped);
    assert_eq!(following.line(), "[web] begun");
}

#[test]
fn a_line_without_an_end_is_shown_when_following_ends() {
    let colony = Colony::running(&[]);
    for name in ["web", "db"] {
        teller(&colony, name);
        colony.until_up(name);
    }
    let mut following = following(&colony, &["*"]);
    tell(&colony, "web", 1, "one\nbegun");
    assert_eq!(following.line(), "[web] one");
    until("all of it is in the log", || {
        (colony.lines("logs/web.log") == ["one", "begun"]).then_some(())
    });
    following.interrupt();
    assert_eq!(following.line(), "[web] begun");
    assert_eq!(following.line(), "", "nothing comes after it");
    assert_eq!(following.ended_by(), Some(Signal::SIGINT as i32));
}

#[test]
fn backups_are_read_back_to_where_the_lines_begin() {
    let colony = Colony::running(&[]);
    teller(&colony, "web");
    colony.until_up("web");
    tell(&colony, "web", 1, "one\n");
    until("it is in the log", || {
        (colony.lines("logs/web.log") == ["one"]).then_some(())
    });
    rotate(&colony, "web.log", 1);
    tell(&colony, "web", 2, "two\n");
    until("it is in the new log", || {
        (colony.lines("logs/web.log") == ["two"]).then_some(())
    });
    assert_eq!(colony.ctl(&["logs", "web"]).stdout, "one\ntwo\n");
    assert_eq!(colony.ctl(&["logs", "web", "-n", "1"]).stdout, "two\n");
}

#[test]
fn output_that_is_kept_in_no_file_is_said_to_be_so() {
    let mut colony = Colony::new(&[]);
    colony.like_ncolony();
    colony.start();
    colony.program("web", r#"{"args": ["cat"]}"#);
    colony.until_up("web");
    let ran = colony.ctl(&["logs", "web"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("web is not kept in a file"), "{ran:?}");
}
