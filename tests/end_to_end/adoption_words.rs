//! G3: what an adopted program is told does what it does to any other, and a word that was heard
//! before the monitor died is neither forgotten nor heard twice.

use std::fs;

use ncolony_core::State;
use ncolony_core::message::Reply;
use ncolony_core::status::TreeKill;
use nix::sys::signal::Signal;
use serde_json::json;

use crate::adoption::{NOTE, starts, succeed, until_adopted};
use crate::colony::{Colony, shell, until};
use crate::processes::{self, is_alive, until_gone};

/// A program's other processes, once all of them are there.
fn until_others(colony: &Colony, name: &str, count: usize) -> Vec<u32> {
    until("its other processes run", || {
        let lines = colony.lines(&format!("{name}.others"));
        (lines.len() == count).then(|| lines.iter().map(|line| line.parse().unwrap()).collect())
    })
}

/// Notes its number among the program's others and does so.
fn other(what: &str) -> String {
    format!("sh -c 'echo $$ >> $NCOLONY_NAME.others; {what}' &\n")
}

/// Each with the control groups that there are, and without any.
fn in_both_modes(flags: &[&str], act: impl Fn(&mut Colony)) {
    for more in [&[][..], &["--cgroup", "never"]] {
        act(&mut Colony::new(&[flags, more].concat()));
    }
}

#[test]
fn a_stop_of_what_was_adopted_ends_its_whole_tree() {
    in_both_modes(&["-t", "0", "-k", "0.3"], |colony| {
        let member = other("exec sleep 1000");
        let deaf = other("trap \"\" TERM; while :; do sleep 1000; done");
        let daemon = format!("setsid {}", other("exec sleep 1000"));
        let main = "exec sleep 1000";
        colony.program("polite", shell(&format!("{NOTE}{member}{main}"), json!({})));
        let stubborn = "trap '' TERM; while :; do sleep 1000; done";
        colony.program("deaf", shell(&format!("{NOTE}{deaf}{stubborn}"), json!({})));
        colony.program("heir", shell(&format!("{NOTE}{deaf}{main}"), json!({})));
        colony.program("daemon", shell(&format!("{NOTE}{daemon}{main}"), json!({})));
        colony.start();
        let names = ["polite", "deaf", "heir", "daemon"];
        let mut all: Vec<u32> = Vec::new();
        for name in names {
            all.extend(until_others(colony, name, 1));
            all.push(colony.until_state(name, State::Running).pid.unwrap());
        }
        succeed(colony);
        for name in names {
            until_adopted(colony, name);
        }
        // One is told to start anew: nothing of the old one stands beside the new.
        assert!(colony.ask(json!({"type": "STOP", "all": true})).ok);
        for name in names {
            let record = colony.until_state(name, State::Stopped);
            assert_eq!((record.pid, starts(colony, name)), (None, 1), "{name}");
        }
        let left: Vec<&u32> = all.iter().filter(|pid| is_alive(**pid)).collect();
        assert_eq!(left, [&0; 0], "of {all:?}");
        assert!(colony.ask(json!({"type": "START", "all": true})).ok);
        for name in names {
            colony.until_record(name, "it runs anew", |record| {
                record.state == State::Running && !record.adopted && record.starts == 2
            });
        }
    });
}

#[test]
fn what_an_adopted_program_leaves_when_it_dies_is_ended_before_its_next_start() {
    in_both_modes(&["-t", "0", "-k", "0.3"], |colony| {
        let deaf = other("trap \"\" TERM; while :; do sleep 1000; done");
        colony.program(
            "web",
            shell(&format!("{NOTE}{deaf}exec sleep 1000"), json!({})),
        );
        colony.start();
        let old = until_others(colony, "web", 1);
        let pid = colony.until_up("web");
        succeed(colony);
        until_adopted(colony, "web");
        processes::signal(pid, Signal::SIGKILL);
        let record = colony.until_record("web", "it runs anew", |record| record.starts == 2);
        assert!(!record.adopted && !is_alive(old[0]));
    });
}

