//! G2: what cannot be read is not removed.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use ncolony_core::State;
use nix::sys::signal::Signal;
use serde_json::json;

use crate::colony::{Colony, until};
use crate::processes::{can_unshare, is_alive};

const CAT: &str = r#"{"args": ["cat"]}"#;
const NAMES: [&str; 3] = ["one", "two", "three"];

/// The three programs, running, and their processes.
fn three(colony: &Colony) -> [u32; 3] {
    for name in NAMES {
        colony.program(name, CAT);
    }
    NAMES.map(|name| colony.until_up(name))
}

/// Nothing has happened to the three.
fn check_unharmed(colony: &Colony, pids: [u32; 3]) {
    for (name, pid) in NAMES.into_iter().zip(pids) {
        let record = colony.record(name);
        assert_eq!((record.pid, record.starts), (Some(pid), 1), "{name}");
        assert!(is_alive(pid), "{name}");
    }
}

fn until_config_state(colony: &Colony, wanted: &str) {
    colony.until_overview(&format!("the config directory is {wanted}"), |record| {
        record.config_state.contains(wanted)
    });
}

/// Moves the config directory out of the way and gives its new path.
fn move_away(colony: &Colony) -> PathBuf {
    let away = colony.path("away");
    fs::rename(colony.path("config"), &away).unwrap();
    away
}

/// Puts an empty directory in the place of the config directory.
fn replace_by_an_empty_one(colony: &Colony) {
    move_away(colony);
    fs::create_dir(colony.path("config")).unwrap();
    until_config_state(colony, "replaced by an empty one");
}

fn until_gone(colony: &Colony, pids: [u32; 3]) {
    NAMES.iter().for_each(|name| colony.until_retracted(name));
    assert!(!pids.into_iter().any(is_alive));
}

#[test]
fn nothing_stops_when_the_directory_may_not_be_read() {
    let mut colony = Colony::new(&["--frequency", "0.1"]);
    colony.without_rights();
    colony.start();
    let pids = three(&colony);
    colony.set_mode("config", 0);
    until_config_state(&colony, "unknown: ");
    assert!(colony.overview().config_state.contains("EACCES"));
    colony.rescan();
    check_unharmed(&colony, pids);

    // What is known can still be told.
    assert!(colony.ask(json!({"type": "STOP", "name": "one"})).ok);
    colony.until_state("one", State::Stopped);

    colony.set_mode("config", 0o755);
    until_config_state(&colony, "ok");
    assert!(colony.ask(json!({"type": "START", "name": "one"})).ok);
    colony.until_up("one");
    let record = colony.record("two");
    assert_eq!((record.pid, record.starts), (Some(pids[1]), 1));
    colony.remove("two");
    colony.until_retracted("two");
}

#[test]
fn nothing_stops_when_the_directory_is_renamed_away_and_back() {
    let colony = Colony::running(&["--frequency", "0.2"]);
    let pids = three(&colony);
    let away = move_away(&colony);
    until_config_state(&colony, "ENOENT");
    colony.rescan();
    check_unharmed(&colony, pids);
    fs::write(away.join("two"), r#"{"args": ["sleep", "1000"]}"#).unwrap();
    fs::remove_file(away.join("three")).unwrap();
    fs::rename(away, colony.path("config")).unwrap();
    colony.rescan();
    until_config_state(&colony, "ok");
    colony.until_record("two", "what was changed meanwhile", |record| {
        record.starts == 2
    });
    colony.until_retracted("three");
    let record = colony.record("one");
    assert_eq!((record.pid, record.starts), (Some(pids[0]), 1));
}

#[test]
fn an_empty_directory_in_its_place_is_meant_once_it_holds_a_program() {
    let colony = Colony::running(&["--frequency", "0.1"]);
    let pids = three(&colony);
    replace_by_an_empty_one(&colony);
    fs::write(
        colony.path("config/readme.bak"),
        "what a directory may hold besides",
    )
    .unwrap();
    until("it was looked at again", || {
        // Its record is written when it has heard something.
        assert!(colony.ask(json!({"type": "START", "name": "one"})).ok);
        (colony.overview().counters["full_looks"] >= 5).then_some(())
    });
    assert_ne!(colony.overview().config_state, "ok");
    check_unharmed(&colony, pids);
    colony.program("four", CAT);
    colony.until_up("four");
    until_gone(&colony, pids);
    until_config_state(&colony, "ok");
}

#[test]
fn an_empty_directory_in_its_place_is_meant_when_a_message_says_so() {
    let colony = Colony::running(&["--frequency", "0.2"]);
    let pids = three(&colony);
    replace_by_an_empty_one(&colony);
    check_unharmed(&colony, pids);
    assert!(colony.ask(json!({"type": "RESCAN"})).ok);
    until_gone(&colony, pids);
    until_config_state(&colony, "ok");
}

#[test]
fn an_empty_directory_in_its_place_is_meant_when_hup_says_so() {
    let colony = Colony::running(&["--frequency", "0.2"]);
    let pids = three(&colony);
    replace_by_an_empty_one(&colony);
    check_unharmed(&colony, pids);
    colony.signal(Signal::SIGHUP);
    until_gone(&colony, pids);
}

#[test]
fn a_directory_that_is_emptied_file_by_file_is_meant() {
    let colony = Colony::running(&["--frequency", "0.2"]);
    let pids = three(&colony);
    NAMES.iter().for_each(|name| colony.remove(name));
    until_gone(&colony, pids);
    assert_eq!(colony.overview().config_state, "ok");
}

#[test]
fn a_directory_made_anew_with_the_same_files_restarts_nothing() {
    let colony = Colony::running(&["--frequency", "0.2"]);
    let pids = three(&colony);
    let fresh = colony.path("fresh");
    fs::create_dir(&fresh).unwrap();
    for name in NAMES {
        fs::write(fresh.join(name), CAT).unwrap();
    }
    fs::write(fresh.join("four"), CAT).unwrap();
    move_away(&colony);
    fs::rename(&fresh, colony.path("config")).unwrap();
    colony.until_up("four");
    check_unharmed(&colony, pids);
    // It is watched as the old one was.
    colony.program("five", CAT);
    colony.until_up("five");
}

#[test]
fn nothing_stops_when_the_directory_is_unmounted() {
    if !can_unshare() {
        println!("user namespaces are closed to us: nothing can be mounted");
        return;
    }
    let mut colony = Colony::new(&["--frequency", "0.1"]);
    let (real, config) = (colony.path("real"), colony.path("config"));
    fs::create_dir(&real).unwrap();
    for name in NAMES {
        fs::write(real.join(name), CAT).unwrap();
    }
    let mount = format!("mount --bind {} {}", real.display(), config.display());
    let begin = format!("{mount} && exec \"$0\" \"$@\"");
    colony.wrap(&["unshare", "-Urm", "/bin/sh", "-c", &begin]);
    colony.start();
    let pids = NAMES.map(|name| colony.until_up(name));
    let in_its_world = |command: &str| {
        let monitor = colony.pid().to_string();
        let status = Command::new("nsenter")
            .args(["--preserve-credentials", "-U", "-m", "-t", &monitor])
            .args(["/bin/sh", "-c", command])
            .status();
        assert!(status.unwrap().success(), "{command}");
    };
    in_its_world(&format!("umount {}", config.display()));
    until_config_state(&colony, "replaced by an empty one");
    check_unharmed(&colony, pids);
    in_its_world(&mount);
    until_config_state(&colony, "ok");
    check_unharmed(&colony, pids);
    fs::remove_file(real.join("one")).unwrap();
    colony.until_retracted("one");
}
