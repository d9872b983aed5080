//! A monitor is there, played by the test: commands wait for what it writes.

use std::fs;

use ncolony_core::status::content_digest;
use serde_json::json;

use crate::colony::{Colony, until};
use crate::played_monitor::PlayedMonitor;

#[test]
fn a_restart_returns_when_another_process_runs() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    monitor.publish("web", json!({}));
    let command = colony.start(&["restart", "web"]);
    let message = monitor.promise("RESTART", &[("web", 2)]);
    assert_eq!(message["name"], "web");
    monitor.publish("web", json!({"state": "STOPPING"}));
    let starting = json!({"state": "STARTING", "pid": 102, "generation": 2});
    monitor.publish("web", starting);
    monitor.publish("web", json!({"pid": 102, "generation": 2}));
    let ran = command.finish();
    assert_eq!(
        (ran.status, ran.stdout.as_str()),
        (Some(0), "web: RUNNING, pid 102\n"),
        "{ran:?}"
    );
}

#[test]
fn a_restart_that_fails_says_why_and_shows_what_was_printed() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    monitor.publish("web", json!({}));
    let command = colony.start(&["restart", "web"]);
    monitor.promise("RESTART", &[("web", 2)]);
    let after = json!({
        "state": "BACKOFF", "pid": null, "generation": 2, "ended": 2, "exit": {"code": 3},
        "reason": "it exited with code 3 after 0.01 s", "output": ["starting", "no such \u{7}table"]
    });
    monitor.publish("web", after.clone());
    let ran = command.finish();
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert_eq!(ran.stdout, "");
    let said =
        "web: BACKOFF: it exited with code 3 after 0.01 s\n  | starting\n  | no such  table\n";
    assert!(ran.stderr.ends_with(said), "{ran:?}");

    monitor.publish("web", json!({}));
    let command = colony.start(&["restart", "web", "--json"]);
    monitor.promise("RESTART", &[("web", 2)]);
    let after = monitor.publish("web", after);
    let document = command.finish().json();
    assert_eq!(document["ok"], json!(false));
    assert!(document["error"].as_str().unwrap().contains("code 3"));
    assert_eq!(document["programs"], json!([after]));
}

#[test]
fn a_start_that_could_not_happen_is_not_blamed_on_older_output() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    let printed = json!({
        "state": "FATAL", "pid": null, "ended": 1, "exit": {"code": 1}, "output": ["older"]
    });
    monitor.publish("web", printed.clone());
    let command = colony.start(&["start", "web"]);
    monitor.promise("START", &[("web", 2)]);
    let mut after = printed;
    after["generation"] = json!(2);
    after["reason"] = json!("cannot execute /nosuch: no such file");
    monitor.publish("web", after);
    let ran = command.finish();
    assert_eq!(ran.status, Some(1));
    assert!(
        ran.stderr.contains("/nosuch") && !ran.stderr.contains("older"),
        "{ran:?}"
    );
}

#[test]
fn an_exit_that_counts_as_success_is_one() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    colony.file(
        "job",
        r#"{"args": ["x"], "restart": "never", "exit_codes": [0, 3]}"#,
    );
    let exited = |generation: u64, code: u8| {
        let exit = json!({"code": code});
        json!({"state": "EXITED", "pid": null, "generation": generation, "exit": exit})
    };
    monitor.publish("job", exited(1, 9));
    for (generation, code, status) in [(2, 3, 0), (3, 4, 1)] {
        let command = colony.start(&["start", "job"]);
        monitor.promise("START", &[("job", generation)]);
        monitor.publish("job", exited(generation, code));
        assert_eq!(command.finish().status, Some(status), "code {code}");
    }
}

#[test]
fn an_addition_returns_when_its_content_is_in_force() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    monitor.publish("web", json!({"config_digest": "0000000000000000"}));
    let command = colony.start(&["add", "web", "--cmd", "cat"]);
    let written = until("the file", || fs::read(colony.path("config/web")).ok());
    let digest = content_digest(&written);
    monitor.publish("web", json!({"state": "STOPPING", "config_digest": digest}));
    monitor.publish(
        "web",
        json!({"pid": 7, "starts": 2, "config_digest": digest}),
    );
    let ran = command.finish();
    assert_eq!(
        (ran.status, ran.stdout.as_str()),
        (Some(0), "web: RUNNING, pid 7\n"),
        "{ran:?}"
    );
    assert_eq!(colony.messages(), [""; 0], "no message is needed");
}

