//! `--exit-with NAME`: the end of one program is the end of all; and the monitor as process 1.

use nix::sys::signal::Signal;
use serde_json::json;

use crate::colony::{Colony, shell, until};
use crate::processes::{can_unshare, signal, until_gone};

const CAT: &str = r#"{"args": ["cat"]}"#;

/// A program that ends, in the way that the script says, once the file `go` is there.
fn ends(how: &str) -> String {
    let script = format!("until test -e go; do sleep 0.01; done; {how}");
    shell(&script, json!({}))
}

fn go(colony: &Colony) {
    std::fs::write(colony.path("go"), "").unwrap();
}

#[test]
fn its_exit_is_the_monitors_and_everything_is_stopped() {
    for (how, code) in [
        ("exit 0", 0),
        ("exit 3", 3),
        ("kill -KILL $$", 128 + 9),
        ("kill -TERM $$", 128 + 15),
    ] {
        let mut colony = Colony::new(&["--exit-with", "main"]);
        colony.program("main", ends(how));
        colony.program("web", CAT);
        colony.start();
        colony.until_up("web");
        go(&colony);
        assert_eq!(colony.ended().code(), Some(code), "{how}");
        assert_eq!(colony.processes(), [0; 0], "{how}");
        let said = colony.log();
        assert!(
            said.contains("main") && said.contains("end of all"),
            "{said}"
        );
    }
}

#[test]
fn an_end_that_was_asked_for_is_not_the_end_of_all() {
    let mut colony = Colony::new(&["--exit-with", "main"]);
    colony.program("main", CAT);
    colony.start();
    colony.until_up("main");
    for word in ["RESTART", "STOP", "START"] {
        assert!(colony.ask(json!({"type": word, "name": "main"})).ok);
    }
    let record = colony.until_record("main", "it runs again", |record| {
        record.pid.is_some() && record.starts >= 2
    });
    assert!(record.pid.is_some());
    assert_eq!(colony.stop().code(), Some(0));
}

#[test]
fn a_program_that_comes_later_counts_and_one_that_can_never_run_has_ended() {
    let mut colony = Colony::running(&["--exit-with", "main"]);
    let file = r#"{"args": ["/nowhere/to/be/found"], "give_up_after": 1}"#;
    colony.program("main", file);
    assert_eq!(colony.ended().code(), Some(127));
}

#[test]
fn an_end_while_no_monitor_was_there_is_the_end_of_all() {
    let mut colony = Colony::new(&["--exit-with", "main"]);
    colony.program("main", ends("exit 4"));
    colony.program("web", CAT);
    colony.start();
    let (main, web) = (colony.until_up("main"), colony.until_up("web"));
    colony.kill();
    go(&colony);
    until_gone(main);
    colony.begin();
    // Nobody may have seen how it ended: then that is not a success.
    let code = colony.ended().code();
    assert!(matches!(code, Some(4 | 1)), "{code:?}");
    until_gone(web);
}

#[test]
fn an_upgrade_keeps_it() {
    let mut colony = Colony::new(&["--exit-with", "main"]);
    colony.with_own_binary();
    colony.program("main", ends("exit 6"));
    colony.start();
    colony.until_up("main");
    colony.upgrade();
    go(&colony);
    assert_eq!(colony.ended().code(), Some(6));
}

/// A colony whose monitor will be process 1 of a world of its own.
fn as_process_1(flags: &[&str]) -> Option<Colony> {
    if !can_unshare() {
        println!("user namespaces are closed to us: nobody can be process 1");
        return None;
    }
    let mut colony = Colony::new(flags);
    let wrapper = ["unshare", "-Urpf", "--mount-proc", "--kill-child"];
    colony.wrap(&wrapper);
    Some(colony)
}

/// Starts it, and gives the number that the monitor has for others.
fn begin_as_1(colony: &mut Colony) -> u32 {
    let unshare = colony.begin();
    colony.until_overview("the monitor is process 1", |record| record.pid == 1);
    let children = format!("/proc/{unshare}/task/{unshare}/children");
    let children = std::fs::read_to_string(children).unwrap();
    children.trim().parse().unwrap()
}

#[test]
fn process_1_reaps_everybody_and_exits_as_its_program_does() {
    let Some(mut colony) = as_process_1(&["--exit-with", "main"]) else {
        return;
    };
    colony.program("main", ends("exit 7"));
    // Somebody who leaves his session, his parent and everybody who knows him.
    colony.program(
        "father",
        shell("(setsid sleep 0.05 &); exec cat", json!({})),
    );
    colony.program("web", CAT);
    begin_as_1(&mut colony);
    colony.until_overview("the orphan was taken in", |record| {
        record.counters["orphans"] >= 1
    });
    go(&colony);
    assert_eq!(colony.ended().code(), Some(7));
    assert_eq!(colony.processes(), [0; 0]);
}

#[test]
fn process_1_hears_the_signal_that_containers_are_stopped_with() {
    let Some(mut colony) = as_process_1(&[]) else {
        return;
    };
    colony.program("web", CAT);
    let pid = begin_as_1(&mut colony);
    until("the program runs", || {
        colony
            .try_record("web")
            .filter(|record| record.pid.is_some())
    });
    signal(pid, Signal::SIGTERM);
    assert_eq!(colony.ended().code(), Some(0));
    assert_eq!(colony.processes(), [0; 0]);
}
