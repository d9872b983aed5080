//! What the end of a process leads to: its policy, and the waits between starts.

use std::time::Duration;

use ncolony_core::{Exit, Signal, State};
use serde_json::{Value, json};

use crate::colony::{Colony, shell, until};

/// What becomes of a script that ends under this policy, run once.
fn comes_to_rest(colony: &Colony, name: &str, script: &str, policy: Value) -> Option<Exit> {
    colony.program(name, shell(script, policy));
    let record = colony.until_state(name, State::Exited);
    assert_eq!((record.starts, record.pid), (1, None), "{name}");
    record.exit
}

#[test]
fn never_means_never_and_every_exit_is_told_exactly() {
    let colony = Colony::running(&[]);
    let never = || json!({"restart": "never"});
    let real_time = Signal::parse("SIGRTMIN+6").unwrap();
    let ends = [
        ("zero", "exit 0", Exit::Code(0)),
        ("three", "exit 3", Exit::Code(3)),
        ("most", "exit 255", Exit::Code(255)),
        ("killed", "kill -KILL $$", Exit::Signal(Signal::KILL)),
        ("real-time", "kill -40 $$", Exit::Signal(real_time)),
    ];
    for (name, script, exit) in ends {
        assert_eq!(
            comes_to_rest(&colony, name, script, never()),
            Some(exit),
            "{name}"
        );
    }
}

#[test]
fn on_failure_starts_again_what_did_not_succeed() {
    let colony = Colony::running(&["-m", "0.01"]);
    let policy = |codes: Value| json!({"restart": "on-failure", "exit_codes": codes});
    comes_to_rest(
        &colony,
        "success",
        "exit 0",
        json!({"restart": "on-failure"}),
    );
    comes_to_rest(&colony, "own-success", "exit 3", policy(json!([3, 4])));
    for (name, script, policy) in [
        ("failure", "exit 1", json!({"restart": "on-failure"})),
        ("zero-is-none-of-them", "exit 0", policy(json!([3]))),
        ("signal", "kill -TERM $$", json!({"restart": "on-failure"})),
    ] {
        colony.program(name, shell(script, policy));
        colony.until_record(name, "it is started again", |record| record.starts >= 3);
    }
}

#[test]
fn giving_up_is_fatal_until_somebody_says_start() {
    let colony = Colony::running(&["-m", "0.01"]);
    colony.program("web", shell("echo no; exit 7", json!({"give_up_after": 3})));
    let record = colony.until_state("web", State::Fatal);
    assert_eq!((record.starts, record.exit), (3, Some(Exit::Code(7))));
    assert!(record.reason.unwrap().contains("3 times in a row"));
    assert!(colony.ask(json!({"type": "START", "name": "web"})).ok);
    let record = colony.until_record("web", "it was tried again", |record| {
        record.starts >= 6 && record.state == State::Fatal
    });
    assert_eq!(record.starts, 6);
}

#[test]
fn what_rests_is_woken_by_a_restart_of_all() {
    let colony = Colony::running(&["-m", "0.01"]);
    colony.program("exited", shell("exit 0", json!({"restart": "never"})));
    colony.program("fatal", shell("exit 1", json!({"give_up_after": 1})));
    colony.until_state("exited", State::Exited);
    colony.until_state("fatal", State::Fatal);
    assert!(colony.ask(json!({"type": "RESTART-ALL"})).ok);
    for name in ["exited", "fatal"] {
        colony.until_record(name, "it was started again", |record| record.starts == 2);
    }
}

/// Notes when its process was made, by the kernel's clock: however late it has its first turn.
const NOTE_START: &str = "cut -d ' ' -f 22 /proc/$$/stat >> starts";

/// When a program was started, each time, since the machine was.
fn starts(colony: &Colony) -> Vec<Duration> {
    let ticks = colony.lines("starts");
    let hundredths = ticks.iter().map(|line| line.parse::<u64>().unwrap());
    hundredths
        .map(|count| Duration::from_millis(count * 10))
        .collect()
}

/// One hundredth, which the kernel's count leaves out.
const COARSE: Duration = Duration::from_millis(10);

#[test]
fn the_waits_after_instant_deaths_double_up_to_the_longest() {
    let colony = Colony::running(&["-m", "0.1", "-M", "0.4"]);
    colony.program("web", shell(&format!("{NOTE_START}; exit 1"), json!({})));
    let mut delays = Vec::new();
    until("it was started six times", || {
        let record = colony.try_record("web")?;
        if record.state == State::Backoff && delays.last() != Some(&record.delay) {
            delays.push(record.delay);
        }
        (record.starts >= 6).then_some(())
    });
    // On a busy machine a wait may pass unseen, but none may be another.
    assert!(
        delays.iter().all(|delay| [0.1, 0.2, 0.4].contains(delay)),
        "{delays:?}"
    );
    assert!(
        delays.is_sorted() && delays.last() == Some(&0.4),
        "{delays:?}"
    );
    let starts = starts(&colony);
    let waits = [100, 200, 400, 400, 400].map(Duration::from_millis);
    for (pair, wait) in starts.windows(2).zip(waits) {
        assert!(pair[1] - pair[0] + COARSE >= wait, "{starts:?}");
    }
}

#[test]
fn what_lived_for_its_threshold_is_started_again_at_once() {
    let colony = Colony::running(&["-t", "0.1", "-m", "600"]);
    colony.program("web", shell("sleep 0.2; exit 1", json!({})));
    let record = colony.until_record("web", "it was started again", |record| record.starts >= 3);
    assert!(record.delay >= 600.0, "{}", record.delay);
}

#[test]
fn starts_that_nobody_commanded_keep_a_distance() {
    let colony = Colony::running(&["-t", "0", "-m", "0"]);
    colony.program("web", shell(NOTE_START, json!({})));
    colony.until_record("web", "it was started again", |record| record.starts >= 5);
    let starts = starts(&colony);
    for pair in starts.windows(2) {
        assert!(
            pair[1] - pair[0] + COARSE >= Duration::from_millis(100),
            "{starts:?}"
        );
    }
}

#[test]
fn a_commanded_end_is_no_instant_death() {
    let colony = Colony::running(&["-t", "600", "-m", "600"]);
    colony.program("web", r#"{"args": ["cat"]}"#);
    for starts in 2..=4 {
        colony.until_up("web");
        assert!(colony.ask(json!({"type": "RESTART", "name": "web"})).ok);
        colony.until_record("web", "it was restarted", |record| record.starts == starts);
    }
}
