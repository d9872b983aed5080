//! G12: a second monitor touches nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ncolony_core::State;
use serde_json::json;

use crate::colony::{Colony, until};
use crate::processes::is_alive;

/// Everything below a directory, with what shows that it was touched.
fn everything(directory: &Path) -> BTreeMap<PathBuf, (u64, i64, i64)> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let (path, metadata) = (entry.path(), entry.metadata().unwrap());
        if metadata.is_dir() {
            all.extend(everything(&path));
        }
        all.insert(
            path,
            (metadata.ino(), metadata.ctime(), metadata.ctime_nsec()),
        );
    }
    all
}

#[test]
fn a_second_monitor_names_the_first_and_touches_nothing() {
    let colony = Colony::running(&["-t", "0.05"]);
    colony.program("web", r#"{"args": ["cat"]}"#);
    colony.until_state("web", State::Running);
    // While the first stands still, what moves is the second one's doing.
    let places = ["config", "messages", "status"].map(|place| colony.path(place));
    let all = || places.each_ref().map(|place| everything(place));
    let (second, before, after) = colony.while_it_stands_still(|| {
        let before = all();
        let second = colony.command().stderr(Stdio::piped()).output().unwrap();
        (second, before, all())
    });
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains(&colony.pid().to_string()), "{said}");
    assert_eq!(after, before);

    // The first goes on as before.
    assert!(colony.ask(json!({"type": "RESTART", "name": "web"})).ok);
    colony.until_record("web", "it was restarted", |record| record.starts == 2);
}

#[test]
fn the_place_is_free_when_the_first_has_ended_however_it_did() {
    let mut colony = Colony::running(&[]);
    colony.kill();
    colony.start();
    assert!(colony.stop().success());
    colony.start();
}

#[test]
fn a_status_directory_that_was_removed_is_there_again_with_its_lock() {
    let mut colony = Colony::running(&["--frequency", "0.2"]);
    colony.program("web", r#"{"args": ["cat"]}"#);
    let pid = colony.until_up("web");
    fs::remove_dir_all(colony.path("status")).unwrap();
    colony.until_record("web", "it is recorded again", |record| {
        record.pid == Some(pid)
    });
    until("the lock is there again", || {
        colony.path("status/.colony").exists().then_some(())
    });
    let second = colony.command().output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(colony.ctl(&["restart", "web"]).code == Some(0));
    let pid = colony.until_up("web");
    colony.kill();
    colony.start();
    let record = colony.until_record("web", "it was taken up", |record| record.adopted);
    assert_eq!(record.pid, Some(pid));
}

#[test]
fn without_the_lock_a_second_monitor_is_kept_out_all_the_same() {
    let colony = Colony::running(&["--frequency", "3600"]);
    colony.program("web", r#"{"args": ["cat"]}"#);
    let pid = colony.until_up("web");
    fs::remove_file(colony.path("status/.lock")).unwrap();
    let second = colony.command().output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(
        !colony.path("status/.lock").exists(),
        "it has touched nothing"
    );
    assert!(colony.ask(json!({"type": "RESTART", "name": "web"})).ok);
    let record = colony.until_record("web", "it was restarted", |record| record.starts == 2);
    assert_ne!(record.pid, Some(pid));
}

#[test]
fn a_copy_of_a_colony_leaves_the_other_alone() {
    let first = Colony::running(&["-k", "0.2"]);
    first.program("web", r#"{"args": ["cat"]}"#);
    let pid = first.until_up("web");
    let mut second = Colony::new(&["-k", "0.2"]);
    let copied = Command::new("cp")
        .arg("-a")
        .args([first.path("."), second.path(".")])
        .status();
    assert!(copied.unwrap().success());
    second.start();
    let other = second.until_record("web", "it has one of its own", |record| {
        record.pid.is_some_and(|other| other != pid)
    });
    assert_eq!((other.starts, other.adopted), (1, false));
    assert!(second.stop().success());
    assert!(is_alive(pid));
    assert_eq!(first.record("web").starts, 1);
    // After a kill too, each finds its own and nothing else.
    second.start();
    second.until_record("web", "it runs", |record| record.pid.is_some());
    second.kill();
    second.start();
    let taken_up = second.until_record("web", "it was taken up", |record| record.adopted);
    assert_ne!(taken_up.pid, Some(pid));
}
