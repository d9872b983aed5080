//! G8: a shortage of the machine is not a crash of the program.

use std::fs;
use std::process::Command;

use ncolony_core::State;
use ncolony_core::status::{ProgramStatus, Watch};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::colony::{Colony, until};
use crate::processes::{is_alive, signal};

/// A program that a single death would make FATAL.
const ONE_DEATH: &str = r#"{"args": ["cat"], "give_up_after": 1}"#;

fn waits_for_the_machine(record: &ProgramStatus) -> bool {
    let reason = record.reason.as_deref().unwrap_or_default();
    record.state == State::Backoff && reason.contains("does not count against the program")
}

/// Sets how many processes the monitor's user may have before the monitor may make no more.
fn limit_processes(colony: &Colony, soft: &str) {
    let mut prlimit = Command::new("prlimit");
    let pid = colony.pid().to_string();
    prlimit.args(["--pid", &pid, &format!("--nproc={soft}:")]);
    colony.as_its_user(&mut prlimit);
    assert!(prlimit.status().unwrap().success());
}

/// How many it may have by itself.
fn process_limit(colony: &Colony) -> String {
    let limits = fs::read_to_string(format!("/proc/{}/limits", colony.pid())).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max processes"));
    line.unwrap().split_whitespace().nth(2).unwrap().to_owned()
}

