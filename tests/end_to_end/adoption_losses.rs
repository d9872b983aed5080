//! G3: every part of what was written down is lost in turn, and the programs are found all the same.

use std::fs;
use std::process::Command;

use ncolony_core::State;
use serde_json::json;

use crate::adoption::{JOURNAL, NOTE, starts, until_adopted};
use crate::colony::{Colony, shell};
use crate::processes::is_alive;

/// Loses a part of what was written down, and finds all the programs all the same.
fn what_was_lost_is_found(lose: fn(&Colony)) {
    let mut colony = Colony::running(&["-t", "0.05", "-k", "0.1"]);
    let names = ["one", "two", "three"];
    for name in names {
        colony.program(name, shell(&format!("{NOTE}sleep 1000 & wait"), json!({})));
    }
    let pids = names.map(|name| colony.until_state(name, State::Running).pid.unwrap());
    colony.kill();
    lose(&colony);
    for _kill in 0..2 {
        colony.start();
        for (name, pid) in names.into_iter().zip(pids) {
            assert_eq!(until_adopted(&colony, name).pid, Some(pid), "{name}");
        }
        colony.rescan();
        assert_eq!(names.map(|name| starts(&colony, name)), [1, 1, 1]);
        assert!(pids.into_iter().all(is_alive));
        colony.kill();
    }
    // They are as manageable as ever.
    colony.start();
    until_adopted(&colony, "one");
    assert!(colony.ask(json!({"type": "RESTART", "name": "one"})).ok);
    colony.until_record("one", "it is our own", |record| {
        !record.adopted && record.state == State::Running
    });
    assert!(!is_alive(pids[0]));
    assert!(colony.stop().success());
    assert!(!pids.into_iter().any(is_alive));
}

fn keep_of_journal(colony: &Colony, keep: impl Fn(&str) -> usize) {
    let text = fs::read_to_string(colony.path(JOURNAL)).unwrap();
    let kept = keep(&text);
    fs::write(colony.path(JOURNAL), &text[..kept]).unwrap();
}

#[test]
fn a_start_that_nobody_lived_to_write_down_is_found() {
    what_was_lost_is_found(|colony| {
        keep_of_journal(colony, |text| {
            text.split_inclusive('\n').take(2).map(str::len).sum()
        });
    });
}

#[test]
fn a_start_of_which_only_the_order_was_written_down_is_found() {
    what_was_lost_is_found(|colony| {
        let ordered = |line: &&str| !line.contains("\"identity\"");
        keep_of_journal(colony, |text| {
            let lines = text.split_inclusive('\n');
            lines.take_while(ordered).map(str::len).sum()
        });
        assert!(colony.lines(JOURNAL).last().unwrap().contains("ordered"));
    });
}

#[test]
fn a_journal_that_ends_in_the_middle_of_a_line_is_read_up_to_there() {
    what_was_lost_is_found(|colony| keep_of_journal(colony, |text| text.len() * 2 / 3));
}

#[test]
fn a_journal_that_is_none_any_more_is_done_without() {
    what_was_lost_is_found(|colony| fs::write(colony.path(JOURNAL), "\0\0\0\0").unwrap());
}

#[test]
fn without_a_journal_everything_is_found() {
    what_was_lost_is_found(|colony| fs::remove_file(colony.path(JOURNAL)).unwrap());
}

#[test]
fn without_the_colonys_mark_the_journal_is_believed() {
    what_was_lost_is_found(|colony| fs::remove_file(colony.path("status/.colony")).unwrap());
}

#[test]
fn without_mark_and_journal_the_records_tell_where_to_look() {
    what_was_lost_is_found(|colony| {
        fs::remove_file(colony.path("status/.colony")).unwrap();
        fs::remove_file(colony.path(JOURNAL)).unwrap();
    });
}

#[test]
fn what_is_no_file_in_the_place_of_the_journal_is_done_without() {
    what_was_lost_is_found(|colony| {
        for file in ["status/.journal", "status/.colony"] {
            fs::remove_file(colony.path(file)).unwrap();
            let made = Command::new("mkfifo").arg(colony.path(file)).status();
            assert!(made.unwrap().success());
        }
    });
}
