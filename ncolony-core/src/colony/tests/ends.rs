//! Exits that a policy leaves as they are, and what wakes a program from them.

use super::driver::{Driver, Spawns};
use crate::colony::{Blame, Group};
use crate::exit::Exit;
use crate::status::{State, WantWord};

#[test]
fn never_rests_after_any_exit() {
    let mut job = Driver::with("job", r#""restart": "never""#);
    job.exits("job", 1);
    job.wait(10_000);
    assert_eq!(job.state("job"), State::Exited);
    assert_eq!(job.record("job").exit, Some(Exit::Code(1)));
    assert_eq!(job.record("job").want, WantWord::Up);
    assert!(job.orders().is_empty());
}

#[test]
fn on_failure_rests_after_a_success_alone() {
    let mut job = Driver::with("job", r#""restart": "on-failure", "exit_codes": [0, 3]"#);
    job.exits("job", 1);
    assert_eq!(job.state("job"), State::Backoff);
    job.wait(1000);
    job.exits("job", 3);
    assert_eq!(job.state("job"), State::Exited);
}

#[test]
fn it_gives_up_after_so_many_instant_deaths() {
    let mut web = Driver::with("web", r#""give_up_after": 2"#);
    web.exits("web", 1);
    web.wait(1000);
    web.exits("web", 1);
    web.wait(10_000);
    assert_eq!(web.state("web"), State::Fatal);
    assert_eq!(web.orders(), ["spawn web"]);
    assert!(
        web.reason("web").contains("2 times in a row"),
        "{}",
        web.reason("web")
    );
}

#[test]
fn failures_to_execute_lead_to_giving_up_too() {
    let mut web = Driver::new();
    web.spawns = Spawns::Fail(Blame::Program);
    web.file("web", r#""give_up_after": 2"#);
    web.wait(1000);
    assert_eq!(web.state("web"), State::Fatal);
}

#[test]
fn never_is_not_tried_again_when_it_cannot_be_executed() {
    let mut job = Driver::new();
    job.spawns = Spawns::Fail(Blame::Program);
    job.file("job", r#""restart": "never""#);
    assert_eq!(job.state("job"), State::Fatal);
}

#[test]
fn another_process_in_its_file_wakes_what_rests() {
    let mut job = Driver::with("job", r#""restart": "never""#);
    job.exits("job", 0);
    job.file("job", r#""args": ["y"], "restart": "never""#);
    assert_eq!(job.orders(), ["spawn job"]);
    let mut web = Driver::with("web", r#""give_up_after": 1"#);
    web.exits("web", 0);
    web.file("web", r#""args": ["y"], "give_up_after": 1"#);
    assert_eq!(web.orders(), ["spawn web"]);
}

#[test]
fn a_policy_under_which_it_would_not_rest_wakes_it() {
    let mut job = Driver::with("job", r#""restart": "never""#);
    job.exits("job", 0);
    job.file("job", r#""restart": "on-failure""#);
    assert_eq!(
        job.state("job"),
        State::Exited,
        "a success rests under both"
    );
    job.file("job", "");
    assert_eq!(job.orders(), ["spawn job"]);
}

#[test]
fn the_same_content_again_wakes_nothing() {
    let mut web = Driver::with("web", r#""give_up_after": 1"#);
    web.exits("web", 0);
    web.file("web", r#""give_up_after": 1"#);
    assert_eq!(web.state("web"), State::Fatal);
    let mut job = Driver::with("job", r#""restart": "never""#);
    job.exits("job", 0);
    job.file("job", r#""restart": "never""#);
    assert_eq!(job.state("job"), State::Exited);
}

#[test]
fn a_file_that_changed_before_the_end_was_noticed_starts_what_it_says_now() {
    let mut job = Driver::with("job", r#""restart": "never""#);
    let changed = Driver::good("job", r#""args": ["y"], "restart": "never""#);
    let exited = job.exited("job", Exit::Code(0), Group::Gone);
    job.observe_all(vec![changed, exited]);
    assert_eq!(job.orders(), ["spawn job"]);
}

#[test]
fn a_failure_of_what_the_file_no_longer_says_is_not_held_against_it() {
    let mut web = Driver::new();
    web.spawns = Spawns::Wait;
    web.file("web", r#""give_up_after": 1"#);
    web.file("web", r#""args": ["y"], "give_up_after": 1"#);
    web.orders();
    let failed = web.failed("web", Blame::Program);
    web.observe(failed);
    assert_eq!(web.orders(), ["spawn web"]);
}
