//! `--daemonize`, `--pidfile` and `--logfile`: a monitor that leaves its caller, who is told
//! whether the colony is up.

use std::fs;
use std::path::PathBuf;

use nix::sys::signal::Signal;
use serde_json::json;

use crate::colony::{Colony, Outcome, shell, until};
use crate::processes::{field, is_alive, signal, until_gone};

const CAT: &str = r#"{"args": ["cat"]}"#;

/// Flags of a monitor in the background that writes its number to the file `pid`.
const FLAGS: [&str; 3] = ["--daemonize", "--pidfile", "pid"];

/// Starts a monitor, waits until the command returns, and gives what it said.
fn call(colony: &Colony) -> Outcome {
    let mut command = colony.command();
    // The output ends when nobody holds it any more.
    command.stdout(std::process::Stdio::piped());
    command.stderr(std::process::Stdio::piped());
    let output = command.output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[track_caller]
fn call_well(colony: &Colony) -> u32 {
    let said = call(colony);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!((said.stdout.as_str(), said.stderr.as_str()), ("", ""));
    number(colony).unwrap()
}

/// What the pid file says.
fn number(colony: &Colony) -> Option<u32> {
    let text = fs::read_to_string(colony.path("pid")).ok()?;
    Some(text.strip_suffix('\n').unwrap().parse().unwrap())
}

fn stop(colony: &Colony, pid: u32) {
    signal(pid, Signal::SIGTERM);
    until_gone(pid);
    until("all is gone", || {
        colony.processes().is_empty().then_some(())
    });
}

/// Where a descriptor of a process leads.
fn descriptor(pid: u32, number: u32) -> PathBuf {
    fs::read_link(format!("/proc/{pid}/fd/{number}")).unwrap()
}

#[test]
fn the_command_returns_when_the_colony_is_up_and_leaves_nothing_of_itself() {
    let colony = Colony::new(&FLAGS);
    colony.program("web", CAT);
    let pid = call_well(&colony);
    let overview = colony.overview();
    assert_eq!((overview.pid, overview.programs), (pid, 1));
    // What was wanted was ordered: the program is there already, beside the monitor.
    assert_eq!(colony.processes().len(), 2);
    let web = colony.until_up("web");
    // It is in a session that it does not lead, without a terminal, and nobody's child.
    let session = field(pid, 6).unwrap();
    assert_ne!(session, pid.to_string());
    assert_ne!(session, field(std::process::id(), 6).unwrap());
    assert_eq!(field(pid, 7).unwrap(), "0");
    assert_ne!(field(pid, 4).unwrap(), std::process::id().to_string());
    assert_eq!(descriptor(pid, 0), PathBuf::from("/dev/null"));
    let log = colony.path("logs/monitor.out").canonicalize().unwrap();
    assert_eq!([descriptor(pid, 1), descriptor(pid, 2)], [log.clone(), log]);
    assert!(colony.lines("logs/monitor.out").concat().contains("is up"));
    stop(&colony, pid);
    assert!(!is_alive(web));
    assert_eq!(number(&colony), None, "an orderly end removes the file");
}

#[test]
fn nothing_that_the_caller_had_open_stays_open() {
    let mut colony = Colony::new(&FLAGS);
    colony.wrap(&["/bin/sh", "-c", "exec 7> held && exec \"$@\"", "sh"]);
    let pid = call_well(&colony);
    let held = colony.path("held").canonicalize().unwrap();
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let leads_there = |path: PathBuf| fs::read_link(path).is_ok_and(|target| target == held);
    assert!(!open.map(|entry| entry.path()).any(leads_there));
    stop(&colony, pid);
}

#[test]
fn a_second_one_fails_with_the_reason_and_leaves_the_first_ones_files() {
    let colony = Colony::new(&FLAGS);
    let pid = call_well(&colony);
    let log = || colony.lines("logs/monitor.out");
    let before = log();
    let said = call(&colony);
    assert_eq!(said.code, Some(1), "{said:?}");
    let wanted = format!("ncolony-monitor: another monitor, process {pid}, holds");
    assert!(said.stderr.starts_with(&wanted), "{said:?}");
    assert_eq!((number(&colony), log()), (Some(pid), before));
    stop(&colony, pid);
}

#[test]
fn what_cannot_be_is_said_to_the_caller() {
    for (flags, code, wanted) in [
        (&["--logfile", "none/log"][..], 1, "none/log: No such file"),
        (&["--pidfile", "none/pid"], 1, "none/pid: No such file"),
        (&["--status", "/proc/none"], 1, "/proc/none"),
        (&["--threshold", "soon"], 2, "soon"),
        (&["-M", "0.5"], 1, "--minrestartdelay"),
        (&["--exit-with", "a/b"], 2, "a/b"),
    ] {
        let mut colony = Colony::new(&["--daemonize"]);
        colony.add_flags(flags);
        let said = call(&colony);
        assert_eq!(said.code, Some(code), "{flags:?}: {said:?}");
        let all = format!("{}{}", said.stderr, said.stdout);
        assert!(all.contains(wanted), "{flags:?}: {said:?}");
        assert_eq!(colony.processes(), [0; 0]);
    }
}

#[test]
fn a_stale_number_is_replaced_and_what_runs_is_taken_up() {
    let colony = Colony::new(&FLAGS);
    fs::write(colony.path("pid"), "1\n").unwrap();
    colony.program("web", CAT);
    let first = call_well(&colony);
    let web = colony.until_up("web");
    signal(first, Signal::SIGKILL);
    until_gone(first);
    assert_eq!(number(&colony), Some(first));
    let second = call_well(&colony);
    assert_ne!(first, second);
    assert_eq!(colony.until_up("web"), web);
    let record = colony.until_record("web", "it is adopted", |record| record.adopted);
    assert_eq!(record.starts, 1);
    stop(&colony, second);
}

#[test]
fn an_upgrade_stays_in_the_background_under_its_number() {
    let colony = Colony::new(&FLAGS);
    colony.with_own_binary();
    colony.program("web", CAT);
    let pid = call_well(&colony);
    let web = colony.until_up("web");
    let log = descriptor(pid, 2);
    colony.upgrade();
    assert!(is_alive(pid));
    assert_eq!(number(&colony), Some(pid));
    assert_eq!((colony.until_up("web"), descriptor(pid, 2)), (web, log));
    let ups = |line: &&String| line.contains("the monitor is up");
    until("the new image has said so", || {
        let count = colony.lines("logs/monitor.out").iter().filter(ups).count();
        (count == 2).then_some(())
    });
    stop(&colony, pid);
    assert_eq!(number(&colony), None);
}

#[test]
fn its_log_is_opened_anew_when_it_is_told_so() {
    let mut colony = Colony::new(&FLAGS);
    colony.add_flags(&["--logfile", "own.log"]);
    let pid = call_well(&colony);
    fs::rename(colony.path("own.log"), colony.path("own.log.1")).unwrap();
    signal(pid, Signal::SIGUSR2);
    until("the log is there again", || {
        colony.path("own.log").exists().then_some(())
    });
    stop(&colony, pid);
    let said = |name: &str, part: &str| colony.lines(name).concat().contains(part);
    assert!(said("own.log.1", "is up") && !said("own.log.1", "has stopped"));
    assert!(said("own.log", "has stopped"));
}

#[test]
fn lines_that_go_to_its_output_go_to_its_log() {
    let mut colony = Colony::new(&FLAGS);
    colony.like_ncolony();
    colony.program("web", shell("echo hello; exec cat", json!({})));
    let pid = call_well(&colony);
    until("the line is there", || {
        let lines = colony.lines("status/monitor.out");
        lines.contains(&"[web] hello".to_owned()).then_some(())
    });
    stop(&colony, pid);
}

#[test]
fn the_files_serve_a_monitor_in_the_foreground_too() {
    let mut colony = Colony::new(&["--pidfile", "pid", "--logfile", "own.log"]);
    colony.start();
    assert_eq!(number(&colony), Some(colony.pid()));
    assert!(colony.stop().success());
    assert_eq!((number(&colony), colony.log().as_str()), (None, ""));
    assert!(colony.lines("own.log").concat().contains("has stopped"));
}