#[test]
fn a_stop_that_was_under_way_is_brought_to_its_end() {
    in_both_modes(&[], |colony| {
        let deaf = "trap '' TERM; touch $NCOLONY_NAME.deaf; while :; do read line; done";
        let leader = format!(
            "{}exec sleep 1000",
            other("trap \"\" TERM; while :; do sleep 1000; done")
        );
        colony.program("long", shell(deaf, json!({"killtime": 600})));
        colony.program("short", shell(deaf, json!({"killtime": 0.5})));
        colony.program(
            "anew",
            shell(&format!("{NOTE}{deaf}"), json!({"killtime": 0.5})),
        );
        colony.program("rest", shell(&leader, json!({"killtime": 0.5})));
        colony.start();
        let deaf_ones = ["long", "short", "anew"];
        for name in deaf_ones {
            until("it is deaf", || {
                colony.path(format!("{name}.deaf")).exists().then_some(())
            });
        }
        let rest = until_others(colony, "rest", 1)[0];
        let names = ["long", "short", "anew", "rest"];
        let pids = names.map(|name| colony.until_up(name));
        // Killed before it has done anything about what it has heard, or not.
        for name in ["long", "short", "rest"] {
            assert!(colony.ask(json!({"type": "STOP", "name": name})).ok);
        }
        assert!(colony.ask(json!({"type": "RESTART", "name": "anew"})).ok);
        colony.until_state("long", State::Stopping);
        succeed(colony);
        for (name, pid) in names.into_iter().zip(pids).skip(1) {
            until_gone(pid);
            if name == "anew" {
                colony.until_record(name, "it runs anew", |record| record.starts == 2);
                until("it notes it", || (starts(colony, name) == 2).then_some(()));
            } else {
                colony.until_state(name, State::Stopped);
            }
        }
        assert!(!is_alive(rest));
        assert_eq!(colony.record("long").state, State::Stopping);
        assert!(is_alive(pids[0]), "its time is not over");
        let kill = json!({"type": "SIGNAL", "name": "long", "signal": "KILL"});
        assert!(colony.ask(kill).ok);
        colony.until_state("long", State::Stopped);
    });
}

#[test]
fn the_end_of_a_monitor_that_has_adopted_ends_what_it_has_adopted() {
    in_both_modes(&["-k", "0.3"], |colony| {
        let deaf = other("trap \"\" TERM; while :; do sleep 1000; done");
        colony.program("web", shell(&format!("{deaf}exec cat"), json!({})));
        colony.start();
        let pid = colony.until_up("web");
        let old = until_others(colony, "web", 1)[0];
        succeed(colony);
        until_adopted(colony, "web");
        assert!(colony.stop().success());
        assert!(!is_alive(pid) && !is_alive(old));
        // Nothing is remembered after an end in order.
        assert!(!colony.path("status/.journal").exists());
        colony.start();
        let record = colony.until_record("web", "it is started", |record| record.pid.is_some());
        assert_eq!((record.starts, record.adopted), (1, false));
    });
}

#[test]
fn words_are_answered_by_a_monitor_that_has_adopted() {
    let mut colony = Colony::new(&["-t", "0"]);
    let script = format!("{NOTE}trap 'echo hup >> heard' HUP; while :; do sleep 0.02; done");
    colony.program("web", shell(&script, json!({"group": ["front"]})));
    colony.start();
    until("it listens", || (starts(&colony, "web") == 1).then_some(()));
    let pid = colony.until_up("web");
    succeed(&mut colony);
    until_adopted(&colony, "web");
    assert!(colony.ask(json!({"type": "START", "name": "web"})).ok);
    assert!(colony.ask(json!({"type": "RESCAN"})).ok);
    until("it hears", || {
        assert!(colony.ask(json!({"type": "RELOAD", "group": "front"})).ok);
        (!colony.lines("heard").is_empty()).then_some(())
    });
    assert_eq!(
        (colony.record("web").pid, starts(&colony, "web")),
        (Some(pid), 1)
    );
    assert!(!colony.ask(json!({"type": "STOP", "name": "nobody"})).ok);
    assert!(colony.ask(json!({"type": "STOP", "name": "web"})).ok);
    colony.until_state("web", State::Stopped);
    let restarted = colony.ask(json!({"type": "RESTART", "name": "web"}));
    assert_eq!((restarted.ok, restarted.programs.len()), (true, 1));
    colony.until_up("web");
    assert!(colony.ask(json!({"type": "SHUTDOWN"})).ok);
    assert!(colony.ended().success());
}

fn reply(colony: &Colony, id: &str) -> Option<Reply> {
    let bytes = fs::read(colony.path(format!("status/replies/{id}.json"))).ok()?;
    Some(serde_json::from_slice(&bytes).unwrap())
}

