//! The program whose end is the end of all.

use super::driver::{Driver, Spawns, name};
use crate::colony::{Blame, Group, Observation};
use crate::exit::Exit;
use crate::signal::Signal;
use crate::status::State;

/// A colony of `main`, whose end is the end of all, and `web`.
fn both(keys: &str) -> Driver {
    let mut both = Driver::running("main", keys);
    both.colony.end_with(name("main"));
    both.file("web", "");
    both.orders();
    both
}

fn ended(driver: &Driver) -> Option<Exit> {
    driver.colony.keystone_exit().map(|(_, exit)| exit)
}

#[test]
fn its_end_stops_everything_whatever_its_policy_says() {
    for keys in [r#""restart": "always""#, r#""restart": "never""#, ""] {
        let mut both = both(keys);
        both.exits("main", 3);
        assert_eq!(ended(&both), Some(Exit::Code(3)), "{keys}");
        assert_eq!(both.orders(), ["SIGTERM web", "SIGCONT web"], "{keys}");
        both.exits("web", 0);
        assert!(both.colony.is_closed());
        assert_eq!(ended(&both), Some(Exit::Code(3)));
    }
}

#[test]
fn the_rest_of_its_group_is_stopped_too() {
    let mut both = both("");
    both.exits_leaving_members("main", 0);
    assert!(both.colony.is_closing() && !both.colony.is_closed());
    both.exits("web", 0);
    both.members_end("main");
    assert!(both.colony.is_closed());
    assert_eq!(ended(&both), Some(Exit::Code(0)));
}

#[test]
fn a_signal_is_told_as_one() {
    let mut both = both("");
    let killed = both.exited("main", Exit::Signal(Signal::KILL), Group::Gone);
    both.observe(killed);
    assert_eq!(ended(&both), Some(Exit::Signal(Signal::KILL)));
}

#[test]
fn an_end_that_was_asked_for_is_not_the_end_of_all() {
    let mut both = both("");
    both.say(r#"{"type": "RESTART", "name": "main"}"#);
    both.exits("main", 0);
    both.say(r#"{"type": "STOP", "name": "main"}"#);
    both.exits("main", 0);
    assert_eq!(both.state("main"), State::Stopped);
    both.say(r#"{"type": "START", "name": "main"}"#);
    both.exits("web", 1);
    assert!(!both.colony.is_closing());
    // Nor is one that was about to be asked for.
    let generation = both.generation("main");
    both.file("main", r#""args": ["y"]"#);
    both.exits("main", 1);
    assert!(!both.colony.is_closing());
    assert_ne!(both.generation("main"), generation);
}

#[test]
fn one_that_can_never_be_executed_has_ended() {
    let mut main = Driver::new();
    main.colony.end_with(name("main"));
    main.spawns = Spawns::Fail(Blame::Program);
    main.file("main", r#""give_up_after": 2"#);
    assert!(!main.colony.is_closing());
    main.wait(1000);
    assert_eq!(ended(&main), Some(Exit::Code(127)));
    assert!(main.colony.is_closed());
}

#[test]
fn one_that_ended_for_good_while_no_monitor_was_there_has_ended() {
    let mut main = Driver::running("main", r#""restart": "never""#);
    main.exits("main", 5);
    main.colony.end_with(name("main"));
    assert_eq!(ended(&main), Some(Exit::Code(5)));
}

#[test]
fn a_shutdown_is_none_of_its_doing() {
    let mut both = both("");
    both.observe(Observation::Shutdown);
    both.exits("main", 1);
    assert_eq!(ended(&both), None);
}

#[test]
fn of_several_instances_it_is_the_end_of_any() {
    let mut main = Driver::new();
    main.colony.end_with(name("main"));
    main.file("main", r#""instances": 2, "threshold": 0"#);
    main.wait(1);
    main.tell("RESTART", "main:0");
    main.exits("main:0", 0);
    assert_eq!(ended(&main), None, "it was told to");
    main.exits("main:1", 4);
    assert_eq!(ended(&main), Some(Exit::Code(4)));
}
