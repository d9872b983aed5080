//! Programs that start, live and die, and what the next start waits for.

use super::driver::{Driver, Spawns};
use crate::colony::Blame;
use crate::status::{State, WantWord};

const ALL_AT_ONCE: &str = r#""threshold": 0, "minrestartdelay": 0"#;

#[test]
fn a_file_starts_its_program() {
    let web = Driver::with("web", "");
    let record = web.record("web");
    assert_eq!(record.state, State::Starting);
    assert_eq!(record.want, WantWord::Up);
    assert_eq!(record.pid, Some(1));
    assert_eq!(record.starts, 1);
    assert!(!record.ready);
}

#[test]
fn it_is_running_when_it_has_lived_for_its_threshold() {
    let mut web = Driver::with("web", r#""threshold": 3"#);
    web.wait(2999);
    assert_eq!(web.state("web"), State::Starting);
    web.wait(1);
    assert_eq!(web.state("web"), State::Running);
    assert!(web.record("web").ready);
    assert_eq!(web.colony.poll_timeout(), None, "nothing more is due");
}

#[test]
fn an_instant_death_waits_and_the_wait_doubles_up_to_the_longest() {
    let mut web = Driver::with("web", r#""maxrestartdelay": 3"#);
    for seconds in [1_u32, 2, 3, 3] {
        web.exits("web", 1);
        assert_eq!(web.state("web"), State::Backoff);
        assert_eq!(web.record("web").delay, f64::from(seconds));
        assert!(web.record("web").next_start.is_some());
        web.wait(u64::from(seconds) * 1000 - 1);
        assert!(web.orders().is_empty(), "not before {seconds} s");
        web.wait(1);
        assert_eq!(web.orders(), ["spawn web"]);
    }
}

#[test]
fn a_long_life_is_followed_by_a_start_at_once_and_takes_the_delays_back() {
    let mut web = Driver::with("web", "");
    web.exits("web", 1);
    web.wait(1000);
    web.exits("web", 1);
    web.wait(2000);
    assert_eq!(web.orders(), ["spawn web", "spawn web"]);
    web.wait(1000);
    web.exits("web", 1);
    assert_eq!(web.orders(), ["spawn web"], "after a life of one second");
    web.exits("web", 1);
    assert_eq!(web.record("web").delay, 1.0);
}

#[test]
fn starts_that_nobody_commanded_are_a_tenth_of_a_second_apart() {
    let mut web = Driver::with("web", ALL_AT_ONCE);
    web.wait(40);
    web.exits("web", 0);
    web.wait(59);
    assert!(web.orders().is_empty());
    web.wait(1);
    assert_eq!(web.orders(), ["spawn web"]);
}

#[test]
fn a_program_that_cannot_be_executed_dies_an_instant_death() {
    let mut web = Driver::new();
    web.spawns = Spawns::Fail(Blame::Program);
    web.file("web", "");
    assert_eq!(web.state("web"), State::Backoff);
    assert!(
        web.reason("web").starts_with("it cannot be executed"),
        "{}",
        web.reason("web")
    );
    assert_eq!(web.record("web").starts, 0);
    web.wait(1000);
    assert_eq!(web.record("web").delay, 2.0);
    assert_eq!(web.orders(), ["spawn web", "spawn web"]);
}

#[test]
fn a_shortage_of_the_machine_is_tried_again_and_does_not_count() {
    let mut web = Driver::new();
    web.spawns = Spawns::Fail(Blame::Machine);
    web.file("web", r#""give_up_after": 2"#);
    web.wait(10_000);
    assert_eq!(web.orders().len(), 11, "once a second");
    assert_eq!(web.state("web"), State::Backoff);
    web.spawns = Spawns::Happen;
    web.wait(1000);
    web.exits("web", 1);
    assert_eq!(web.record("web").delay, 1.0, "this is the first death");
}

#[test]
fn a_shortage_of_the_machine_between_two_deaths_changes_nothing() {
    let mut web = Driver::with("web", "");
    web.exits("web", 1);
    web.spawns = Spawns::Fail(Blame::Machine);
    web.wait(3000);
    web.spawns = Spawns::Happen;
    web.wait(1000);
    web.exits("web", 1);
    assert_eq!(web.record("web").delay, 2.0, "this is the second death");
}

#[test]
fn facts_about_older_generations_are_ignored() {
    let mut web = Driver::with("web", "");
    let stale = [
        web.spawned("web"),
        web.exited("web", crate::Exit::Code(9), crate::colony::Group::Gone),
        web.emptied("web"),
        web.failed("web", Blame::Program),
    ];
    web.exits("web", 1);
    web.wait(1000);
    web.orders();
    let before = web.record("web").clone();
    for fact in stale {
        web.observe(fact);
        assert!(web.orders().is_empty());
        assert_eq!(web.record("web"), &before);
    }
}

#[test]
fn facts_that_come_twice_or_too_early_are_ignored() {
    let mut web = Driver::with("web", "");
    let before = web.record("web").clone();
    for fact in [
        web.spawned("web"),
        web.failed("web", Blame::Machine),
        web.emptied("web"),
    ] {
        web.observe(fact);
        assert_eq!(web.record("web"), &before);
    }
    let exited = web.exited("web", crate::Exit::Code(1), crate::colony::Group::Gone);
    web.observe_all(vec![exited.clone(), exited]);
    assert_eq!(web.record("web").delay, 1.0, "one death");
}

#[test]
fn what_an_ended_process_printed_is_shown_until_the_next_one_ends() {
    let mut web = Driver::with("web", "");
    let printed = |web: &Driver, text: &str| crate::colony::Observation::Printed {
        name: super::driver::name("web"),
        generation: web.generation("web"),
        lines: vec![text.to_owned()],
    };
    let first = printed(&web, "first");
    web.exits("web", 1);
    web.wait(1000);
    web.observe(first.clone());
    let shown = |web: &Driver| web.record("web").output.clone().unwrap_or_default();
    assert_eq!(shown(&web), ["first"]);
    web.exits("web", 1);
    assert!(shown(&web).is_empty());
    web.observe(first);
    assert!(shown(&web).is_empty(), "that was an earlier one");
    web.observe(printed(&web, "second"));
    assert_eq!(shown(&web), ["second"]);
}
