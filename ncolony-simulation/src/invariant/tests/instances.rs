//! What must hold of instances can fail, too.

use super::{ANT, RECIPE, assert_breaks, assert_broken, monitor};
use crate::action::{Action, Aim, Content, Recipe, Slot, Who, Word};
use crate::cast::Cast;
use crate::invariant::{self, Invariant};
use crate::ledger::{Account, Known, Life};
use crate::world::World;

/// A world in which two instances of one file run.
fn two() -> World {
    let mut world = World::new(Cast::new().into(), None);
    let recipe = Recipe {
        instances: 2,
        ..RECIPE
    };
    let write = Action::Write(ANT, Slot::Plain, Content::Good(recipe));
    for action in [write, Action::Look, Action::Turn, Action::Sleep(2000)] {
        world.act(action).unwrap();
    }
    world
}

fn account(world: &mut World, who: Who) -> &mut Account {
    let name = world.name(who).clone();
    monitor(world).ledger.accounts.get_mut(&name).unwrap()
}

fn life(world: &mut World, who: Who) -> &mut Life {
    let Known::Alive(life) = &mut account(world, who).known else {
        panic!("it lives");
    };
    life
}

fn restart(who: Who) -> [Action; 3] {
    let restart = Action::Send(Word::Restart(Aim::One(who)), false);
    [restart, Action::Look, Action::Turn]
}

#[test]
fn nothing_is_wrong_where_they_take_turns() {
    let mut world = two();
    assert_eq!(invariant::check(&world), Ok(()));
    for action in restart(ANT) {
        world.act(action).unwrap();
    }
    let waits = |world: &World, number: u8| {
        let name = world.name(ANT.with_instance(number));
        world
            .monitor
            .as_ref()
            .unwrap()
            .ledger
            .waits(name, world.now)
    };
    assert_eq!([waits(&world, 0), waits(&world, 1)], [false, true]);
    world.act(Action::Sleep(4000)).unwrap();
    assert_eq!([waits(&world, 0), waits(&world, 1)], [false, false]);
    assert_eq!(account(&mut world, ANT.with_instance(1)).starts, 2);
}

#[test]
fn one_that_is_stopped_while_another_is_missing() {
    let mut world = two();
    let now = world.now;
    let other = life(&mut world, ANT.with_instance(1));
    (other.up, other.started) = (false, now);
    assert_breaks(&mut world, &restart(ANT), Invariant::Rolling);
}

#[test]
fn one_that_waits_for_nobody() {
    let mut world = two();
    account(&mut world, ANT.with_instance(1)).due = true;
    assert_broken(&world, Invariant::StopsInTime);
}

#[test]
fn one_that_is_closed_to_others() {
    let mut world = two();
    let name = world.name(ANT).clone();
    let first = world.name(ANT.with_instance(0)).clone();
    let monitor = monitor(&mut world);
    monitor.listening.insert(first);
    let needed = invariant::listening::released(monitor, &name).expect_err("they run");
    assert_eq!(needed.invariant, Invariant::Listening, "{needed}");
}
