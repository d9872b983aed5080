//! What must hold of readiness can be broken, too.

use std::rc::Rc;

use super::{ANT, account, assert_broken, monitor, name, write};
use crate::action::{Action, Content, Manner, Plan, Recipe, Slot, Start};
use crate::cast::Cast;
use crate::invariant::{self, Invariant};
use crate::ledger::Known;
use crate::world::{FAULTLESS, World};

/// A policy of the cast whose condition is looked at, and that of a process which has to say that
/// it is well.
const LOOKED_AT: u8 = 8;
const WATCHED: u8 = 3;

/// A world in which a program is looked at that is never ready.
fn never_ready() -> World {
    world(0, LOOKED_AT, false)
}

fn world(process: u8, policy: u8, rises: bool) -> World {
    let mut world = World::new(Rc::new(Cast::new()), None);
    let [_, look, turn] = write(true);
    let recipe = Recipe {
        process,
        policy,
        groups: 0,
        order: 0,
        enabled: true,
        instances: 1,
    };
    let Start::Lives(mut temper) = FAULTLESS.start else {
        return world;
    };
    if !rises {
        temper.rises = Manner::Ignores;
    }
    let plan = Plan {
        start: Start::Lives(temper),
        takes: 0,
    };
    let actions = [
        Action::Plan(ANT, plan),
        Action::Write(ANT, Slot::Plain, Content::Good(recipe)),
        look,
        turn,
        Action::Sleep(1000),
    ];
    for action in actions {
        world.act(action).unwrap();
    }
    world
}

#[test]
fn nothing_is_wrong_with_what_waits_or_is_up_or_says_that_it_is_well() {
    for world in [
        never_ready(),
        world(0, LOOKED_AT, true),
        world(WATCHED, 0, true),
    ] {
        assert_eq!(invariant::check(&world), Ok(()));
    }
}

#[test]
fn something_that_counts_as_up_and_is_not_ready() {
    let mut world = world(0, LOOKED_AT, true);
    let Known::Alive(life) = &mut account(&mut world).known else {
        panic!("it lives");
    };
    life.up = false;
    assert_broken(&world, Invariant::Readiness);
}

#[test]
fn something_that_is_not_ready_in_time_or_says_nothing_and_lives_on() {
    for (mut world, is_looked_at) in [(never_ready(), true), (world(WATCHED, 0, true), false)] {
        let long_ago = ncolony_core::Mono::default();
        let Known::Alive(life) = &mut account(&mut world).known else {
            panic!("it lives");
        };
        if is_looked_at {
            life.since = long_ago;
        } else {
            life.well = long_ago;
        }
        assert_broken(&world, Invariant::Readiness);
    }
}

#[test]
fn something_that_is_looked_at_for_too_long_or_not_at_all() {
    let mut world = never_ready();
    monitor(&mut world).probed.clear();
    assert_broken(&world, Invariant::Readiness);
    let mut world = self::world(0, LOOKED_AT, true);
    let (name, generation) = (name(&world), account(&mut world).generation().unwrap());
    monitor(&mut world).probed.insert(name, generation);
    assert_broken(&world, Invariant::Readiness);
}
