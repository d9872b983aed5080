//! The commands against the real monitor: whom they reach, and that they wait for nobody else.

use std::collections::BTreeSet;

use ncolony_core::State;
use serde_json::json;

use crate::colony::{Colony, shell, until};
use crate::processes::is_alive;

/// Notes the signals that it gets, and lives until it is told to end.
const HEARS: &str = "for s in HUP USR1 USR2; do trap \"echo $s >> heard.$NCOLONY_NAME\" $s; done; \
                     echo ready; while :; do read line; done";

const ALL: [&str; 5] = ["db", "off", "web-1", "web-2", "worker"];

/// Five programs: `web-1` and `web-2` in a group, `off` disabled and in the group too.
fn colony() -> Colony {
    let colony = Colony::running(&["-t", "0.05"]);
    for name in ALL {
        let group = if name.starts_with("web") || name == "off" {
            json!(["site"])
        } else {
            json!([])
        };
        let keys = json!({
            "group": group, "enabled": name != "off", "stdin": "open", "reload_signal": "USR2",
            "env": {"PATH": "/usr/bin:/bin"}, "cwd": colony.path(""),
        });
        colony.program(name, shell(HEARS, keys));
    }
    for name in ALL.iter().filter(|name| **name != "off") {
        until_ready(&colony, name, 1);
    }
    colony.until_state("off", State::Stopped);
    colony
}

/// Waits until a program's process number `start` hears signals.
fn until_ready(colony: &Colony, name: &str, start: usize) {
    colony.until_state(name, State::Running);
    until(&format!("{name} hears signals"), || {
        (colony.lines(&format!("logs/{name}.log")).len() >= start).then_some(())
    });
}

fn running(colony: &Colony) -> BTreeSet<&'static str> {
    let runs = |name: &&str| colony.record(name).state == State::Running;
    ALL.into_iter().filter(runs).collect()
}

/// Who has heard something, and what.
fn heard(colony: &Colony, name: &str) -> Vec<String> {
    colony.lines(&format!("heard.{name}"))
}

#[track_caller]
fn done(colony: &Colony, words: &[&str]) {
    let ran = colony.ctl(words);
    assert_eq!(ran.code, Some(0), "{words:?}: {ran:?}");
}

#[test]
fn start_and_stop_reach_names_patterns_groups_and_all() {
    let colony = colony();
    let cases: [(&[&str], &[&str]); 6] = [
        (&["web-1"], &["db", "web-2", "worker"]),
        (&["web-1", "db"], &["web-2", "worker"]),
        (&["w*"], &["db"]),
        (&["web-[12]", "db"], &["worker"]),
        (&["--group", "site"], &["db", "worker"]),
        (&["all"], &[]),
    ];
    for (whom, left) in cases {
        done(&colony, &[&["stop"], whom].concat());
        assert_eq!(running(&colony), left.iter().copied().collect(), "{whom:?}");
        if whom.contains(&"--group") {
            // A group has its disabled members too; "all" has not.
            done(&colony, &["start", "web*"]);
        } else {
            done(&colony, &[&["start"], whom].concat());
        }
        assert_eq!(running(&colony).len(), 4, "{whom:?}");
    }
    done(&colony, &["start", "--group", "site"]);
    assert_eq!(
        running(&colony).len(),
        5,
        "a start by hand runs what is disabled"
    );
    let refused = colony.ctl(&["stop", "web-1", "nobody"]);
    assert_eq!(refused.code, Some(4), "{refused:?}");
    assert_eq!(running(&colony).len(), 5, "nothing was done to any");
    assert_eq!(colony.ctl(&["stop", "x*"]).code, Some(4));
    done(&colony, &["stop", "all"]);
    assert!(
        running(&colony).is_empty(),
        "what a hand has started is part of all"
    );
}

#[test]
fn reload_and_signal_reach_names_patterns_groups_and_all_that_run() {
    let colony = colony();
    done(&colony, &["reload", "web-1"]);
    // A signal that waits to be heard swallows the next of its kind.
    until("web-1 has heard it", || {
        (heard(&colony, "web-1") == ["USR2"]).then_some(())
    });
    done(&colony, &["signal", "USR1", "w*"]);
    done(&colony, &["signal", "HUP", "--group", "site"]);
    done(&colony, &["reload", "all"]);
    let wanted = [
        ("db", vec!["USR2"]),
        ("web-1", vec!["USR2", "USR1", "HUP", "USR2"]),
        ("web-2", vec!["USR1", "HUP", "USR2"]),
        ("worker", vec!["USR1", "USR2"]),
    ];
    for (name, signals) in wanted {
        // Those that come close together may come in another order.
        let mut signals: Vec<String> = signals.into_iter().map(str::to_owned).collect();
        signals.sort();
        until(&format!("{name} has heard {signals:?}"), || {
            let mut all = heard(&colony, name);
            all.sort();
            (all == signals).then_some(())
        });
    }
    assert!(heard(&colony, "off").is_empty());
    let refused = colony.ctl(&["signal", "HUP", "off"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert_eq!(colony.ctl(&["reload", "off"]).code, Some(3));
    assert_eq!(colony.ctl(&["signal", "NONSENSE", "db"]).code, Some(2));
    for name in ALL.iter().filter(|name| **name != "off") {
        assert_eq!(colony.record(name).starts, 1, "nobody was restarted");
    }
}

#[test]
fn no_command_waits_for_another_programs_stubborn_end() {
    let colony = colony();
    let stubborn = shell(
        "trap '' TERM; echo ready; while :; do read line; done",
        json!({"killtime": 3600}),
    );
    colony.program("stubborn", stubborn);
    until_ready(&colony, "stubborn", 1);
    let pid = colony.record("stubborn").pid.unwrap();
    done(&colony, &["stop", "--no-wait", "stubborn"]);
    colony.until_state("stubborn", State::Stopping);
    done(&colony, &["restart", "db"]);
    done(&colony, &["stop", "web-1"]);
    done(&colony, &["start", "web-1"]);
    done(&colony, &["signal", "HUP", "worker"]);
    done(&colony, &["reload", "web-2"]);
    colony.remove("worker");
    colony.until_retracted("worker");
    let waited = colony.ctl(&["--timeout", "0.1", "stop", "stubborn"]);
    assert_eq!(waited.code, Some(6), "{waited:?}");
    let record = colony.record("stubborn");
    assert_eq!((record.state, record.pid), (State::Stopping, Some(pid)));
    assert!(is_alive(pid), "it is still not gone");
    done(&colony, &["signal", "KILL", "stubborn"]);
    colony.until_state("stubborn", State::Stopped);
}

#[test]
fn a_stop_takes_back_a_restart_that_has_not_begun() {
    let colony = Colony::running(&["-t", "0.05"]);
    let slow = shell(
        "trap '' TERM; echo ready; while :; do read line; done",
        json!({"killtime": 3600}),
    );
    colony.program("slow", slow);
    until_ready(&colony, "slow", 1);
    done(&colony, &["restart", "--no-wait", "slow"]);
    colony.until_state("slow", State::Stopping);
    done(&colony, &["stop", "--no-wait", "slow"]);
    done(&colony, &["signal", "KILL", "slow"]);
    let record = colony.until_state("slow", State::Stopped);
    assert_eq!(record.starts, 1);
    assert!(
        record
            .reason
            .unwrap()
            .contains("stopped by hand; start, restart or a fresh monitor")
    );
    colony.rescan();
    assert_eq!(colony.record("slow").state, State::Stopped);
}
