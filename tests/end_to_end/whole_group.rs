//! G6: stopped means that all of it is gone, within its killtime.

use std::time::{Duration, Instant};

use ncolony_core::{Exit, State};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::colony::{Colony, shell, until};
use crate::processes::{is_alive, of_group, signal, state, until_gone};

/// Notes it when another of the same program, or a part of another, still runs.
const ONE_AT_A_TIME: &str = "exec 9> lock; flock -n 9 || echo $$ >> overlaps\n";

/// A script that ignores TERM.
const DEAF: &str = "trap '' TERM; while :; do read line; done";

fn until_group_has(group: u32, count: usize) -> Vec<u32> {
    until(&format!("group {group} has {count} members"), || {
        Some(of_group(group)).filter(|members| members.len() == count)
    })
}

fn stop(colony: &Colony, name: &str) -> ncolony_core::status::ProgramStatus {
    assert!(colony.ask(json!({"type": "STOP", "name": name})).ok);
    colony.until_state(name, State::Stopped)
}

#[test]
fn what_ignores_the_stop_signal_is_killed_after_its_killtime_and_not_before() {
    const KILLTIME: Duration = Duration::from_millis(300);
    let colony = Colony::running(&[]);
    let script = format!("{DEAF} & {DEAF} & echo ready > ready; {DEAF}");
    colony.program(
        "web",
        shell(&script, json!({"killtime": KILLTIME.as_secs_f64()})),
    );
    let pid = colony.until_up("web");
    until("it is deaf", || colony.path("ready").exists().then_some(()));
    until_group_has(pid, 3);
    let told = Instant::now();
    let record = stop(&colony, "web");
    assert!(told.elapsed() >= KILLTIME);
    assert_eq!(
        (record.exit, of_group(pid)),
        (Some(Exit::Signal(ncolony_core::Signal::KILL)), vec![])
    );
}

#[test]
fn nothing_of_the_old_is_left_when_the_new_one_starts() {
    let colony = Colony::running(&["-k", "0.2"]);
    let script = format!("{ONE_AT_A_TIME} ({DEAF}) & sleep 1000 & wait");
    colony.program("web", shell(&script, json!({})));
    for starts in 1..=4 {
        let record = colony.until_record("web", "it runs anew", |record| {
            record.starts == starts && record.pid.is_some()
        });
        until_group_has(record.pid.unwrap(), 3);
        assert!(colony.ask(json!({"type": "RESTART", "name": "web"})).ok);
    }
    colony.until_record("web", "it runs anew", |record| {
        record.starts == 5 && record.pid.is_some()
    });
    assert_eq!(colony.lines("overlaps"), [""; 0]);
}

#[test]
fn what_is_left_of_a_crashed_program_is_ended_before_its_next_start() {
    let colony = Colony::running(&["-t", "0", "-m", "0", "-k", "0.2"]);
    let script = format!("{ONE_AT_A_TIME} ({DEAF}) & sleep 1000 & wait");
    colony.program("web", shell(&script, json!({})));
    for starts in 1..=3 {
        let record = colony.until_record("web", "it runs anew", |record| {
            record.starts == starts && record.pid.is_some()
        });
        let pid = record.pid.unwrap();
        let members = until_group_has(pid, 3);
        signal(pid, Signal::SIGKILL);
        colony.until_record("web", "it was started again", |record| {
            record.starts > starts
        });
        assert!(!members.into_iter().any(is_alive));
        let record = colony.record("web");
        assert_eq!(record.exit, Some(Exit::Signal(ncolony_core::Signal::KILL)));
    }
    assert_eq!(colony.lines("overlaps"), [""; 0]);
}

#[test]
fn a_program_that_was_stopped_as_by_a_terminal_can_still_be_ended() {
    let colony = Colony::running(&["-k", "600"]);
    colony.program(
        "web",
        shell(
            "trap 'echo bye > bye; exit 0' TERM; touch ready; while :; do sleep 0.01; done",
            json!({}),
        ),
    );
    until("it listens", || colony.path("ready").exists().then_some(()));
    let pid = colony.until_up("web");
    signal(pid, Signal::SIGSTOP);
    until("it stands still", || {
        (state(pid) == Some('T')).then_some(())
    });
    let record = stop(&colony, "web");
    assert_eq!(
        (record.exit, colony.lines("bye")),
        (Some(Exit::Code(0)), vec!["bye".to_owned()])
    );
}

