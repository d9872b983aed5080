//! What an upgrade cannot prevent is as a crash: the programs live, and are taken up.

use std::fs;
use std::path::Path;
use std::process::Output;

use ncolony_core::State;
use serde_json::{Value, json};

use crate::binaries::binary;
use crate::colony::{Colony, until};
use crate::processes::is_alive;

const CAT: &str = r#"{"args": ["cat"]}"#;

/// A binary that answers as the real one does, and does something else first when it takes over.
fn spoiled(act: &str) -> String {
    format!(
        "#!/usr/bin/env python3
import os, sys
if '--read-state' not in sys.argv:
    process, memory, lock = os.environ['NCOLONY_UPGRADE'].split(':')
    memory = int(memory)
{act}
os.execv('REAL', sys.argv)
"
    )
}

/// How many descriptors of the monitor are this file, or socket.
fn open_as(colony: &Colony, path: &Path) -> usize {
    let all = fs::read_dir(format!("/proc/{}/fd", colony.pid())).unwrap();
    let of_path = all.flatten().filter(|entry| {
        let target = fs::read_link(entry.path());
        target.is_ok_and(|target| target == path)
    });
    of_path.count()
}

#[test]
fn a_state_that_cannot_be_used_after_all_is_as_a_crash() {
    for (what, act) in [
        (
            "nothing is where it should be",
            "    os.environ['NCOLONY_UPGRADE'] = process + ':99:98'",
        ),
        (
            "no number",
            "    os.environ['NCOLONY_UPGRADE'] = process + ':what'",
        ),
        (
            "another file",
            "    os.environ['NCOLONY_UPGRADE'] = process + ':' + lock + ':' + lock",
        ),
        ("it is cut short", "    os.ftruncate(memory, 300)"),
        ("it is empty", "    os.ftruncate(memory, 0)"),
        (
            "a later version wrote it",
            "    text = os.pread(memory, 10_000_000, 0)\n    os.pwrite(memory, text.replace(b'\"ncolony_state\":1', b'\"ncolony_state\":7', 1), 0)",
        ),
    ] {
        let mut colony = Colony::new(&[]);
        colony.with_own_binary();
        colony.start();
        let listen = format!("unix://{}", colony.path("socket").display());
        let sockets = json!([{"name": "web", "listen": listen}]);
        colony.program(
            "web",
            json!({"args": ["cat"], "sockets": sockets}).to_string(),
        );
        let pid = colony.until_up("web");
        let socket = fs::read_link(format!("/proc/{pid}/fd/3")).unwrap();
        let lock = colony.path("status/.lock");
        let held =
            || [&lock, &colony.path("status/output/web"), &socket].map(|it| open_as(&colony, it));
        let before = held();
        colony.install(&spoiled(act));
        let why = colony.fail_to_upgrade();
        assert!(
            why.contains("ended before the upgrade was done"),
            "{what}: {why}"
        );
        assert!(colony.log().contains("taken up as after a crash"), "{what}");
        let record = colony.record("web");
        assert_eq!((record.pid, record.starts), (Some(pid), 1), "{what}");
        assert!(is_alive(pid), "{what}");
        // There is one lock, and one of everything else.
        assert_eq!(held(), before, "{what}");
        // What was opened first still is what it was.
        assert!(
            colony.ask(json!({"type": "RESTART", "name": "web"})).ok,
            "{what}"
        );
        colony.until_record("web", "it was restarted", |record| {
            record.starts == 2 && record.pid.is_some()
        });
        colony.install_good();
        colony.upgrade();
        assert_eq!(colony.record("web").starts, 2, "{what}");
    }
}

#[test]
fn words_for_another_process_are_passed_over() {
    let mut colony = Colony::new(&[]);
    colony.variable("NCOLONY_UPGRADE", "1:3:4");
    colony.start();
    colony.program("web", CAT);
    colony.until_up("web");
    assert!(!colony.log().contains("handed over"), "{}", colony.log());
    colony.upgrade();
}

#[test]
fn a_binary_that_answers_and_then_fails_leaves_the_programs_running() {
    let mut colony = Colony::new(&[]);
    colony.with_own_binary();
    colony.start();
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    colony.install("#!/bin/sh\ncase \"$*\" in *--read-state*) exec REAL \"$@\";; esac\nexit 1\n");
    let said = colony.ctl(&["upgrade"]);
    assert_eq!(said.code, Some(5), "{said:?}");
    assert!(said.stderr.contains("the monitor ended"), "{said:?}");
    assert_eq!(colony.ended().code(), Some(1));
    assert!(is_alive(pid));
    colony.install_good();
    colony.start();
    let record = colony.until_record("web", "it was taken up", |record| record.adopted);
    assert_eq!((record.pid, record.starts), (Some(pid), 1));
    colony.rescan();
    colony.until_state("web", State::Running);
    assert_eq!(colony.record("web").pid, Some(pid));
}

/// What the binary under test makes of the state in this file.
fn read_state(colony: &Colony, file: &str) -> Output {
    let mut monitor = std::process::Command::new(binary("ncolony-monitor"));
    monitor.arg("--root").arg(colony.path(""));
    monitor.arg("--read-state").arg(colony.path(file));
    monitor.output().unwrap()
}

#[test]
fn a_state_of_a_later_version_is_refused_and_one_of_nobody_is_empty() {
    let colony = Colony::running(&[]);
    colony.program("web", CAT);
    colony.until_up("web");
    let journal = "status/.journal";
    let read = read_state(&colony, journal);
    let answer: Value = serde_json::from_slice(&read.stdout).unwrap();
    assert!(read.status.success());
    assert_eq!(
        (&answer["programs"], &answer["files"][0]["error"]),
        (&json!(1), &Value::Null)
    );

    let text = fs::read_to_string(colony.path(journal)).unwrap();
    let later = text.replacen("\"ncolony_state\":1", "\"ncolony_state\":2", 1);
    assert_ne!(later, text);
    fs::write(colony.path("later"), later).unwrap();
    let read = read_state(&colony, "later");
    assert_eq!(read.status.code(), Some(1));
    let said = String::from_utf8_lossy(&read.stderr);
    assert!(
        said.contains("in form 2") && said.contains("up to 1"),
        "{said}"
    );

    assert!(!read_state(&colony, "nowhere").status.success());
}

#[test]
fn after_an_orderly_end_the_check_finds_nothing_and_that_is_fine() {
    let mut colony = Colony::running(&[]);
    colony.program("web", CAT);
    colony.until_up("web");
    assert!(colony.stop().success());
    until("the journal is gone", || {
        (!colony.path("status/.journal").exists()).then_some(())
    });
    let read = read_state(&colony, "status/.journal");
    assert!(read.status.success(), "{read:?}");
    let answer: Value = serde_json::from_slice(&read.stdout).unwrap();
    assert_eq!(
        (&answer["programs"], &answer["files"][0]["file"]),
        (&json!(0), &json!("web"))
    );
}
