//! Histories drawn from seeds: some that are the same every time, and one that never was before.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::rc::Rc;

use ncolony_simulation::cast::Cast;
use ncolony_simulation::history::{self, Count};

/// So many histories from one seed on; a few seconds without optimisation.
const HISTORIES: u64 = 1500;

fn nothing_goes_wrong_from(first: u64) -> Count {
    let cast = Rc::new(Cast::new());
    let mut done = Count::default();
    for seed in first..first + HISTORIES {
        done += history::try_seed(&cast, seed).unwrap_or_else(|failure| panic!("{failure}"));
    }
    done
}

#[test]
fn nothing_goes_wrong_in_histories_that_are_always_the_same() {
    let done = nothing_goes_wrong_from(1);
    assert!(done.steps > 10_000 && done.orders > 20_000, "{done:?}");
}

#[test]
fn nothing_goes_wrong_in_histories_that_never_were_before() {
    let first = RandomState::new().build_hasher().finish() >> 16;
    println!("histories from seed {first} on");
    nothing_goes_wrong_from(first);
}

#[test]
fn a_seed_goes_the_same_way_twice() {
    let cast = Rc::new(Cast::new());
    let history = ncolony_simulation::generate::history(7);
    let story = history::tell(&cast, &history);
    assert_eq!(story, history::tell(&cast, &history));
    assert!(story.len() > history.len(), "orders are told as well");
}
