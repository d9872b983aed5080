//! What programs print, and where it goes.

use std::fs;

use ncolony_core::State;
use nix::sys::signal::Signal;
use serde_json::json;

use crate::colony::{Colony, shell, until};

#[test]
fn a_log_holds_what_was_printed_byte_for_byte() {
    let colony = Colony::running(&[]);
    let printed: Vec<u8> = (0..700_001_u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    fs::write(colony.path("data"), &printed).unwrap();
    let keys = json!({"restart": "never"});
    colony.program("web", shell("cat data; echo err >&2; exec cat data", keys));
    let record = colony.until_state("web", State::Exited);
    assert_eq!(record.log, Some(colony.path("logs/web.log")));
    let wanted = [&printed[..], b"err\n", &printed[..]].concat();
    until("all of it is in the log", || {
        let log = fs::read(colony.path("logs/web.log")).unwrap();
        (log.len() >= wanted.len()).then(|| assert!(log == wanted))
    });
}

#[test]
fn a_restart_goes_on_in_the_same_log() {
    let colony = Colony::running(&["-t", "0", "-m", "0"]);
    let script = "echo $$; echo $$ >> pids; test $(wc -l < pids) -lt 3 || exec cat";
    colony.program("web", shell(script, json!({})));
    until("the third is in the log", || {
        (colony.lines("logs/web.log").len() == 3 && colony.lines("pids").len() == 3).then_some(())
    });
    // The record may be that of the last shell, which is still printing.
    until("the log has the lines of every start", || {
        let started = colony.lines("pids");
        let same = started.len() >= 3 && colony.lines("logs/web.log") == started;
        same.then_some(())
    });
}

#[test]
fn without_a_place_for_logs_lines_go_to_the_monitors_output_behind_the_name() {
    let mut colony = Colony::new(&[]);
    colony.like_ncolony();
    colony.start();
    let never = || json!({"restart": "never"});
    colony.program(
        "web",
        shell(
            "echo one; printf 'half '; sleep 0.1; echo line; printf end",
            never(),
        ),
    );
    colony.program("api", shell("echo other >&2", never()));
    let web = colony.until_state("web", State::Exited);
    assert_eq!(web.log, None);
    colony.until_state("api", State::Exited);
    let lines = until("all lines", || {
        Some(colony.lines("monitor.out")).filter(|lines| lines.len() >= 4)
    });
    let of_web: Vec<&String> = lines
        .iter()
        .filter(|line| line.starts_with("[web] "))
        .collect();
    assert_eq!(of_web, ["[web] one", "[web] half line", "[web] end"]);
    assert!(lines.contains(&"[api] other".to_owned()), "{lines:?}");
    assert_eq!(fs::read_dir(colony.path("logs")).unwrap().count(), 0);
}

#[test]
fn the_last_lines_of_a_failed_start_are_in_its_record() {
    let colony = Colony::running(&["-m", "600"]);
    let script = "echo reading the configuration; echo 'no such table: users' >&2; exit 3";
    colony.program("web", shell(script, json!({})));
    let record = colony.until_record("web", "its last lines", |record| record.output.is_some());
    assert_eq!(record.state, State::Backoff);
    assert_eq!(
        record.output.unwrap(),
        ["reading the configuration", "no such table: users"]
    );

    let many = "i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo line $i; done; exit 3";
    colony.program("many", shell(many, json!({"give_up_after": 1})));
    let record = colony.until_record("many", "its last lines", |record| record.output.is_some());
    let lines = record.output.unwrap();
    assert_eq!(
        (lines.len(), lines[0].as_str(), lines[29].as_str()),
        (30, "line 71", "line 100")
    );
}

#[test]
fn logs_that_were_moved_are_opened_anew_on_usr2_and_no_line_is_lost() {
    let colony = Colony::running(&[]);
    let counting = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.005; done";
    colony.program("web", shell(counting, json!({})));
    let (log, moved) = ("logs/web.log", "logs/web.log.moved");
    let mut all = Vec::new();
    for _round in 0..3 {
        until("it counts", || (colony.lines(log).len() > 5).then_some(()));
        fs::rename(colony.path(log), colony.path(moved)).unwrap();
        colony.signal(Signal::SIGUSR2);
        until("the log is there again", || {
            (!colony.lines(log).is_empty()).then_some(())
        });
        all.extend(colony.lines(moved));
    }
    assert!(colony.ask(json!({"type": "STOP", "name": "web"})).ok);
    colony.until_state("web", State::Stopped);
    all.extend(colony.lines(log));
    let wanted: Vec<String> = (1..=all.len()).map(|number| number.to_string()).collect();
    assert_eq!(all, wanted);
}

#[test]
fn a_log_that_cannot_be_written_is_a_problem_that_is_told_and_nothing_is_lost() {
    let mut colony = Colony::new(&[]);
    colony.without_rights();
    colony.set_mode("logs", 0o500);
    colony.start();
    colony.program("web", shell("echo one; echo two; exec cat", json!({})));
    colony.program("witness", r#"{"args": ["cat"]}"#);
    let overview =
        colony.until_overview("the problem is told", |record| !record.problems.is_empty());
    let problem = &overview.problems[0];
    assert!(
        problem.contains("logs/web.log") && problem.contains("EACCES"),
        "{problem}"
    );
    colony.until_up("witness");
    assert_eq!(colony.record("web").starts, 1);
    colony.set_mode("logs", 0o755);
    until("all of it is in the log", || {
        (colony.lines("logs/web.log") == ["one", "two"]).then_some(())
    });
    colony.until_overview("the problem is over", |record| record.problems.is_empty());
}

#[test]
fn a_monitor_whose_own_log_cannot_be_written_goes_on() {
    let mut colony = Colony::new(&[]);
    colony.wrap(&["sh", "-c", "exec \"$@\" 2>/dev/full", "sh"]);
    colony.start();
    colony.program("web", r#"{"args": ["cat"]}"#);
    colony.until_up("web");
    assert!(colony.stop().success());
}

#[test]
fn a_monitor_whose_output_nobody_reads_goes_on_and_ends() {
    let mut colony = Colony::new(&[]);
    colony.like_ncolony();
    // The FIFO stays open for reading, and nobody reads.
    let unread = "mkfifo unread; exec 3<>unread; exec \"$@\" >&3 2>&3";
    colony.wrap(&["sh", "-c", unread, "sh"]);
    colony.start();
    colony.program("loud", shell("yes 'a line that is printed'", json!({})));
    colony.until_overview("it is said that nobody reads", |overview| {
        let own = |problem: &String| problem.contains("own output");
        overview.problems.iter().any(own)
    });
    colony.program(
        "quick",
        shell("sleep 0.1; exit 3", json!({"restart": "never"})),
    );
    colony.until_state("quick", State::Exited);
    assert!(colony.stop().success());
}
