//! G5: an upgrade replaces the monitor and nothing else.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ncolony_core::{Exit, Signal as ExitSignal, State};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::binaries::binary;
use crate::colony::{Colony, shell, until};
use crate::processes::{self, is_alive};

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

/// Says that it is over when it goes, also when the test fails: nobody would end otherwise.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
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

#[test]
fn what_cannot_be_read_is_not_removed_by_the_new_image_either() {
    let mut colony = Colony::new(&["--frequency", "0.1"]);
    colony.without_rights();
    colony.start();
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    colony.set_mode("config", 0);
    colony.until_overview("its files cannot be read", |record| {
        record.config_state.contains("unknown: ")
    });
    colony.upgrade();
    colony.rescan();
    let record = colony.record("web");
    assert_eq!((record.pid, record.starts), (Some(pid), 1));
    assert!(colony.overview().config_state.contains("unknown: "));
    colony.set_mode("config", 0o755);
    colony.until_overview("they can be read", |record| record.config_state == "ok");
    assert_eq!(colony.record("web").pid, Some(pid));
}

#[test]
fn the_new_image_bears_that_directories_are_gone() {
    let colony = Colony::running(&["--frequency", "0.1"]);
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    fs::rename(colony.path("config"), colony.path("away")).unwrap();
    // Nothing can be made where a file stands.
    fs::write(colony.path("config"), "").unwrap();
    colony.upgrade();
    assert_eq!(colony.record("web").pid, Some(pid));
    fs::remove_file(colony.path("config")).unwrap();
    fs::rename(colony.path("away"), colony.path("config")).unwrap();
    colony.until_overview("it is there again", |record| record.config_state == "ok");
    let record = colony.record("web");
    assert_eq!((record.pid, record.starts), (Some(pid), 1));
}

#[test]
fn programs_have_the_limit_of_open_files_that_the_first_monitor_was_started_with() {
    let mut colony = Colony::new(&[]);
    let limited = "ulimit -S -n 200; exec \"$@\"";
    colony.wrap(&["sh", "-c", limited, "sh"]);
    colony.start();
    for round in 0..3 {
        let name = format!("limit-{round}");
        let script = format!("ulimit -S -n > {name}; ulimit -H -n >> {name}");
        colony.program(&name, shell(&script, json!({"restart": "never"})));
        colony.until_state(&name, State::Exited);
        assert_eq!(colony.lines(&name)[0], "200");
        assert_eq!(colony.lines(&name), colony.lines("limit-0"));
        colony.upgrade();
    }
}

#[test]
fn orphans_and_groups_of_programs_are_known_to_the_new_image() {
    for flags in [&[][..], &["--cgroup", "never"]] {
        let colony = Colony::running(flags);
        let daemon = "setsid sh -c 'echo $$ > daemon; exec sleep 1000' & exec cat";
        colony.program("tree", shell(daemon, json!({})));
        let pid = colony.until_up("tree");
        let daemon: u32 = until("there is a daemon", || {
            colony.lines("daemon").first()?.parse().ok()
        });
        let cgroup = || fs::read_to_string(format!("/proc/{daemon}/cgroup")).unwrap();
        let before = cgroup();
        colony.upgrade();
        assert_eq!((cgroup(), colony.record("tree").pid), (before, Some(pid)));
        stop(&colony, "tree");
        assert!(!is_alive(daemon) && !is_alive(pid), "{flags:?}");
        // An orphan of no program's comes to the same monitor as before.
        colony.program("other", shell("(sleep 0.2 &) & exec cat", json!({})));
        colony.until_up("other");
        colony.until_overview("an orphan was taken care of", |record| {
            record.counters["orphans"] > 0
        });
    }
}

#[test]
fn a_socket_stays_the_one_that_it_was() {
    let colony = Colony::running(&[]);
    let path = colony.path("web.socket");
    let listen = format!("unix://{}", path.display());
    let sockets = json!([{"name": "web", "listen": listen}]);
    let keys = json!({"sockets": sockets, "restart": "never"});
    colony.program(
        "web",
        shell("while [ ! -e end ]; do sleep 0.01; done", keys),
    );
    let pid = colony.until_up("web");
    let socket = |pid: u32| fs::read_link(format!("/proc/{pid}/fd/3")).unwrap();
    let before = socket(pid);
    colony.upgrade();
    // It is held while nothing runs, also by a third image.
    fs::write(colony.path("end"), "").unwrap();
    colony.until_state("web", State::Exited);
    let _waits = std::os::unix::net::UnixStream::connect(&path).unwrap();
    colony.upgrade();
    fs::remove_file(colony.path("end")).unwrap();
    assert!(colony.ask(json!({"type": "START", "name": "web"})).ok);
    let next = colony.until_up("web");
    assert_eq!(socket(next), before);
    assert_ne!(next, pid);
    stop(&colony, "web");
    assert!(!path.exists());
}

#[test]
fn the_binary_is_the_one_that_the_link_leads_to_now() {
    let mut colony = Colony::new(&[]);
    fs::create_dir(colony.path("v1")).unwrap();
    fs::create_dir(colony.path("v2")).unwrap();
    fs::copy(binary("ncolony-monitor"), colony.path("v1/monitor")).unwrap();
    fs::copy(binary("ncolony-monitor"), colony.path("v2/monitor")).unwrap();
    symlink("v1/monitor", colony.path("ncolony-monitor")).unwrap();
    colony.start();
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    let runs = || fs::read_link(format!("/proc/{}/exe", colony.pid())).unwrap();
    assert!(runs().ends_with("v1/monitor"));
    symlink("v2/monitor", colony.path("next")).unwrap();
    fs::rename(colony.path("next"), colony.path("ncolony-monitor")).unwrap();
    let said = colony.ctl(&["upgrade"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("1 program kept running"), "{said:?}");
    assert!(runs().ends_with("v2/monitor"));
    assert_eq!(colony.record("web").pid, Some(pid));
    assert!(processes::is_alive(pid));
}
