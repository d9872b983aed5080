//! Programs with several instances are restarted one at a time, each RUNNING before the next.

use std::time::Duration;

use ncolony_core::State;
use ncolony_core::status::TurnWord;
use serde_json::{Value, json};

use crate::adoption::succeed;
use crate::colony::{Colony, shell, until};
use crate::instances::{names, pids};

/// How long one has to live until it counts as RUNNING.
const THRESHOLD: Duration = Duration::from_millis(200);

/// The file of a program with so many instances that note when they begin and when they are told to
/// end, with the nanoseconds since 1970.
fn noting(instances: u32, variable: &str, keys: Value) -> String {
    let script = "note() { echo $1$NCOLONY_INSTANCE $(date +%s%N) >> notes; }
        trap 'note -; exit' TERM
        note +
        while :; do read line; done";
    let mut all = json!({
        "instances": instances, "threshold": THRESHOLD.as_secs_f64(), "env": {"V": variable},
    });
    if let (Value::Object(all), Value::Object(keys)) = (&mut all, keys) {
        all.extend(keys);
    }
    shell(script, all)
}

/// What has been noted since it began, the first time that each began left out.
fn notes(colony: &Colony, instances: usize) -> Vec<(String, Duration)> {
    let note = |line: String| {
        let (what, when) = line.split_once(' ').unwrap();
        (what.to_owned(), Duration::from_nanos(when.parse().unwrap()))
    };
    let all = colony.lines("notes").into_iter();
    all.map(note).skip(instances).collect()
}

/// Waits until each has been restarted once in the order of their numbers, and checks that each was
/// RUNNING before the next was told to end.
#[track_caller]
fn until_rolled(colony: &Colony, count: u32) {
    let instances = usize::try_from(count).unwrap();
    let wanted: Vec<String> = (0..count)
        .flat_map(|number| [format!("-{number}"), format!("+{number}")])
        .collect();
    let notes = until("all were restarted", || {
        let notes = notes(colony, instances);
        (notes.len() >= wanted.len()).then_some(notes)
    });
    let words: Vec<&String> = notes.iter().map(|(what, _)| what).collect();
    assert_eq!(words, wanted.iter().collect::<Vec<_>>());
    for pair in notes[1..].chunks(2) {
        if let [(_, begun), (_, told)] = pair {
            // A process begins a little after it was started.
            let slack = Duration::from_millis(150);
            assert!(*told + slack >= *begun + THRESHOLD, "{notes:?}");
        }
    }
    for name in names(count) {
        colony.until_record(&name, "it is RUNNING, up to date", |record| {
            record.state == State::Running && record.turn.is_none()
        });
    }
    let restarted = names(count)
        .iter()
        .all(|name| colony.record(name).starts == 2);
    assert!(restarted, "each once");
}

/// A colony in which so many of them run.
fn rolling(count: u32) -> Colony {
    let colony = Colony::new(&[]);
    colony.with_own_binary();
    colony.program("web", noting(count, "old", json!({})));
    colony
}

fn until_running(colony: &Colony, count: u32) {
    pids(colony, count);
    let instances = usize::try_from(count).unwrap();
    until("all have noted that they run", || {
        (colony.lines("notes").len() == instances).then_some(())
    });
}

#[test]
fn a_restart_goes_from_one_to_the_next_and_returns_when_all_are_up() {
    let mut colony = rolling(3);
    colony.start();
    until_running(&colony, 3);
    let ran = colony.ctl(&["restart", "web"]);
    assert_eq!(
        (ran.code, ran.stdout.lines().count()),
        (Some(0), 3),
        "{ran:?}"
    );
    until_rolled(&colony, 3);
}

#[test]
fn so_does_a_changed_file_and_a_restart_of_all() {
    let mut colony = rolling(3);
    colony.start();
    until_running(&colony, 3);
    colony.program("web", noting(3, "new", json!({})));
    until_rolled(&colony, 3);
    let mut colony = rolling(2);
    colony.start();
    until_running(&colony, 2);
    assert!(colony.ask(json!({"type": "RESTART-ALL"})).ok);
    until_rolled(&colony, 2);
}

#[test]
fn it_goes_on_under_the_next_monitor_and_the_next_image() {
    let mut colony = rolling(4);
    colony.start();
    until_running(&colony, 4);
    assert!(colony.ask(json!({"type": "RESTART", "name": "web"})).ok);
    until("the first was restarted", || {
        (notes(&colony, 4).len() >= 2).then_some(())
    });
    succeed(&mut colony);
    until("the second was told to end", || {
        (notes(&colony, 4).len() >= 3).then_some(())
    });
    colony.upgrade();
    until_rolled(&colony, 4);
}

#[test]
fn one_that_does_not_come_up_holds_the_others_and_restart_says_so() {
    let mut colony = rolling(3);
    colony.start();
    until_running(&colony, 3);
    colony.program("web", noting(3, "new", json!({"args": ["false"]})));
    colony.until_state("web:0", State::Backoff);
    for name in ["web:1", "web:2"] {
        let record = colony.until_record(name, "it is held up", |record| {
            record.turn == Some(TurnWord::Held)
        });
        assert_eq!((record.state, record.starts), (State::Running, 1));
        assert!(record.reason.unwrap().contains("web:0"));
    }
    let ran = colony.ctl(&["restart", "web"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stderr.contains("web:0: BACKOFF") && ran.stderr.contains("web:2: RUNNING"),
        "{ran:?}"
    );
    // What its file said before, put back, is what the others have.
    colony.program("web", noting(3, "old", json!({})));
    colony.until_state("web:0", State::Running);
    assert_eq!(colony.record("web:2").starts, 1);
}

#[test]
fn a_mended_file_is_not_said_to_have_failed_while_those_that_failed_come_up() {
    let mut colony = rolling(3);
    colony.start();
    until_running(&colony, 3);
    colony.program("web", noting(3, "new", json!({"args": ["false"]})));
    colony.until_state("web:0", State::Backoff);
    assert_eq!(colony.ctl(&["restart", "web:2"]).code, Some(1));
    // The third is up long after the first, and the second has to wait for both.
    let script = "sleep 0.$((NCOLONY_INSTANCE * 4)); echo up; exec sleep 1000";
    let ran = colony.ctl(&[
        "add",
        "web",
        "--cmd=sh",
        "--arg=-c",
        "--arg",
        script,
        "--set=instances=3",
        "--set=ready={\"log\": \"up\"}",
    ]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
}

#[test]
fn a_restart_that_has_no_time_says_how_far_it_came() {
    let mut colony = rolling(3);
    colony.start();
    until_running(&colony, 3);
    let slow = noting(3, "old", json!({"threshold": 3600}));
    colony.program("web", slow);
    let ran = colony.ctl(&["restart", "web", "--timeout", "1"]);
    assert_eq!(ran.code, Some(6), "{ran:?}");
    assert!(ran.stderr.contains("web: 0 of 3"), "{ran:?}");
}
