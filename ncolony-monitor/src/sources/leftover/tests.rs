use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::super::strays::Strays;
use super::*;

/// Looks once, as soon as that may be.
fn look(strays: &mut Strays, leftover: &mut Leftover) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut found = loop {
        match strays.look(Whereabouts::Anywhere, |pid| leftover.has_stray(pid)) {
            Some(found) => break found,
            None => assert!(Instant::now() < deadline, "it may never look"),
        }
        std::thread::yield_now();
    };
    leftover.forget_ended();
    leftover.take_found(&mut found);
}

/// Runs a script that leads a group, until it has ended. Nobody takes notice of that.
fn ended(script: &str) -> (Child, Leftover) {
    let mut leader = Command::new("sh");
    let leader = leader.args(["-c", script]).process_group(0);
    let leader = leader.spawn().unwrap();
    let number = leader.id();
    let process = Pidfd::open(number).unwrap();
    assert!(process.has_ended(60_000));
    let group = Led {
        number,
        leader: Some(process),
    };
    let hold = Hold::new("0".repeat(32), None);
    let leftover = Leftover::new(Generation::default(), hold, Exit::Code(0), group);
    (leader, leftover.of_adopted())
}

#[test]
fn an_adopted_leader_that_nobody_has_taken_notice_of_holds_nothing_up() {
    let (mut leader, mut leftover) = ended("exit 0");
    assert!(!leftover.is_gone(), "nobody has looked");
    look(&mut Strays::new(true), &mut leftover);
    assert!(leftover.is_gone());
    leader.wait().unwrap();
}

#[test]
fn a_group_that_somebody_lives_in_is_not_gone_with_its_leader() {
    let (mut leader, mut leftover) = ended("sleep 1000 & exit 0");
    let mut strays = Strays::new(true);
    look(&mut strays, &mut leftover);
    assert!(!leftover.is_gone());
    leftover.signal(Signal::KILL).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !leftover.is_gone() {
        assert!(Instant::now() < deadline, "it was killed");
        look(&mut strays, &mut leftover);
    }
    leader.wait().unwrap();
}
