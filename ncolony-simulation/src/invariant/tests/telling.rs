//! What is told can be wrong, too.

use ncolony_core::{Cause, Event, Exit, State, Wall};

use super::{ANT, assert_breaks, monitor, name, now, running, waiting};
use crate::action::Action;
use crate::invariant::Invariant;
use crate::world::World;

/// What would be told next of a program that runs.
fn next(world: &World) -> Event {
    Event {
        time: Wall::default(),
        name: name(world),
        from: State::Running,
        to: State::Backoff,
        cause: Cause::Exit,
        detail: None,
        pid: Some(2),
        exit: Some(Exit::Code(1)),
        lifetime: Some(1.0),
        output: None,
        serial: world.told.serial + 1,
    }
}

fn assert_wrong(change: impl Fn(&mut Event)) {
    let mut world = running();
    let mut event = next(&world);
    change(&mut event);
    let violation = world.told.tell(&event).expect_err("it does not fit");
    assert_eq!(violation.invariant, Invariant::Told, "{violation}");
}

#[test]
fn what_fits_is_taken() {
    let mut world = running();
    let event = next(&world);
    assert_eq!(world.told.tell(&event), Ok(()));
}

#[test]
fn an_event_that_does_not_begin_where_the_last_one_ended() {
    assert_wrong(|event| event.from = State::Starting);
}

#[test]
fn an_event_that_comes_twice_or_after_a_gap() {
    assert_wrong(|event| event.serial -= 1);
    assert_wrong(|event| event.serial += 1);
}

#[test]
fn an_event_that_is_no_change() {
    assert_wrong(|event| event.to = State::Running);
}

#[test]
fn an_end_that_is_told_twice() {
    let mut world = running();
    let first = next(&world);
    world.told.tell(&first).unwrap();
    let again = Event {
        from: State::Backoff,
        to: State::Stopped,
        ..next(&world)
    };
    let violation = world.told.tell(&again).expect_err("it has ended already");
    assert_eq!(violation.invariant, Invariant::Told);
}

#[test]
fn a_change_that_is_told_to_nobody() {
    let mut world = waiting();
    let now = now(&world);
    // Its end is told to somebody else.
    monitor(&mut world).colony.release_events();
    monitor(&mut world).colony.settle(now);
    let _lost = monitor(&mut world).colony.poll_events();
    assert_breaks(&mut world, &[Action::Sleep(20_000)], Invariant::Told);
}

#[test]
fn a_change_after_which_nothing_more_comes_to_be_told() {
    let mut world = running();
    world.act(Action::Die(ANT, Exit::Code(0))).unwrap();
    let settled = world.told.clone();
    world.act(Action::Turn).unwrap();
    let monitor = world.monitor.as_ref().unwrap();
    assert_eq!(
        settled.calm(monitor).map_err(|it| it.invariant),
        Err(Invariant::Told)
    );
}
