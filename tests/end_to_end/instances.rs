//! Programs with several instances: each is a program of its own under `NAME:K`, with the file of
//! all. How they are restarted is in `instances_rolling.rs`.

use std::collections::BTreeSet;
use std::fs;

use ncolony_core::State;
use serde_json::{Value, json};

use crate::adoption::{succeed, until_adopted};
use crate::colony::{Colony, shell, until};
use crate::processes::{environment, is_alive, until_gone};

/// The file of a program with so many instances that say who they are, on both streams.
fn file(instances: u32, keys: Value) -> String {
    let script = "echo I am $NCOLONY_NAME $NCOLONY_INSTANCE; echo not well >&2; exec cat";
    let mut all =
        json!({"instances": instances, "threshold": 0.05, "stderr": {"file": "/dev/null"}});
    if let (Value::Object(all), Value::Object(keys)) = (&mut all, keys) {
        all.extend(keys);
    }
    shell(script, all)
}

#[test]
fn the_control_program_knows_one_some_and_all() {
    let colony = Colony::running(&[]);
    let add = [
        "add",
        "web",
        "--cmd",
        "cat",
        "--set",
        "instances=3",
        "--set",
        "threshold=0.05",
    ];
    let ran = colony.ctl(&add);
    assert_eq!(
        (ran.code, ran.stdout.lines().count()),
        (Some(0), 3),
        "{ran:?}"
    );
    let lines = |args: &[&str]| -> Vec<String> {
        let ran = colony.ctl(args);
        assert_eq!(ran.code, Some(0), "{args:?}: {ran:?}");
        let words = ran
            .stdout
            .lines()
            .filter_map(|line| line.split([' ', ':']).nth(1));
        words.map(str::to_owned).collect()
    };
    let all = ["0", "1", "2"];
    assert_eq!(lines(&["wait", "web", "--for", "RUNNING"]), all);
    assert_eq!(lines(&["status", "web"])[1..], all);
    assert_eq!(lines(&["status", "web:[02]"])[1..], ["0", "2"]);
    assert_eq!(lines(&["stop", "web:1"]), ["1"]);
    assert_eq!(colony.record("web:1").state, State::Stopped);
    assert_eq!(lines(&["start", "w*"]), all);
    assert_eq!(lines(&["restart", "web:*"]), all);
    assert_eq!(colony.record("web:0").starts, 2);
    assert_eq!(lines(&["restart", "web:2"]), ["2"]);
    assert_eq!(lines(&["signal", "CONT", "web"]), all);
    assert!(colony.ctl(&["show", "web:1"]).stdout.starts_with("web: "));
    for (status, refused) in [
        (4, &["stop", "web:3"][..]),
        (2, &["remove", "web:0"]),
        (4, &["stop", "web:7*"]),
        (2, &["stop", "web:x"]),
    ] {
        let ran = colony.ctl(refused);
        assert_eq!(ran.code, Some(status), "{refused:?}: {ran:?}");
    }
    let events = |name: &str| colony.ctl(&["events", name, "-n", "100"]).stdout;
    assert!(events("web").contains("web:0") && events("web").contains("web:1"));
    assert!(events("web:1").contains("web:1") && !events("web:1").contains("web:0"));
    assert_eq!(colony.ctl(&["remove", "web"]).code, Some(0));
    assert!(entries(&colony, "status/programs").is_empty());
}

#[test]
fn the_logs_of_all_are_shown_with_their_names() {
    let colony = Colony::running(&[]);
    colony.program("web", file(2, json!({})));
    for number in 0..2 {
        until("it has said who it is", || {
            (colony.lines(&format!("logs/web:{number}.log")).len() == 1).then_some(())
        });
    }
    let shown = colony.ctl(&["logs", "web"]).stdout;
    assert_eq!(shown, "[web:0] I am web 0\n[web:1] I am web 1\n");
    assert_eq!(colony.ctl(&["logs", "web:1"]).stdout, "I am web 1\n");
}

/// The names of so many instances.
pub(crate) fn names(count: u32) -> Vec<String> {
    (0..count).map(|number| format!("web:{number}")).collect()
}

/// Waits until so many run, and gives their processes.
pub(crate) fn pids(colony: &Colony, count: u32) -> Vec<u32> {
    let pid = |name: &String| colony.until_state(name, State::Running).pid.unwrap();
    names(count).iter().map(pid).collect()
}