#[test]
fn a_word_that_was_acted_on_and_is_still_there_is_not_acted_on_again_and_is_answered() {
    let mut colony = Colony::new(&["-t", "0"]);
    colony.without_rights();
    colony.program("web", shell(&format!("{NOTE}exec cat"), json!({})));
    colony.start();
    colony.until_state("web", State::Running);
    // It can be read and not be removed, as it was when the monitor was killed in between.
    let message = json!({"type": "RESTART", "name": "web", "id": "once"});
    colony.while_it_stands_still(|| {
        colony.message("once", &message);
        colony.message(
            "wrong",
            &json!({"type": "RESTART", "name": "nobody", "id": "wrong"}),
        );
        colony.set_mode("messages", 0o555);
    });
    until("it was restarted", || {
        (starts(&colony, "web") == 2).then_some(())
    });
    until("it is answered", || reply(&colony, "once"));
    until("it is answered", || reply(&colony, "wrong"));
    let pid = colony.until_up("web");
    for _kill in 0..2 {
        colony.kill();
        assert!(colony.path("messages/once").exists());
        for id in ["once", "wrong"] {
            fs::remove_file(colony.path(format!("status/replies/{id}.json"))).unwrap();
        }
        colony.start();
        assert!(until("it is answered", || reply(&colony, "once")).ok);
        assert!(!until("it is answered", || reply(&colony, "wrong")).ok);
        assert_eq!(until_adopted(&colony, "web").pid, Some(pid));
    }
    // What could not be removed then can be removed by the next.
    colony.set_mode("messages", 0o755);
    succeed(&mut colony);
    until("it is removed", || {
        (!colony.path("messages/once").exists()).then_some(())
    });
    assert_eq!((starts(&colony, "web"), colony.until_up("web")), (2, pid));
    // Another one of the same name is another one.
    colony.message("once", &message);
    until("it is acted on", || {
        (starts(&colony, "web") == 3).then_some(())
    });
}

#[test]
fn a_word_that_came_while_no_monitor_was_there_is_acted_on_once() {
    let mut colony = Colony::new(&["-t", "0"]);
    colony.program("web", shell(&format!("{NOTE}exec cat"), json!({})));
    colony.start();
    let pid = colony.until_state("web", State::Running).pid.unwrap();
    colony.kill();
    colony.message(
        "again",
        &json!({"type": "RESTART", "name": "web", "id": "again"}),
    );
    colony.start();
    assert!(until("it is answered", || reply(&colony, "again")).ok);
    until("it was restarted", || {
        (starts(&colony, "web") == 2).then_some(())
    });
    assert!(!is_alive(pid));
    succeed(&mut colony);
    colony.rescan();
    assert_eq!(starts(&colony, "web"), 2);
}

fn left_on_purpose(leave: impl Fn(&mut Colony)) {
    let mut colony = Colony::running(&["-t", "0.05"]);
    colony.program("web", shell(&format!("{NOTE}exec cat"), json!({})));
    colony.program("off", shell(&format!("{NOTE}exec cat"), json!({})));
    let before = colony.until_state("web", State::Running);
    colony.until_up("off");
    assert!(colony.ask(json!({"type": "STOP", "name": "off"})).ok);
    colony.until_state("off", State::Stopped);
    for _time in 0..2 {
        leave(&mut colony);
        assert!(is_alive(before.pid.unwrap()));
        colony.start();
        let record = until_adopted(&colony, "web");
        assert_eq!(
            (record.pid, record.starts, record.state),
            (before.pid, 1, State::Running)
        );
        colony.rescan();
        assert_eq!(colony.record("off").state, State::Stopped);
    }
    assert_eq!((starts(&colony, "web"), starts(&colony, "off")), (1, 1));
}

#[test]
fn what_was_left_running_on_purpose_is_taken_up_again() {
    left_on_purpose(|colony| {
        assert!(colony.ask(json!({"type": "DETACH"})).ok);
        assert!(colony.ended().success());
    });
    left_on_purpose(|colony| {
        assert_eq!(colony.ctl(&["shutdown", "--keep-programs"]).code, Some(0));
        assert!(colony.ended().success());
    });
}

#[test]
fn what_a_dead_program_has_left_is_ended_before_its_next_start_though_it_ended_unseen() {
    in_both_modes(&["-t", "0", "-k", "0.3"], |colony| {
        let daemon = format!(
            "setsid {}",
            other("trap \"\" TERM; while :; do sleep 1000; done")
        );
        let deaf = other("trap \"\" TERM; while :; do sleep 1000; done");
        colony.program(
            "web",
            shell(&format!("{NOTE}{deaf}{daemon}exec sleep 1000"), json!({})),
        );
        colony.start();
        let old = until_others(colony, "web", 2);
        let pid = colony.until_up("web");
        colony.kill();
        processes::signal(pid, Signal::SIGKILL);
        until_gone(pid);
        colony.start();
        colony.until_record("web", "it runs anew", |record| {
            record.starts == 2 && record.pid.is_some()
        });
        assert!(!old.into_iter().any(is_alive));
        assert_ne!(colony.overview().guarantees.tree_kill, TreeKill::Group);
    });
}
