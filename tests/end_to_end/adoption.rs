//! G3: what runs when a monitor is killed is taken up by the next one as it is, and what has ended
//! meanwhile is acted on once.

use std::fs;
use std::time::{Duration, Instant};

use ncolony_core::status::{ExitCodes, ProgramStatus};
use ncolony_core::{Exit, Signal, State};
use serde_json::json;

use crate::colony::{Colony, shell, until};
use crate::processes::{is_alive, until_gone};

/// What a monitor writes down for its successor.
pub(crate) const JOURNAL: &str = "status/.journal";

/// Notes its start.
pub(crate) const NOTE: &str = "echo $$ >> $NCOLONY_NAME.starts; ";

/// How often a program has noted its start.
pub(crate) fn starts(colony: &Colony, name: &str) -> usize {
    colony.lines(&format!("{name}.starts")).len()
}

/// A kill of the monitor, and a new one.
pub(crate) fn succeed(colony: &mut Colony) {
    colony.kill();
    colony.start();
}

/// Waits until a program was taken up, and gives its record.
#[track_caller]
pub(crate) fn until_adopted(colony: &Colony, name: &str) -> ProgramStatus {
    colony.until_record(name, "it was taken up", |record| {
        record.adopted && record.pid.is_some()
    })
}

/// What of a record a change of monitors must leave as it is.
fn lasting(record: ProgramStatus) -> ProgramStatus {
    ProgramStatus {
        adopted: true,
        heard: 0,
        ..record
    }
}

fn twenty_are_the_same_after_each_of_three_kills(colony: &mut Colony) {
    let names: Vec<String> = (0..20).map(|number| format!("p{number}")).collect();
    for name in &names {
        colony.program(name, shell(&format!("{NOTE}exec cat"), json!({})));
    }
    colony.start();
    let records = |colony: &Colony| -> Vec<ProgramStatus> {
        names.iter().map(|name| colony.record(name)).collect()
    };
    for name in &names {
        colony.until_state(name, State::Running);
    }
    let before: Vec<_> = records(colony).into_iter().map(lasting).collect();
    let mut fastest = Duration::MAX;
    for _kill in 0..3 {
        colony.kill();
        assert!(before.iter().all(|record| is_alive(record.pid.unwrap())));
        let begun = Instant::now();
        colony.start();
        for name in &names {
            until_adopted(colony, name);
        }
        fastest = fastest.min(begun.elapsed());
        assert_eq!(records(colony), before);
    }
    assert!(fastest < Duration::from_secs(1), "{fastest:?}");
    for name in &names {
        assert_eq!(starts(colony, name), 1, "{name}");
    }
    assert!(colony.ask(json!({"type": "RESTART", "name": names[0]})).ok);
    colony.until_record(&names[0], "it is our own", |record| {
        record.starts == 2 && !record.adopted && record.state == State::Running
    });
    assert!(!is_alive(before[0].pid.unwrap()));
}

#[test]
fn what_runs_is_kept_over_kills_of_the_monitor() {
    let mut colony = Colony::new(&["-t", "0.05"]);
    twenty_are_the_same_after_each_of_three_kills(&mut colony);
}

#[test]
fn what_runs_is_kept_by_a_monitor_without_rights() {
    let mut colony = Colony::new(&["-t", "0.05"]);
    colony.without_rights();
    twenty_are_the_same_after_each_of_three_kills(&mut colony);
}

#[test]
fn what_runs_is_kept_without_control_groups() {
    let mut colony = Colony::new(&["-t", "0.05", "--cgroup", "never"]);
    twenty_are_the_same_after_each_of_three_kills(&mut colony);
}

/// Waits for its end, and ends so; once it has ended so, it lives on.
fn ending(how: &str) -> String {
    format!(
        "{NOTE}test -e end && exec cat
        sleep 1000 & echo $! > $NCOLONY_NAME.left
        until test -e end; do sleep 0.02; done
        {how}"
    )
}

