//! Every invariant can fail: in each of these worlds one thing is made wrong by hand, and the
//! invariant that forbids it says so.

mod instances;
mod order;
mod readiness;
mod succession;
mod telling;

use std::rc::Rc;
use std::time::Duration;

use ncolony_core::colony::{Observation, Reading};
use ncolony_core::{Exit, Mono, Now, ProgramName, Signal, State};

use crate::action::{Action, Aim, Content, Plan, Recipe, Slot, Start, Upheaval, Who, Word};
use crate::cast::Cast;
use crate::history;
use crate::invariant::{self, Invariant};
use crate::ledger::{Account, Disposal, Expected, Hand, Known, Pause};
use crate::world::{Monitor, World};

const ANT: Who = Who(0);
const RECIPE: Recipe = Recipe {
    process: 0,
    policy: 0,
    groups: 0,
    order: 0,
    enabled: true,
    instances: 1,
};

fn write(enabled: bool) -> [Action; 3] {
    let recipe = Recipe { enabled, ..RECIPE };
    let write = Action::Write(ANT, Slot::Plain, Content::Good(recipe));
    [write, Action::Look, Action::Turn]
}

/// A world in which one program runs.
fn running() -> World {
    let mut world = World::new(Rc::new(Cast::new()), None);
    for action in write(true).into_iter().chain([Action::Sleep(2000)]) {
        world.act(action).unwrap();
    }
    world
}

/// The same, when that program has died young.
fn waiting() -> World {
    let mut world = World::new(Rc::new(Cast::new()), None);
    for action in write(true) {
        world.act(action).unwrap();
    }
    for action in [Action::Die(ANT, Exit::Code(1)), Action::Turn] {
        world.act(action).unwrap();
    }
    world
}

fn monitor(world: &mut World) -> &mut Monitor {
    world.monitor.as_mut().unwrap()
}

fn name(world: &World) -> ProgramName {
    world.name(ANT).clone()
}

fn account(world: &mut World) -> &mut Account {
    let name = name(world);
    monitor(world).ledger.accounts.get_mut(&name).unwrap()
}

fn now(world: &World) -> Now {
    Now {
        mono: world.now,
        ..Now::default()
    }
}

fn assert_broken(world: &World, invariant: Invariant) {
    let violation = invariant::check(world).expect_err("something is wrong");
    assert_eq!(violation.invariant, invariant, "{violation}");
    assert!(
        violation
            .to_string()
            .starts_with(&format!("I{} ", invariant.number()))
    );
}

fn assert_breaks(world: &mut World, actions: &[Action], invariant: Invariant) {
    let outcome = actions.iter().try_for_each(|action| world.act(*action));
    assert_eq!(outcome.expect_err("it goes wrong").invariant, invariant);
}

#[test]
fn nothing_is_wrong_where_nothing_was_made_wrong() {
    assert_eq!(invariant::check(&running()), Ok(()));
    assert_eq!(invariant::check(&waiting()), Ok(()));
}

#[test]
fn two_processes_of_one_program() {
    let mut world = running();
    let twin = world.kernel.groups[0].clone();
    world.kernel.groups.push(twin);
    assert_broken(&world, Invariant::OneProcess);
}

#[test]
fn a_start_while_an_earlier_process_lives() {
    let mut world = waiting();
    let mut elder = running().kernel.groups[0].clone();
    elder.serial = 999;
    world.kernel.groups.push(elder);
    assert_breaks(&mut world, &[Action::Sleep(5000)], Invariant::OneProcess);
}

#[test]
fn a_signal_to_what_is_gone() {
    let mut world = running();
    world.kernel.groups.clear();
    let stop = Action::Send(Word::Stop(Aim::One(ANT)), false);
    let actions = [stop, Action::Look, Action::Turn];
    assert_breaks(&mut world, &actions, Invariant::OwnSignals);
}

