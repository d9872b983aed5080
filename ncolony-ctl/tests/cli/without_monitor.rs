//! Nobody is there: files are written or nothing is done.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

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
    fs::copy(env!("CARGO_BIN_EXE_ncolony-ctl"), &binary).unwrap();
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

#[test]
fn check_names_the_place_and_the_key() {
    let colony = Colony::new();
    colony.file("good", r#"{"args": ["cat"]}"#);
    let text = "{\n  \"args\": [\"x\"],\n  \"treshold\": 3,\n  \"killtime\": \"soon\"\n}";
    let path = colony.path(".ansible_tmp_x");
    fs::write(&path, text).unwrap();
    let ran = colony.ends(0, &["check"]);
    assert_eq!(ran.stdout, "");
    let ran = colony.ends(1, &["check", path.to_str().unwrap()]);
    assert!(
        ran.stdout
            .contains(".ansible_tmp_x:4:15: error: key \"killtime\""),
        "{ran:?}"
    );
    assert!(
        ran.stdout
            .contains("\n  4 |   \"killtime\": \"soon\"\n    |               ^\n")
    );
    assert!(
        ran.stdout.contains("did you mean \"threshold\"?"),
        "{ran:?}"
    );
    let document = colony
        .ends(1, &["--json", "check", path.to_str().unwrap()])
        .json();
    let file = &document["files"][0];
    assert_eq!(
        (&document["schema"], &file["ok"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(file["errors"][0]["line"], 4);
    assert_eq!(file["warnings"][0]["key"], "treshold");
}

#[test]
fn check_of_a_directory_sees_what_the_monitor_sees() {
    let colony = Colony::new();
    for (name, text) in [
        ("web", r#"{"args": ["x"]}"#),
        ("web.json", r#"{"args": ["x"]}"#),
    ] {
        colony.file(name, text);
    }
    colony.file("old.bak", "");
    colony.file(".hidden", "");
    fs::create_dir(colony.path("config/dir")).unwrap();
    let document = colony.ends(1, &["check", "--json"]).json();
    let files = document["files"].as_array().unwrap();
    let shown: Vec<(String, bool, usize)> = files
        .iter()
        .map(|file| {
            let name = file["file"]
                .as_str()
                .unwrap()
                .rsplit('/')
                .next()
                .unwrap()
                .to_owned();
            let warnings = file["warnings"].as_array().unwrap().len();
            (name, file["ok"].as_bool().unwrap(), warnings)
        })
        .collect();
    let entry = |name: &str, ok, warnings| (name.to_owned(), ok, warnings);
    let wanted = [
        entry("dir", false, 0),
        entry("old.bak", true, 1),
        entry("web", false, 0),
        entry("web.json", false, 0),
    ];
    assert_eq!(shown, wanted);
    colony.ends(1, &["check", "/nosuch"]);
}

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
