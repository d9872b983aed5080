//! Order, made wrong by hand: the machine goes by other files than the ledger.

use super::*;

const BEE: Who = Who(1);
/// Both have it: the ant requires the bee, the bee the cat, which is not there.
const REQUIRES_NEXT: u8 = 2;
/// Of the bee: it comes after the ant, and after the cat.
const AFTER_ANT: u8 = 10;
const LOW: u8 = 5;

fn says(world: &mut World, who: Who, order: u8) {
    let recipe = Recipe { order, ..RECIPE };
    let spec = world.spec(who, recipe).clone();
    let name = world.name(who).clone();
    let accounts = &mut monitor(world).ledger.accounts;
    accounts.get_mut(&name).unwrap().good = Some(spec);
}

/// A world in which two programs run.
fn both() -> World {
    let mut world = running();
    let write = Action::Write(BEE, Slot::Plain, Content::Good(RECIPE));
    for action in [write, Action::Look, Action::Turn, Action::Sleep(2000)] {
        world.act(action).unwrap();
    }
    world
}

#[test]
fn a_start_before_what_is_required() {
    let mut world = waiting();
    says(&mut world, ANT, REQUIRES_NEXT);
    assert_breaks(&mut world, &[Action::Sleep(5000)], Invariant::InOrder);
}

#[test]
fn a_stop_before_what_comes_after_is_gone() {
    let mut world = both();
    says(&mut world, BEE, AFTER_ANT);
    let actions = [Action::Shutdown, Action::Turn];
    assert_breaks(&mut world, &actions, Invariant::InOrder);
}

#[test]
fn a_stop_before_a_higher_priority_is_gone() {
    let mut world = both();
    says(&mut world, ANT, LOW);
    let actions = [Action::Shutdown, Action::Turn];
    assert_breaks(&mut world, &actions, Invariant::InOrder);
}

#[test]
fn nobody_waits_when_everything_is_killed() {
    let mut world = both();
    says(&mut world, BEE, AFTER_ANT);
    for action in [Action::KillNow, Action::Turn] {
        world.act(action).unwrap();
    }
}

#[test]
fn something_that_lives_on_without_what_it_requires() {
    let mut world = running();
    says(&mut world, ANT, REQUIRES_NEXT);
    assert_broken(&world, Invariant::StopsInTime);
}

#[test]
fn something_that_is_held_for_no_reason() {
    let mut world = running();
    let recipe = Recipe {
        order: REQUIRES_NEXT,
        ..RECIPE
    };
    let write = Action::Write(BEE, Slot::Plain, Content::Good(recipe));
    for action in [write, Action::Look, Action::Turn] {
        world.act(action).unwrap();
    }
    assert_eq!(invariant::check(&world), Ok(()));
    says(&mut world, BEE, 0);
    assert_broken(&world, Invariant::Liveness);
}
