//! `upgrade check` against the real monitor, with new binaries that are scripts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::binaries::install;
use crate::colony::Colony;

/// Writes a new binary that is a shell script.
fn new_binary(colony: &Colony, script: &str) -> PathBuf {
    let (draft, path) = (colony.path("draft"), colony.path("new-monitor"));
    fs::write(&draft, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o755)).unwrap();
    install(draft, &path);
    path
}

/// A new binary that reads everything and finds these errors, by file.
fn reader(colony: &Colony, errors: &Value) -> PathBuf {
    let files: Vec<Value> = errors
        .as_object()
        .unwrap()
        .iter()
        .map(|(file, error)| json!({"file": file, "error": error}))
        .collect();
    let answer = json!({"schema": 1, "version": "9.9.9", "programs": 1, "files": files});
    new_binary(colony, &format!("cat <<'END'\n{answer}\nEND"))
}

/// The result and the details of each check, by name, and the exit status.
fn checked(colony: &Colony, binary: &Path) -> (Value, Option<i32>) {
    let binary = binary.to_str().unwrap();
    let ran = colony.ctl(&["upgrade", "check", "--binary", binary, "--json"]);
    let document: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    assert_eq!(document["name"], "Upgrade Check Results");
    let checks = document["checks"].as_array().unwrap();
    let by_name = checks.iter().map(|check| {
        let name = check["check"].as_str().unwrap().to_owned();
        (name, json!([check["result"], check["details"]]))
    });
    (Value::Object(by_name.collect()), ran.code)
}

fn details<'c>(checks: &'c Value, check: &str) -> &'c str {
    checks[check][1].as_str().unwrap_or_default()
}

#[test]
fn all_checks_are_made_and_the_worst_is_the_exit_status() {
    let colony = Colony::running(&[]);
    colony.program("web", r#"{"args": ["cat"]}"#);
    colony.until_up("web");
    let (checks, code) = checked(&colony, &reader(&colony, &json!({"web": null})));
    let names = [
        "Monitor",
        "New binary",
        "Program files",
        "Users",
        "Commands",
        "Directories",
        "Limits",
        "Kernel",
        "Init",
        "Problems",
    ];
    assert_eq!(checks.as_object().unwrap().len(), names.len());
    let worst = names
        .iter()
        .map(|name| checks[name][0].as_i64().unwrap())
        .max();
    assert_eq!(code.map(i64::from), worst, "{checks}");
    for sure in [
        "Monitor",
        "New binary",
        "Program files",
        "Commands",
        "Directories",
    ] {
        assert_eq!(checks[sure][0], 0, "{sure}: {checks}");
    }
    assert!(
        details(&checks, "Monitor").contains(&colony.pid().to_string()),
        "{checks}"
    );
    assert!(
        details(&checks, "New binary").contains("→ 9.9.9"),
        "{checks}"
    );
}

#[test]
fn a_binary_that_cannot_read_the_state_would_fail() {
    let colony = Colony::running(&[]);
    for (script, why) in [
        (
            "echo 'the state is of tomorrow' >&2; exit 1",
            "the state is of tomorrow",
        ),
        ("echo hello", "makes no sense"),
    ] {
        let (checks, code) = checked(&colony, &new_binary(&colony, script));
        assert_eq!(
            (code, &checks["New binary"][0]),
            (Some(2), &json!(2)),
            "{checks}"
        );
        assert!(details(&checks, "New binary").contains(why), "{checks}");
    }
    let (checks, code) = checked(&colony, &colony.path("nosuch"));
    assert_eq!(
        (code, &checks["New binary"][0]),
        (Some(2), &json!(2)),
        "{checks}"
    );
}

#[test]
fn a_file_that_the_new_binary_refuses_is_a_failure_unless_it_is_refused_now() {
    let colony = Colony::running(&[]);
    colony.program("web", r#"{"args": ["cat"]}"#);
    colony.program("old", "{");
    colony.until_up("web");
    colony.until_record("old", "its file has an error", |record| {
        record.config_error.is_some()
    });
    let (checks, _) = checked(
        &colony,
        &reader(&colony, &json!({"old": "half", "web": null})),
    );
    assert_eq!(checks["Program files"][0], 1, "{checks}");
    let (checks, code) = checked(&colony, &reader(&colony, &json!({"web": "no such key"})));
    assert_eq!(
        (code, &checks["Program files"][0]),
        (Some(2), &json!(2)),
        "{checks}"
    );
    assert_eq!(details(&checks, "Program files"), "web: no such key");
}

#[test]
fn what_a_program_needs_and_is_gone_is_named() {
    let colony = Colony::running(&[]);
    let tool = colony.path("tool");
    install("/bin/cat", &tool);
    colony.program("web", json!({"args": [tool]}).to_string());
    colony.until_up("web");
    fs::remove_file(&tool).unwrap();
    colony.set_mode("messages", 0o777);
    let (checks, code) = checked(&colony, &reader(&colony, &json!({"web": null})));
    assert_eq!(code, Some(2));
    assert_eq!(checks["Commands"][0], 2, "{checks}");
    assert!(details(&checks, "Commands").contains("web: "), "{checks}");
    assert!(
        details(&checks, "Directories").contains("messages: everybody"),
        "{checks}"
    );
    colony.set_mode("messages", 0o700);
}

#[test]
fn it_works_without_a_monitor_and_then_the_best_is_a_warning() {
    let colony = Colony::new(&[]);
    fs::create_dir(colony.path("status")).unwrap();
    colony.set_mode("status", 0o700);
    colony.program("web", r#"{"args": ["cat"]}"#);
    let (checks, code) = checked(&colony, &reader(&colony, &json!({"web": null})));
    assert_eq!(
        (code, &checks["Monitor"][0]),
        (Some(1), &json!(1)),
        "{checks}"
    );
    let table = colony.ctl(&["upgrade", "check"]).stdout;
    assert!(table.contains("\n| Upgrade Check Results "), "{table}");
    assert!(table.contains("\n| Check: Monitor  "), "{table}");
    assert!(table.contains("\n| Result: Warning  "), "{table}");
}

#[test]
fn words_that_make_no_sense_have_their_own_exit_status_under_upgrade_check() {
    let colony = Colony::new(&[]);
    for (words, code) in [
        (vec!["upgrade", "check", "--banana"], 64),
        (vec!["upgrade", "check", "banana"], 64),
        (vec!["upgrade", "--no-wait", "check"], 64),
        (vec!["upgrade", "banana"], 2),
        (vec!["upgrade", "--banana"], 2),
        (vec!["upgrade"], 5),
    ] {
        let ran = colony.ctl(&words);
        assert_eq!(ran.code, Some(code), "{words:?}: {ran:?}");
    }
    // Where it cannot be said whether a monitor is alive, no check can be made.
    fs::write(colony.path("status"), "").unwrap();
    let ran = colony.ctl(&["upgrade", "check"]);
    assert_eq!(ran.code, Some(255), "{ran:?}");
}
