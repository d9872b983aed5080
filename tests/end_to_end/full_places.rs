//! G8: a place that is full or cannot be written stops nothing, and nothing is started twice.

use std::fs;
use std::time::{Duration, Instant};

use ncolony_core::State;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::colony::{Colony, shell, until};
use crate::processes::{is_alive, signal, until_gone};

/// A small disk.
const SMALL: u32 = 256 * 1024;

/// A text that no journal has room for on a disk that is full.
fn long(file: &str) -> String {
    let mut file: Value = serde_json::from_str(file).unwrap();
    file["note"] = json!("x".repeat(8192));
    file.to_string()
}

/// Notes each start where there is room, and gives up at the first death that counts.
fn noted() -> String {
    let keys = json!({"give_up_after": 1, "threshold": 0});
    shell("echo $$ >> starts.$NCOLONY_NAME; exec cat", keys)
}

fn starts(colony: &Colony, name: &str) -> Vec<u32> {
    let lines = colony.lines(&format!("starts.{name}"));
    lines.iter().map(|line| line.parse().unwrap()).collect()
}

/// Waits until a program was started for so many times, and gives its newest process.
fn until_started(colony: &Colony, name: &str, count: usize) -> u32 {
    until(&format!("{name} was started {count} times"), || {
        let starts = starts(colony, name);
        (starts.len() >= count).then(|| starts[count - 1])
    })
}

/// A colony whose status place is small, with programs that run.
fn with_small_status(programs: &[&str]) -> Option<Colony> {
    let mut colony = Colony::new(&["--frequency", "0.1", "-m", "0.05", "-t", "0"]);
    if !colony.own_mounts() {
        return None;
    }
    colony.make_small("status", SMALL);
    for name in programs {
        colony.program(name, noted());
    }
    colony.start();
    for name in programs {
        colony.until_up(name);
        until_started(&colony, name, 1);
    }
    Some(colony)
}

/// Waits until all is well again.
fn until_healed(colony: &Colony, programs: &[(&str, u32)]) {
    colony.until_overview("no problem is left", |record| record.problems.is_empty());
    for (name, pid) in programs {
        colony.until_record(name, "its record is true", |record| {
            record.pid == Some(*pid) && record.state == State::Running
        });
    }
}

#[test]
fn a_full_status_place_stops_nothing_and_is_made_up_for() {
    let Some(colony) = with_small_status(&["web", "db"]) else {
        return;
    };
    colony.fill("status");
    // What ends is started again, what is changed too, what is new as well.
    let before = colony.record("web").pid.unwrap();
    signal(before, Signal::SIGKILL);
    let web = until_started(&colony, "web", 2);
    colony.program("new", noted());
    let new = until_started(&colony, "new", 1);
    let db = colony.record("db").pid.unwrap();
    colony.message("1", &json!({"type": "STOP", "name": "db", "id": "stop"}));
    until_gone(db);
    let shown = colony.ctl(&["status"]).stderr;
    assert!(
        shown.contains("is full: records there may be old"),
        "{shown}"
    );
    let asked = colony.ctl(&["--timeout", "0.2", "signal", "CONT", "web"]);
    assert!(
        asked
            .stderr
            .contains("not answered within 0.2 s; the status place"),
        "{asked:?}"
    );
    assert_eq!(asked.code, Some(6));

    colony.free("status");
    until_healed(&colony, &[("web", web), ("new", new)]);
    colony.until_state("db", State::Stopped);
    until("its sender is told", || {
        colony
            .path("status/replies/stop.json")
            .exists()
            .then_some(())
    });
    assert_eq!(starts(&colony, "new"), [new]);
}

