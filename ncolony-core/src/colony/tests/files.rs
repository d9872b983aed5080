//! Files that appear, change, break and vanish.

use super::driver::{Driver, Spawns};
use crate::colony::Blame;
use crate::status::State;

#[test]
fn a_changed_file_restarts_its_program_once() {
    let mut web = Driver::running("web", "");
    web.file("web", r#""args": ["y"]"#);
    web.file("web", r#""args": ["z"]"#);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web"]);
    web.exits("web", 0);
    web.wait(10_000);
    assert_eq!(web.orders(), ["spawn web"]);
    assert_eq!(web.state("web"), State::Running);
}

#[test]
fn a_file_changed_and_changed_back_during_the_stop_restarts_once() {
    let mut web = Driver::running("web", "");
    web.file("web", r#""args": ["y"]"#);
    web.file("web", "");
    web.exits("web", 0);
    web.wait(10_000);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web", "spawn web"]);
}

#[test]
fn a_stop_for_a_change_that_was_taken_back_is_no_end_that_its_policy_judges() {
    let mut job = Driver::running("job", r#""restart": "never""#);
    job.file("job", r#""args": ["y"], "restart": "never""#);
    job.file("job", r#""restart": "never""#);
    job.orders();
    job.exits("job", 0);
    assert_eq!(job.orders(), ["spawn job"]);
}

#[test]
fn a_change_of_policy_alone_applies_to_what_runs() {
    let mut web = Driver::running("web", "");
    web.file("web", r#""killtime": 1, "stop_signal": "USR1""#);
    assert!(web.orders().is_empty());
    web.tell("STOP", "web");
    web.wait(1000);
    assert_eq!(web.orders(), ["SIGUSR1 web", "SIGCONT web", "SIGKILL web"]);
}

#[test]
fn a_change_of_policy_holds_for_a_stop_in_the_same_breath() {
    let mut web = Driver::running("web", "");
    let stop = web.message(r#"{"type": "STOP", "name": "web"}"#);
    web.observe_all(vec![Driver::good("web", r#""stop_signal": "USR1""#), stop]);
    assert_eq!(web.orders(), ["discard m1", "SIGUSR1 web", "SIGCONT web"]);
}

#[test]
fn another_process_is_not_stopped_by_the_policy_of_the_new_one() {
    let mut web = Driver::running("web", "");
    web.file("web", r#""args": ["y"], "stop_signal": "USR1""#);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web"]);
}

#[test]
fn a_threshold_that_is_changed_counts_for_what_is_starting() {
    let mut web = Driver::with("web", r#""threshold": 100"#);
    web.wait(5000);
    assert_eq!(web.state("web"), State::Starting);
    web.file("web", r#""threshold": 5"#);
    assert_eq!(web.state("web"), State::Running);
}

#[test]
fn a_longest_delay_that_is_lowered_shortens_a_wait() {
    let mut web = Driver::with("web", r#""minrestartdelay": 600"#);
    web.exits("web", 1);
    web.file("web", r#""minrestartdelay": 1, "maxrestartdelay": 2"#);
    assert_eq!(web.record("web").delay, 2.0);
    web.wait(2000);
    assert_eq!(web.orders(), ["spawn web"]);
}

#[test]
fn a_wait_is_not_shortened_below_the_spacing_of_starts() {
    let mut web = Driver::with("web", "");
    web.wait(10);
    web.exits("web", 1);
    web.file("web", r#""minrestartdelay": 0, "maxrestartdelay": 0"#);
    web.wait(89);
    assert!(web.orders().is_empty());
    web.wait(1);
    assert_eq!(web.orders(), ["spawn web"]);
}

#[test]
fn a_file_that_is_repaired_to_what_it_was_shortens_no_wait() {
    let keys = r#""minrestartdelay": 0.2, "maxrestartdelay": 0.2"#;
    let mut web = Driver::new();
    web.spawns = Spawns::Fail(Blame::Machine);
    web.file("web", keys);
    web.observe(Driver::bad("web"));
    web.file("web", keys);
    web.wait(999);
    assert_eq!(web.orders(), ["spawn web"]);
}

#[test]
fn another_process_does_not_wait_for_the_delay_of_the_old() {
    let mut web = Driver::with("web", "");
    web.exits("web", 1);
    web.file("web", r#""args": ["y"]"#);
    assert_eq!(web.orders(), ["spawn web"]);
    web.exits("web", 1);
    assert_eq!(web.record("web").delay, 1.0);
}

#[test]
fn a_bad_file_keeps_what_runs_and_what_would_start() {
    let mut web = Driver::running("web", "");
    web.observe(Driver::bad("web"));
    assert!(web.orders().is_empty());
    assert_eq!(web.state("web"), State::Running);
    assert_eq!(
        web.record("web").config_error.as_ref().unwrap().message,
        "it is spoilt"
    );
    web.exits("web", 1);
    assert_eq!(
        web.orders(),
        ["spawn web"],
        "the last good content is in force"
    );
    web.file("web", "");
    assert_eq!(web.record("web").config_error, None);
    assert!(web.orders().is_empty());
}

#[test]
fn a_file_that_was_never_good_has_a_record() {
    let mut web = Driver::new();
    web.observe(Driver::bad("web"));
    let record = web.record("web");
    assert_eq!((record.state, record.pid), (State::Stopped, None));
    assert!(record.config_error.is_some());
    web.file("web", "");
    assert_eq!(web.orders(), ["spawn web"]);
}

#[test]
fn a_bad_file_that_is_removed_takes_its_record_along() {
    let mut web = Driver::new();
    web.observe(Driver::bad("web"));
    web.remove("web");
    assert_eq!(web.orders(), ["retract web"]);
    assert!(!web.has_record("web"));
    assert!(web.colony.is_empty());
}

#[test]
fn a_removed_file_stops_its_program_and_takes_its_record_along() {
    let mut web = Driver::running("web", "");
    web.remove("web");
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web"]);
    assert!(web.has_record("web"), "until it is gone");
    web.exits_leaving_members("web", 0);
    assert!(web.has_record("web"));
    web.members_end("web");
    assert_eq!(web.orders(), ["retract web"]);
    assert!(web.colony.is_empty());
}

#[test]
fn a_file_removed_before_the_start_is_known_stops_what_comes_of_it() {
    let mut web = Driver::new();
    web.spawns = Spawns::Wait;
    web.file("web", "");
    web.remove("web");
    assert_eq!(web.orders(), ["spawn web"]);
    let spawned = web.spawned("web");
    web.observe(spawned);
    web.exits("web", 0);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web", "retract web"]);
}

#[test]
fn removed_and_added_again_during_the_stop_starts_afresh() {
    let mut web = Driver::running("web", r#""restart": "never""#);
    web.remove("web");
    web.file("web", r#""restart": "never""#);
    web.exits("web", 0);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web", "spawn web"]);
}

#[test]
fn removed_and_added_again_while_its_members_go_starts_afresh() {
    let mut web = Driver::running("web", r#""restart": "never""#);
    web.exits_leaving_members("web", 0);
    web.remove("web");
    web.file("web", r#""restart": "never""#);
    web.orders();
    web.members_end("web");
    assert_eq!(web.orders(), ["spawn web"]);
}

#[test]
fn removed_and_added_again_between_two_looks_goes_on() {
    let mut web = Driver::running("web", "");
    web.observe_all(vec![Driver::absent("web"), Driver::good("web", "")]);
    assert!(web.orders().is_empty());
    assert_eq!(web.state("web"), State::Running);
}

#[test]
fn a_change_while_its_members_go_starts_what_the_file_says_now() {
    let mut web = Driver::running("web", r#""restart": "never""#);
    web.exits_leaving_members("web", 0);
    web.file("web", r#""args": ["y"], "restart": "never""#);
    web.orders();
    web.members_end("web");
    assert_eq!(web.orders(), ["spawn web"]);
}

#[test]
fn removal_takes_back_what_a_hand_has_said() {
    let mut web = Driver::running("web", "");
    web.say(r#"{"type": "STOP", "name": "web", "reason": "a pause"}"#);
    web.remove("web");
    web.file("web", "");
    web.orders();
    web.exits("web", 0);
    assert_eq!(web.orders(), ["spawn web"]);
    let reason = web.record("web").reason.clone().unwrap_or_default();
    assert!(!reason.contains("a pause"), "{reason}");
}

#[test]
fn a_program_that_comes_back_does_not_take_over_the_numbers_of_its_starts() {
    let mut web = Driver::with("web", "");
    let late = crate::colony::Observation::Printed {
        name: super::driver::name("web"),
        generation: web.generation("web"),
        lines: vec!["of the old one".to_owned()],
    };
    web.remove("web");
    web.exits("web", 0);
    web.file("web", "");
    assert_ne!(web.generation("web"), web.first_generation("web"));
    assert_eq!(web.record("web").starts, 1, "it was taken up anew");
    web.exits("web", 1);
    web.observe(late);
    assert_eq!(web.record("web").output, None);
}

#[test]
fn disabled_in_its_file_stops_and_enabled_starts() {
    let mut web = Driver::running("web", "");
    web.file("web", r#""enabled": false"#);
    web.exits("web", 0);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web"]);
    assert!(
        web.reason("web").contains("enabled"),
        "{}",
        web.reason("web")
    );
    web.file("web", "");
    assert_eq!(web.orders(), ["spawn web"]);
}

#[test]
fn a_bad_file_harms_no_other_program() {
    let mut both = Driver::running("web", "");
    both.file("db", "");
    both.orders();
    both.observe_all(vec![Driver::bad("db"), Driver::absent("nobody")]);
    both.wait(10_000);
    assert!(both.orders().is_empty());
    assert_eq!(both.state("web"), State::Running);
    assert_eq!(both.state("db"), State::Running);
}