#[test]
fn where_no_process_can_be_made_programs_wait_and_nothing_else_suffers() {
    let mut colony = Colony::new(&[]);
    // The limit does not hold for root.
    colony.without_rights();
    colony.start();
    colony.program("witness", r#"{"args": ["cat"]}"#);
    let witness = colony.until_up("witness");
    let before = process_limit(&colony);
    limit_processes(&colony, "1");
    colony.program("web", ONE_DEATH);
    let record = colony.until_record("web", "it waits", waits_for_the_machine);
    assert!(record.reason.unwrap().contains("EAGAIN"));
    assert_eq!(record.starts, 0);
    assert!(colony.ask(json!({"type": "STOP", "name": "witness"})).ok);
    colony.until_state("witness", State::Stopped);
    assert!(!is_alive(witness));
    limit_processes(&colony, &before);
    colony.until_up("web");
    assert_eq!(colony.record("web").starts, 1);
}

#[test]
fn where_descriptors_run_out_what_runs_can_still_be_stopped() {
    const COUNT: usize = 64;
    let mut colony = Colony::new(&[]);
    colony.wrap(&["prlimit", "--nofile=64:64"]);
    let name = |number| format!("p{number:02}");
    for number in 0..COUNT {
        colony.program(&name(number), ONE_DEATH);
    }
    colony.start();
    let records = || (0..COUNT).filter_map(|number| colony.try_record(&name(number)));
    let running = || -> Vec<ProgramStatus> { records().filter(|it| it.pid.is_some()).collect() };
    let waiting = || records().filter(waits_for_the_machine).count();
    until("some run and others wait", || {
        (!running().is_empty() && waiting() > 0).then_some(())
    });
    let first = running();
    for record in &first {
        assert!(colony.ask(json!({"type": "STOP", "name": record.name})).ok);
        colony.until_state(record.name.as_str(), State::Stopped);
        assert!(!is_alive(record.pid.unwrap()));
    }
    // Their descriptors are free for others, who were not given up.
    until("others run", || (!running().is_empty()).then_some(()));
    assert!(records().all(|record| record.state != State::Fatal));
}

#[test]
fn where_descriptors_have_run_out_what_runs_is_taken_up_and_nothing_is_started_twice() {
    const COUNT: usize = 140;
    let mut colony = Colony::new(&["--frequency", "0.1"]);
    colony.wrap(&["prlimit", "--nofile=160:160"]);
    let name = |number| format!("p{number:03}");
    for number in 0..COUNT {
        colony.program(&name(number), ONE_DEATH);
    }
    colony.start();
    let records = |colony: &Colony| -> Vec<ProgramStatus> {
        let all = (0..COUNT).filter_map(|number| colony.try_record(&name(number)));
        all.collect()
    };
    let first = until("some run, and the others wait", || {
        let all = records(&colony);
        let waiting = all.iter().filter(|it| waits_for_the_machine(it)).count();
        let running: Vec<_> = all.into_iter().filter(|it| it.pid.is_some()).collect();
        (!running.is_empty() && running.len() + waiting == COUNT).then_some(running)
    });
    colony.kill();
    // With fewer descriptors than they need, nobody begins who would not see them all.
    colony.wrap(&["prlimit", "--nofile=80:80"]);
    colony.begin();
    assert_eq!(colony.ended().code(), Some(1));
    let log = colony.log();
    assert!(
        log.contains("too few for it") && log.contains("ulimit -n"),
        "{log}"
    );
    colony.wrap(&["prlimit", "--nofile=40:40"]);
    colony.begin();
    assert_eq!(colony.ended().code(), Some(1));
    assert!(colony.log().contains("(EMFILE)"), "{}", colony.log());
    // As many as before are enough, though whoever is not their parent needs more for each.
    colony.wrap(&["prlimit", "--nofile=160:160"]);
    colony.start();
    let processes = colony.processes();
    for before in &first {
        let pid = before.pid.unwrap();
        assert!(is_alive(pid), "{} goes on", before.name);
        colony.until_record(before.name.as_str(), "it is taken up", |record| {
            record.pid == Some(pid) && record.starts == 1
        });
    }
    assert_eq!(processes.len(), first.len(), "nothing was started twice");
    for before in &first {
        assert!(colony.ask(json!({"type": "STOP", "name": before.name})).ok);
        colony.until_state(before.name.as_str(), State::Stopped);
        assert!(!is_alive(before.pid.unwrap()));
    }
    assert!(
        records(&colony)
            .iter()
            .all(|record| record.state != State::Fatal)
    );
}

#[test]
fn where_no_process_can_be_made_a_new_monitor_starts_nothing_twice() {
    let mut colony = Colony::new(&["--frequency", "0.1"]);
    colony.without_rights();
    colony.program("web", ONE_DEATH);
    colony.start();
    let web = colony.until_up("web");
    colony.kill();
    // Not even a thread of its own can be made.
    colony.wrap(&["prlimit", "--nproc=1"]);
    colony.begin();
    assert_eq!(colony.ended().code(), Some(1));
    assert!(
        colony.log().contains("Try again (EAGAIN)"),
        "{}",
        colony.log()
    );
    colony.wrap(&[]);
    colony.start();
    colony.until_record("web", "it is taken up", |record| {
        record.pid == Some(web) && record.starts == 1
    });
}

/// To watch a directory takes a thread.
#[test]
fn where_no_thread_can_be_made_a_directory_is_looked_at_until_there_can_be_one() {
    let mut colony = Colony::new(&["--frequency", "0.1"]);
    colony.without_rights();
    colony.program("web", ONE_DEATH);
    colony.start();
    let web = colony.until_up("web");
    let before = process_limit(&colony);
    limit_processes(&colony, "1");
    fs::rename(colony.path("config"), colony.path("former")).unwrap();
    fs::create_dir(colony.path("config")).unwrap();
    colony.give_away("config");
    colony.program("web", ONE_DEATH);
    let looks = colony.until_overview("it looks", |overview| overview.watch == Watch::Poll);
    assert!(looks.problems.iter().any(|what| what.contains("EAGAIN")));
    limit_processes(&colony, &before);
    colony.until_overview("it watches", |overview| overview.watch == Watch::Inotify);
    assert_eq!(colony.record("web").pid, Some(web));
}

#[test]
fn where_records_cannot_be_written_the_programs_are_still_looked_after() {
    let mut colony = Colony::new(&["-m", "0.05", "-t", "0", "--frequency", "0.1"]);
    colony.without_rights();
    colony.start();
    let counting = json!({"args": ["/bin/sh", "-c", "echo $$ >> pids; exec cat"]});
    colony.program("web", counting.to_string());
    let first = colony.until_up("web");
    until("it has noted its start", || {
        (colony.lines("pids").len() == 1).then_some(())
    });
    colony.set_mode("status/programs", 0o500);
    signal(first, Signal::SIGKILL);
    let second: u32 = until("it was started again", || {
        colony.lines("pids").get(1)?.parse().ok()
    });
    let overview =
        colony.until_overview("the problem is told", |record| !record.problems.is_empty());
    let problem = &overview.problems[0];
    assert!(
        problem.contains("status/programs") && problem.contains("ermission denied"),
        "{problem}"
    );
    assert_eq!(
        colony.record("web").pid,
        Some(first),
        "the record is the old one"
    );

    colony.set_mode("status/programs", 0o700);
    colony.until_record("web", "its record is true again", |record| {
        record.pid == Some(second)
    });
    colony.until_overview("the problem is over", |record| record.problems.is_empty());
}

#[test]
fn a_status_directory_that_somebody_removed_is_made_again() {
    let colony = Colony::running(&["--frequency", "0.1"]);
    colony.program("web", r#"{"args": ["cat"]}"#);
    let pid = colony.until_up("web");
    fs::remove_dir_all(colony.path("status/programs")).unwrap();
    fs::remove_dir_all(colony.path("status/replies")).unwrap();
    let record = until("its record is back", || colony.try_record("web"));
    assert_eq!((record.pid, record.starts), (Some(pid), 1));
    assert!(colony.ask(json!({"type": "RESTART", "name": "web"})).ok);
    colony.until_record("web", "it was restarted", |record| record.starts == 2);
}
