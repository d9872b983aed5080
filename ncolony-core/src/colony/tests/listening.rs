//! When what is listened on for a program is closed: when it is wanted down and nothing of it runs.

use super::driver::{Driver, Spawns};
use crate::colony::Blame;
use crate::exit::Exit;
use crate::status::State;

const SOCKET: &str = r#""sockets": [{"name": "web", "listen": "tcp://*:80"}]"#;

fn with(keys: &str) -> Driver {
    let keys = if keys.is_empty() {
        SOCKET.to_owned()
    } else {
        format!("{SOCKET}, {keys}")
    };
    Driver::with("web", &keys)
}

#[test]
fn it_is_closed_when_a_stop_by_hand_is_done_and_not_before() {
    let mut web = Driver::running("web", SOCKET);
    web.tell("STOP", "web");
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web"]);
    web.exits_leaving_members("web", 0);
    assert!(web.orders().is_empty());
    web.members_end("web");
    assert_eq!(web.orders(), ["release web"]);
    web.tell("STOP", "web");
    assert!(web.orders().is_empty(), "it is said once");
    web.tell("START", "web");
    web.tell("STOP", "web");
    web.exits("web", 0);
    assert_eq!(web.orders().last().unwrap(), "release web");
}

#[test]
fn it_stays_open_over_a_restart_a_crash_and_a_wait() {
    let mut web = Driver::running("web", SOCKET);
    web.tell("RESTART", "web");
    web.exits("web", 0);
    web.exits("web", 1);
    assert_eq!(web.state("web"), State::Backoff);
    let orders = web.orders();
    assert_eq!(orders, ["SIGTERM web", "SIGCONT web", "spawn web"]);
}

#[test]
fn it_stays_open_while_the_program_rests_that_is_wanted_up() {
    for keys in [r#""restart": "never""#, r#""give_up_after": 1"#] {
        let mut web = with(keys);
        web.exits("web", 1);
        assert!(web.orders().is_empty(), "{keys}");
        web.tell("STOP", "web");
        assert_eq!(web.orders(), ["release web"], "{keys}");
    }
}

#[test]
fn it_is_closed_when_the_program_is_disabled_removed_or_shut_down() {
    let mut web = with(r#""killtime": 1"#);
    web.file("web", &format!(r#"{SOCKET}, "enabled": false"#));
    web.exits("web", 0);
    assert_eq!(web.orders().last().unwrap(), "release web");

    let mut web = with("");
    web.remove("web");
    web.orders();
    web.exits("web", 0);
    assert_eq!(web.orders(), ["release web", "retract web"]);

    let mut web = with("");
    web.observe(crate::colony::Observation::Shutdown);
    web.orders();
    web.exits("web", 0);
    assert_eq!(web.orders(), ["release web"]);
}

#[test]
fn it_is_closed_when_a_stop_comes_during_a_wait() {
    let mut web = with("");
    web.exits("web", 1);
    web.tell("STOP", "web");
    assert_eq!(web.orders(), ["release web"]);
}

#[test]
fn it_is_closed_although_the_start_that_opened_it_failed() {
    let mut web = Driver::new();
    web.spawns = Spawns::Fail(Blame::Program);
    web.file("web", SOCKET);
    web.tell("STOP", "web");
    assert_eq!(web.orders(), ["spawn web", "release web"]);
}

#[test]
fn a_file_that_no_longer_has_the_key_is_for_the_next_start() {
    let mut web = Driver::running("web", SOCKET);
    web.file("web", "");
    web.exits("web", 0);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web", "spawn web"]);
}

#[test]
fn nothing_is_said_of_programs_without_sockets() {
    let mut web = Driver::running("web", "");
    web.tell("STOP", "web");
    let fact = web.exited("web", Exit::Code(0), crate::colony::Group::Gone);
    web.observe(fact);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web"]);
}

#[test]
fn a_monitor_that_comes_after_closes_what_another_has_opened() {
    let mut web = Driver::running("web", SOCKET);
    web.crash();
    web.tell("STOP", "web");
    web.exits("web", 0);
    assert_eq!(web.orders().last().unwrap(), "release web");

    let mut web = with("");
    web.exits("web", 1);
    web.crash();
    web.tell("STOP", "web");
    assert_eq!(web.orders(), ["release web"]);
    web.crash();
    web.tell("STOP", "web");
    assert!(web.orders().is_empty(), "that it was closed is remembered");
}