#[test]
fn what_ended_while_no_monitor_was_there_is_acted_on_once_as_its_policy_says() {
    let mut colony = Colony::running(&["-t", "0", "-k", "0.5"]);
    let ends = [
        ("zero", "exit 0", Exit::Code(0)),
        ("three", "exit 3", Exit::Code(3)),
        ("signal", "kill -KILL $$", Exit::Signal(Signal::KILL)),
    ];
    let policies = ["always", "on-failure", "never"];
    let all = || {
        policies.iter().flat_map(|policy| {
            ends.map(|(word, how, exit)| (format!("{policy}-{word}"), *policy, how, exit))
        })
    };
    for (name, policy, how, _) in all() {
        colony.program(&name, shell(&ending(how), json!({"restart": policy})));
    }
    let mut processes = Vec::new();
    for (name, ..) in all() {
        let pid = colony.until_state(&name, State::Running).pid.unwrap();
        let left = until("it has started another", || {
            colony
                .lines(&format!("{name}.left"))
                .first()?
                .parse::<u32>()
                .ok()
        });
        processes.push((name, pid, left));
    }
    colony.kill();
    fs::write(colony.path("end"), "").unwrap();
    for (_, pid, left) in &processes {
        until_gone(*pid);
        assert!(is_alive(*left));
    }
    colony.start();
    for (name, policy, _, exit) in all() {
        let rests = |record: &ProgramStatus| {
            record.exit.is_some() && matches!(record.state, State::Running | State::Exited)
        };
        let record = colony.until_record(&name, "its end was acted on", rests);
        // Where the first process takes no notice, the end can still be told.
        let seen = record.exit.unwrap();
        assert!(seen == Exit::Unknown || seen == exit, "{name}: {seen:?}");
        let comes_back = match policy {
            "always" => true,
            "never" => false,
            _ => seen != Exit::Code(0),
        };
        let expected = if comes_back {
            State::Running
        } else {
            State::Exited
        };
        let count = 1 + usize::from(comes_back);
        assert_eq!((record.state, record.adopted), (expected, false), "{name}");
        assert_eq!(
            (record.starts, starts(&colony, &name)),
            (count as u64, count)
        );
    }
    for (name, _, left) in processes {
        assert!(!is_alive(left), "{name} has left something");
    }
}

/// How an end is shown on this machine that the monitor was not the parent of.
fn shown(colony: &Colony, exit: Exit) -> Exit {
    match colony.overview().guarantees.exit_codes {
        ExitCodes::Exact => exit,
        ExitCodes::Unknown => Exit::Unknown,
    }
}

fn later_ends_are_told(colony: &mut Colony) {
    let waiting = |how: &str| {
        let script = format!(
            "{NOTE}test -e $NCOLONY_NAME.end && exec cat
            until test -e $NCOLONY_NAME.end; do sleep 0.02; done
            {how}"
        );
        script
    };
    colony.program(
        "early",
        shell(
            &waiting("exit 42"),
            json!({"threshold": 600, "minrestartdelay": 500}),
        ),
    );
    colony.program(
        "soon",
        shell(
            &waiting("exit 42"),
            json!({"threshold": 600, "minrestartdelay": 0.3}),
        ),
    );
    colony.program("late", shell(&waiting("exit 42"), json!({"threshold": 0})));
    colony.program(
        "told",
        shell(&waiting("kill -USR1 $$"), json!({"restart": "never"})),
    );
    colony.start();
    let names = ["early", "soon", "late", "told"];
    for name in names {
        until("it has begun", || (starts(colony, name) == 1).then_some(()));
        colony.until_up(name);
    }
    succeed(colony);
    for name in names {
        until_adopted(colony, name);
        let end = colony.path(format!("{name}.end"));
        fs::write(end, "").unwrap();
    }
    let code = shown(colony, Exit::Code(42));
    let early = colony.until_state("early", State::Backoff);
    assert_eq!(
        (early.exit, early.delay, early.starts),
        (Some(code), 500.0, 1)
    );
    let next = early.next_start.unwrap().as_millis() - early.since.as_millis();
    assert!((1..=500_500).contains(&next), "{next}");
    for name in ["soon", "late"] {
        let record = colony.until_record(name, "it runs again", |record| record.starts == 2);
        assert_eq!((record.exit, record.adopted), (Some(code), false), "{name}");
        until("it has noted it", || {
            (starts(colony, name) == 2).then_some(())
        });
    }
    let told = colony.until_state("told", State::Exited);
    let usr1 = Signal::from_number(10).unwrap();
    assert_eq!(told.exit, Some(shown(colony, Exit::Signal(usr1))));
}