#[test]
fn members_have_their_killtime_even_when_the_leader_ends_first() {
    let colony = Colony::running(&["-k", "600"]);
    let member = "trap 'sleep 0.3; echo done > done; exit 0' TERM; touch ready; while :; do sleep 0.01; done";
    colony.program(
        "web",
        shell(&format!("({member}) & exec sleep 1000"), json!({})),
    );
    until("it listens", || colony.path("ready").exists().then_some(()));
    let pid = colony.until_up("web");
    stop(&colony, "web");
    assert_eq!(
        (colony.lines("done"), of_group(pid)),
        (vec!["done".to_owned()], vec![])
    );
}

#[test]
fn the_death_of_some_members_is_the_programs_own_matter() {
    let colony = Colony::running(&[]);
    let sleepers = "sleep 1000 & sleep 1000 & sleep 1000 & sleep 1000 & wait";
    colony.program("web", shell(sleepers, json!({})));
    let pid = colony.until_up("web");
    let members = until_group_has(pid, 5);
    let killed: Vec<u32> = members
        .iter()
        .copied()
        .filter(|member| *member != pid)
        .take(2)
        .collect();
    for member in &killed {
        signal(*member, Signal::SIGKILL);
        until_gone(*member);
    }
    colony.rescan();
    let record = colony.record("web");
    assert_eq!((record.pid, record.starts), (Some(pid), 1));
    stop(&colony, "web");
    assert!(!members.into_iter().any(is_alive));
}

#[test]
fn a_daemon_that_stays_in_the_group_goes_with_it() {
    let colony = Colony::running(&[]);
    let script = "(sleep 1000 & echo $! > daemon)\nexec sleep 1000";
    colony.program("web", shell(script, json!({})));
    let pid = colony.until_up("web");
    let daemon = until("the daemon runs", || {
        colony.lines("daemon").first()?.parse().ok()
    });
    until_group_has(pid, 2);
    stop(&colony, "web");
    assert!(!is_alive(daemon));

    // The same when it is the program that ends first.
    colony.program(
        "short",
        shell(
            "(sleep 1000 & echo $! > orphan)",
            json!({"restart": "never"}),
        ),
    );
    colony.until_state("short", State::Exited);
    let orphan = colony.lines("orphan")[0].parse().unwrap();
    assert!(!is_alive(orphan));
}

#[test]
fn orphans_are_taken_care_of() {
    let colony = Colony::running(&[]);
    colony.program("web", shell("(sleep 0 &) ; exec cat", json!({})));
    colony.until_up("web");
    colony.until_overview("the orphan was reaped", |record| {
        record.counters["orphans"] == 1
    });
}

#[test]
fn a_signal_by_message_reaches_the_main_process_alone() {
    let colony = Colony::running(&[]);
    let part = |name: &str| {
        format!("trap 'echo {name} >> got' USR1; touch {name}; while :; do sleep 0.01; done")
    };
    let script = format!("({}) & {}", part("member"), part("main"));
    colony.program("web", shell(&script, json!({"reload_signal": "USR1"})));
    for name in ["main", "member"] {
        until("it listens", || colony.path(name).exists().then_some(()));
    }
    assert!(
        colony
            .ask(json!({"type": "SIGNAL", "name": "web", "signal": "USR1"}))
            .ok
    );
    until("it got it", || {
        (colony.lines("got") == ["main"]).then_some(())
    });
    assert!(colony.ask(json!({"type": "RELOAD", "name": "web"})).ok);
    until("it got it again", || {
        (colony.lines("got") == ["main", "main"]).then_some(())
    });
}

#[test]
fn the_stop_signal_is_the_one_that_was_said() {
    let colony = Colony::running(&["-k", "600"]);
    let script = "for name in TERM INT QUIT; do trap \"echo $name > got; exit 0\" $name; done
        touch ready; while :; do sleep 0.01; done";
    colony.program("web", shell(script, json!({"stop_signal": "SIGQUIT"})));
    until("it listens", || colony.path("ready").exists().then_some(()));
    colony.until_up("web");
    stop(&colony, "web");
    assert_eq!(colony.lines("got"), ["QUIT"]);
}
