use std::ffi::OsString;
use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::*;

/// Runs a script; with `by_descriptor` its group is known by a descriptor, as far as the kernel
/// lets us, and otherwise as on kernels that do not.
fn run(script: &str, by_descriptor: bool) -> Started {
    let words = ["sh", "-c", script].map(OsString::from);
    let mut started = start(&words, SigSet::empty()).unwrap();
    if !by_descriptor {
        started.leader.group = None;
    }
    started
}

#[track_caller]
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it does not come true: {what}");
        thread::yield_now();
    }
}

/// The number that a script prints.
fn number(out: &mut ChildStdout) -> i32 {
    let mut text = String::new();
    until("a number", || {
        let mut byte = [0];
        let read = out.read(&mut byte).unwrap_or(0);
        text.extend(byte[..read].iter().map(|byte| char::from(*byte)));
        text.strip_suffix('\n')?.parse().ok()
    })
}

fn of_both_roads(test: impl Fn(bool)) {
    test(true);
    test(false);
}

#[test]
fn the_end_is_told_as_often_as_it_is_asked_for() {
    of_both_roads(|by_descriptor| {
        let mut leader = run("exit 5", by_descriptor).leader;
        let exit = until("the end", || leader.exit());
        assert_eq!(exit, Exit::Code(5));
        assert_eq!(leader.exit(), Some(Exit::Code(5)));
        assert!(!leader.leads_others());
        leader.release();
    });
}

#[test]
fn what_is_left_of_a_group_can_be_ended_when_its_leader_has_ended() {
    of_both_roads(|by_descriptor| {
        let mut started = run("sleep 1000 & echo $!", by_descriptor);
        let left = number(&mut started.out);
        let leader = &mut started.leader;
        until("the end", || leader.exit());
        assert!(leader.leads_others());
        leader.signal_group(Signal::KILL);
        until("nobody is left", || (!leader.leads_others()).then_some(()));
        leader.release();
        let stat = std::fs::read_to_string(format!("/proc/{left}/stat")).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z"), "{stat}");
    });
}

#[test]
fn the_dead_of_whom_nobody_takes_notice_are_no_part_of_it() {
    of_both_roads(|by_descriptor| {
        // It has left the group, and will never wait for its child, which has not.
        let script = "sh -c 'true & exec setsid sleep 1000' & echo $!";
        let mut started = run(script, by_descriptor);
        let parent = Pid::from_raw(number(&mut started.out));
        let leader = &mut started.leader;
        until("the end", || leader.exit());
        until("nobody is left", || (!leader.leads_others()).then_some(()));
        if let Some(group) = &leader.group {
            assert!(group.has_members());
        }
        assert_eq!(group::sight(leader.pid), Sight::Dead);
        kill(parent, nix::sys::signal::Signal::SIGKILL).unwrap();
        leader.release();
    });
}
