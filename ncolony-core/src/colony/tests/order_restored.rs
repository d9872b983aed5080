//! What a monitor's death does to those that wait for each other: nothing.

use super::driver::{Driver, Spawns};
use crate::colony::Observation;
use crate::status::State;

const REQUIRES_DB: &str = r#""requires": ["db"]"#;

#[test]
fn what_was_held_stays_held() {
    let mut both = Driver::new();
    both.spawns = Spawns::Wait;
    both.file("db", "");
    both.file("app", REQUIRES_DB);
    both.spawns = Spawns::Happen;
    let spawned = both.spawned("db");
    both.observe(spawned);
    both.crash();
    both.observe_all(Vec::new());
    assert!(both.orders().is_empty());
    assert_eq!(both.state("app"), State::Stopped);
    both.wait(1000);
    assert_eq!(both.orders(), ["spawn app"]);
}

#[test]
fn nothing_that_runs_is_stopped() {
    let mut all = Driver::new();
    all.observe_all(vec![
        Driver::good("db", r#""priority": 1"#),
        Driver::good("app", REQUIRES_DB),
        Driver::good("worker", r#""after": ["app"], "requires": ["db"]"#),
    ]);
    all.wait(3000);
    all.orders();
    all.crash();
    all.wait(5000);
    assert!(all.orders().is_empty());
}

#[test]
fn what_was_not_told_yet_is_told_in_its_turn() {
    let mut both = Driver::running("db", "");
    both.file("app", REQUIRES_DB);
    both.wait(2000);
    both.tell("STOP", "db");
    both.crash();
    both.wait(0);
    assert_eq!(both.orders(), ["SIGTERM app", "SIGCONT app"], "once more");
    both.exits("app", 0);
    assert_eq!(both.orders(), ["SIGTERM db", "SIGCONT db"]);
}

#[test]
fn the_edges_of_a_removed_program_that_still_runs_are_remembered() {
    let mut both = Driver::running("db", "");
    both.file("app", r#""after": ["db"]"#);
    both.wait(2000);
    both.observe_all(vec![Driver::absent("db"), Driver::absent("app")]);
    both.crash();
    both.wait(0);
    assert_eq!(both.orders(), ["SIGTERM app", "SIGCONT app"], "once more");
    both.exits("app", 0);
    assert_eq!(both.orders(), ["retract app", "SIGTERM db", "SIGCONT db"]);
}

#[test]
fn the_order_of_a_shutdown_holds_for_a_start_that_was_under_way() {
    let mut both = Driver::running("db", "");
    both.spawns = Spawns::Wait;
    both.file("app", r#""after": ["db"]"#);
    both.observe(Observation::Shutdown);
    assert_eq!(both.orders(), ["spawn app"]);
    let spawned = both.spawned("app");
    both.observe(spawned);
    assert_eq!(both.orders(), ["SIGTERM app", "SIGCONT app"]);
    both.exits("app", 0);
    assert_eq!(both.orders(), ["SIGTERM db", "SIGCONT db"]);
}
