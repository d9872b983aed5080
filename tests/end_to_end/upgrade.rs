//! G5: an upgrade replaces the monitor and nothing else.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ncolony_core::{Exit, Signal as ExitSignal, State};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::colony::{Colony, Over, shell, until};

/// Prints a number a line.
const PRINTER: &str = "
import time
number = 0
while True:
    number += 1
    print(number, flush=True)
    time.sleep(0.002)
";

const CAT: &str = r#"{"args": ["cat"]}"#;

/// Takes no notice of TERM, once it has said so.
const DEAF: &str = "trap '' TERM; touch deaf; while :; do read line; done";

fn printer(keys: &serde_json::Value) -> String {
    let mut file = json!({"args": ["python3", "-c", PRINTER]});
    file.as_object_mut()
        .unwrap()
        .extend(keys.as_object().unwrap().clone());
    file.to_string()
}

/// The numbers in a program's log and in its rotated files are those from 1 on, each once.
fn check_lines(colony: &Colony, name: &str, backups: usize) -> usize {
    let files = (1..=backups).rev().map(|number| format!(".{number}"));
    let files = files.chain([String::new()]);
    let lines: Vec<String> = files
        .flat_map(|suffix| colony.lines(&format!("logs/{name}.log{suffix}")))
        .collect();
    for (line, wanted) in lines.iter().zip(1..) {
        assert_eq!(*line, wanted.to_string(), "{name}");
    }
    lines.len()
}

/// How many lines a program has printed that can be seen.
fn printed(colony: &Colony, name: &str) -> usize {
    colony.lines(&format!("logs/{name}.log")).len()
}

fn until_prints_more(colony: &Colony, name: &str) {
    let before = printed(colony, name);
    until("it prints on", || {
        (printed(colony, name) > before).then_some(())
    });
}

fn stop(colony: &Colony, name: &str) {
    assert!(colony.ask(json!({"type": "STOP", "name": name})).ok);
    colony.until_state(name, State::Stopped);
}

/// Asks something of the monitor of the colony in this directory, again and again until it is over.
/// Gives how long the slowest answer took.
fn longest_wait(root: &Path, over: &AtomicBool) -> Duration {
    let mut longest = Duration::ZERO;
    for number in 0.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let asked = Instant::now();
        let id = format!("heard-{number}");
        let unfinished = root.join("messages/.heard.new");
        let message = json!({"type": "RESCAN", "id": id});
        fs::write(&unfinished, message.to_string()).unwrap();
        fs::rename(unfinished, root.join("messages").join(&id)).unwrap();
        let reply = root.join(format!("status/replies/{id}.json"));
        until("it is answered", || reply.exists().then_some(()));
        longest = longest.max(asked.elapsed());
    }
    longest
}

#[test]
fn under_load_no_process_changes_and_no_line_is_lost() {
    let colony = Colony::running(&["-t", "0.01", "-m", "0.02", "-M", "0.02"]);
    let printers: Vec<String> = (0..20).map(|number| format!("printer-{number}")).collect();
    for name in &printers {
        colony.program(name, printer(&json!({})));
    }
    let crashers = ["crasher-0", "crasher-1", "crasher-2"];
    for name in crashers {
        let script = format!("echo $$ >> starts-of-{name}; exit 3");
        colony.program(name, shell(&script, json!({})));
    }
    let pids: Vec<u32> = printers.iter().map(|name| colony.until_up(name)).collect();
    let monitor = colony.pid();
    let over = AtomicBool::new(false);
    let root = colony.path("");
    let longest = thread::scope(|scope| {
        let _over_whatever_comes = Over(&over);
        let asking = scope.spawn(|| longest_wait(&root, &over));
        for _upgrade in 0..3 {
            until_prints_more(&colony, &printers[0]);
            colony.upgrade();
        }
        over.store(true, Ordering::Relaxed);
        asking.join().unwrap()
    });
    assert!(longest < Duration::from_secs(5), "{longest:?}");
    assert_eq!((colony.pid(), colony.overview().pid), (monitor, monitor));
    for (name, pid) in printers.iter().zip(pids) {
        let record = colony.record(name);
        assert_eq!(
            (record.pid, record.starts, record.adopted),
            (Some(pid), 1, false),
            "{name}"
        );
        until_prints_more(&colony, name);
        stop(&colony, name);
        let printed = check_lines(&colony, name, 0);
        assert!(printed > 10, "{name}: {printed}");
    }
    for name in crashers {
        stop(&colony, name);
        let started = colony.lines(&format!("starts-of-{name}")).len() as u64;
        let record = colony.record(name);
        assert_eq!(
            (record.starts, record.exit),
            (started, Some(Exit::Code(3))),
            "{name}"
        );
    }
}

