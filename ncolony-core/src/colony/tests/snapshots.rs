//! A monitor that dies, and its successor that has read what was written down.

use super::driver::{Driver, Spawns};
use crate::colony::{Blame, Group, Observation};
use crate::exit::Exit;
use crate::status::{State, WantWord};

/// The process of a program was found by a successor.
pub(super) fn adopted(driver: &Driver, program: &str) -> Observation {
    Observation::Adopted {
        name: super::driver::name(program),
        generation: driver.generation(program),
        pid: driver.record(program).pid.unwrap_or(77),
        identity: None,
    }
}

fn never_started(driver: &Driver, program: &str) -> Observation {
    Observation::NeverStarted {
        name: super::driver::name(program),
        generation: driver.generation(program),
    }
}

#[test]
fn what_was_written_down_is_what_was_so() {
    let mut all = Driver::running("web", "");
    all.file("db", r#""args": ["/bin/false"]"#);
    all.exits("db", 1);
    all.file("job", r#""args": ["x"], "restart": "never""#);
    all.exits("job", 3);
    all.file("slow", r#""args": ["y"]"#);
    all.say(r#"{"type": "STOP", "name": "slow", "reason": "tired"}"#);
    all.file("off", r#""args": ["z"], "enabled": false"#);
    let records = |all: &Driver| -> Vec<_> {
        let names = all.colony.names();
        names.map(|name| all.colony.record(name)).collect()
    };
    let before = records(&all);
    let written = all.colony.snapshot();
    all.crash();
    assert_eq!(
        all.colony.snapshot(),
        written,
        "the changes add up to the whole"
    );
    assert_eq!(records(&all), before);
}

#[test]
fn a_process_that_lives_on_is_left_alone() {
    let mut web = Driver::running("web", "");
    let before = web.record("web").clone();
    web.crash();
    let fact = adopted(&web, "web");
    web.observe(fact);
    assert!(web.orders().is_empty());
    let after = web.record("web");
    assert!(after.adopted && !before.adopted);
    assert_eq!((after.pid, after.starts), (before.pid, before.starts));
    assert_eq!((after.state, after.since), (State::Running, before.since));
}

#[test]
fn an_end_that_nobody_saw_is_acted_on_once() {
    let mut web = Driver::running("web", "");
    web.crash();
    let unseen = web.exited("web", Exit::Unknown, Group::Gone);
    web.observe(unseen);
    assert_eq!(web.orders(), ["spawn web"]);
    assert_eq!(web.record("web").starts, 2);
}

#[test]
fn a_start_that_was_ordered_is_found_or_ordered_again() {
    let mut web = Driver::new();
    web.spawns = Spawns::Wait;
    web.file("web", "");
    let mut found = Driver::new();
    found.spawns = Spawns::Wait;
    found.file("web", "");

    found.crash();
    let fact = adopted(&found, "web");
    found.observe(fact);
    assert!(found.orders().is_empty());
    assert_eq!(found.record("web").starts, 1);

    web.crash();
    web.sleep_through(100);
    let fact = never_started(&web, "web");
    web.observe(fact);
    assert_eq!(web.orders(), ["spawn web"]);
}

#[test]
fn a_start_of_which_nothing_is_left_may_have_happened_and_the_next_keeps_its_distance() {
    let mut web = Driver::new();
    web.spawns = Spawns::Wait;
    web.file("web", "");
    web.crash();
    web.sleep_through(40);
    let fact = never_started(&web, "web");
    web.observe(fact);
    assert!(web.orders().is_empty());
    assert_eq!(web.state("web"), State::Backoff);
    assert!(web.reason("web").contains("the monitor ended"));
    web.wait(59);
    assert!(web.orders().is_empty());
    web.wait(1);
    assert_eq!(web.orders(), ["spawn web"]);
}

#[test]
fn a_start_that_was_ordered_and_has_left_only_members_is_cleared() {
    let mut web = Driver::new();
    web.spawns = Spawns::Wait;
    web.file("web", "");
    web.crash();
    let found = adopted(&web, "web");
    let ended = web.exited("web", Exit::Unknown, Group::Left);
    web.observe_all(vec![found, ended]);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web"]);
    assert_eq!(
        (web.state("web"), web.record("web").starts),
        (State::Stopping, 1)
    );
    web.spawns = Spawns::Happen;
    web.members_end("web");
    web.wait(1_000);
    assert_eq!(web.orders(), ["spawn web"]);
}

#[test]
fn a_stop_that_was_decided_and_perhaps_not_asked_for_is_asked_for() {
    let mut web = Driver::running("web", "");
    web.say(r#"{"type": "STOP", "name": "web"}"#);
    // What was carried out since is not written down.
    web.crash();
    web.sleep_through(10_000);
    let fact = adopted(&web, "web");
    web.observe(fact);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web"]);
    web.wait(4_999);
    assert!(web.orders().is_empty());
    web.crash();
    let fact = adopted(&web, "web");
    web.observe(fact);
    web.wait(1);
    assert_eq!(web.orders(), ["SIGKILL web"]);
}

#[test]
fn a_stop_that_was_given_to_nobody_is_not_taken_for_asked() {
    let mut web = Driver::running("web", "");
    let stop = web.message(r#"{"type": "STOP", "name": "web"}"#);
    web.observe_and_crash_before_the_orders(vec![stop]);
    let fact = adopted(&web, "web");
    web.observe(fact);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web"]);
}

#[test]
fn a_bad_file_is_remembered() {
    let mut both = Driver::running("web", "");
    both.observe_all(vec![Driver::bad("web"), Driver::bad("db")]);
    both.orders();
    let before = (both.record("web").clone(), both.record("db").clone());
    both.crash();
    let fact = adopted(&both, "web");
    both.observe(fact);
    assert!(both.orders().is_empty());
    let web = both.record("web");
    assert_eq!(web.config_error, before.0.config_error);
    assert_eq!(web.config_digest, before.0.config_digest);
    assert_eq!(*both.record("db"), before.1);
}

#[test]
fn what_was_acted_on_says_what_its_file_and_its_sender_are_due() {
    let mut web = Driver::running("web", "");
    let about_nobody = web.message(r#"{"type": "STOP", "name": "nobody"}"#);
    let signal = web.message(r#"{"type": "SIGNAL", "name": "web", "signal": "HUP", "id": "s"}"#);
    let stop = web.message(r#"{"type": "STOP", "name": "web", "id": "t"}"#);
    web.observe_and_crash_before_the_orders(vec![about_nobody, signal, stop]);
    let [nobody, signal, stop] = web.acted_on.as_slice() else {
        panic!("three were acted on");
    };
    assert!(nobody.rejected.as_ref().unwrap().contains("no program"));
    assert_eq!(nobody.reply, None);
    let reply = signal.reply.as_ref().unwrap();
    assert!(!reply.ok && reply.error.as_ref().unwrap().contains("certain"));
    assert!(signal.rejected.is_none() && stop.rejected.is_none());
    assert!(stop.reply.as_ref().unwrap().ok);
}

#[test]
fn an_upgrade_ends_where_the_monitor_is_to_end() {
    for end in ["SHUTDOWN", "DETACH"] {
        let mut colony = Driver::new();
        let upgrade = colony.message(r#"{"type": "UPGRADE", "id": "u"}"#);
        let word = colony.message(&format!(r#"{{"type": "{end}"}}"#));
        colony.observe_all(vec![upgrade, word]);
        assert_eq!(colony.orders(), ["discard m1", "discard m2"]);
        assert!(!colony.replies()[0].ok);
        assert!(!colony.colony.is_upgrading());
        colony.observe(Observation::Upgraded);
        assert!(colony.orders().is_empty());
    }
}

#[test]
fn a_stop_by_hand_and_a_back_off_are_remembered() {
    let mut both = Driver::running("web", "");
    both.say(r#"{"type": "STOP", "name": "web"}"#);
    both.exits("web", 0);
    both.spawns = Spawns::Fail(Blame::Program);
    both.file("db", "");
    both.wait(1_000);
    both.wait(2_000);
    both.spawns = Spawns::Happen;
    both.crash();
    both.wait(3_999);
    assert!(both.orders().is_empty());
    assert_eq!(both.record("web").want, WantWord::Down);
    both.wait(1);
    assert_eq!(both.orders(), ["spawn db"]);
}

#[test]
fn a_stop_that_was_under_way_is_carried_through() {
    let mut web = Driver::running("web", "");
    web.say(r#"{"type": "STOP", "name": "web"}"#);
    web.wait(1_000);
    web.crash();
    let fact = adopted(&web, "web");
    web.observe(fact);
    assert!(web.orders().is_empty());
    web.wait(4_000);
    assert_eq!(web.orders(), ["SIGKILL web"]);
    assert_eq!(web.state("web"), State::Stopping);
}

#[test]
fn a_restart_that_was_heard_is_not_forgotten() {
    let mut web = Driver::running("web", "");
    web.say(r#"{"type": "RESTART", "name": "web"}"#);
    web.crash();
    web.exits("web", 0);
    assert_eq!(web.orders(), ["spawn web"]);
}

#[test]
fn a_restart_of_what_is_being_started_is_not_forgotten() {
    let mut web = Driver::new();
    web.spawns = Spawns::Wait;
    web.file("web", "");
    web.orders();
    web.tell("RESTART", "web");
    web.crash();
    let fact = adopted(&web, "web");
    web.observe(fact);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web"]);
    web.exits("web", 0);
    assert_eq!(web.orders(), ["spawn web"]);
}

#[test]
fn what_rests_goes_on_resting() {
    let mut all = Driver::new();
    all.file("job", r#""args": ["x"], "restart": "never""#);
    all.exits("job", 3);
    all.file("bad", r#""args": ["x"], "give_up_after": 1"#);
    all.exits("bad", 1);
    all.file("off", r#""args": ["x"], "enabled": false"#);
    all.tell("START", "off");
    all.orders();
    all.crash();
    let fact = adopted(&all, "off");
    all.observe(fact);
    assert!(all.orders().is_empty());
    let states = ["job", "bad", "off"].map(|name| all.state(name));
    assert_eq!(states, [State::Exited, State::Fatal, State::Starting]);
}

#[test]
fn a_program_that_comes_back_after_a_death_begins_after_its_last_start() {
    let mut web = Driver::running("web", "");
    web.remove("web");
    web.exits("web", 0);
    web.crash();
    web.file("web", "");
    assert_eq!(web.orders(), ["spawn web"]);
    assert!(web.generation("web") > web.first_generation("web"));
}

#[test]
fn what_was_carried_out_is_written_down_before_a_monitor_exits() {
    let mut web = Driver::running("web", "");
    let ended = web.exited("web", Exit::Code(0), Group::Left);
    let detach = web.message(r#"{"type": "DETACH"}"#);
    web.observe_all(vec![ended, detach]);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web", "discard m1"]);
    assert!(web.colony.has_changes());
    web.wait(0);
    assert!(!web.colony.has_changes());
    web.crash();
    web.wait(1_000);
    assert!(web.orders().is_empty(), "they are not asked again");
}

#[test]
fn what_changes_while_everything_is_left_is_for_the_successor() {
    let mut web = Driver::running("web", "");
    web.say(r#"{"type": "DETACH"}"#);
    web.orders();
    web.file("web", r#""args": ["y"]"#);
    web.tell("STOP", "web");
    web.wait(10_000);
    assert!(web.orders().is_empty());
    web.crash();
    let fact = adopted(&web, "web");
    web.observe(fact);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web"]);
}

#[test]
fn detaching_leaves_everything_as_it_is() {
    let mut web = Driver::running("web", "");
    web.file("db", "");
    web.orders();
    web.say(r#"{"type": "DETACH", "id": "d"}"#);
    assert_eq!(web.orders(), ["discard m1"]);
    assert!(web.colony.is_closed() && web.colony.is_detaching());
    assert!(web.replies()[0].ok);
    web.exits("db", 1);
    web.wait(10_000);
    assert!(web.orders().is_empty());
    assert_eq!(web.record("web").want, WantWord::Up);
    web.crash();
    let fact = adopted(&web, "web");
    web.observe(fact);
    assert_eq!(web.orders(), ["spawn db"]);
}

#[test]
fn an_upgrade_is_asked_for_once_and_answered_once() {
    let mut web = Driver::running("web", "");
    web.say(r#"{"type": "UPGRADE", "id": "u"}"#);
    web.say(r#"{"type": "UPGRADE", "id": "v"}"#);
    assert_eq!(web.orders(), ["upgrade", "discard m2"]);
    assert!(!web.replies()[0].ok);
    web.crash();
    web.observe(Observation::Upgraded);
    assert_eq!(web.orders(), ["discard m1"]);
    assert!(web.replies()[0].ok);
    web.say(r#"{"type": "UPGRADE", "id": "w"}"#);
    let why = "it does not run".to_owned();
    web.observe(Observation::UpgradeFailed { why });
    assert_eq!(web.orders(), ["upgrade", "discard m3"]);
    assert_eq!(web.replies()[0].error.as_deref(), Some("it does not run"));
}
