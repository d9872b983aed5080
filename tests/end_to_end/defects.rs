//! The seven defects that a user of NColony meets, each shown not to be here.

use std::fs;

use ncolony_core::State;
use ncolony_core::status::WantWord;
use serde_json::json;

use crate::colony::{Colony, shell, until};
use crate::processes::{is_alive, until_gone};

#[test]
fn defect_1_a_malformed_file_or_message_does_not_end_the_listening() {
    let mut colony = Colony::running(&[]);
    colony.program("bad", "{");
    colony.message("bad", &json!("this is no request"));
    let rejected = colony.path("status/rejected/bad");
    until("the message is put aside", || {
        rejected.exists().then_some(())
    });
    assert!(
        colony
            .until_record("bad", "it has an error", |record| record
                .config_error
                .is_some())
            .pid
            .is_none()
    );
    colony.program("web", r#"{"args": ["cat"]}"#);
    let pid = colony.until_up("web");
    assert!(colony.ask(json!({"type": "RESTART", "name": "web"})).ok);
    colony.until_record("web", "it was restarted", |record| record.starts == 2);
    until_gone(pid);

    assert!(colony.stop().success());
    colony.start();
    colony.until_up("web");
}

#[test]
fn defect_2_unknown_names_missing_types_and_subdirectories_do_no_harm() {
    let colony = Colony::running(&[]);
    fs::create_dir(colony.path("config/sub")).unwrap();
    fs::create_dir(colony.path("messages/sub")).unwrap();
    colony.message("stranger", &json!({"type": "RESTART", "name": "nobody"}));
    colony.message("nothing", &json!({}));
    colony.program("web", r#"{"args": ["cat"]}"#);
    colony.until_up("web");
    assert!(colony.ask(json!({"type": "RESTART", "name": "web"})).ok);
    colony.until_record("web", "it was restarted", |record| record.starts == 2);
    for name in ["sub", "stranger", "nothing"] {
        let reason = colony.path(format!("status/rejected/{name}.reason"));
        until(&format!("the reason for {name}"), || {
            reason.exists().then_some(())
        });
    }
}

#[test]
fn defect_3_a_restart_during_a_back_off_starts_at_once() {
    let colony = Colony::running(&["-m", "600"]);
    colony.program("web", shell("test -e ready && exec cat; exit 3", json!({})));
    colony.until_state("web", State::Backoff);
    fs::write(colony.path("ready"), "").unwrap();
    assert!(colony.ask(json!({"type": "RESTART", "name": "web"})).ok);
    let record = colony.until_state("web", State::Running);
    assert_eq!(record.starts, 2);
}

#[test]
fn defect_3_a_file_that_changes_during_a_stop_is_what_is_started_next() {
    let colony = Colony::running(&["-k", "600"]);
    let stubborn = "trap '' TERM; touch deaf; while :; do read line; done";
    colony.program("web", shell(stubborn, json!({})));
    until("it is deaf", || colony.path("deaf").exists().then_some(()));
    let pid = colony.until_up("web");
    assert!(colony.ask(json!({"type": "RESTART", "name": "web"})).ok);
    colony.until_state("web", State::Stopping);
    colony.program("web", shell("echo $$ > second; exec cat", json!({})));
    colony.rescan();
    assert!(is_alive(pid));
    assert!(
        colony
            .ask(json!({"type": "SIGNAL", "name": "web", "signal": "KILL"}))
            .ok
    );
    let record = colony.until_state("web", State::Running);
    assert_eq!(
        (record.starts, colony.lines("second")),
        (2, vec![record.pid.unwrap().to_string()])
    );
}

#[test]
fn defect_4_what_a_shell_started_is_stopped_with_it() {
    let colony = Colony::running(&[]);
    colony.program(
        "web",
        shell("sleep 1000 & echo $! > server; wait", json!({})),
    );
    let server = until("the server runs", || {
        colony.lines("server").first()?.parse().ok()
    });
    assert!(colony.ask(json!({"type": "STOP", "name": "web"})).ok);
    colony.until_state("web", State::Stopped);
    assert!(
        !is_alive(server),
        "it was called stopped while its server ran"
    );
}

#[test]
fn defect_5_one_can_see_what_runs_since_when_and_why_not() {
    let colony = Colony::running(&["-t", "0.05"]);
    colony.program("web", r#"{"args": ["cat"]}"#);
    colony.program(
        "lost",
        r#"{"args": ["/nowhere/to/be/found"], "give_up_after": 1}"#,
    );
    let web = colony.until_state("web", State::Running);
    assert_eq!((web.want, is_alive(web.pid.unwrap())), (WantWord::Up, true));
    let started = colony.overview().started;
    assert!(
        web.since.as_millis() >= started.as_millis(),
        "{:?}",
        web.since
    );
    let lost = colony.until_state("lost", State::Fatal);
    let reason = lost.reason.unwrap();
    assert!(
        reason.contains("/nowhere/to/be/found") && reason.contains("ENOENT"),
        "{reason}"
    );
}

#[test]
fn defect_6_a_restart_does_not_wait_for_the_next_scan() {
    let colony = Colony::running(&["--frequency", "86400"]);
    colony.program("web", r#"{"args": ["cat"]}"#);
    colony.until_up("web");
    assert!(colony.ask(json!({"type": "RESTART", "name": "web"})).ok);
    colony.until_record("web", "it was restarted", |record| record.starts == 2);
    assert_eq!(colony.overview().counters["full_looks"], 1);
}

/// Notes its process, and whether another of its name runs.
const ONE_AT_A_TIME: &str = "exec 9> $NCOLONY_NAME.lock
flock -n 9 || echo $$ >> overlaps
echo $$ >> $NCOLONY_NAME.pids\n";

#[test]
fn defect_7_after_a_killed_monitor_no_program_runs_twice() {
    let mut colony = Colony::new(&["-k", "0.3"]);
    let tails = [
        ("plain", "exec sleep 1000"),
        // Only what was written down of it says whose it is.
        ("without-environment", "exec env -i sleep 1000"),
        ("of-two", "sleep 1000 & wait"),
        ("deaf", "trap '' TERM; while :; do sleep 1000; done"),
    ];
    for (name, tail) in tails {
        colony.program(name, shell(&format!("{ONE_AT_A_TIME}{tail}"), json!({})));
    }
    let pids = |colony: &Colony, name: &str| colony.lines(&format!("{name}.pids"));
    for _round in 0..3 {
        colony.start();
        for (name, _) in tails {
            until(&format!("{name} runs"), || {
                (!pids(&colony, name).is_empty()).then_some(())
            });
            let pid = colony.until_up(name);
            assert_eq!(pids(&colony, name), [pid.to_string()], "{name}");
            assert!(is_alive(pid), "{name}");
        }
        colony.kill();
        assert!(
            colony.processes().len() >= tails.len(),
            "they live on without it"
        );
    }
    // Those that a word replaces are gone before their successors begin.
    colony.start();
    assert!(colony.ask(json!({"type": "RESTART-ALL"})).ok);
    for (name, _) in tails {
        until(&format!("{name} runs anew"), || {
            (pids(&colony, name).len() == 2).then_some(())
        });
        let old: u32 = pids(&colony, name)[0].parse().unwrap();
        assert!(!is_alive(old), "{name}");
    }
    assert_eq!(colony.lines("overlaps"), [""; 0]);
}
