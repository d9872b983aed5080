//! Who is started and stopped before whom: a database, what cannot do without it, and what comes
//! after that, each of which tells a common story.

use std::fs;

use ncolony_core::State;
use ncolony_core::status::WantWord;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::colony::{Colony, shell, until};
use crate::processes::is_alive;

/// A program that tells when it is up, and when it goes down, for which it takes its time: whoever
/// does not wait for it is ahead of it in the story.
fn tells(colony: &Colony, name: &str, keys: Value) {
    let story = colony.path("story");
    let story = story.display();
    let script = format!(
        "trap 'sleep 0.2; echo {name} down >> {story}; exit 0' TERM; \
         echo {name} up $$ >> {story}; sleep 1000 & wait"
    );
    colony.program(name, shell(&script, keys));
}

fn story(colony: &Colony) -> Vec<String> {
    let text = fs::read_to_string(colony.path("story")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Waits for that many lines, and gives them; the story begins anew. Those who come up one after
/// the other may tell it in another order, so these stand in the order of their processes.
fn told(colony: &Colony, lines: usize) -> Vec<String> {
    let mut all = until("the story goes on", || {
        Some(story(colony)).filter(|all| all.len() >= lines)
    });
    fs::remove_file(colony.path("story")).unwrap();
    let pid = |line: &String| {
        line.split(' ')
            .nth(2)
            .map(|pid| pid.parse::<u32>().unwrap())
    };
    for up in all.chunk_by_mut(|one, other| pid(one).is_some() && pid(other).is_some()) {
        up.sort_by_key(pid);
    }
    let words = all
        .iter()
        .map(|line| line.rsplit_once(' ').filter(|_| pid(line).is_some()));
    words
        .zip(&all)
        .map(|(up, line)| up.map_or(line.as_str(), |(up, _)| up).to_owned())
        .collect()
}

/// Three files, the dependents first; the monitor is not up yet.
fn three() -> Colony {
    three_in(Colony::new(&["-t", "0.3"]))
}

fn three_in(colony: Colony) -> Colony {
    tells(&colony, "app", json!({"requires": ["db"]}));
    tells(&colony, "before-app", json!({"after": ["app"]}));
    tells(&colony, "db", json!({}));
    colony
}

const UP: [&str; 3] = ["db up", "app up", "before-app up"];
const DOWN: [&str; 3] = ["before-app down", "app down", "db down"];

#[test]
fn a_chain_starts_in_order_and_stops_in_reverse() {
    let mut colony = three();
    colony.start();
    assert_eq!(told(&colony, 3), UP);
    colony.until_state("before-app", State::Running);
    assert!(colony.ask(json!({"type": "RESTART-ALL"})).ok);
    assert_eq!(told(&colony, 6), [DOWN, UP].concat());
    colony.until_state("before-app", State::Running);
    assert!(colony.ask(json!({"type": "STOP", "all": true})).ok);
    assert_eq!(told(&colony, 3), DOWN);
    assert!(colony.ask(json!({"type": "START", "all": true})).ok);
    assert_eq!(told(&colony, 3), UP);
    colony.until_state("before-app", State::Running);
    assert!(colony.stop().success());
    assert_eq!(told(&colony, 3), DOWN);
}

#[test]
fn a_restart_of_all_returns_when_all_are_new_and_says_so() {
    let mut colony = three();
    colony.start();
    colony.until_state("before-app", State::Running);
    assert_eq!(told(&colony, 3), UP);
    let ran = colony.ctl(&["restart-all"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    assert_eq!(ran.stdout.matches("RUNNING").count(), 3, "{ran:?}");
    let all = ["db", "app", "before-app"].map(|name| colony.record(name));
    let is_new = all.map(|record| (record.state, record.starts));
    assert_eq!(is_new, [(State::Running, 2); 3]);
}

#[test]
fn a_crash_in_the_middle_leaves_the_others_and_a_stop_does_not() {
    let mut colony = three();
    colony.start();
    let [db, app, last] = ["db", "app", "before-app"].map(|name| {
        let record = colony.until_state(name, State::Running);
        record.pid.unwrap()
    });
    told(&colony, 3);
    let db = i32::try_from(db).unwrap();
    kill(Pid::from_raw(db), Signal::SIGKILL).unwrap();
    assert_eq!(told(&colony, 1), ["db up"]);
    colony.until_state("db", State::Running);
    assert_eq!(colony.record("app").pid, Some(app));
    assert!(colony.ask(json!({"type": "STOP", "name": "db"})).ok);
    assert_eq!(told(&colony, 2), ["app down", "db down"]);
    let record = colony.until_state("app", State::Stopped);
    assert_eq!(record.want, WantWord::Up);
    let reason = record.reason.unwrap();
    assert!(
        reason.contains("requires db, which was stopped by hand"),
        "{reason}"
    );
    assert!(is_alive(last), "it only comes after app");
    assert!(colony.ask(json!({"type": "START", "name": "db"})).ok);
    assert_eq!(told(&colony, 2), ["db up", "app up"]);
}

#[test]
fn what_is_removed_at_once_goes_in_reverse() {
    // Where every look is at the whole directory, all three are seen to be gone at the same time.
    let flags = ["-t", "0.3", "--watch", "poll", "--frequency", "0.1"];
    let mut colony = three_in(Colony::new(&flags));
    colony.start();
    colony.until_state("before-app", State::Running);
    told(&colony, 3);
    colony.while_it_stands_still(|| {
        for name in ["db", "app", "before-app"] {
            colony.remove(name);
        }
    });
    assert_eq!(told(&colony, 3), DOWN);
    colony.until_retracted("db");
}

#[test]
fn what_ignores_its_stop_is_waited_for_until_it_is_killed() {
    let colony = Colony::running(&["-t", "0.1"]);
    tells(&colony, "db", json!({}));
    let script = "trap '' TERM; while :; do sleep 0.05; done";
    let keys = json!({"requires": ["db"], "killtime": 0.5});
    colony.program("app", shell(script, keys));
    let app = colony.until_state("app", State::Running).pid.unwrap();
    assert_eq!(told(&colony, 1), ["db up"]);
    assert!(colony.ask(json!({"type": "STOP", "name": "db"})).ok);
    let waits = "it is to stop, and is told when app, which depends on it, is gone";
    colony.until_record("db", "it waits for app", |record| {
        record.reason.as_deref() == Some(waits)
    });
    assert_eq!(told(&colony, 1), ["db down"]);
    assert!(!is_alive(app));
}

#[test]
fn a_lower_priority_starts_first_and_stops_last() {
    let mut colony = Colony::new(&[]);
    tells(&colony, "a", json!({"priority": 30}));
    tells(&colony, "b", json!({"priority": 10}));
    tells(&colony, "c", json!({"priority": 20}));
    colony.start();
    assert_eq!(told(&colony, 3), ["b up", "c up", "a up"]);
    assert!(colony.stop().success());
    assert_eq!(told(&colony, 3), ["a down", "c down", "b down"]);
}

#[test]
fn what_waits_and_what_runs_outlive_the_monitor() {
    let mut colony = three();
    tells(&colony, "other", json!({"requires": ["absent"]}));
    colony.start();
    let pids = UP.map(|line| {
        let name = line.strip_suffix(" up").unwrap();
        (name, colony.until_state(name, State::Running).pid)
    });
    told(&colony, 3);
    let waits = "it requires absent, which does not exist; it is started when absent is RUNNING";
    for _ in 0..2 {
        colony.until_record("other", "it waits", |record| {
            record.reason.as_deref() == Some(waits) && record.starts == 0
        });
        colony.kill();
        colony.start();
        colony.rescan();
        for (name, pid) in pids {
            assert_eq!(colony.record(name).pid, pid, "{name}");
        }
    }
    assert!(story(&colony).is_empty());
    tells(&colony, "absent", json!({}));
    assert_eq!(told(&colony, 2), ["absent up", "other up"]);
}

#[test]
fn a_ring_says_so_and_is_ended_by_an_edit() {
    let mut colony = three();
    tells(&colony, "db", json!({"after": ["before-app"]}));
    colony.start();
    for (name, ring) in [
        ("app", "app → db → before-app → app"),
        ("db", "db → before-app → app → db"),
    ] {
        let record = colony.until_record(name, "it says why", |record| record.reason.is_some());
        assert_eq!((record.state, record.want), (State::Stopped, WantWord::Up));
        let reason = record.reason.unwrap();
        assert!(reason.contains(ring), "{reason}");
    }
    let out = colony.ctl(&["status"]);
    assert!(
        out.stdout.contains("app → db → before-app → app"),
        "{}",
        out.stdout
    );
    tells(&colony, "db", json!({}));
    assert_eq!(told(&colony, 3), UP);
    colony.until_state("before-app", State::Running);
    tells(&colony, "db", json!({"after": ["before-app"]}));
    let out = colony.ctl(&["restart", "db"]);
    assert_eq!(out.code, Some(1), "{out:?}");
    assert!(out.stderr.contains("wait for each other, db → "), "{out:?}");
}
