//! What the monitor does when it is sent a signal.

use std::fs;
use std::thread;
use std::time::Duration;

use ncolony_core::State;
use nix::sys::signal::Signal;
use serde_json::json;

use crate::colony::{Colony, shell, until};
use crate::processes::{is_alive, signal, state};

const CAT: &str = r#"{"args": ["cat"]}"#;
const DEAF: &str = "trap '' TERM; touch deaf; while :; do read line; done";

/// Everything has been stopped and is recorded so.
fn check_all_stopped(colony: &Colony) {
    assert_eq!(colony.processes(), [0; 0]);
    for entry in fs::read_dir(colony.path("status/programs"))
        .unwrap()
        .flatten()
    {
        let file = entry.file_name().into_string().unwrap();
        let record = colony.record(file.strip_suffix(".json").unwrap());
        assert_eq!((record.state, record.pid), (State::Stopped, None), "{file}");
    }
}

#[test]
fn term_and_int_stop_everything_and_the_monitor_exits_with_0() {
    for word in [Signal::SIGTERM, Signal::SIGINT] {
        let mut colony = Colony::new(&[]);
        for number in 0..20 {
            colony.program(&format!("p{number}"), shell("sleep 1000 & wait", json!({})));
        }
        // One that waits and one that never runs do not hold it up.
        colony.program("lost", r#"{"args": ["/nowhere"], "minrestartdelay": 600}"#);
        colony.program("bad", "{");
        colony.start();
        for number in 0..20 {
            colony.until_up(&format!("p{number}"));
        }
        colony.signal(word);
        assert_eq!(colony.ended().code(), Some(0), "{word}");
        check_all_stopped(&colony);
    }
}

#[test]
fn the_end_waits_for_killtimes_and_no_longer() {
    let mut colony = Colony::running(&[]);
    colony.program("web", shell(DEAF, json!({"killtime": 0.3})));
    until("it is deaf", || colony.path("deaf").exists().then_some(()));
    assert_eq!(colony.stop().code(), Some(0));
    check_all_stopped(&colony);
}

#[test]
fn a_second_term_kills_at_once() {
    let mut colony = Colony::running(&["-k", "600"]);
    colony.program("web", shell(DEAF, json!({})));
    until("it is deaf", || colony.path("deaf").exists().then_some(()));
    colony.until_up("web");
    colony.signal(Signal::SIGTERM);
    let pid = colony.until_state("web", State::Stopping).pid.unwrap();
    assert!(is_alive(pid));
    colony.signal(Signal::SIGTERM);
    assert_eq!(colony.ended().code(), Some(0));
    check_all_stopped(&colony);
}

#[test]
fn hup_looks_at_everything() {
    let colony = Colony::running(&["--watch", "poll", "--frequency", "86400"]);
    colony.program("web", CAT);
    colony.message("1", &json!({"type": "STOP", "name": "web"}));
    colony.signal(Signal::SIGHUP);
    let record = colony.until_state("web", State::Stopped);
    assert!(record.reason.unwrap().contains("by hand"));
    assert!(!colony.path("messages/1").exists());
}

#[test]
fn a_shutdown_message_is_as_good_as_a_signal() {
    let mut colony = Colony::running(&[]);
    colony.program("web", CAT);
    colony.until_up("web");
    let reply = colony.ask(json!({"type": "SHUTDOWN"}));
    assert!(reply.ok, "{reply:?}");
    assert_eq!(colony.ended().code(), Some(0));
    check_all_stopped(&colony);
    assert_eq!(fs::read_dir(colony.path("messages")).unwrap().count(), 0);
}

#[test]
fn a_monitor_that_stood_still_starts_nothing_twice_and_kills_nobody_in_a_storm() {
    let colony = Colony::running(&["-t", "0", "-m", "0.1", "--frequency", "0.1"]);
    let lock = "exec 9> $NCOLONY_NAME.lock; flock -n 9 || echo $NCOLONY_NAME >> overlaps\n";
    let program = |name: &str, rest: &str, keys| {
        colony.program(name, shell(&format!("{lock}{rest}"), keys));
        colony.until_up(name)
    };
    let steady = program("steady", "exec sleep 1000", json!({}));
    let crashed = program("crashed", "exec sleep 1000", json!({}));
    program("stubborn", DEAF, json!({"killtime": 0.2}));
    until("it is deaf", || colony.path("deaf").exists().then_some(()));
    assert!(
        colony
            .ask(json!({"type": "RESTART", "name": "stubborn"}))
            .ok
    );
    colony.while_it_stands_still(|| {
        signal(crashed, Signal::SIGKILL);
        until("it has died", || {
            (state(crashed) == Some('Z')).then_some(())
        });
        for number in 0..20 {
            colony.message(
                &number.to_string(),
                &json!({"type": "START", "name": "steady"}),
            );
        }
        // The fault itself: many of its periods pass.
        thread::sleep(Duration::from_secs(2));
    });
    for name in ["crashed", "stubborn"] {
        colony.until_record(name, "it runs again", |record| {
            record.starts == 2 && record.pid.is_some()
        });
    }
    colony.rescan();
    let starts = ["steady", "crashed", "stubborn"].map(|name| colony.record(name).starts);
    assert_eq!(
        (colony.record("steady").pid, starts),
        (Some(steady), [1, 2, 2])
    );
    // TERM, CONT and KILL; a busy machine may be sent KILL once more.
    let signals = colony.overview().counters["signals"];
    assert!((3..=4).contains(&signals), "{signals}");
    assert_eq!(colony.lines("overlaps"), [""; 0]);
}
