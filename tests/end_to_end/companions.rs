//! Companions as programs of a colony.

use nix::sys::signal::Signal;
use serde_json::json;

use crate::binaries::binary;
use crate::colony::{Colony, until};
use crate::processes::{signal, until_gone};

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
