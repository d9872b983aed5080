//! Nobody is there: files are written or nothing is done.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use serde_json::{Value, json};

use crate::colony::{Colony, Ran};

#[test]
fn a_program_is_written_exactly() {
    let colony = Colony::new();
    let args = [
        "add",
        "web",
        "--cmd",
        "/bin/sh",
        "--arg",
        "-c",
        "--arg",
        "exec cat",
        "--env",
        "A=b=c",
        "--env-inherit",
        "HOME",
        "--uid",
        "5",
        "--gid",
        "6",
        "--group",
        "g",
        "--extras",
        r#"{"uid": 7, "x.y": [1]}"#,
        "--set",
        "x.y=null",
        "--set",
        "killtime=2.5",
    ];
    let ran = colony.ends(0, &args);
    assert!(ran.stderr.contains("no monitor"), "{ran:?}");
    let written: Value =
        serde_json::from_slice(&fs::read(colony.path("config/web")).unwrap()).unwrap();
    let wanted = json!({
        "args": ["/bin/sh", "-c", "exec cat"], "env": {"A": "b=c"}, "env_inherit": ["HOME"],
        "uid": 7, "gid": 6, "group": ["g"], "x.y": null, "killtime": 2.5
    });
    assert_eq!(written, wanted);
    assert_eq!(colony.names("config"), ["web"]);
}

#[test]
fn a_key_that_looks_misspelt_is_warned_of_and_written() {
    let colony = Colony::new();
    let ran = colony.ends(0, &["add", "web", "--cmd=cat", "--set=require=[\"db\"]"]);
    assert!(
        ran.stderr.contains("key \"require\"") && ran.stderr.contains("did you mean \"requires\"?"),
        "{ran:?}"
    );
    let ran = colony.ends(0, &["add", "web", "--cmd=cat", "--set=x.y=1"]);
    assert!(!ran.stderr.contains("did you mean"), "{ran:?}");
}

