//! Records from before a command look like its effect, and are not taken for it.

use std::fs;

use ncolony_core::status::content_digest;
use serde_json::{Value, json};

use crate::colony::{Colony, Ran, until};
use crate::played_monitor::PlayedMonitor;

/// Runs a command about `web`; after the answer it sees a stale record, and then a new one.
fn run(args: &[&str], generation: u64, stale: Value, new: Value) -> Ran {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    monitor.publish("web", stale.clone());
    let command = colony.start(args);
    monitor.promise_late(&args[0].to_uppercase(), generation, stale);
    monitor.publish("web", new);
    command.finish()
}

#[test]
fn a_failure_from_before_is_not_that_of_the_command() {
    let exit = json!({"code": 1});
    for stale in [
        json!({"state": "BACKOFF", "pid": null, "exit": exit}),
        json!({"state": "FATAL", "pid": null, "exit": exit}),
        json!({"state": "EXITED", "pid": null, "exit": exit}),
        json!({"state": "STOPPED", "want": "down", "pid": null}),
    ] {
        for command in ["restart", "start"] {
            let new = json!({"pid": 102, "generation": 2});
            let ran = run(&[command, "web"], 2, stale.clone(), new);
            assert_eq!(ran.status, Some(0), "{stale} {ran:?}");
            assert_eq!(ran.stdout, "web: RUNNING, pid 102\n");
        }
    }
}

#[test]
fn a_success_from_before_is_not_that_of_the_command() {
    let failed = json!({"state": "BACKOFF", "pid": null, "generation": 2, "reason": "it fell"});
    for stale in [
        json!({}),
        json!({"state": "EXITED", "pid": null, "exit": {"code": 0}}),
    ] {
        let ran = run(&["restart", "web"], 2, stale, failed.clone());
        assert_eq!(ran.status, Some(1), "{ran:?}");
        assert!(ran.stderr.contains("web: BACKOFF: it fell"), "{ran:?}");
    }
}

#[test]
fn the_process_that_a_start_found_is_judged_by_what_became_of_it() {
    let died = json!({"state": "BACKOFF", "pid": null, "reason": "it fell"});
    let ran = run(&["start", "web"], 1, json!({"state": "STARTING"}), died);
    assert_eq!(ran.status, Some(1), "{ran:?}");
}

#[test]
fn a_stop_from_before_is_not_the_one_that_was_asked_for() {
    let stopped = json!({"state": "STOPPED", "want": "down", "pid": null});
    let ran = run(&["stop", "web", "--json"], 1, stopped.clone(), stopped);
    assert_eq!(ran.json()["programs"][0]["heard"], 1, "{ran:?}");
}

#[test]
fn a_restart_that_somebody_stops_ends_at_once() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    monitor.publish("web", json!({}));
    let command = colony.start(&["restart", "web"]);
    monitor.promise("RESTART", &[("web", 2)]);
    let stopped = json!({"state": "STOPPED", "want": "down", "pid": null, "reason": "by hand"});
    monitor.publish("web", stopped);
    let ran = command.finish();
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("STOPPED: by hand"), "{ran:?}");
}

#[test]
fn a_program_that_is_removed_meanwhile_is_not_waited_for() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    colony.file("new", r#"{"args": ["cat"]}"#);
    monitor.publish("web", json!({}));
    let command = colony.start(&["restart-all"]);
    // The monitor has just read the file of `new`: its record is still to come.
    monitor.promise("RESTART-ALL", &[("new", 1), ("web", 2)]);
    monitor.retract("web");
    monitor.publish("new", json!({"pid": 7}));
    let ran = command.finish();
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert_eq!(ran.stdout, "new: RUNNING, pid 7\n");
    assert!(ran.stderr.contains("web: it was removed"), "{ran:?}");
}

/// What `add` comes to for a program that keeps dying, when the record that is written under the
/// new digest says this.
fn add_to_what_dies(new: &[Value]) -> Ran {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    let dying = json!({
        "state": "BACKOFF", "pid": null, "ended": 1, "exit": {"code": 1}, "reason": "it fell",
        "config_digest": "0000000000000000"
    });
    monitor.publish("web", dying.clone());
    let command = colony.start(&["add", "web", "--cmd", "cat"]);
    let written = until("the file", || fs::read(colony.path("config/web")).ok());
    let looks = monitor.looks_at("web");
    until("a look at the stale record", || looks.read_events().ok());
    for differences in new {
        let mut record = dying.clone();
        for (key, value) in differences.as_object().unwrap() {
            record[key] = value.clone();
        }
        record["config_digest"] = json!(content_digest(&written));
        monitor.publish("web", record);
    }
    command.finish()
}

#[test]
fn an_addition_to_what_keeps_dying_is_judged_by_the_new_process() {
    let starting = json!({"state": "STARTING", "generation": 2});
    let running = json!({"state": "RUNNING", "generation": 2, "pid": 7});
    let ran = add_to_what_dies(&[starting, running]);
    assert_eq!(ran.stdout, "web: RUNNING, pid 7\n", "{ran:?}");
}

#[test]
fn an_addition_that_leaves_a_long_wait_as_it_is_says_so_at_once() {
    let waiting = json!({"next_start": "2999-01-01T00:00:00Z", "output": ["boom"]});
    let ran = add_to_what_dies(&[waiting]);
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(
        ran.stderr.contains("web: BACKOFF: it fell; next start in "),
        "{ran:?}"
    );
    assert!(ran.stderr.ends_with("\n  | boom\n"), "{ran:?}");
}