#[test]
fn an_addition_that_the_monitor_refuses_has_failed() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    let command = colony.start(&["add", "web", "--cmd", "cat"]);
    until("the file", || {
        colony.path("config/web").exists().then_some(())
    });
    let error =
        json!({"message": "others can write it", "line": null, "column": null, "key": null});
    let differences =
        json!({"state": "STOPPED", "want": "down", "pid": null, "config_error": error});
    monitor.publish("web", differences);
    let ran = command.finish();
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("others can write it"), "{ran:?}");
}

#[test]
fn a_disabled_program_need_not_run() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    let command = colony.start(&["add", "web", "--cmd", "cat", "--set", "enabled=false"]);
    let written = until("the file", || fs::read(colony.path("config/web")).ok());
    let digest = content_digest(&written);
    let differences =
        json!({"state": "STOPPED", "want": "down", "pid": null, "config_digest": digest});
    monitor.publish("web", differences);
    assert_eq!(command.finish().status, Some(0));
}

#[test]
fn a_removal_returns_when_the_record_is_gone() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    colony.file("web", "{}");
    monitor.publish("web", json!({}));
    let command = colony.start(&["remove", "web"]);
    until("the removal", || {
        (!colony.path("config/web").exists()).then_some(())
    });
    monitor.publish("web", json!({"state": "STOPPING", "want": "down"}));
    monitor.retract("web");
    let ran = command.finish();
    assert_eq!(
        (ran.status, ran.stdout.as_str()),
        (Some(0), "web: removed\n"),
        "{ran:?}"
    );
    colony.file("web", "{}");
    monitor.publish("web", json!({}));
    colony.ends(6, &["remove", "web", "--timeout", "0.05"]);
}

#[test]
fn a_stop_returns_when_nothing_is_there_any_more() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    monitor.publish("web", json!({}));
    monitor.publish("db", json!({}));
    let command = colony.start(&["stop", "all", "--json"]);
    assert_eq!(monitor.obey("STOP", &["web", "db"])["all"], true);
    let stopped = json!({"state": "STOPPED", "want": "down", "pid": null});
    monitor.publish("web", json!({"state": "STOPPING", "want": "down"}));
    let db = monitor.publish("db", stopped.clone());
    let web = monitor.publish("web", stopped);
    let document = command.finish().json();
    assert_eq!(document["programs"], json!([db, web]));
}

#[test]
fn a_start_of_what_runs_is_done() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    monitor.publish("web", json!({}));
    let command = colony.start(&["start", "w?b"]);
    monitor.promise("START", &[("web", 1)]);
    monitor.publish("web", json!({}));
    assert_eq!(command.finish().status, Some(0));
}

#[test]
fn a_program_whose_file_is_not_read_yet_is_waited_for() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    colony.file("web", r#"{"args": ["cat"]}"#);
    let command = colony.start(&["restart", "web"]);
    monitor.publish("web", json!({}));
    monitor.promise("RESTART", &[("web", 2)]);
    monitor.publish("web", json!({"pid": 101, "generation": 2}));
    assert_eq!(command.finish().stdout, "web: RUNNING, pid 101\n");
}

#[test]
fn all_members_of_a_group_are_waited_for() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    for name in ["a", "b"] {
        monitor.publish(name, json!({"groups": ["g"]}));
    }
    colony.ends(4, &["restart-group", "g", "nosuch"]);
    assert_eq!(colony.messages(), [""; 0]);
    let command = colony.start(&["restart-group", "g"]);
    monitor.promise("RESTART-GROUP", &[("a", 2), ("b", 5)]);
    monitor.publish("b", json!({"pid": 201, "generation": 5}));
    monitor.publish("a", json!({"pid": 200, "generation": 2}));
    assert_eq!(
        command.finish().stdout,
        "a: RUNNING, pid 200\nb: RUNNING, pid 201\n"
    );
}

#[test]
fn signals_go_to_what_runs() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    monitor.publish("web", json!({}));
    monitor.publish("db", json!({"state": "EXITED", "pid": null}));
    let ran = colony.ends(3, &["signal", "USR1", "db"]);
    assert!(ran.stderr.contains("db is not running"), "{ran:?}");
    let command = colony.start(&["signal", "usr1", "web"]);
    assert_eq!(monitor.obey("SIGNAL", &["web"])["signal"], "SIGUSR1");
    assert_eq!(command.finish().status, Some(0));
    let command = colony.start(&["reload", "*"]);
    monitor.obey("RELOAD", &["web"]);
    assert_eq!(command.finish().status, Some(3), "one of them does not run");
    let command = colony.start(&["reload", "all"]);
    monitor.obey("RELOAD", &[]);
    assert_eq!(command.finish().status, Some(3), "none was running");
    let command = colony.start(&["reload", "web"]);
    monitor.refuse("RELOAD", "it has no hands");
    let ran = command.finish();
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("it has no hands"), "{ran:?}");
}