#[test]
fn a_stop_goes_on_and_the_kill_comes_when_it_was_due() {
    let colony = Colony::running(&["-k", "2"]);
    colony.program("deaf", shell(DEAF, json!({})));
    colony.until_up("deaf");
    until("it is deaf", || colony.path("deaf").exists().then_some(()));
    let asked = Instant::now();
    assert!(colony.ask(json!({"type": "STOP", "name": "deaf"})).ok);
    colony.until_state("deaf", State::Stopping);
    colony.upgrade();
    let record = colony.until_state("deaf", State::Stopped);
    assert_eq!(record.exit, Some(Exit::Signal(ExitSignal::KILL)));
    assert_eq!(record.starts, 1);
    let took = asked.elapsed();
    assert!(took >= Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_delay_goes_on_and_ends_when_it_was_due() {
    let colony = Colony::running(&["-m", "3", "-M", "3"]);
    colony.program("crasher", shell("echo $$ >> starts; exit 3", json!({})));
    let before = colony.until_state("crasher", State::Backoff);
    colony.upgrade();
    let after = colony.record("crasher");
    assert_eq!(
        (after.state, after.next_start, after.starts, after.delay),
        (before.state, before.next_start, before.starts, before.delay)
    );
    colony.until_record("crasher", "it was started again", |record| {
        record.starts > before.starts
    });
    let started = colony.lines("starts").len() as u64;
    assert_eq!(colony.record("crasher").starts, started);
}

#[test]
fn a_start_goes_on() {
    let colony = Colony::running(&["-t", "600"]);
    colony.program("young", CAT);
    let before = colony.until_state("young", State::Starting);
    colony.upgrade();
    let after = colony.record("young");
    assert_eq!(
        (after.state, after.pid, after.starts, after.since),
        (before.state, before.pid, before.starts, before.since)
    );
}

#[test]
fn what_stopped_by_hand_stays_stopped() {
    let colony = Colony::running(&[]);
    colony.program("held", CAT);
    colony.until_up("held");
    stop(&colony, "held");
    colony.upgrade();
    colony.rescan();
    assert_eq!(colony.record("held").state, State::Stopped);
    assert!(colony.ask(json!({"type": "START", "name": "held"})).ok);
    colony.until_up("held");
}

#[test]
fn while_it_ends_it_is_not_upgraded() {
    let mut colony = Colony::running(&["-k", "2"]);
    colony.program("deaf", shell(DEAF, json!({})));
    colony.until_up("deaf");
    until("it is deaf", || colony.path("deaf").exists().then_some(()));
    colony.signal(Signal::SIGTERM);
    colony.until_state("deaf", State::Stopping);
    let why = colony.fail_to_upgrade();
    assert!(why.contains("shutting down"), "{why}");
    assert_eq!(colony.ended().code(), Some(0));
}

#[test]
fn of_two_at_once_one_is_done_and_the_next_is_possible() {
    let colony = Colony::running(&[]);
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    colony.while_it_stands_still(|| {
        for id in ["one", "two"] {
            colony.message(id, &json!({"type": "UPGRADE", "id": id}));
        }
    });
    let (one, two) = (colony.reply("one"), colony.reply("two"));
    assert!(one.ok && !two.ok, "{one:?} {two:?}");
    assert!(two.error.unwrap().contains("under way already"));
    for _more in 0..2 {
        colony.upgrade();
    }
    let record = colony.record("web");
    assert_eq!((record.pid, record.starts), (Some(pid), 1));
    let images = colony.log().matches("the monitor is up").count();
    assert_eq!(images, 4, "{}", colony.log());
}

#[test]
fn rotation_and_compression_go_on() {
    let colony = Colony::running(&[]);
    let keys = json!({"stdout": {"max_bytes": 2000, "backups": 200}});
    colony.program("plain", printer(&keys));
    let keys = json!({"stdout": {"max_bytes": 2000, "backups": 200, "compress": true}});
    colony.program("packed", printer(&keys));
    let rotated = |name: &str| colony.path(format!("logs/{name}")).exists();
    for number in 1..=4 {
        until("they were rotated", || {
            let last = 3 * number;
            let both =
                rotated(&format!("plain.log.{last}")) && rotated(&format!("packed.log.{last}.gz"));
            both.then_some(())
        });
        colony.upgrade();
    }
    stop(&colony, "plain");
    stop(&colony, "packed");
    assert!(check_lines(&colony, "plain", 200) > 4000);
    let unpacked = colony.ctl(&["logs", "packed", "-n", "1000000"]);
    for (line, wanted) in unpacked.stdout.lines().zip(1..) {
        assert_eq!(line, wanted.to_string());
    }
    assert!(unpacked.stdout.lines().count() > 4000, "{unpacked:?}");
}
