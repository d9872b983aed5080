//! The original's control program with our monitor.

use std::fs;
use std::os::unix::fs::MetadataExt;

use ncolony_core::State;
use nix::unistd::geteuid;
use serde_json::{Value, json};

use crate::colony::{Colony, Monitor, python};
use crate::process::{eventually, is_alive};

const HOME: (&str, &[u8]) = ("HOME", b"/home/of-the-monitor");

#[test]
fn add_with_everything_it_takes() {
    let colony = Colony::new();
    let _monitor = colony.start(Monitor::Ours, &[HOME]);
    let extras = json!({"group": ["web"], "ncolony.beatcheck": {"period": 10, "grace": 3}});
    let extras_file = colony.path("extras");
    fs::write(&extras_file, extras.to_string()).unwrap();
    colony.their_control(&[
        "add",
        "web",
        "--cmd",
        &colony.witness_word(),
        "--arg",
        "one two",
        "--arg=-c",
        "--arg",
        "",
        "--env",
        "A=b=c",
        "--env",
        "HOME=lost",
        "--env-inherit",
        "HOME",
        "--env-inherit",
        "NOT_THERE",
        "--extras",
        extras_file.to_str().unwrap(),
    ]);
    assert_eq!(colony.words("web"), ["one two", "-c", ""]);
    let mut environment = colony.environment("web");
    let run_id = environment.remove("NCOLONY_RUN_ID").unwrap();
    assert_eq!(run_id.len(), 32);
    let file = fs::read_to_string(colony.path("config/web")).unwrap();
    let wanted = [
        ("A", "b=c"),
        ("HOME", "/home/of-the-monitor"),
        ("NCOLONY_CONFIG", &file),
        ("NCOLONY_NAME", "web"),
        ("NOT_THERE", ""),
    ];
    let found: Vec<(&str, &str)> = environment
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    assert_eq!(found, wanted);
    let kept: Value = serde_json::from_str(&file).unwrap();
    assert_eq!(kept["ncolony.beatcheck"], extras["ncolony.beatcheck"]);
    let record = eventually("it runs", || {
        colony
            .record("web")
            .filter(|record| record.state == State::Running)
    });
    assert_eq!(record.groups, ["web"]);
    assert_eq!(record.config_error, None);
}

#[test]
fn uid_and_gid() {
    let colony = Colony::new();
    let _monitor = colony.start(Monitor::Ours, &[]);
    // Only root can become somebody else; anybody can be told to stay who he is.
    let (uid, gid) = if geteuid().is_root() {
        (65534, 12345)
    } else {
        (geteuid().as_raw(), nix::unistd::getegid().as_raw())
    };
    let words = [uid.to_string(), gid.to_string()];
    colony.their_control(&[
        "add",
        "web",
        "--cmd",
        &colony.witness_word(),
        "--uid",
        &words[0],
        "--gid",
        &words[1],
    ]);
    if geteuid().is_root() {
        let pid = colony.process("web", None);
        let owner = fs::metadata(format!("/proc/{pid}")).unwrap();
        assert_eq!((owner.uid(), owner.gid()), (uid, gid));
    } else {
        let reason = eventually("it runs, or a reason why not", || {
            let record = colony.record("web")?;
            record.reason.or_else(|| record.pid.map(|_| String::new()))
        });
        assert!(reason.is_empty() || reason.contains("group"), "{reason}");
    }
}

#[test]
fn add_again_restarts_once() {
    let colony = Colony::new();
    let _monitor = colony.start(Monitor::Ours, &[]);
    let witness = colony.witness_word();
    colony.their_control(&["add", "web", "--cmd", &witness, "--arg", "old"]);
    let first = colony.process("web", None);
    colony.their_control(&["add", "web", "--cmd", &witness, "--arg", "new"]);
    let second = colony.process("web", Some(first));
    assert_eq!(colony.words("web"), ["new"]);
    assert!(!is_alive(first));
    let record = eventually("it runs", || {
        colony
            .record("web")
            .filter(|record| record.state == State::Running)
    });
    assert_eq!((record.pid, record.starts), (Some(second), 2));
}

#[test]
fn restart_restarts_one_and_restart_all_restarts_all() {
    let colony = Colony::new();
    let _monitor = colony.start(Monitor::Ours, &[]);
    for name in ["a", "b"] {
        colony.their_control(&["add", name, "--cmd", &colony.witness_word()]);
    }
    let [a, b] = ["a", "b"].map(|name| colony.process(name, None));
    colony.their_control(&["restart", "a"]);
    let other_a = colony.process("a", Some(a));
    assert_eq!(colony.process("b", None), b);
    colony.their_control(&["restart-all"]);
    colony.process("a", Some(other_a));
    colony.process("b", Some(b));
    eventually("the messages are gone", || {
        let left = fs::read_dir(colony.path("messages")).unwrap().count();
        (left == 0).then_some(())
    });
    let rejected = fs::read_dir(colony.path("status/rejected"));
    assert_eq!(rejected.map_or(0, Iterator::count), 0);
}

#[test]
fn remove_stops_it() {
    let colony = Colony::new();
    let _monitor = colony.start(Monitor::Ours, &[]);
    colony.their_control(&["add", "web", "--cmd", &colony.witness_word()]);
    let pid = colony.process("web", None);
    let pid_file = eventually("its pid file", || {
        fs::read_to_string(colony.path("pids/web")).ok()
    });
    assert_eq!(pid_file, pid.to_string());
    colony.their_control(&["remove", "web"]);
    eventually("its end", || (!is_alive(pid)).then_some(()));
    eventually("the end of its record", || {
        colony.record("web").is_none().then_some(())
    });
    eventually("the end of its pid file", || {
        (!colony.path("pids/web").exists()).then_some(())
    });
}

#[test]
fn its_library_as_others_call_it() {
    let colony = Colony::new();
    let _monitor = colony.start(Monitor::Ours, &[]);
    let text = "
import sys
from ncolony import ctllib
config, messages, witness = sys.argv[1:]
places = ctllib.Places(config, messages)
ctllib.add(places, 'a', witness, ['x'], env=['K=V'], extras={'group': ['g']})
ctllib.add(places, 'b', witness, None)
ctllib.remove(places, 'b')
ctllib.restart(places, 'a')
ctllib.restartAll(places)
ctllib._addMessage(places, ctllib._dumps(dict(type='RESTART-GROUP', group='g')))
";
    let done = python()
        .args(["-c", text])
        .args([
            colony.path("config"),
            colony.path("messages"),
            colony.witness(),
        ])
        .status()
        .unwrap();
    assert!(done.success());
    assert_eq!(colony.words("a"), ["x"]);
    assert_eq!(colony.environment("a")["K"], "V");
    eventually("the messages are gone", || {
        let left = fs::read_dir(colony.path("messages")).unwrap().count();
        (left == 0).then_some(())
    });
    assert!(!colony.path("config/b").exists());
}