#[test]
fn extras_come_from_a_file_too() {
    let colony = Colony::new();
    fs::write(colony.path("extras"), r#"{"x.y": 1}"#).unwrap();
    let path = colony.path("extras");
    colony.ends(
        0,
        &[
            "add",
            "--name=web",
            "--cmd=cat",
            "--extras",
            path.to_str().unwrap(),
        ],
    );
    let written = fs::read_to_string(colony.path("config/web")).unwrap();
    assert_eq!(written, r#"{"args":["cat"],"x.y":1}"#);
}

#[test]
fn what_makes_no_sense_is_said_and_not_written() {
    let colony = Colony::new();
    fs::write(colony.path("list"), "[1]").unwrap();
    let list = colony.path("list");
    let cases: [(&[&str], &str); 11] = [
        (&["add", "web", "--cmd", "x", "--env", "A"], "NAME=VALUE"),
        (&["add", "a/b", "--cmd", "x"], "'/'"),
        (&["add", "all", "--cmd", "x"], "every program"),
        (
            &["add", "web", "--cmd", "x", "--extras", "/nosuch"],
            "/nosuch",
        ),
        (
            &["add", "web", "--cmd", "x", "--extras", "{"],
            "not valid JSON",
        ),
        (
            &[
                "add",
                "web",
                "--cmd",
                "x",
                "--extras",
                list.to_str().unwrap(),
            ],
            "not a JSON object",
        ),
        (&["add", "web", "--cmd", "x", "--set", "umask=22"], "umask"),
        (&["add", "web", "--cmd", "x", "--uid", "root"], "--uid"),
        (&["add", "web"], "--cmd"),
        (&["restart"], "NAME"),
        (&["dance"], "dance"),
    ];
    for (args, word) in cases {
        let ran = colony.ends(2, args);
        assert!(ran.stderr.contains(word), "{args:?}: {ran:?}");
        assert_eq!(ran.stdout, "", "{args:?}");
    }
    assert_eq!(colony.names(""), ["list"]);
}

#[test]
fn requests_that_can_wait_are_written() {
    let colony = Colony::new();
    colony.file("web", r#"{"args": ["cat"]}"#);
    colony.file("web-2.json", r#"{"args": ["cat"]}"#);
    for args in [
        &["restart", "web*"][..],
        &["restart-all"],
        &["restart", "all"],
    ] {
        let ran = colony.ends(0, args);
        assert!(ran.stderr.contains("no monitor"), "{ran:?}");
    }
    colony.ends(0, &["restart-group", "g"]);
    assert_eq!(
        colony.messages(),
        [
            r#"{"name":"web","type":"RESTART"}"#,
            r#"{"name":"web-2","type":"RESTART"}"#,
            r#"{"type":"RESTART-ALL"}"#,
            r#"{"type":"RESTART-ALL"}"#,
            r#"{"group":"g","type":"RESTART-GROUP"}"#,
        ]
    );
    let document = colony.ends(0, &["--json", "restart", "web"]).json();
    assert_eq!(
        document,
        json!({"schema": 1, "ok": true, "error": null, "programs": []})
    );
}

#[test]
fn requests_that_need_a_monitor_are_not_written() {
    let colony = Colony::new();
    colony.file("web", r#"{"args": ["cat"]}"#);
    let cases: [&[&str]; 7] = [
        &["start", "web"],
        &["stop", "all"],
        &["reload", "web"],
        &["signal", "HUP", "web"],
        &["wait", "web"],
        &["shutdown"],
        &["shutdown", "--no-wait"],
    ];
    for args in cases {
        let ran = colony.ends(5, args);
        assert!(ran.stderr.contains("no monitor"), "{ran:?}");
        assert_eq!(colony.messages(), [""; 0], "{args:?}");
    }
    let document = colony.ends(5, &["--json", "stop", "web"]).json();
    assert_eq!(
        (&document["ok"], &document["programs"]),
        (&json!(false), &json!([]))
    );
}

#[test]
fn one_unknown_name_and_nothing_is_done_to_any() {
    let colony = Colony::new();
    colony.file("web", r#"{"args": ["cat"]}"#);
    for args in [
        ["restart", "web", "nosuch"],
        ["remove", "web", "nosuch"],
        ["remove", "web", "n*"],
    ] {
        let ran = colony.ends(4, &args);
        assert!(ran.stderr.contains("no"), "{ran:?}");
    }
    assert_eq!(colony.names("config"), ["web"]);
    assert_eq!(colony.messages(), [""; 0]);
    colony.ends(4, &["status", "nosuch"]);
    colony.ends(4, &["show", "nosuch"]);
}

#[test]
fn a_program_is_removed_under_either_name() {
    let colony = Colony::new();
    colony.file("web", "{}");
    colony.file("db.json", "{}");
    colony.ends(2, &["remove", "all"]);
    colony.ends(0, &["remove", "web", "db"]);
    assert_eq!(colony.names("config"), [""; 0]);
}

#[test]
fn status_shows_the_last_records_and_says_so() {
    let colony = Colony::new();
    fs::create_dir_all(colony.path("status/programs")).unwrap();
    fs::write(colony.path("status/.lock"), "123").unwrap();
    let record = crate::played_monitor::record("web", json!({"pid": 4711, "later": "kept"}));
    fs::write(colony.path("status/programs/web.json"), record.to_string()).unwrap();
    let ran = colony.ends(5, &[]);
    let columns: Vec<&str> = ran
        .stdout
        .lines()
        .nth(1)
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(columns[..3], ["web", "RUNNING", "4711"]);
    assert!(ran.stderr.contains("last records"), "{ran:?}");
    let document = colony.ends(5, &["ps", "--json"]).json();
    assert_eq!(
        document,
        json!({"schema": 1, "monitor": null, "programs": [record]})
    );
}

#[test]
fn a_place_that_may_not_be_entered_is_not_taken_for_no_monitor() {
    let colony = Colony::new();
    fs::create_dir_all(colony.path("status")).unwrap();
    // Root may enter everything, so as root somebody else tries, with a binary within reach.
    let reach = tempfile::tempdir().unwrap();
    fs::set_permissions(reach.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let binary = reach.path().join("ncolony-ctl");
    // A process of its own copies it: whoever is forked here meanwhile would hold the copy open for
    // writing, and the kernel executes no such file.
    let mut copy = Command::new("cp");
    copy.arg(env!("CARGO_BIN_EXE_ncolony-ctl")).arg(&binary);
    assert!(copy.status().unwrap().success(), "{copy:?}");
    fs::set_permissions(colony.path("status"), fs::Permissions::from_mode(0o000)).unwrap();
    let mut command = colony.command_at(&binary);
    if nix::unistd::geteuid().is_root() {
        fs::set_permissions(colony.root(), fs::Permissions::from_mode(0o777)).unwrap();
        command.uid(65_534).gid(65_534);
    }
    command.args(["add", "web", "--cmd", "cat"]);
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.status, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("ermission denied"), "{ran:?}");
    assert_eq!(colony.names("config"), [""; 0]);
    fs::set_permissions(colony.path("status"), fs::Permissions::from_mode(0o700)).unwrap();
}