#[test]
fn a_signal_that_was_asked_for_and_not_sent() {
    let mut world = running();
    let asked = (name(&world), account(&mut world).generation().unwrap());
    let signal = (asked.0, asked.1, Signal::HUP);
    monitor(&mut world).ledger.asked_signals.push(signal);
    assert_broken(&world, Invariant::OwnSignals);
}

#[test]
fn a_stop_that_nobody_has_asked_for() {
    let mut world = running();
    let now = now(&world);
    monitor(&mut world)
        .colony
        .observe(now, Observation::Shutdown);
    assert_breaks(&mut world, &[Action::Turn], Invariant::NeedlessStop);
}

#[test]
fn a_bad_file_that_stops_its_program() {
    let mut world = running();
    let (now, name) = (now(&world), name(&world));
    let reading = Reading::Absent;
    let removed = Observation::Config { name, reading };
    monitor(&mut world).colony.observe(now, removed);
    let broken = Action::Write(ANT, Slot::Plain, Content::Folder);
    assert_breaks(
        &mut world,
        &[broken, Action::Look, Action::Turn],
        Invariant::NeedlessStop,
    );
}

#[test]
fn a_removed_program_that_stays() {
    let mut world = waiting();
    let name = name(&world);
    monitor(&mut world).ledger.accounts.remove(&name);
    assert_broken(&world, Invariant::RemovedGoes);
}

#[test]
fn a_removed_program_that_is_not_told_to_stop() {
    let mut world = running();
    account(&mut world).good = None;
    assert_broken(&world, Invariant::RemovedGoes);
}

#[test]
fn a_stop_that_is_not_begun() {
    let mut world = running();
    account(&mut world).hand = Hand::Down;
    assert_broken(&world, Invariant::StopsInTime);
}

#[test]
fn a_kill_that_does_not_come() {
    let mut world = running();
    for action in [Action::Shutdown, Action::Turn] {
        world.act(action).unwrap();
    }
    let Known::Alive(life) = &mut account(&mut world).known else {
        panic!("it lives");
    };
    life.stop.as_mut().unwrap().kill_by = Mono::default();
    assert_broken(&world, Invariant::StopsInTime);
}

#[test]
fn a_message_that_is_not_disposed_of() {
    let mut world = running();
    let expected = Expected {
        disposal: Disposal::Discard,
        id: None,
        ok: true,
        rescan: false,
        sends: false,
        upgrades: false,
    };
    let outstanding = &mut monitor(&mut world).outstanding;
    outstanding.insert("m1".to_owned(), expected);
    assert_broken(&world, Invariant::MessagesOnce);
}

#[test]
fn an_outcome_that_nobody_has_asked_for() {
    let mut world = running();
    let name = name(&world);
    monitor(&mut world).answered.insert(name);
    assert_broken(&world, Invariant::MessagesOnce);
}

#[test]
fn a_start_that_is_overdue() {
    let mut world = waiting();
    let due = world.now;
    let Known::Nothing(Pause::Waits { latest, .. }) = &mut account(&mut world).known else {
        panic!("it waits");
    };
    *latest = due;
    assert_broken(&world, Invariant::Delays);
}

#[test]
fn a_start_before_its_time() {
    let mut world = waiting();
    let Known::Nothing(Pause::Waits {
        earliest, latest, ..
    }) = &mut account(&mut world).known
    else {
        panic!("it waits");
    };
    *earliest = earliest.after(Duration::from_secs(1));
    *latest = *earliest;
    assert_breaks(&mut world, &[Action::Sleep(5000)], Invariant::Delays);
}

#[test]
fn a_shortage_that_counts() {
    let mut world = running();
    account(&mut world).shortages = 1;
    account(&mut world).deaths = 1;
    assert_broken(&world, Invariant::Shortages);
}

#[test]
fn a_record_that_lies() {
    let mut world = running();
    let name = name(&world);
    let record = monitor(&mut world).records.get_mut(&name).unwrap();
    record.state = State::Fatal;
    assert_broken(&world, Invariant::Records);
}

