//! Small worlds, searched whole. Without optimisation they are searched less deep: `cargo run
//! --release -p ncolony-simulation -- --search 10` goes to the depth that the documentation names.

use std::rc::Rc;

use ncolony_simulation::cast::Cast;
use ncolony_simulation::search::{search, themes};

const DEPTH: usize = if cfg!(debug_assertions) { 5 } else { 10 };

/// Searches one world of those, by the beginning of its name.
fn nothing_goes_wrong_in(name: &str) {
    let cast = Rc::new(Cast::new());
    let worlds = themes(DEPTH).into_iter();
    let mut searched = 0;
    for theme in worlds.filter(|theme| theme.name.starts_with(name)) {
        let seen = search(&cast, &theme).unwrap_or_else(|wrong| panic!("{wrong}"));
        assert!(
            seen.states > 100,
            "it is a world in which something happens: {seen:?}"
        );
        searched += 1;
    }
    assert_eq!(searched, 1, "there is one world of {name}");
}

#[test]
fn words() {
    nothing_goes_wrong_in("words");
}

#[test]
fn files() {
    nothing_goes_wrong_in("files");
}

#[test]
fn policies() {
    nothing_goes_wrong_in("policies");
}

#[test]
fn starts_that_fail() {
    nothing_goes_wrong_in("starts");
}

#[test]
fn groups_that_outlive_their_leader() {
    nothing_goes_wrong_in("groups");
}

#[test]
fn the_end_of_the_colony() {
    nothing_goes_wrong_in("the end");
}

#[test]
fn readiness() {
    nothing_goes_wrong_in("readiness");
}

#[test]
fn facts_that_come_together() {
    nothing_goes_wrong_in("facts");
}

#[test]
fn the_order_of_two() {
    nothing_goes_wrong_in("the order");
}

#[test]
fn monitors_that_die() {
    nothing_goes_wrong_in("monitors that die");
}

#[test]
fn monitors_that_come_and_go() {
    nothing_goes_wrong_in("monitors that come");
}

#[test]
fn instances_that_take_turns() {
    nothing_goes_wrong_in("instances");
}

#[test]
fn every_world_is_searched_here() {
    assert_eq!(themes(DEPTH).len(), 12);
}
