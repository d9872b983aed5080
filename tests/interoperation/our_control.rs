//! Our control program and our library with the original's monitor. It writes no status, so the
//! processes themselves are asked what became of a request.

use std::fs;

use ncolony_core::ProgramName;
use ncolony_core::ctllib::{self, Program};
use serde_json::json;

use crate::colony::{Colony, Monitor, python};
use crate::process::{Running, eventually, is_alive};

const HOME: (&str, &[u8]) = ("HOME", b"/home/of-the-monitor");

#[test]
fn add_with_everything_the_original_knows() {
    let colony = Colony::new();
    let monitor = colony.start(Monitor::Theirs, &[HOME]);
    let said = colony.our_control(&[
        "add",
        "web",
        "--cmd",
        &colony.witness_word(),
        "--arg",
        "-c",
        "--arg",
        "é \"'\\\n\u{1f600}",
        "--env",
        "A=b=c",
        "--env-inherit",
        "HOME",
        "--group",
        "g",
        "--extras",
        r#"{"ncolony.beatcheck": {"period": 10}}"#,
        "--set",
        "killtime=2.5",
    ]);
    assert!(said.contains("no monitor is alive"), "{said}");
    assert_eq!(colony.words("web"), ["-c", "é \"'\\\n\u{1f600}"]);
    let environment = colony.environment("web");
    assert_eq!(environment["A"], "b=c");
    assert_eq!(environment["HOME"], "/home/of-the-monitor");
    let file = fs::read_to_string(colony.path("config/web")).unwrap();
    assert_eq!(environment["NCOLONY_CONFIG"], file);
    assert_still_listens(&colony, &monitor);
}

#[test]
fn restart_restart_group_restart_all_and_remove() {
    let colony = Colony::new();
    let monitor = colony.start(Monitor::Theirs, &[]);
    let witness = colony.witness_word();
    colony.our_control(&["add", "a", "--cmd", &witness, "--group", "g", "--no-wait"]);
    colony.our_control(&["add", "b", "--cmd", &witness, "--no-wait"]);
    let [a, b] = ["a", "b"].map(|name| colony.process(name, None));

    colony.our_control(&["restart", "a", "--no-wait"]);
    let a = colony.process("a", Some(a));
    colony.our_control(&["restart-group", "g"]);
    let a = colony.process("a", Some(a));
    assert_eq!(colony.process("b", None), b);
    colony.our_control(&["restart-all"]);
    let a = colony.process("a", Some(a));
    colony.process("b", Some(b));

    colony.our_control(&["remove", "a"]);
    eventually("its end", || (!is_alive(a)).then_some(()));
    assert_still_listens(&colony, &monitor);
}

#[test]
fn a_control_that_waits_does_not_wait_for_a_monitor_that_says_nothing() {
    let colony = Colony::new();
    let _monitor = colony.start(Monitor::Theirs, &[]);
    colony.our_control(&[
        "--timeout",
        "5",
        "add",
        "a",
        "--cmd",
        &colony.witness_word(),
    ]);
    let a = colony.process("a", None);
    let said = colony.our_control(&["--timeout", "5", "restart", "a"]);
    assert!(said.contains("no monitor is alive"), "{said}");
    let a = colony.process("a", Some(a));
    let said = colony.our_control(&["--timeout", "5", "remove", "a"]);
    assert!(said.contains("no monitor is alive"), "{said}");
    eventually("its end", || (!is_alive(a)).then_some(()));
}

#[test]
fn the_library() {
    let colony = Colony::new();
    let monitor = colony.start(Monitor::Theirs, &[HOME]);
    let places = colony.places();
    let name = ProgramName::new("web").unwrap();
    let program = Program::new(colony.witness_word())
        .arg("x y")
        .env("K", "V")
        .env_inherit("HOME")
        .group("g")
        .set("threshold", json!(0.5));
    ctllib::add(&places, &name, &program).unwrap();
    let first = colony.process("web", None);
    assert_eq!(colony.words("web"), ["x y"]);
    let environment = colony.environment("web");
    assert_eq!(environment["K"], "V");
    assert_eq!(environment["HOME"], "/home/of-the-monitor");
    assert_eq!(environment["NCOLONY_CONFIG"], program.to_json());

    ctllib::restart(&places, &name).unwrap();
    let second = colony.process("web", Some(first));
    ctllib::restart_group(&places, "g").unwrap();
    let third = colony.process("web", Some(second));
    ctllib::restart_all(&places).unwrap();
    let fourth = colony.process("web", Some(third));
    ctllib::remove(&places, &name).unwrap();
    eventually("its end", || (!is_alive(fourth)).then_some(()));
    assert_still_listens(&colony, &monitor);
}

#[test]
fn a_reader_of_the_originals_never_sees_half_a_file() {
    let colony = Colony::new();
    let places = colony.places();
    let name = ProgramName::new("web").unwrap();
    let padding = "x".repeat(100_000);
    let add = |turn: usize| {
        let program = Program::new("cat")
            .set("padding", json!(padding))
            .set("turn", json!(turn));
        ctllib::add(&places, &name, &program).unwrap();
    };
    add(0);
    // It looks as the original's monitor does, and ends when it has seen the last one.
    let text = "
import json, sys
from ncolony import directory_monitor
class Receiver:
    turn = -1
    def add(self, name, contents):
        assert name == 'web', name
        self.turn = json.loads(contents.decode('utf-8'))['turn']
    def remove(self, name):
        assert name == 'web', name
receiver = Receiver()
check = directory_monitor.checker(sys.argv[1], receiver)
check()
print('looking', flush=True)
while receiver.turn != 200:
    check()
";
    let mut reader = python();
    reader.args(["-c", text]).arg(&places.config);
    let mut reader = Running::start(reader, &colony.path("reader"));
    eventually("the reader", || {
        reader.output().contains("looking").then_some(())
    });
    (1..=200).for_each(add);
    let done = reader.end();
    assert!(done.success(), "{}", reader.output());
}

/// A file or message that the original cannot digest ends its listening for good, so it is asked
/// for one thing more.
fn assert_still_listens(colony: &Colony, monitor: &Running) {
    colony.their_control(&["add", "last", "--cmd", &colony.witness_word()]);
    let pid = colony.process("last", None);
    colony.their_control(&["restart", "last"]);
    colony.process("last", Some(pid));
    let output = monitor.output();
    assert!(!output.contains("Traceback"), "{output}");
}
