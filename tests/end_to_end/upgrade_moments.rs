//! What happens while an upgrade is under way: when the new binary was asked and has not answered,
//! and when it stands in the old one's place and has not looked at anything yet.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ncolony_core::status::ExitCodes;
use ncolony_core::{Exit, Signal as ExitSignal, State};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::binaries::binary;
use crate::colony::{Colony, Over, shell, until};
use crate::processes::{self, is_alive, until_gone};

const CAT: &str = r#"{"args": ["cat"]}"#;

fn slow(flags: &[&str]) -> Colony {
    let mut colony = Colony::new(flags);
    colony.with_own_binary();
    colony.start();
    colony
}

/// Another monitor on the same colony gets nowhere.
fn check_second_is_refused(colony: &Colony) {
    // What stands in the first one's place just now answers nobody.
    let mut second = Command::new(binary("ncolony-monitor"));
    second.arg("--root").arg(colony.path(""));
    let second = second.stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{said}");
    assert!(said.contains("another monitor"), "{said}");
}

#[test]
fn who_ends_meanwhile_is_acted_on_once_and_with_the_exact_exit() {
    let colony = slow(&[]);
    let script = |name: &str, code: u8| {
        let run = format!(
            "echo $$ >> starts-of-{name}; while [ ! -e end-of-{name} ]; do sleep 0.005; done; rm end-of-{name}; echo last words; exit {code}"
        );
        shell(&run, json!({}))
    };
    colony.program("asked", script("asked", 41));
    colony.program("replaced", script("replaced", 42));
    colony.program("killed", CAT);
    let never = shell(
        "while [ ! -e end-of-once ]; do sleep 0.005; done; exit 43",
        json!({"restart": "never"}),
    );
    colony.program("once", never);
    let pids = ["asked", "replaced", "killed", "once"].map(|name| colony.until_up(name));
    let end = |name: &str| fs::write(colony.path(format!("end-of-{name}")), "").unwrap();
    for name in ["asked", "replaced"] {
        until("it has begun", || {
            colony
                .path(format!("starts-of-{name}"))
                .exists()
                .then_some(())
        });
    }

    colony.until_asked();
    end("asked");
    // Everything goes on until the last moment.
    colony.until_record("asked", "it was started again", |record| record.starts == 2);
    colony.until_replaced();
    end("replaced");
    end("once");
    processes::signal(pids[2], Signal::SIGKILL);
    for pid in [pids[1], pids[2], pids[3]] {
        until_gone(pid);
    }
    assert!(colony.until_taken_over().ok);
    let ended = |name: &str| {
        colony.until_record(name, "its end was acted on", |record| {
            record.exit.is_some() && (record.pid.is_some() || record.state == State::Exited)
        })
    };
    for (name, exit, starts) in [
        ("asked", Exit::Code(41), 2),
        ("replaced", Exit::Code(42), 2),
        ("killed", Exit::Signal(ExitSignal::KILL), 2),
        ("once", Exit::Code(43), 1),
    ] {
        let record = ended(name);
        assert_eq!((record.exit, record.starts), (Some(exit), starts), "{name}");
    }
    for name in ["asked", "replaced"] {
        until("its second process has begun", || {
            (colony.lines(&format!("starts-of-{name}")).len() == 2).then_some(())
        });
        assert_eq!(colony.lines(&format!("logs/{name}.log")), ["last words"]);
    }
    colony.rescan();
    assert_eq!(colony.lines("starts-of-replaced").len(), 2);
}

#[test]
fn how_an_adopted_process_ends_meanwhile_is_known_as_exactly_as_ever() {
    let mut colony = slow(&[]);
    let script = "while [ ! -e end ]; do sleep 0.005; done; exit 44";
    colony.program("web", shell(script, json!({"restart": "never"})));
    let pid = colony.until_up("web");
    colony.kill();
    colony.start();
    colony.until_record("web", "it was adopted", |record| record.adopted);
    colony.until_asked();
    colony.until_replaced();
    fs::write(colony.path("end"), "").unwrap();
    until_gone(pid);
    assert!(colony.until_taken_over().ok);
    let record = colony.until_state("web", State::Exited);
    let wanted = match colony.overview().guarantees.exit_codes {
        ExitCodes::Exact => Exit::Code(44),
        ExitCodes::Unknown => Exit::Unknown,
    };
    assert_eq!((record.exit, record.starts), (Some(wanted), 1));
}

#[test]
fn a_word_of_the_machine_is_neither_lost_nor_deadly() {
    let mut colony = slow(&[]);
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    colony.until_asked();
    colony.until_replaced();
    for word in [Signal::SIGHUP, Signal::SIGUSR2, Signal::SIGTERM] {
        colony.signal(word);
    }
    assert!(is_alive(colony.pid()) && is_alive(pid));
    assert!(colony.until_taken_over().ok);
    assert_eq!(colony.ended().code(), Some(0));
    assert!(!is_alive(pid));
    assert_eq!(colony.record("web").state, State::Stopped);
}

