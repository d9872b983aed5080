//! `status/events.jsonl` and `events`: what has happened, whatever becomes of the monitor.

use std::fs;
use std::io::Write;

use ncolony_core::{Cause, Event, Exit, State};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::colony::{Colony, assert_told_in_order, shell, until};
use crate::following::Following;
use crate::processes::{signal, until_gone};

const CAT: &str = r#"{"args": ["cat"]}"#;

fn changes(events: &[Event]) -> Vec<(State, State, Cause)> {
    let change = |event: &Event| (event.from, event.to, event.cause);
    events.iter().map(change).collect()
}

#[test]
fn a_death_is_told_with_its_last_words() {
    let colony = Colony::running(&[]);
    colony.program(
        "web",
        shell(
            "echo one; echo two >&2; exit 3",
            json!({"restart": "never"}),
        ),
    );
    let told = colony.until_told("web", "its end", |event| event.exit.is_some());
    assert_eq!(
        changes(&told),
        [
            (State::Stopped, State::Starting, Cause::Config),
            (State::Starting, State::Exited, Cause::Exit)
        ]
    );
    let end = &told[1];
    assert_eq!(end.exit, Some(Exit::Code(3)));
    assert_eq!(end.pid, told[0].pid);
    assert!(end.pid.is_some() && end.lifetime.is_some_and(|seconds| seconds >= 0.0));
    let words = ["one".to_owned(), "two".to_owned()];
    assert_eq!(end.output.as_deref(), Some(&words[..]));
    let shown = colony.ctl(&["events", "web", "-n", "1"]).stdout;
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[0].contains("STARTING → EXITED"), "{shown}");
    assert!(lines[0].contains("it exited with code 3"), "{shown}");
    assert_eq!(&lines[1..], ["    | one", "    | two"]);
}

#[test]
fn what_was_done_by_whom_is_told() {
    let mut colony = Colony::running(&["-t", "0.05"]);
    colony.program("web", CAT);
    colony.until_state("web", State::Running);
    colony.ask(json!({"type": "RESTART", "name": "web", "reason": "new data"}));
    colony.until_told("web", "its second life", |event| {
        event.cause == Cause::Message && event.to == State::Starting
    });
    colony.until_state("web", State::Running);
    colony.remove("web");
    colony.until_retracted("web");
    assert!(colony.stop().success());
    let told = colony.events_of("web");
    assert_eq!(
        changes(&told),
        [
            (State::Stopped, State::Starting, Cause::Config),
            (State::Starting, State::Running, Cause::Timer),
            (State::Running, State::Stopping, Cause::Message),
            (State::Stopping, State::Stopped, Cause::Signal),
            (State::Stopped, State::Starting, Cause::Message),
            (State::Starting, State::Running, Cause::Timer),
            (State::Running, State::Stopping, Cause::Config),
            (State::Stopping, State::Stopped, Cause::Signal),
        ]
    );
    for asked in [2, 4] {
        assert!(
            told[asked].detail.as_deref().unwrap().contains("new data"),
            "{told:#?}"
        );
    }
    // What is gone can be asked for still, and without a monitor.
    let shown = colony.ctl(&["events", "w*", "-n", "2", "--json"]).stdout;
    let shown: Vec<Event> = shown
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(shown, told[6..]);
    assert_eq!(colony.ctl(&["events", "nobody"]).code, Some(4));
    assert_eq!(colony.ctl(&["events", "x*"]).code, Some(4));
}

#[test]
fn a_shutdown_is_told_to_the_end() {
    let mut colony = Colony::running(&["-t", "0.05"]);
    let script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do read line; done";
    colony.program("web", shell(script, json!({})));
    colony.until_state("web", State::Running);
    until("it listens", || {
        (colony.lines("logs/web.log") == ["ready"]).then_some(())
    });
    assert!(colony.stop().success());
    let told = colony.events_of("web");
    assert_eq!(
        changes(&told[2..]),
        [
            (State::Running, State::Stopping, Cause::Shutdown),
            (State::Stopping, State::Stopped, Cause::Exit),
        ]
    );
    let words = told[3].output.clone().unwrap();
    assert_eq!(words.last().map(String::as_str), Some("bye"));
    // The next one goes on with the numbers.
    colony.start();
    colony.until_up("web");
    colony.until_told("web", "it is started again", |event| {
        event.serial > told[3].serial
    });
    assert_told_in_order(&colony.events(), "over a shutdown");
}