#[test]
fn a_record_of_a_process_that_is_not_there() {
    let mut world = running();
    world.kernel.groups[0].leader = false;
    assert_broken(&world, Invariant::Records);
}

#[test]
fn a_machine_in_which_something_is_left() {
    let mut world = running();
    let now = now(&world);
    monitor(&mut world)
        .colony
        .observe(now, Observation::Shutdown);
    assert_broken(&world, Invariant::Bounded);
}

#[test]
fn what_is_wanted_and_not_started() {
    let mut world = World::new(Rc::new(Cast::new()), None);
    for action in write(false) {
        world.act(action).unwrap();
    }
    account(&mut world).hand = Hand::Up;
    assert_broken(&world, Invariant::Liveness);
}

#[test]
fn a_process_that_is_not_what_its_file_says() {
    let mut world = running();
    let another = Recipe {
        process: 1,
        ..RECIPE
    };
    world.kernel.groups[0].spec = Cast::new().spec(ANT, another).clone();
    assert_breaks(&mut world, &[Action::Calm], Invariant::Liveness);
}

#[test]
fn a_monitor_that_died_is_replaced_and_nothing_runs_twice() {
    let plan = Plan {
        start: Start::NoRoom,
        takes: 0,
    };
    let mut history = vec![Action::Plan(ANT, plan)];
    history.extend(write(true));
    history.extend([
        Action::Sleep(3000),
        Action::Directory(Upheaval::Unreadable),
        Action::Crash(0),
        Action::Send(Word::Restart(Aim::All), true),
        Action::Look,
        Action::Turn,
        Action::Sleep(1000),
        Action::Replace,
        Action::Calm,
    ]);
    let story = history::tell(&Rc::new(Cast::new()), &history);
    let starts = story
        .iter()
        .filter(|line| line.contains("ordered: Spawn ant"));
    assert_eq!(starts.count(), 3, "{story:#?}");
    assert!(story.iter().any(|line| line.contains("the monitor dies")));
}

#[test]
fn something_that_stays_open_for_what_is_not_wanted() {
    let mut world = running();
    let stop = Action::Send(Word::Stop(Aim::One(ANT)), false);
    for action in [stop, Action::Look, Action::Turn, Action::Sleep(5000)] {
        world.act(action).unwrap();
    }
    let name = name(&world);
    monitor(&mut world).listening.insert(name);
    assert_broken(&world, Invariant::Listening);
}

#[test]
fn something_that_is_closed_while_it_is_wanted() {
    let mut world = running();
    let name = name(&world);
    let monitor = monitor(&mut world);
    let unopened = invariant::listening::released(monitor, &name).expect_err("nothing is open");
    monitor.listening.insert(name.clone());
    let wanted = invariant::listening::released(monitor, &name).expect_err("it runs");
    for violation in [unopened, wanted] {
        assert_eq!(violation.invariant, Invariant::Listening, "{violation}");
    }
}

#[test]
fn the_end_of_all_is_not_seen_or_seen_where_it_is_not() {
    let with_keystone = || {
        let mut world = running();
        world.act(Action::EndWith(ANT)).unwrap();
        world
    };
    let die = [Action::Die(ANT, Exit::Code(3)), Action::Turn];
    // The machine does not know of it, or tells another end.
    let mut world = with_keystone();
    monitor(&mut world).ledger.end_of_all = Some(Exit::Code(3));
    assert_broken(&world, Invariant::EndOfAll);
    // Everything is to stop, and the machine goes on.
    let mut world = with_keystone();
    monitor(&mut world).ledger.closing = true;
    assert_broken(&world, Invariant::EndOfAll);
    // All is well.
    let mut world = with_keystone();
    for action in die {
        world.act(action).unwrap();
    }
    assert_eq!(monitor(&mut world).ledger.end_of_all, Some(Exit::Code(3)));
}
