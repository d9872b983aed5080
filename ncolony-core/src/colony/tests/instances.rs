//! Programs with several instances: what their one file and words about all of them do.

use super::driver::Driver;
use crate::status::State;

/// A file that asks for so many processes of a program that does not wait for its threshold.
fn times(number: u32) -> String {
    format!(r#""instances": {number}, "threshold": 0"#)
}

fn running(number: u32) -> Driver {
    let mut web = Driver::new();
    web.file("web", &times(number));
    web.wait(1);
    web.orders();
    web
}

fn names(web: &Driver) -> Vec<String> {
    web.colony.names().map(ToString::to_string).collect()
}

#[test]
fn a_file_starts_all_its_instances_at_once() {
    let mut web = Driver::new();
    web.file("web", &times(3));
    assert_eq!(web.orders(), ["spawn web:0", "spawn web:1", "spawn web:2"]);
    web.wait(1);
    assert_eq!(web.state("web:2"), State::Running);
    assert!(!web.has_record("web"));
    assert!(
        web.record("web:1")
            .log
            .as_ref()
            .unwrap()
            .ends_with("web:1.log")
    );
}

#[test]
fn another_number_touches_only_those_that_come_or_go() {
    let mut web = running(3);
    web.file("web", &times(5));
    assert_eq!(web.orders(), ["spawn web:3", "spawn web:4"]);
    web.file("web", &times(2));
    let stops =
        ["web:2", "web:3", "web:4"].map(|it| [format!("SIGTERM {it}"), format!("SIGCONT {it}")]);
    assert_eq!(web.orders(), stops.concat());
    for gone in ["web:2", "web:3", "web:4"] {
        web.exits(gone, 0);
        assert_eq!(web.orders(), [format!("retract {gone}")]);
    }
    assert_eq!(names(&web), ["web:0", "web:1"]);
}

#[test]
fn one_is_another_name_than_several() {
    let mut web = Driver::running("web", r#""threshold": 0"#);
    web.file("web", &times(2));
    assert_eq!(
        web.orders(),
        ["SIGTERM web", "SIGCONT web", "spawn web:0", "spawn web:1"]
    );
    web.exits("web", 0);
    assert_eq!(web.orders(), ["retract web"]);
    web.file("web", r#""threshold": 0"#);
    let orders = web.orders();
    assert!(orders.contains(&"spawn web".to_owned()), "{orders:?}");
    assert_eq!(orders.len(), 5);
}

#[test]
fn a_bad_file_is_shown_on_all_and_stops_none() {
    let mut web = running(2);
    web.observe(Driver::bad("web"));
    assert!(web.orders().is_empty());
    for instance in ["web:0", "web:1"] {
        assert!(web.record(instance).config_error.is_some(), "{instance}");
    }
    assert!(!web.has_record("web"));
    web.file("web", &times(2));
    assert!(web.record("web:1").config_error.is_none());
}

#[test]
fn a_file_that_was_never_good_has_a_record_of_its_own_name() {
    let mut web = Driver::new();
    web.observe(Driver::bad("web"));
    assert!(web.record("web").config_error.is_some());
    web.file("web", &times(2));
    assert_eq!(web.orders(), ["retract web", "spawn web:0", "spawn web:1"]);
    assert_eq!(names(&web), ["web:0", "web:1"]);
}

#[test]
fn a_bad_file_does_not_keep_what_is_on_its_way_out() {
    let mut web = running(3);
    web.file("web", &times(2));
    web.observe(Driver::bad("web"));
    web.exits("web:2", 0);
    assert_eq!(names(&web), ["web:0", "web:1"]);

    web.remove("web");
    web.observe(Driver::bad("web"));
    web.exits("web:0", 0);
    web.exits("web:1", 0);
    assert_eq!(names(&web), ["web"]);
}

#[test]
fn removing_the_file_removes_all() {
    let mut web = running(2);
    web.remove("web");
    web.exits("web:0", 0);
    web.exits("web:1", 0);
    assert!(web.colony.is_empty());
    web.remove("web");
}

#[test]
fn a_name_means_all_its_instances_and_that_of_one_means_one() {
    let mut web = running(2);
    web.tell("STOP", "web:1");
    assert_eq!(web.orders(), ["SIGTERM web:1", "SIGCONT web:1"]);
    web.exits("web:1", 0);
    web.say(r#"{"type": "SIGNAL", "name": "web", "signal": "USR1", "id": "a"}"#);
    assert_eq!(web.orders()[0], "SIGUSR1 web:0 (leader)");
    let reply = web.replies().pop().unwrap();
    let told: Vec<&str> = reply.programs.iter().map(|it| it.as_str()).collect();
    assert_eq!(told, ["web:0"]);
    web.tell("STOP", "web");
    web.exits("web:0", 0);
    web.orders();
    web.say(r#"{"type": "RELOAD", "name": "web", "id": "b"}"#);
    assert!(
        web.replies()[0]
            .error
            .as_ref()
            .unwrap()
            .contains("web is not running")
    );
    web.orders();
    web.tell("START", "web");
    assert_eq!(web.orders(), ["spawn web:0", "spawn web:1"]);
}

#[test]
fn who_is_not_an_instance_is_not_known() {
    let mut web = running(2);
    for name in ["web:2", "we", "web:0:0"] {
        web.say(&format!(r#"{{"type": "STOP", "name": "{name}"}}"#));
        let orders = web.orders();
        assert!(orders[0].starts_with("reject"), "{name}: {orders:?}");
    }
}

#[test]
fn a_word_to_all_leaves_out_those_on_their_way_out() {
    let mut web = running(3);
    web.file("web", &times(2));
    web.orders();
    web.say(r#"{"type": "START", "name": "web", "id": "a"}"#);
    assert_eq!(web.replies()[0].programs.len(), 2);
}

#[test]
fn instances_survive_the_monitor() {
    let mut web = running(2);
    web.crash();
    web.file("web", &times(2));
    assert!(web.orders().is_empty());
    web.file("web", &times(3));
    assert_eq!(web.orders(), ["spawn web:2"]);
}

const SOCKET: &str = r#""threshold": 0, "sockets": [{"name": "web", "listen": "tcp://*:80"}]"#;

#[test]
fn what_they_listen_on_is_closed_with_the_last_of_them() {
    let mut web = Driver::new();
    web.file("web", &format!(r#"{SOCKET}, "instances": 2"#));
    web.wait(1);
    web.tell("STOP", "web:0");
    web.exits("web:0", 0);
    web.orders();
    web.tell("STOP", "web:1");
    web.exits("web:1", 0);
    assert_eq!(web.orders().last().unwrap(), "release web");
}

#[test]
fn what_they_listen_on_stays_open_when_one_becomes_several() {
    let mut web = Driver::with("web", SOCKET);
    web.exits("web", 1);
    assert!(web.orders().is_empty());
    // It waits for its spacing, and becomes several meanwhile.
    web.file("web", &format!(r#"{SOCKET}, "instances": 2"#));
    assert_eq!(web.orders(), ["retract web", "spawn web:0", "spawn web:1"]);
    web.remove("web");
    web.exits("web:1", 0);
    web.exits("web:0", 0);
    assert!(web.orders().contains(&"release web".to_owned()));
}