#[test]
fn how_an_adopted_program_ends_later_is_told_and_it_is_started_after_its_delay() {
    let mut colony = Colony::new(&[]);
    later_ends_are_told(&mut colony);
}

#[test]
fn how_an_adopted_program_ends_later_is_told_without_rights_too() {
    let mut colony = Colony::new(&["--cgroup", "never"]);
    colony.without_rights();
    later_ends_are_told(&mut colony);
}

#[test]
fn what_rests_goes_on_resting_and_what_waits_goes_on_waiting() {
    let mut colony = Colony::running(&["-t", "600", "-m", "500"]);
    let fail = |keys| shell(&format!("{NOTE}echo bye; exit 3"), keys);
    let live = |keys| shell(&format!("{NOTE}echo hello; exec cat"), keys);
    colony.program("stopped", live(json!({})));
    colony.program("waiting", fail(json!({})));
    colony.program("fatal", fail(json!({"give_up_after": 1})));
    colony.program("done", fail(json!({"restart": "never"})));
    colony.program("disabled", live(json!({"enabled": false})));
    colony.program("off", live(json!({"enabled": false})));
    colony.until_up("stopped");
    assert!(
        colony
            .ask(json!({"type": "STOP", "name": "stopped", "reason": "not today"}))
            .ok
    );
    assert!(colony.ask(json!({"type": "START", "name": "disabled"})).ok);
    colony.until_up("disabled");
    let expected = [
        ("stopped", State::Stopped),
        ("waiting", State::Backoff),
        ("fatal", State::Fatal),
        ("done", State::Exited),
        ("disabled", State::Starting),
        ("off", State::Stopped),
    ];
    let records = |colony: &Colony| {
        expected.map(|(name, state)| {
            let settled = |record: &ProgramStatus| {
                let told = record.exit.is_none() || record.output.is_some();
                record.state == state && told
            };
            lasting(colony.until_record(name, state.as_str(), settled))
        })
    };
    let before = records(&colony);
    let noted = expected.map(|(name, _)| usize::from(name != "off"));
    let counts = || expected.map(|(name, _)| starts(&colony, name));
    until("they have begun", || (counts() == noted).then_some(()));
    for _kill in 0..2 {
        colony.kill();
        colony.start();
        colony.rescan();
        assert_eq!(records(&colony), before);
    }
    let counts = expected.map(|(name, _)| starts(&colony, name));
    assert_eq!(counts, noted);
    // A delay that was being waited for is waited for to its end, by a word it ends at once.
    assert!(colony.ask(json!({"type": "START", "name": "waiting"})).ok);
    until("it was started", || {
        (starts(&colony, "waiting") == 2).then_some(())
    });
    assert!(colony.ask(json!({"type": "START", "name": "stopped"})).ok);
    colony.until_up("stopped");
}

#[test]
fn a_name_stands_for_one_program_however_often_its_monitor_dies() {
    let mut colony = Colony::running(&["-t", "600", "-m", "0.01", "-M", "0.01"]);
    // It dies and is started all the time, so that kills fall between any two of its steps.
    let script = format!("{NOTE}exec 9> lock; flock -n 9 || echo $$ >> overlaps; exit 1");
    colony.program("web", shell(&script, json!({})));
    for _kill in 0..10 {
        let before = starts(&colony, "web");
        until("it goes on", || {
            (starts(&colony, "web") > before + 1).then_some(())
        });
        succeed(&mut colony);
    }
    assert_eq!(colony.lines("overlaps"), [""; 0]);
}
