//! What must hold over the deaths of monitors can be broken, too; and where nothing is made wrong,
//! what runs goes on.

use std::rc::Rc;

use ncolony_core::colony::snapshot::Snapshot;
use ncolony_core::colony::{Colony, Observation};
use ncolony_core::{Defaults, Exit, Now};

use super::{ANT, account, assert_breaks, assert_broken, monitor, now, running, waiting, write};
use crate::action::{Action, Aim, Word};
use crate::cast::Cast;
use crate::history;
use crate::invariant::{Invariant, liveness, messages_once, remembered};
use crate::ledger::{Known, Stop};
use crate::world::World;

/// The machine of this world, written down and read back.
fn read_back(world: &mut World) -> (Colony, Colony) {
    let colony = monitor(world).colony.clone();
    let restored = Colony::restored(colony.snapshot(), &Defaults::default(), Now::default());
    (colony, restored)
}

#[test]
fn something_that_is_forgotten() {
    for mut world in [running(), waiting()] {
        let (before, after) = read_back(&mut world);
        assert_eq!(remembered::restored(&before, &after), Ok(()));
        let nothing = Colony::restored(Snapshot::default(), &Defaults::default(), Now::default());
        for (was, is) in [(&before, &nothing), (&nothing, &after)] {
            let violation = remembered::restored(was, is).expect_err("a program is missing");
            assert_eq!(violation.invariant, Invariant::Remembered);
        }
    }
    let (runs, _) = read_back(&mut running());
    let (waits, _) = read_back(&mut waiting());
    assert!(remembered::restored(&runs, &waits).is_err());
}

#[test]
fn a_stop_of_which_nobody_knows_whether_it_was_asked_for() {
    let mut world = running();
    let due = world.now;
    let Known::Alive(life) = &mut account(&mut world).known else {
        panic!("it lives");
    };
    let stop = Stop {
        asked: false,
        ..Stop::begun(due.after(std::time::Duration::from_secs(5)))
    };
    life.stop = Some(stop);
    assert_broken(&world, Invariant::StopsInTime);
}

#[test]
fn a_successor_that_knows_less_than_was_written_down() {
    let mut world = running();
    let forgetful = now(&world);
    let name = super::name(&world);
    let gone = Observation::Exited {
        generation: account(&mut world).generation().unwrap(),
        name,
        exit: Exit::Unknown,
        group: ncolony_core::colony::Group::Gone,
        at: world.now,
    };
    monitor(&mut world).colony.observe(forgetful, gone);
    assert_breaks(&mut world, &[Action::Replace], Invariant::Remembered);
}

#[test]
fn a_message_that_nobody_reads() {
    let mut world = running();
    assert_eq!(messages_once::calm(&world), Ok(()));
    world.act(Action::Send(Word::Rescan, false)).unwrap();
    let violation = messages_once::calm(&world).expect_err("it is there");
    assert_eq!(violation.invariant, Invariant::MessagesOnce);
}

#[test]
fn something_that_runs_when_the_colony_has_closed() {
    let mut world = running();
    let violation = liveness::closed(&world.kernel).expect_err("a process is there");
    assert_eq!(violation.invariant, Invariant::Liveness);
    world.kernel.groups.clear();
    assert_eq!(liveness::closed(&world.kernel), Ok(()));
}

#[test]
fn an_upgrade_that_nobody_has_asked_for() {
    let mut world = running();
    let violation = messages_once::upgrade_ordered(monitor(&mut world)).expect_err("nobody asked");
    assert_eq!(violation.invariant, Invariant::MessagesOnce);
    monitor(&mut world).upgrades = 1;
    assert_broken(&world, Invariant::MessagesOnce);
}

/// What happens when a program runs, this follows, and the next monitor has looked at everything.
fn afterwards(actions: &[Action]) -> Vec<String> {
    let mut history = write(true).to_vec();
    history.push(Action::Sleep(2000));
    history.extend_from_slice(actions);
    let story = history::tell(&Rc::new(Cast::new()), &history);
    let end = story.iter().position(|line| line.contains("  Sleep(2000)"));
    story[end.unwrap() + 1..].to_vec()
}

fn count(story: &[String], what: &str) -> usize {
    story.iter().filter(|line| line.contains(what)).count()
}

#[test]
fn what_runs_goes_on_however_its_monitor_goes() {
    let say = |word| [Action::Send(word, true), Action::Look, Action::Turn];
    let detach = [&say(Word::Detach)[..], &[Action::Replace]].concat();
    let upgrade = [&say(Word::Upgrade)[..], &[Action::UpgradeEnds(true)]].concat();
    let crash = vec![Action::Replace, Action::Replace];
    for (actions, end) in [
        (detach, "the monitor exits"),
        (upgrade, "ordered: Upgrade"),
        (crash, "finds: Adopted"),
    ] {
        let story = afterwards(&[&actions[..], &[Action::Calm]].concat());
        assert!(count(&story, end) > 0, "{story:#?}");
        let touched = count(&story, "Spawn") + count(&story, "Signal");
        assert_eq!((touched, count(&story, "broken")), (0, 0), "{story:#?}");
    }
}

#[test]
fn a_restart_is_carried_out_once_wherever_the_monitor_dies() {
    for fuse in 0..12 {
        let restart = Action::Send(Word::Restart(Aim::One(ANT)), true);
        let actions = [Action::Crash(fuse), restart, Action::Look, Action::Turn];
        let story = afterwards(&[&actions[..], &[Action::Replace, Action::Calm]].concat());
        assert!(count(&story, "the monitor dies") > 0, "{story:#?}");
        assert_eq!(count(&story, "ordered: Spawn"), 1, "{story:#?}");
        assert_eq!(count(&story, "ordered: Answer"), 1, "{story:#?}");
        assert_eq!(count(&story, "broken"), 0, "{story:#?}");
    }
}