/// What is in a directory of the colony.
fn entries(colony: &Colony, directory: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(colony.path(directory)).unwrap().flatten();
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    names.filter(|name| !name.starts_with('.')).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn each_has_a_record_a_log_outputs_a_pid_file_and_a_number() {
    let mut colony = Colony::new(&[]);
    let pid_files = colony.path("pids");
    colony.add_flags(&["--pid", pid_files.to_str().unwrap()]);
    colony.start();
    let err = colony.path("err.log");
    colony.program("web", file(2, json!({"stderr": {"file": err}})));
    let pids = pids(&colony, 2);
    assert_eq!(
        entries(&colony, "status/programs"),
        set(&["web:0.json", "web:1.json"])
    );
    assert_eq!(
        entries(&colony, "status/output"),
        set(&["web:0", "web:0:err", "web:1", "web:1:err"])
    );
    assert_eq!(entries(&colony, "pids"), set(&["web:0", "web:1"]));
    for (number, pid) in pids.into_iter().enumerate() {
        let said = format!("I am web {number}");
        until("it has said who it is", || {
            (colony.lines(&format!("logs/web:{number}.log")) == [said.as_str()]).then_some(())
        });
        let environment = environment(pid);
        for variable in [
            "NCOLONY_NAME=web".to_owned(),
            format!("NCOLONY_INSTANCE={number}"),
        ] {
            assert!(environment.contains(&variable), "{environment:?}");
        }
        assert_eq!(
            colony.lines(&format!("pids/web:{number}")),
            [pid.to_string()]
        );
    }
    until("both share the file for their errors", || {
        (colony.lines("err.log") == ["not well", "not well"]).then_some(())
    });
    colony.remove("web");
    colony.until_retracted("web:0");
    colony.until_retracted("web:1");
    for directory in ["status/programs", "status/output", "pids"] {
        until("nothing is left", || {
            entries(&colony, directory).is_empty().then_some(())
        });
    }
}

#[test]
fn another_number_touches_only_those_that_come_or_go() {
    let colony = Colony::running(&[]);
    colony.program("web", file(3, json!({})));
    let three = pids(&colony, 3);
    colony.program("web", file(4, json!({})));
    let four = pids(&colony, 4);
    assert_eq!(three, four[..3]);
    colony.program("web", file(2, json!({})));
    colony.until_retracted("web:2");
    colony.until_retracted("web:3");
    assert_eq!(pids(&colony, 2), three[..2]);
    assert!(!is_alive(four[3]));
    // One is a program of another name.
    colony.program("web", file(1, json!({})));
    colony.until_state("web", State::Running);
    colony.until_retracted("web:0");
    colony.until_retracted("web:1");
}

#[test]
fn a_bad_file_is_shown_on_each_and_stops_none() {
    let colony = Colony::running(&[]);
    colony.program("web", file(2, json!({})));
    let before = pids(&colony, 2);
    colony.program("web", r#"{"args": ["cat"], "instances": 10001}"#);
    for name in names(2) {
        let record = colony.until_record(&name, "it shows the error", |record| {
            record.config_error.is_some()
        });
        assert_eq!(record.config_error.unwrap().key.unwrap(), "instances");
    }
    assert_eq!(pids(&colony, 2), before);
    assert_eq!(
        colony
            .ctl(&["status", "web"])
            .stdout
            .matches("instances")
            .count(),
        2
    );
}

#[test]
fn they_outlive_the_monitor_and_its_journal() {
    let mut colony = Colony::running(&[]);
    colony.program("web", file(3, json!({})));
    let before = pids(&colony, 3);
    succeed(&mut colony);
    for (name, pid) in names(3).iter().zip(&before) {
        assert_eq!(until_adopted(&colony, name).pid, Some(*pid));
    }
    // By their environment alone.
    colony.kill();
    fs::remove_file(colony.path("status/.journal")).unwrap();
    colony.start();
    for (name, pid) in names(3).iter().zip(&before) {
        assert_eq!(until_adopted(&colony, name).pid, Some(*pid));
    }
    // A file that changed meanwhile counts.
    colony.kill();
    colony.program("web", file(2, json!({})));
    colony.start();
    colony.until_retracted("web:2");
    until_gone(before[2]);
    assert_eq!(pids(&colony, 2), before[..2]);
}
