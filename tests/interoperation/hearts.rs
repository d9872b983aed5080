//! Hearts and those who listen to them: the original's and ours, under either monitor.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::colony::{Colony, Monitor, python};
use crate::process::{built, eventually};

/// A program whose heart is the original's.
const HEART: &str = "
from twisted.internet import reactor
from ncolony.client import heart
heart.makeService().startService()
reactor.run()
";

fn write(colony: &Colony, name: &str, file: &Value) {
    fs::write(colony.path("config").join(name), file.to_string()).unwrap();
}

fn path_of_python() -> PathBuf {
    python().get_program().into()
}

/// Adds a program that beats its heart at its start, and not again; and the directory of hearts.
fn add_silent(colony: &Colony) {
    let hearts = colony.path("hearts");
    fs::create_dir(&hearts).unwrap();
    fs::write(hearts.join("silent"), "").unwrap();
    let watched = json!({"period": 1, "grace": 1, "status": hearts});
    let file = json!({"args": [colony.witness()], "ncolony.beatcheck": watched});
    write(colony, "silent", &file);
}

/// Adds a program that beats as long as it is let.
fn add_beating(colony: &Colony) {
    let watched = json!({"period": 6, "grace": 2, "status": colony.path("hearts")});
    let args = json!([path_of_python(), "-c", HEART]);
    let file = json!({"args": args, "ncolony.beatcheck": watched});
    write(colony, "beating", &file);
}

fn add_our_check(colony: &Colony) {
    let check = built().join("ncolony-beatcheck");
    let (config, messages) = (colony.path("config"), colony.path("messages"));
    let args = json!([
        check,
        "--config",
        config,
        "--messages",
        messages,
        "--freq",
        "0.2"
    ]);
    write(colony, "check", &json!({"args": args}));
}

fn until_restarted_twice(colony: &Colony) {
    let first = colony.process("silent", None);
    let second = colony.process("silent", Some(first));
    colony.process("silent", Some(second));
}

#[test]
fn our_check_works_beside_their_monitor() {
    let colony = Colony::new();
    let monitor = colony.start(Monitor::Theirs, &[]);
    add_silent(&colony);
    add_our_check(&colony);
    until_restarted_twice(&colony);
    drop(monitor);
}

#[test]
fn their_check_works_under_our_monitor() {
    let colony = Colony::new();
    let monitor = colony.start(Monitor::Ours, &[]);
    add_silent(&colony);
    let (config, messages) = (colony.path("config"), colony.path("messages"));
    let python = path_of_python();
    let args = json!([
        python,
        "-m",
        "twisted",
        "ncolony-beatcheck",
        "--config",
        config,
        "--messages",
        messages,
        "--freq",
        "2"
    ]);
    write(&colony, "check", &json!({"args": args}));
    until_restarted_twice(&colony);
    drop(monitor);
}

#[test]
fn our_check_hears_their_heart() {
    let colony = Colony::new();
    let monitor = colony.start(Monitor::Ours, &[]);
    add_silent(&colony);
    add_beating(&colony);
    add_our_check(&colony);
    let heart = colony.path("hearts/beating");
    let beat = || fs::metadata(&heart).ok()?.modified().ok();
    let first = eventually("their heart beats", beat);
    let lived = |now: SystemTime| {
        now.duration_since(first)
            .is_ok_and(|age| age.as_secs() > 20)
    };
    eventually("it beats on, past its grace and its period", || {
        beat().filter(|last| lived(*last))
    });
    until_restarted_twice(&colony);
    let record = colony.record("beating").unwrap();
    assert_eq!(record.starts, 1);

    let pid = Pid::from_raw(record.pid.unwrap().try_into().unwrap());
    kill(pid, Signal::SIGSTOP).unwrap();
    eventually("it is restarted when it stands still", || {
        colony.record("beating").filter(|record| record.starts == 2)
    });
    drop(monitor);
}
