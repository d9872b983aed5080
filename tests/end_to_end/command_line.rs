//! The monitor's command line, and what it says when it cannot begin.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::binaries::binary;
use crate::colony::{Colony, until};

/// Runs a monitor that cannot begin.
fn refused(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command
        .stderr(std::process::Stdio::piped())
        .output()
        .unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn words_that_make_no_sense_are_a_usage_error() {
    for words in [
        vec!["--frequency", "0"],
        vec!["-t", "soon"],
        vec!["--watch", "closely"],
        vec!["--no-such-flag"],
        vec!["a-word"],
    ] {
        let colony = Colony::new(&words);
        let (code, said) = refused(&mut colony.command());
        assert_eq!(code, Some(2), "{words:?}: {said}");
        assert!(said.contains(words[0]), "{words:?}: {said}");
        assert!(!colony.path("status").exists(), "{words:?}");
    }
}

#[test]
fn a_place_that_may_not_be_entered_is_named() {
    let mut colony = Colony::new(&[]);
    colony.without_rights();
    fs::create_dir(colony.path("status")).unwrap();
    colony.give_away("status");
    colony.set_mode("status", 0);
    let (code, said) = refused(&mut colony.command());
    assert_eq!(code, Some(1), "{said}");
    let status = colony.path("status").display().to_string();
    assert!(said.contains(&status) && said.contains("EACCES"), "{said}");
}

#[test]
fn a_file_in_the_place_of_a_directory_is_named() {
    let colony = Colony::new(&[]);
    fs::write(colony.path("status"), "").unwrap();
    let (code, said) = refused(&mut colony.command());
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains(&colony.path("status").display().to_string()),
        "{said}"
    );
}

#[test]
fn missing_places_are_made_and_requests_and_state_are_private() {
    let mut colony = Colony::new(&[]);
    for place in ["config", "messages", "logs"] {
        fs::remove_dir(colony.path(place)).unwrap();
    }
    colony.start();
    let mode = |place: &str| {
        fs::metadata(colony.path(place))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!((mode("messages"), mode("status")), (0o700, 0o700));
    assert!(colony.path("config").is_dir() && colony.path("logs").is_dir());
}

#[test]
fn places_come_from_the_environment_too() {
    let colony = Colony::new(&[]);
    let mut monitor = Command::new(binary("ncolony-monitor"));
    monitor
        .env("NCOLONY_ROOT", colony.path("root"))
        .env("NCOLONY_LOGS_DIR", colony.path("logs"));
    let mut child = monitor.stderr(std::process::Stdio::null()).spawn().unwrap();
    let record: Value = until("it is up", || {
        let text = fs::read(colony.path("root/status/monitor.json")).ok()?;
        serde_json::from_slice(&text).ok()
    });
    child.kill().unwrap();
    child.wait().unwrap();
    let wanted = json!({
        "config": colony.path("root/config"),
        "messages": colony.path("root/messages"),
        "status": colony.path("root/status"),
        "logs": colony.path("logs"),
    });
    assert_eq!(record["places"], wanted);
}

#[test]
fn pid_files_hold_the_number_while_it_means_the_program() {
    let mut colony = Colony::new(&[]);
    let pids = colony.path("pids");
    colony.add_flags(&["--pid", pids.to_str().unwrap()]);
    colony.start();
    colony.program("web", r#"{"args": ["cat"]}"#);
    let pid = colony.until_up("web");
    assert_eq!(
        fs::read_to_string(pids.join("web")).unwrap(),
        pid.to_string()
    );
    assert!(colony.ask(json!({"type": "RESTART", "name": "web"})).ok);
    let record = colony.until_record("web", "it was restarted", |record| {
        record.starts == 2 && record.pid.is_some()
    });
    let second = record.pid.unwrap().to_string();
    assert_eq!(fs::read_to_string(pids.join("web")).unwrap(), second);
    assert!(colony.ask(json!({"type": "STOP", "name": "web"})).ok);
    until("its pid file is gone", || {
        (!pids.join("web").exists()).then_some(())
    });
}

#[test]
fn the_monitors_own_log_can_be_read_by_programs() {
    let mut colony = Colony::running(&["--log-format", "json"]);
    colony.program("web", "{");
    colony.message("bad", &json!({}));
    until("it is rejected", || {
        colony
            .path("status/rejected/bad.reason")
            .exists()
            .then_some(())
    });
    assert!(colony.stop().success());
    let lines = colony.lines("monitor.err");
    assert!(lines.len() >= 3);
    for line in lines {
        let parsed: Value = serde_json::from_str(&line).unwrap();
        assert!(
            parsed["level"].is_string() && parsed["timestamp"].is_string(),
            "{line}"
        );
    }
}