#[test]
fn without_waiting_the_message_is_left_as_the_original_leaves_it() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    monitor.publish("web", json!({}));
    colony.ends(0, &["restart", "--no-wait", "web"]);
    colony.ends(0, &["stop", "--no-wait", "web"]);
    let messages = [
        r#"{"name":"web","type":"RESTART"}"#,
        r#"{"name":"web","type":"STOP"}"#,
    ];
    assert_eq!(colony.messages(), messages);
    drop(monitor);
}

#[test]
fn time_runs_out_and_what_is_there_is_said() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    monitor.publish("web", json!({"state": "STARTING"}));
    let ran = colony.ends(6, &["wait", "web", "--timeout", "0.05"]);
    assert!(ran.stderr.contains("STARTING"), "{ran:?}");
    let ran = colony.ends(6, &["restart", "web", "--timeout", "0.05"]);
    assert!(ran.stderr.contains("pid 4000000"), "{ran:?}");
}

#[test]
fn a_wait_ends_when_the_state_is_there_or_cannot_come() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    monitor.publish("web", json!({"state": "STARTING", "ready": false}));
    let command = colony.start(&["wait", "web", "--for", "ready"]);
    monitor.publish("web", json!({"pid": 105}));
    assert_eq!(command.finish().stdout, "web: RUNNING, pid 105\n");
    monitor.publish(
        "web",
        json!({"state": "FATAL", "pid": null, "reason": "too often"}),
    );
    let ran = colony.ends(1, &["wait", "web", "--for", "running"]);
    assert!(ran.stderr.contains("FATAL: too often"), "{ran:?}");
}

#[test]
fn a_shutdown_returns_when_the_lock_is_free() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    let command = colony.start(&["shutdown"]);
    monitor.obey("SHUTDOWN", &[]);
    drop(monitor);
    assert_eq!(command.finish().status, Some(0));
}

#[test]
fn a_monitor_that_ends_meanwhile_is_no_timeout() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    monitor.publish("web", json!({}));
    let command = colony.start(&["restart", "web"]);
    monitor.take_message();
    drop(monitor);
    let ran = command.finish();
    assert_eq!(ran.status, Some(5), "{ran:?}");
    assert!(ran.stderr.contains("ended"), "{ran:?}");
}

#[test]
fn status_tells_by_its_exit_whether_all_is_well() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    monitor.describe(json!({}));
    monitor.publish("web", json!({}));
    monitor.publish("job", json!({"state": "EXITED", "pid": null}));
    monitor.publish(
        "off",
        json!({"state": "STOPPED", "want": "down", "pid": null}),
    );
    let ran = colony.ends(0, &["status"]);
    assert_eq!(ran.stderr, "");
    monitor.publish(
        "db",
        json!({"state": "BACKOFF", "pid": null, "reason": "it fell over"}),
    );
    let ran = colony.ends(3, &["status"]);
    assert!(ran.stdout.contains("it fell over"), "{ran:?}");
    colony.ends(0, &["status", "web", "job"]);
    let document = colony.ends(3, &["status", "d*", "--json"]).json();
    assert_eq!(document["monitor"]["version"], "0.1.0");
    assert_eq!(document["programs"][0]["name"], "db");
}

#[test]
fn status_says_what_is_wrong_with_the_monitors_world() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    monitor.describe(json!({
        "config_state": "unknown: it cannot be listed", "problems": ["the disk is full"],
        "ignored": [{"file": "web~", "reason": "the name ends in \"~\""}]
    }));
    let ran = colony.ends(0, &["status"]);
    for words in ["unknown: it cannot be listed", "the disk is full", "web~"] {
        assert!(ran.stderr.contains(words), "{ran:?}");
    }
}

#[test]
fn show_takes_what_the_monitor_says_for_the_rest() {
    let colony = Colony::new();
    let monitor = PlayedMonitor::of(&colony);
    monitor.describe(json!({}));
    colony.file("web", r#"{"args": ["cat"], "threshold": 3}"#);
    let document = colony.ends(0, &["show", "web", "--json"]).json();
    let values = &document["programs"][0]["values"];
    assert_eq!(
        values["killtime"],
        json!({"value": 7.0, "origin": "monitor"})
    );
    assert_eq!(values["threshold"], json!({"value": 3.0, "origin": "file"}));
}
