//! The end of the colony.

use super::driver::{Driver, Spawns};
use crate::colony::{Group, Observation};
use crate::exit::Exit;
use crate::status::{State, WantWord};

#[test]
fn shutdown_stops_all_and_is_done_when_all_are_gone() {
    let mut both = Driver::running("web", "");
    both.file("db", "");
    both.orders();
    both.observe(Observation::Shutdown);
    assert!(both.colony.is_closing());
    assert_eq!(
        both.orders(),
        ["SIGTERM db", "SIGCONT db", "SIGTERM web", "SIGCONT web"]
    );
    both.exits("db", 0);
    assert!(!both.colony.is_closed());
    both.exits_leaving_members("web", 0);
    assert!(!both.colony.is_closed(), "members of a group count");
    both.members_end("web");
    assert!(both.colony.is_closed());
    assert_eq!(both.record("web").want, WantWord::Down);
    assert_eq!(both.state("web"), State::Stopped);
    both.wait(10_000);
    assert!(both.orders().is_empty());
}

#[test]
fn a_message_shuts_down_as_well() {
    let mut web = Driver::running("web", "");
    web.say(r#"{"type": "SHUTDOWN"}"#);
    assert_eq!(web.orders(), ["discard m1", "SIGTERM web", "SIGCONT web"]);
}

#[test]
fn nothing_starts_during_a_shutdown() {
    let mut web = Driver::with("web", "");
    web.exits("web", 1);
    web.orders();
    web.observe(Observation::Shutdown);
    web.file("new", "");
    web.say(r#"{"type": "RESTART", "name": "web", "id": "x"}"#);
    web.wait(10_000);
    assert_eq!(web.orders(), ["discard m1"]);
    assert!(!web.replies()[0].ok);
    assert!(web.colony.is_closed());
}

#[test]
fn a_start_that_was_under_way_is_waited_for_and_stopped() {
    let mut web = Driver::new();
    web.spawns = Spawns::Wait;
    web.file("web", "");
    web.observe(Observation::Shutdown);
    assert!(!web.colony.is_closed());
    let spawned = web.spawned("web");
    web.observe(spawned);
    assert_eq!(web.orders(), ["spawn web", "SIGTERM web", "SIGCONT web"]);
}

#[test]
fn kill_now_kills_all_at_once() {
    let mut web = Driver::running("web", "");
    web.observe(Observation::KillNow);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web", "SIGKILL web"]);
    web.wait(1000);
    assert_eq!(web.orders(), ["SIGKILL web"]);
}

#[test]
fn kill_now_cuts_a_stop_short() {
    let mut web = Driver::running("web", "");
    web.observe(Observation::Shutdown);
    web.wait(1000);
    web.orders();
    web.observe(Observation::KillNow);
    assert_eq!(web.orders(), ["SIGKILL web"]);
}

#[test]
fn kill_now_holds_for_starts_that_were_under_way() {
    let mut web = Driver::new();
    web.spawns = Spawns::Wait;
    web.file("web", "");
    web.observe(Observation::KillNow);
    web.orders();
    let spawned = web.spawned("web");
    web.observe(spawned);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web", "SIGKILL web"]);
}

#[test]
fn kill_now_holds_for_members_of_a_start_that_was_under_way() {
    let mut web = Driver::new();
    web.spawns = Spawns::Wait;
    web.file("web", "");
    web.observe(Observation::KillNow);
    web.orders();
    let facts = vec![
        web.spawned("web"),
        web.exited("web", Exit::Code(0), Group::Left),
    ];
    web.observe_all(facts);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web", "SIGKILL web"]);
}
