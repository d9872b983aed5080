//! A program's life as its file tells it: added, changed, disabled, removed.

use std::fs;

use ncolony_core::State;
use ncolony_core::status::WantWord;
use serde_json::json;

use crate::colony::{Colony, shell, until};
use crate::processes::{is_alive, until_gone};

const CAT: &str = r#"{"args": ["cat"]}"#;

#[test]
fn a_file_becomes_a_running_program() {
    let colony = Colony::running(&["-t", "0.05"]);
    colony.program("web", r#"{"args": ["cat"], "group": ["a", "b"]}"#);
    let record = colony.until_state("web", State::Running);
    assert_eq!(
        (record.starts, record.exit, record.config_error),
        (1, None, None)
    );
    assert_eq!(
        (record.groups, record.adopted),
        (vec!["a".to_owned(), "b".to_owned()], false)
    );
    assert!(is_alive(record.pid.unwrap()));
}

#[test]
fn a_json_ending_is_not_part_of_the_name() {
    let colony = Colony::new(&[]);
    colony.program("web.json", CAT);
    let mut colony = colony;
    colony.start();
    colony.until_up("web");
}

#[test]
fn a_removed_file_stops_the_program_and_retracts_its_record() {
    let colony = Colony::running(&[]);
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    colony.remove("web");
    colony.until_retracted("web");
    assert!(!is_alive(pid), "its record went before it did");
}

#[test]
fn a_program_that_reads_its_input_waits_for_ever() {
    let mut colony = Colony::running(&["-t", "0.05"]);
    colony.program("cat", CAT);
    let pid = colony.until_state("cat", State::Running).pid.unwrap();
    // It holds the writing end too, so the end of its input can never come.
    let input = fs::read_to_string(format!("/proc/{pid}/fdinfo/0")).unwrap();
    assert!(
        input.contains("flags:\t02") || input.contains("flags:\t0100002"),
        "{input}"
    );
    let target = fs::read_link(format!("/proc/{pid}/fd/0")).unwrap();
    let output = fs::read_link(format!("/proc/{pid}/fd/1")).unwrap();
    assert_ne!(target, output);
    colony.kill();
    assert!(is_alive(pid));
}

#[test]
fn an_input_that_is_null_ends_at_once() {
    let colony = Colony::running(&[]);
    colony.program(
        "cat",
        r#"{"args": ["cat"], "stdin": "null", "restart": "never"}"#,
    );
    let record = colony.until_state("cat", State::Exited);
    assert_eq!(record.exit.unwrap().to_string(), "exited with code 0");
}

#[test]
fn a_change_restarts_once() {
    let colony = Colony::running(&[]);
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    let changes = [
        r#"{"args": ["cat", "-"]}"#,
        r#"{"args": ["cat", "-"], "env": {"A": "1"}}"#,
        r#"{"args": ["cat", "-"], "env": {"A": "1"}, "cwd": "/"}"#,
        r#"{"args": ["cat", "-"], "env": {"A": "1"}, "cwd": "/", "an-extra": {"x": 1}}"#,
    ];
    for (starts, text) in (2..).zip(changes) {
        colony.program("web", text);
        colony.until_record("web", "it was restarted", |record| {
            record.starts >= starts && record.pid.is_some()
        });
        colony.rescan();
        assert_eq!(colony.record("web").starts, starts, "{text}");
    }
    until_gone(pid);
}

#[test]
fn a_change_of_white_space_or_policy_alone_restarts_nothing() {
    let colony = Colony::running(&[]);
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    let changes = [
        "{\n  \"args\": [\"cat\"]\n}\n",
        r#"{"args": ["cat"], "killtime": 7, "threshold": 0, "minrestartdelay": 2, "maxrestartdelay": 3}"#,
        r#"{"args": ["cat"], "restart": "never", "exit_codes": [1], "give_up_after": 3}"#,
        r#"{"args": ["cat"], "stop_signal": "INT", "reload_signal": "USR1"}"#,
        r#"{"group": ["mine"], "args": ["cat"]}"#,
    ];
    for text in changes {
        colony.program("web", text);
        colony.rescan();
        let digest = ncolony_core::status::content_digest(text.as_bytes());
        let record = colony.until_record("web", "the change was seen", |record| {
            record.config_digest.as_ref() == Some(&digest)
        });
        assert_eq!((record.pid, record.starts), (Some(pid), 1), "{text}");
    }
    assert_eq!(colony.record("web").groups, ["mine"]);
    fs::write(colony.path("config/web"), changes[4]).unwrap();
    colony.rescan();
    assert_eq!(
        colony.record("web").pid,
        Some(pid),
        "it was touched and not changed"
    );
}

#[test]
fn a_policy_that_changed_holds_for_the_process_that_is_there() {
    let colony = Colony::running(&["-k", "600"]);
    let stubborn = "trap '' TERM; touch deaf; while :; do read line; done";
    colony.program("web", shell(stubborn, json!({})));
    until("it is deaf", || colony.path("deaf").exists().then_some(()));
    let pid = colony.until_up("web");
    colony.program("web", shell(stubborn, json!({"killtime": 0.05})));
    colony.rescan();
    assert_eq!(colony.record("web").pid, Some(pid));
    assert!(colony.ask(json!({"type": "STOP", "name": "web"})).ok);
    colony.until_state("web", State::Stopped);
}

#[test]
fn what_is_disabled_runs_only_when_it_is_told_to_by_hand() {
    let colony = Colony::running(&[]);
    colony.program("web", r#"{"args": ["cat"], "enabled": false}"#);
    let record = colony.until_state("web", State::Stopped);
    assert_eq!((record.want, record.starts), (WantWord::Down, 0));
    assert!(record.reason.unwrap().contains("\"enabled\": false"));
    assert!(colony.ask(json!({"type": "RESTART-ALL"})).ok);
    assert!(
        colony
            .ask(json!({"type": "START", "all": true}))
            .programs
            .is_empty()
    );
    assert_eq!(colony.record("web").starts, 0);

    assert!(colony.ask(json!({"type": "START", "name": "web"})).ok);
    colony.until_up("web");
    assert!(colony.ask(json!({"type": "STOP", "name": "web"})).ok);
    colony.until_state("web", State::Stopped);

    colony.program("other", r#"{"args": ["cat"], "enabled": false}"#);
    colony.until_state("other", State::Stopped);
    colony.program("other", CAT);
    let pid = colony.until_up("other");
    colony.program("other", r#"{"args": ["cat"], "enabled": false}"#);
    colony.until_state("other", State::Stopped);
    assert!(!is_alive(pid));
}

#[test]
fn what_was_stopped_by_hand_stays_so_until_a_word_or_a_fresh_monitor() {
    let mut colony = Colony::running(&[]);
    colony.program("web", CAT);
    colony.until_up("web");
    assert!(colony.ask(json!({"type": "STOP", "name": "web"})).ok);
    colony.until_state("web", State::Stopped);
    colony.program("web", r#"{"args": ["cat", "-"]}"#);
    colony.rescan();
    let record = colony.record("web");
    assert_eq!(
        (record.state, record.want),
        (State::Stopped, WantWord::Down)
    );
    assert!(record.reason.unwrap().contains("by hand"));
    assert!(colony.stop().success());
    colony.start();
    assert_eq!(
        colony
            .until_record("web", "it runs", |record| record.pid.is_some())
            .starts,
        1
    );
}

#[test]
fn a_program_that_goes_and_comes_back_while_it_is_stopped_runs_once() {
    let colony = Colony::running(&["-k", "0.3"]);
    let deaf = "exec 9> lock; flock -n 9 || echo $$ >> overlaps
        trap '' TERM; echo $$ >> deaf; while :; do read line; done";
    for round in 1..=3 {
        colony.program("web", shell(deaf, json!({})));
        until("it is deaf", || {
            (colony.lines("deaf").len() == round).then_some(())
        });
        colony.until_up("web");
        colony.remove("web");
        colony.until_state("web", State::Stopping);
    }
    colony.program("web", CAT);
    colony.until_record("web", "what its file says now", |record| {
        record.state == State::Running && record.generation == 4
    });
    assert_eq!(
        (colony.lines("deaf").len(), colony.lines("overlaps")),
        (3, vec![])
    );
}