#[test]
fn what_was_started_while_the_status_place_was_full_outlives_the_monitor() {
    let Some(mut colony) = with_small_status(&["web", "db"]) else {
        return;
    };
    colony.fill("status");
    colony.program("new", long(&noted()));
    let new = until_started(&colony, "new", 1);
    let db = colony.record("db").pid.unwrap();
    signal(colony.record("web").pid.unwrap(), Signal::SIGKILL);
    let web = until_started(&colony, "web", 2);
    until("the journal ends before all that", || {
        colony
            .log()
            .contains("/.journal: No space left")
            .then_some(())
    });
    colony.kill();

    // The next one comes while it lasts, and finds by their environment what nobody wrote down.
    let log = colony.log().len();
    colony.begin();
    until("the next one is up", || {
        colony.log()[log..].contains("is up").then_some(())
    });
    assert!(is_alive(new) && is_alive(web));
    signal(web, Signal::SIGKILL);
    let web = until_started(&colony, "web", 3);
    colony.message("1", &json!({"type": "STOP", "name": "db", "id": "stop"}));
    until_gone(db);
    colony.free("status");
    until_healed(&colony, &[("web", web), ("new", new)]);
    colony.until_state("db", State::Stopped);
    assert_eq!(starts(&colony, "new"), [new]);
    assert_eq!(starts(&colony, "db"), [db]);
}

#[test]
fn a_monitor_can_be_told_to_end_while_its_places_are_full() {
    let Some(mut colony) = with_small_status(&["web"]) else {
        return;
    };
    colony.make_small("logs", SMALL / 4);
    colony.program("loud", numbered());
    colony.until_overview("the logs are full", |record| !record.problems.is_empty());
    colony.fill("status");
    assert!(colony.stop().success());
    assert!(colony.processes().is_empty());
    colony.free("status");
    colony.resize("logs", SMALL * 16);
    colony.start();
    colony.until_record("web", "it begins afresh", |record| record.starts == 1);
}

#[test]
fn where_the_status_place_is_full_from_the_beginning_no_monitor_begins() {
    let mut colony = Colony::new(&[]);
    if !colony.own_mounts() {
        return;
    }
    colony.make_small("status", SMALL);
    colony.fill("status");
    colony.program("web", noted());
    colony.begin();
    assert_eq!(colony.ended().code(), Some(1));
    let log = colony.log();
    assert!(
        log.contains("/status") && log.contains("No space left on device (ENOSPC)"),
        "{log}"
    );
    assert!(starts(&colony, "web").is_empty());
    colony.free("status");
    colony.start();
    until_started(&colony, "web", 1);
}

#[test]
fn a_read_only_status_place_stops_nothing_and_takes_no_new_monitor() {
    let mut colony = Colony::new(&["--frequency", "0.1", "-m", "0.05", "-t", "0"]);
    if !colony.own_mounts() {
        return;
    }
    for name in ["web", "db"] {
        colony.program(name, noted());
    }
    colony.start();
    let [first, db] = ["web", "db"].map(|name| until_started(&colony, name, 1));
    colony.until_up("web");
    colony.until_up("db");
    colony.make_read_only("status");
    signal(first, Signal::SIGKILL);
    let web = until_started(&colony, "web", 2);
    colony.program("new", noted());
    let new = until_started(&colony, "new", 1);
    until("it is said in the log", || {
        let log = colony.log();
        log.contains("status/programs/web.json: Read-only file system")
            .then_some(())
    });
    colony.kill();

    // A lock that cannot be written is no lock: the programs go on without a monitor.
    colony.begin();
    assert_eq!(colony.ended().code(), Some(1));
    let log = colony.log();
    assert!(
        log.contains("/status/.lock") && log.contains("Read-only file system (EROFS)"),
        "{log}"
    );
    colony.make_writable("status");
    colony.start();
    until_healed(&colony, &[("web", web), ("new", new), ("db", db)]);
    assert_eq!(starts(&colony, "new"), [new]);
    assert_eq!(starts(&colony, "web"), [first, web]);
}