#[test]
fn the_chain_goes_on_over_a_monitors_death_and_an_upgrade() {
    let mut colony = Colony::new(&["-t", "0.05", "-m", "0.05"]);
    colony.with_own_binary();
    for name in ["lives", "dies"] {
        colony.program(name, CAT);
    }
    colony.start();
    for name in ["lives", "dies"] {
        colony.until_told(name, "it is up", |event| event.to == State::Running);
    }
    let dies = colony.record("dies").pid.unwrap();
    colony.kill();
    signal(dies, Signal::SIGKILL);
    until_gone(dies);
    // The one that was killed had not finished its last line.
    let half = &serde_json::to_string(&colony.events()[0]).unwrap()[..40];
    let mut file = fs::OpenOptions::new()
        .append(true)
        .open(colony.path("status/events.jsonl"))
        .unwrap();
    file.write_all(half.as_bytes()).unwrap();
    colony.start();
    let told = colony.until_told("lives", "it was adopted", |event| {
        event.cause == Cause::Adopted
    });
    let adopted = told.last().unwrap();
    assert_eq!((adopted.from, adopted.to), (State::Running, State::Running));
    let told = colony.until_told("dies", "it runs again", |event| {
        event.serial > adopted.serial && event.to == State::Running
    });
    let ends = told.iter().filter(|event| event.exit.is_some());
    assert_eq!(ends.count(), 1, "{told:#?}");
    colony.upgrade();
    colony.remove("lives");
    colony.until_told("lives", "it has ended", |event| event.exit.is_some());
    let told = colony.events();
    assert_told_in_order(&told, "over a death and an upgrade");
    let of_lives = |event: &&Event| event.name.as_str() == "lives";
    let adopted = told.iter().filter(|event| event.cause == Cause::Adopted);
    let adopted = adopted.filter(of_lives);
    assert_eq!(adopted.count(), 1, "an upgrade is no adoption");
}

#[test]
fn events_are_followed_over_their_rotation_until_somebody_interrupts() {
    let colony = Colony::running(&["-t", "0.05"]);
    colony.program("old", CAT);
    colony.until_told("old", "it is up", |event| event.to == State::Running);
    let mut following = Following::begin(&colony, &["--json", "events", "-f", "-n", "1", "[ow]*"]);
    let mut next = |name: &str, to: State| {
        let event: Event = serde_json::from_str(&following.line()).unwrap();
        assert_eq!((event.name.as_str(), event.to), (name, to));
    };
    next("old", State::Running);
    colony.program("web", CAT);
    next("web", State::Starting);
    next("web", State::Running);
    let events = colony.path("status/events.jsonl");
    fs::rename(&events, colony.path("status/events.jsonl.1")).unwrap();
    colony.remove("old");
    next("old", State::Stopping);
    next("old", State::Stopped);
    following.interrupt();
    assert_eq!(following.line(), "");
    assert_eq!(following.ended_by(), Some(Signal::SIGINT as i32));
    assert_told_in_order(&colony.events(), "over a rotation");
}

#[test]
fn events_that_cannot_be_written_are_counted_and_it_goes_on_by_itself() {
    let colony = Colony::running(&["-t", "0.05"]);
    colony.program("web", CAT);
    colony.until_told("web", "it is up", |event| event.to == State::Running);
    let events = colony.path("status/events.jsonl");
    fs::remove_file(&events).unwrap();
    std::os::unix::fs::symlink("/dev/full", &events).unwrap();
    assert!(colony.ask(json!({"type": "RESTART", "name": "web"})).ok);
    let lost = colony.until_overview("it is said", |record| {
        record
            .problems
            .iter()
            .any(|problem| problem.contains("4 events were not written"))
    });
    let problem = lost
        .problems
        .iter()
        .find(|it| it.contains("events.jsonl"))
        .unwrap();
    assert!(problem.contains("is not a regular file"), "{problem}");
    colony.until_state("web", State::Running);
    fs::remove_file(&events).unwrap();
    colony.remove("web");
    colony.until_told("web", "it is told again", |event| event.exit.is_some());
    colony.until_overview("all is well", |record| record.problems.is_empty());
    assert!(colony.log().contains("4 events were not written"));
    let told: Vec<Value> = colony
        .events_of("web")
        .iter()
        .map(|it| json!(it.to))
        .collect();
    assert_eq!(told, [json!("STOPPING"), json!("STOPPED")]);
}
