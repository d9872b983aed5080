//! Instances of one file are restarted one at a time.

use super::driver::{Driver, Spawns};
use crate::colony::Blame;
use crate::exit::Exit;
use crate::status::{State, TurnWord};

fn file(number: u32, args: &str) -> String {
    format!(r#""args": ["{args}"], "instances": {number}"#)
}

/// So many instances that run.
fn running(number: u32) -> Driver {
    let mut web = Driver::new();
    web.file("web", &file(number, "old"));
    web.wait(1500);
    web.orders();
    web
}

/// It is asked to stop, ends, and is started again.
fn one(instance: &str) -> [String; 3] {
    [
        format!("SIGTERM {instance}"),
        format!("SIGCONT {instance}"),
        format!("spawn {instance}"),
    ]
}

/// This one is stopped and started, and nothing else happens until it is RUNNING.
fn takes_its_turn(web: &mut Driver, instance: &str) {
    assert_eq!(web.orders(), one(instance)[..2], "{instance}");
    web.wait(200);
    web.exits(instance, 0);
    web.wait(900);
    assert_eq!(web.orders(), one(instance)[2..], "{instance}");
    web.wait(100);
}

#[test]
fn a_restart_goes_from_one_to_the_next_when_it_is_running() {
    let mut web = running(3);
    web.tell("RESTART", "web");
    assert_eq!(web.record("web:2").turn, Some(TurnWord::Waits));
    assert!(web.reason("web:2").contains("one at a time"));
    for instance in ["web:0", "web:1", "web:2"] {
        takes_its_turn(&mut web, instance);
        assert_eq!(web.record(instance).turn, None);
    }
    web.wait(10_000);
    assert!(web.orders().is_empty());
}

#[test]
fn so_does_a_changed_file_and_a_restart_of_all_or_of_a_group() {
    let mut web = running(2);
    web.file("web", &file(2, "new"));
    takes_its_turn(&mut web, "web:0");
    takes_its_turn(&mut web, "web:1");
    for message in [
        r#"{"type": "RESTART-ALL"}"#,
        r#"{"type": "RESTART-GROUP", "group": "g"}"#,
    ] {
        let mut web = running(2);
        web.file("web", &format!(r#"{}, "group": ["g"]"#, file(2, "old")));
        web.say(message);
        assert_eq!(
            web.orders(),
            ["discard m1", "SIGTERM web:0", "SIGCONT web:0"]
        );
        web.exits("web:0", 0);
        web.orders();
        web.wait(1000);
        takes_its_turn(&mut web, "web:1");
    }
}

#[test]
fn families_do_not_wait_for_each_other() {
    let mut both = running(2);
    both.file("db", &file(2, "old"));
    both.wait(1500);
    both.orders();
    both.say(r#"{"type": "RESTART-ALL"}"#);
    let stops = [
        "SIGTERM db:0",
        "SIGCONT db:0",
        "SIGTERM web:0",
        "SIGCONT web:0",
    ];
    assert_eq!(both.orders()[1..], stops);
}

#[test]
fn one_that_does_not_come_up_holds_the_others_and_they_say_so() {
    let mut web = running(3);
    web.file("web", &file(3, "broken"));
    web.exits("web:0", 0);
    web.exits("web:0", 1);
    web.orders();
    assert_eq!(web.state("web:0"), State::Backoff);
    web.wait(1000);
    assert_eq!(web.orders(), ["spawn web:0"]);
    web.exits("web:0", 1);
    for waiting in ["web:1", "web:2"] {
        assert_eq!(web.record(waiting).turn, Some(TurnWord::Held), "{waiting}");
        assert!(web.reason(waiting).contains("web:0"), "{waiting}");
        assert_eq!(web.state(waiting), State::Running);
    }
    // The file is mended: what waits for its next start begins at once, and the others follow.
    web.file("web", &file(3, "mended"));
    assert_eq!(web.orders(), ["spawn web:0"]);
    web.wait(1000);
    assert_eq!(web.record("web:2").turn, Some(TurnWord::Waits));
    takes_its_turn(&mut web, "web:1");
    takes_its_turn(&mut web, "web:2");
}

#[test]
fn one_that_cannot_be_started_holds_the_others() {
    let mut web = running(2);
    web.file(
        "web",
        &format!(r#"{}, "give_up_after": 1"#, file(2, "broken")),
    );
    web.spawns = Spawns::Fail(Blame::Program);
    web.exits("web:0", 0);
    assert_eq!(web.state("web:0"), State::Fatal);
    web.wait(60_000);
    assert_eq!(web.state("web:1"), State::Running);
    assert_eq!(web.record("web:1").turn, Some(TurnWord::Held));
    // Who is stopped by hand is not waited for.
    web.orders();
    web.tell("STOP", "web:0");
    assert_eq!(web.orders(), one("web:1")[..2]);
}

#[test]
fn the_old_file_put_back_ends_the_waiting() {
    let mut web = running(2);
    web.file("web", &file(2, "broken"));
    web.exits("web:0", 0);
    web.exits("web:0", 1);
    web.orders();
    web.file("web", &file(2, "old"));
    assert_eq!(web.orders(), ["spawn web:0"]);
    assert_eq!(web.record("web:1").turn, None);
    web.wait(60_000);
    assert!(web.orders().is_empty());
}

#[test]
fn a_crash_is_waited_for_too() {
    let mut web = running(3);
    web.exits("web:2", 1);
    web.orders();
    web.tell("RESTART", "web:2");
    assert_eq!(web.orders(), ["SIGTERM web:2", "SIGCONT web:2"]);
    web.exits("web:2", 0);
    web.orders();
    web.tell("RESTART", "web");
    // It is the one that is missing already.
    takes_its_turn(&mut web, "web:2");
    takes_its_turn(&mut web, "web:0");
}

#[test]
fn what_has_just_happened_counts_although_it_was_not_settled() {
    let mut web = running(2);
    let message = web.message(r#"{"type": "RESTART", "name": "web"}"#);
    let exit = web.exited("web:1", Exit::Code(1), crate::colony::Group::Gone);
    web.observe_all(vec![message, exit]);
    assert_eq!(web.orders(), ["discard m1", "spawn web:1"]);
    web.wait(1000);
    takes_its_turn(&mut web, "web:0");
}

#[test]
fn one_that_is_named_does_not_wait() {
    let mut web = running(3);
    web.tell("RESTART", "web");
    assert_eq!(web.orders(), one("web:0")[..2]);
    web.tell("RESTART", "web:2");
    assert_eq!(web.orders(), one("web:2")[..2]);
    web.exits("web:2", 0);
    web.exits("web:0", 0);
    web.orders();
    web.wait(1000);
    takes_its_turn(&mut web, "web:1");
    web.wait(60_000);
    assert!(web.orders().is_empty());
}

#[test]
fn that_it_was_named_is_remembered_while_its_start_is_under_way() {
    let mut web = running(2);
    web.spawns = Spawns::Wait;
    web.exits("web:1", 0);
    web.tell("RESTART", "web:1");
    web.exits("web:0", 0);
    web.orders();
    web.crash();
    let spawned = web.spawned("web:1");
    web.observe(spawned);
    assert_eq!(web.orders(), one("web:1")[..2]);
}

#[test]
fn a_stop_a_removal_and_a_shutdown_take_all_at_once() {
    let stops = [
        "SIGTERM web:0",
        "SIGCONT web:0",
        "SIGTERM web:1",
        "SIGCONT web:1",
    ];
    let mut web = running(2);
    web.tell("STOP", "web");
    assert_eq!(web.orders(), stops);
    let mut web = running(2);
    web.remove("web");
    assert_eq!(web.orders(), stops);
    let mut web = running(2);
    web.tell("RESTART", "web");
    web.orders();
    web.observe(crate::colony::Observation::Shutdown);
    assert_eq!(web.orders(), stops[2..]);
}

#[test]
fn a_stop_cancels_what_has_not_begun() {
    let mut web = running(2);
    web.tell("RESTART", "web");
    web.tell("STOP", "web:1");
    web.orders();
    web.tell("START", "web:1");
    web.exits("web:1", 0);
    web.exits("web:0", 0);
    assert_eq!(web.orders(), ["spawn web:1", "spawn web:0"]);
    web.wait(60_000);
    assert!(web.orders().is_empty());
}

#[test]
fn the_roll_goes_on_under_the_next_monitor() {
    let mut web = running(3);
    web.tell("RESTART", "web");
    takes_its_turn(&mut web, "web:0");
    assert_eq!(web.orders(), one("web:1")[..2]);
    web.crash();
    web.file("web", &file(3, "old"));
    assert!(web.orders().is_empty(), "the next one was asked already");
    web.exits("web:1", 0);
    assert_eq!(web.orders(), one("web:1")[2..]);
    web.crash();
    web.wait(1000);
    takes_its_turn(&mut web, "web:2");
}

#[test]
fn those_that_come_with_a_new_number_are_waited_for() {
    let mut web = running(2);
    web.file("web", &file(3, "new"));
    assert_eq!(web.orders(), ["spawn web:2"]);
    web.wait(1000);
    takes_its_turn(&mut web, "web:0");
    takes_its_turn(&mut web, "web:1");
}

#[test]
fn a_success_is_not_waited_for_and_a_failure_is() {
    for (code, holds) in [(0, false), (1, true)] {
        let mut web = running(2);
        web.file("web", &format!(r#"{}, "restart": "never""#, file(2, "new")));
        web.exits("web:0", 0);
        web.orders();
        web.exits("web:0", code);
        assert_eq!(web.state("web:0"), State::Exited);
        assert_eq!(web.orders().is_empty(), holds, "{code}");
    }
}

#[test]
fn a_restart_of_all_that_have_not_come_up_does_not_lock() {
    let mut web = Driver::new();
    web.file("web", &file(2, "old"));
    web.wait(500);
    web.orders();
    web.file("web", &file(2, "new"));
    assert!(web.orders().is_empty());
    web.wait(500);
    takes_its_turn(&mut web, "web:0");
    takes_its_turn(&mut web, "web:1");
}

#[test]
fn one_that_is_started_by_hand_is_started_at_once() {
    let mut web = running(3);
    web.tell("STOP", "web");
    for instance in ["web:0", "web:1", "web:2"] {
        web.exits(instance, 0);
    }
    web.orders();
    web.tell("START", "web");
    assert_eq!(web.orders(), ["spawn web:0", "spawn web:1", "spawn web:2"]);
}