#[test]
fn messages_that_cannot_be_removed_are_acted_on_once_and_go_when_they_can() {
    let mut colony = Colony::new(&["--frequency", "0.1", "-t", "0"]);
    if !colony.own_mounts() {
        return;
    }
    colony.program("web", noted());
    colony.start();
    until_started(&colony, "web", 1);
    colony.make_read_only("messages");
    let write = |name: &str, text: &str| {
        let unfinished = colony.outside("messages").join(format!(".{name}.new"));
        fs::write(&unfinished, text).unwrap();
        fs::rename(unfinished, colony.outside("messages").join(name)).unwrap();
    };
    write("1", r#"{"type": "RESTART", "name": "web", "id": "once"}"#);
    write("2", "nonsense");
    until_started(&colony, "web", 2);
    let overview = colony.until_overview("it is said", |record| !record.problems.is_empty());
    let problem = &overview.problems[0];
    assert!(
        problem.contains("messages") && problem.contains("Read-only file system (EROFS)"),
        "{problem}"
    );
    colony.kill();
    colony.start();
    colony.until_overview("it is said again", |record| !record.problems.is_empty());
    let web = starts(&colony, "web")[1];

    colony.make_writable("messages");
    until("they are gone", || {
        let left = fs::read_dir(colony.outside("messages")).unwrap();
        (left.count() == 0).then_some(())
    });
    assert!(colony.path("status/rejected/2.reason").exists());
    until_healed(&colony, &[("web", web)]);
    assert_eq!(
        starts(&colony, "web").len(),
        2,
        "the message was acted on once"
    );
}

/// Prints numbered lines, more than a small disk and a FIFO can hold.
const LINES: usize = 60_000;

fn numbered() -> String {
    let script = format!("seq {LINES}; exec cat");
    shell(&script, json!({}))
}

/// The log is full, and says so; everything else goes on; a new monitor changes nothing.
fn check_while_full(colony: &mut Colony, errno: &str) {
    let overview = colony.until_overview("it is said", |record| !record.problems.is_empty());
    let problem = &overview.problems[0];
    assert!(
        problem.contains("logs/loud.log") && problem.contains(errno),
        "{problem}"
    );
    let loud = colony.record("loud").pid.unwrap();
    let asked = Instant::now();
    assert!(colony.ask(json!({"type": "STOP", "name": "web"})).ok);
    println!("a message was acted on within {:?}", asked.elapsed());
    assert!(asked.elapsed() < Duration::from_secs(10));
    colony.until_state("web", State::Stopped);
    colony.kill();
    colony.start();
    assert_eq!(colony.until_up("loud"), loud);
    colony.until_overview("it is said again", |record| !record.problems.is_empty());
}

fn until_whole(colony: &Colony) {
    let wanted: Vec<String> = (1..=LINES).map(|number| number.to_string()).collect();
    until("every line is there once", || {
        (colony.lines("logs/loud.log") == wanted).then_some(())
    });
    colony.until_overview("no problem is left", |record| record.problems.is_empty());
    assert_eq!(colony.record("loud").starts, 1);
}

#[test]
fn a_full_disk_of_the_logs_holds_up_its_program_alone_and_loses_nothing() {
    let mut colony = Colony::new(&["-t", "0"]);
    if !colony.own_mounts() {
        return;
    }
    colony.make_small("logs", SMALL / 4);
    colony.program("web", noted());
    colony.program("loud", numbered());
    colony.start();
    colony.until_up("web");
    check_while_full(&mut colony, "No space left on device (ENOSPC)");
    colony.resize("logs", SMALL * 16);
    until_whole(&colony);
}

#[test]
fn read_only_logs_hold_up_their_program_alone_and_lose_nothing() {
    let mut colony = Colony::new(&["-t", "0"]);
    if !colony.own_mounts() {
        return;
    }
    colony.make_read_only("logs");
    colony.program("web", noted());
    colony.program("loud", numbered());
    colony.start();
    colony.until_up("web");
    check_while_full(&mut colony, "Read-only file system (EROFS)");
    colony.make_writable("logs");
    until_whole(&colony);
}