#[test]
fn a_monitor_that_is_told_to_end_first_is_not_upgraded() {
    let mut colony = slow(&[]);
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    colony.until_asked();
    colony.signal(Signal::SIGTERM);
    assert_eq!(colony.ended().code(), Some(0));
    assert!(!is_alive(pid));
    assert!(!colony.reply("slow").ok);
    // Whoever was asked is gone with it.
    until("nobody is left", || {
        colony.processes().is_empty().then_some(())
    });
    assert!(!colony.path("replaced").exists());
}

#[test]
fn the_place_is_never_free() {
    let colony = slow(&[]);
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    colony.until_asked();
    check_second_is_refused(&colony);
    colony.until_replaced();
    check_second_is_refused(&colony);
    assert!(colony.until_taken_over().ok);
    check_second_is_refused(&colony);
    let record = colony.record("web");
    assert_eq!((record.pid, record.starts), (Some(pid), 1));
}

/// Tries to become the colony's monitor again and again until it is over, and says whether that was
/// refused each time.
fn is_always_refused(root: &Path, over: &AtomicBool) -> bool {
    while !over.load(Ordering::Relaxed) {
        let mut second = Command::new(binary("ncolony-monitor"));
        second.arg("--root").arg(root).stderr(Stdio::null());
        let mut second = second.spawn().unwrap();
        let mut ended = None;
        while ended.is_none() && !over.load(Ordering::Relaxed) {
            ended = second.try_wait().unwrap();
        }
        // One that has got in stays.
        second.kill().unwrap();
        let ended = ended.unwrap_or_else(|| second.wait().unwrap());
        if ended.code().is_some_and(|code| code != 1) {
            return false;
        }
    }
    true
}

#[test]
fn nobody_gets_in_from_one_moment_to_the_next() {
    let colony = slow(&[]);
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    let over = AtomicBool::new(false);
    let root = colony.path("");
    thread::scope(|scope| {
        let _over_whatever_comes = Over(&over);
        let others = [(); 2].map(|()| scope.spawn(|| is_always_refused(&root, &over)));
        for _upgrade in 0..5 {
            colony.upgrade();
        }
        over.store(true, Ordering::Relaxed);
        assert!(others.into_iter().all(|other| other.join().unwrap()));
    });
    let record = colony.record("web");
    assert_eq!((record.pid, record.starts), (Some(pid), 1));
    assert_eq!(colony.overview().pid, colony.pid());
}

#[test]
fn messages_and_files_that_come_meanwhile_are_acted_on_once() {
    let colony = slow(&[]);
    colony.program("web", CAT);
    colony.program("old", CAT);
    let pid = colony.until_up("web");
    colony.until_up("old");
    colony.until_asked();
    assert!(colony.ask(json!({"type": "RESTART", "name": "web"})).ok);
    colony.until_record("web", "it was restarted", |record| record.starts == 2);
    colony.until_replaced();
    colony.message(
        "later",
        &json!({"type": "RESTART", "name": "web", "id": "later"}),
    );
    colony.program("new", CAT);
    colony.remove("old");
    assert!(colony.until_taken_over().ok);
    assert!(colony.reply("later").ok);
    colony.until_up("new");
    colony.until_retracted("old");
    let record = colony.until_record("web", "it was restarted again", |record| {
        record.starts == 3 && record.pid.is_some()
    });
    assert_ne!(record.pid, Some(pid));
    colony.rescan();
    assert_eq!(colony.record("web").starts, 3);
}

#[test]
fn what_is_printed_meanwhile_is_kept() {
    let colony = slow(&[]);
    // More than a FIFO holds: it waits, and loses nothing.
    let script = "while [ ! -e speak ]; do sleep 0.005; done; seq 1 30000; exec cat";
    colony.program("speaker", shell(script, json!({})));
    let pid = colony.until_up("speaker");
    colony.until_asked();
    colony.until_replaced();
    fs::write(colony.path("speak"), "").unwrap();
    until("its FIFO is full", || {
        let children = processes::of_group(pid);
        let writes = |pid: &u32| {
            let channel = fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap_or_default();
            channel.contains("pipe_write") || processes::field(*pid, 3).as_deref() == Some("S")
        };
        (children.len() == 2 && children.iter().all(writes)).then_some(())
    });
    assert!(colony.until_taken_over().ok);
    let wanted: Vec<String> = (1..=30000).map(|number| number.to_string()).collect();
    until("every line is there", || {
        (colony.lines("logs/speaker.log") == wanted).then_some(())
    });
}
