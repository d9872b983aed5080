//! Order between programs of which some have several instances: a file that names one means all.

use super::driver::Driver;
use crate::colony::Observation;
use crate::status::State;

const WEB: &str = r#""instances": 2, "requires": ["db"]"#;

/// A database, two instances that require it, and one that requires these.
fn all() -> Driver {
    let mut all = Driver::new();
    all.file("db", "");
    all.file("web", WEB);
    all.file("app", r#""requires": ["web"]"#);
    all
}

fn running() -> Driver {
    let mut all = all();
    all.wait(3000);
    for name in ["db", "web:0", "web:1", "app"] {
        assert_eq!(all.state(name), State::Running, "{name}");
    }
    all.orders();
    all
}

fn told(name: &str) -> [String; 2] {
    [format!("SIGTERM {name}"), format!("SIGCONT {name}")]
}

#[test]
fn who_requires_them_waits_for_all() {
    let mut all = all();
    assert_eq!(all.orders(), ["spawn db"]);
    assert!(all.reason("web:1").contains("db"));
    all.wait(1000);
    assert_eq!(all.orders(), ["spawn web:0", "spawn web:1"]);
    all.exits("web:1", 1);
    all.wait(1500);
    assert_eq!(all.orders(), ["spawn web:1"]);
    assert!(all.reason("app").contains("web"));
    all.wait(1000);
    assert_eq!(all.orders(), ["spawn app"]);
}

#[test]
fn a_roll_touches_nobody_who_requires_them() {
    let mut all = running();
    all.tell("RESTART", "web");
    for instance in ["web:0", "web:1"] {
        assert_eq!(all.orders(), told(instance));
        all.exits(instance, 0);
        assert_eq!(all.orders(), [format!("spawn {instance}")]);
        all.wait(1000);
    }
    assert!(all.orders().is_empty());
}

#[test]
fn one_that_is_stopped_stops_nobody_and_all_stop_who_requires_them() {
    let mut all = running();
    all.tell("STOP", "web:0");
    assert_eq!(all.orders(), told("web:0"));
    all.exits("web:0", 0);
    assert!(all.orders().is_empty());
    all.tell("STOP", "web");
    assert_eq!(all.orders(), told("app"));
    all.exits("app", 0);
    assert_eq!(all.orders(), told("web:1"));
    all.exits("web:1", 0);
    all.tell("START", "web:1");
    assert_eq!(all.orders(), ["spawn web:1"]);
    all.wait(1000);
    assert_eq!(all.orders(), ["spawn app"]);
}

#[test]
fn a_restart_of_all_comes_to_its_end() {
    let mut all = running();
    all.say(r#"{"type": "RESTART-ALL"}"#);
    // Who waits for a turn goes on, and keeps nobody from being restarted.
    let first = [
        vec!["discard m1".to_owned()],
        told("app").into(),
        told("db").into(),
    ];
    assert_eq!(all.orders(), first.concat());
    all.exits("app", 0);
    assert_eq!(all.orders(), told("web:0"));
    all.exits("web:0", 0);
    all.exits("db", 0);
    assert_eq!(all.orders(), ["spawn db"]);
    all.wait(1000);
    assert_eq!(all.orders(), ["spawn web:0"]);
    all.wait(1000);
    let next = all.orders();
    assert!(next.ends_with(&told("web:1")), "{next:?}");
    all.exits("web:1", 0);
    all.wait(1000);
    all.wait(1000);
    for name in ["db", "web:0", "web:1", "app"] {
        assert_eq!(all.state(name), State::Running, "{name}");
        assert_eq!(all.record(name).starts, 2, "{name}");
    }
}

#[test]
fn a_shutdown_goes_from_those_that_require_to_those_that_are_required() {
    let mut all = running();
    all.observe(Observation::Shutdown);
    assert_eq!(all.orders(), told("app"));
    all.exits("app", 0);
    assert_eq!(all.orders(), [told("web:0"), told("web:1")].concat());
    all.exits("web:1", 0);
    assert!(all.orders().is_empty());
    all.exits("web:0", 0);
    assert_eq!(all.orders(), told("db"));
}

#[test]
fn what_they_require_and_lack_stops_them_all() {
    let mut all = running();
    all.tell("STOP", "db");
    assert_eq!(all.orders(), told("app"));
    all.exits("app", 0);
    assert_eq!(all.orders(), [told("web:0"), told("web:1")].concat());
    all.exits("web:0", 0);
    all.exits("web:1", 0);
    assert_eq!(all.orders(), told("db"));
    assert!(all.reason("web:1").contains("db"));
}

#[test]
fn one_that_grows_or_shrinks_keeps_its_edges() {
    let mut all = running();
    all.file("web", &WEB.replace('2', "3"));
    assert_eq!(all.orders(), ["spawn web:2"]);
    all.file("web", WEB);
    assert_eq!(all.orders(), told("web:2"));
    all.exits("web:2", 0);
    assert_eq!(all.orders(), ["retract web:2"]);
    all.tell("STOP", "db");
    all.exits("app", 0);
    all.orders();
    all.exits("web:0", 0);
    all.exits("web:1", 0);
    assert_eq!(all.orders(), told("db"));
}

#[test]
fn a_turn_that_has_come_waits_for_those_that_have_to_be_gone_first() {
    let mut all = running();
    all.crash();
    all.file("app", r#""requires": ["web"]"#);
    all.say(r#"{"type": "RESTART-ALL"}"#);
    assert!(!all.orders().contains(&"SIGTERM web:0".to_owned()));
    all.crash();
    all.file("app", r#""requires": ["web"]"#);
    all.exits("app", 0);
    assert_eq!(all.orders().last().unwrap(), "SIGCONT web:0");
}
