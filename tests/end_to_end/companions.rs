//! Companions as programs of a colony.

use ncolony_core::State;
use nix::sys::signal::Signal;
use serde_json::json;

use crate::binaries::binary;
use crate::colony::{Colony, until};
use crate::processes::{signal, state, until_gone};

/// A scheduler of this command, as a program file.
fn scheduler(frequency: &str, script: &str) -> String {
    let path = binary("ncolony-scheduler");
    let words = [path.to_str().unwrap(), "--frequency", frequency];
    let rest = ["--timeout", "100", "--grace", "1", "--", "sh", "-c", script];
    let args = [&words[..], &rest].concat();
    json!({"args": args, "env": {"WORD": "here"}}).to_string()
}

/// The number behind a word in a program's log.
fn number(colony: &Colony, name: &str, word: &str) -> u32 {
    until(word, || {
        let lines = colony.lines(&format!("logs/{name}.log"));
        let line = lines.iter().find(|line| line.contains(word))?;
        line.rsplit(' ').next()?.parse().ok()
    })
}

#[test]
fn a_scheduler_runs_its_command_and_its_log_has_what_that_prints() {
    let colony = Colony::running(&[]);
    colony.program("job", scheduler("0.05", "echo it is $WORD"));
    for wanted in ["[1] it is here", "[scheduler] run 3 exited with code 0"] {
        until(wanted, || {
            let lines = colony.lines("logs/job.log");
            lines
                .iter()
                .any(|line| line.starts_with(wanted))
                .then_some(())
        });
    }
}

#[test]
fn a_scheduler_that_is_removed_leaves_nothing_behind() {
    let colony = Colony::running(&[]);
    let script = "sleep 1000 & echo other $!; wait";
    colony.program("job", scheduler("1000", script));
    let other = number(&colony, "job", "other");
    colony.remove("job");
    colony.until_retracted("job");
    until_gone(other);
}

#[test]
fn a_scheduler_that_is_killed_starts_no_second_run_beside_the_first() {
    let colony = Colony::running(&["-t", "0"]);
    colony.program("job", scheduler("1000", "echo self $$; exec sleep 1000"));
    let first = number(&colony, "job", "self");
    let pid = colony.until_up("job");
    signal(pid, Signal::SIGKILL);
    until("a second run", || {
        let lines = colony.lines("logs/job.log");
        let runs = lines.iter().filter(|line| line.contains("self"));
        (runs.count() == 2).then_some(())
    });
    until_gone(first);
}

#[test]
fn a_reload_of_a_companion_or_of_the_monitor_ends_no_companion_and_no_run() {
    let colony = Colony::running(&[]);
    colony.program("job", scheduler("1000", "echo self $$; exec sleep 1000"));
    for check in ["ncolony-beatcheck", "ncolony-httpcheck"] {
        let args = json!([binary(check), "--root", colony.path(""), "--freq=0.1"]);
        colony.program(check, json!({"args": args}).to_string());
    }
    let names = ["job", "ncolony-beatcheck", "ncolony-httpcheck"];
    let pids = names.map(|name| colony.until_state(name, State::Running).pid);
    let run = number(&colony, "job", "self");
    colony.signal(Signal::SIGHUP);
    for name in names {
        assert!(colony.ask(json!({"type": "RELOAD", "name": name})).ok);
    }
    until("the scheduler has heard it", || {
        let lines = colony.lines("logs/job.log");
        let heard = |line: &String| line.contains("SIGHUP");
        lines.iter().any(heard).then_some(())
    });
    // Each check is there to see what comes after.
    colony.program("unreadable", "{");
    for name in names.iter().skip(1) {
        until("the check has looked", || {
            let lines = colony.lines(&format!("logs/{name}.log"));
            let seen = |line: &String| line.contains("unreadable");
            lines.iter().any(seen).then_some(())
        });
    }
    assert_eq!(names.map(|name| colony.record(name).pid), pids);
    assert!(state(run).is_some_and(|state| state != 'Z'));
}
