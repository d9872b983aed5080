//! How runs are ended, and that nothing of them is left.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::OFlag;
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::signal::Signal;

use crate::playing::{Scheduler, every, gone, state};

/// It prints the number of a process that it leaves in its group, and waits for it.
const TWO: &str = "sleep 1000 & echo other $!; wait";

/// The same, and both do not mind being told to end.
const TWO_DEAF: &str = "trap '' TERM; sleep 1000 & echo other $!; wait";

#[test]
fn all_of_a_late_run_is_told_to_end() {
    let mut scheduler = Scheduler::of_script(&every("1000", "0.2", "100"), TWO);
    let other = scheduler.number("other");
    scheduler.line("run 1 is late: it has taken 0.2 s, and is told to end");
    scheduler.line("run 1 was ended by SIGTERM");
    gone(other);
}

#[test]
fn what_does_not_end_is_killed() {
    let mut scheduler = Scheduler::of_script(&every("1000", "0.2", "0.1"), TWO_DEAF);
    let other = scheduler.number("other");
    scheduler.line("run 1 is late");
    scheduler.line("did not end within 0.1 s of SIGTERM: it is killed");
    scheduler.line("run 1 was ended by SIGKILL");
    gone(other);
}

#[test]
fn a_run_that_is_stopped_can_be_ended() {
    let mut scheduler = Scheduler::of_script(&every("1000", "0.2", "100"), "kill -STOP $$");
    scheduler.line("run 1 was ended by SIGTERM");
}

#[test]
fn what_a_command_leaves_behind_is_part_of_its_run() {
    let script = "sleep 1000 & echo other $!; exit 5";
    let mut scheduler = Scheduler::of_script(&every("1000", "0.5", "100"), script);
    let other = scheduler.number("other");
    scheduler.line("the command of run 1 exited with code 5, and processes that it has started");
    scheduler.line("run 1 is late");
    scheduler.line("run 1 exited with code 5 after");
    gone(other);
}

#[test]
fn told_to_stop_it_leaves_nothing_behind() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut scheduler = Scheduler::of_script(&every("1000", "1000", "1000"), TWO);
        let other = scheduler.number("other");
        assert!(state(other).is_some());
        scheduler.signal(signal);
        assert_eq!(scheduler.end().code(), Some(0));
        assert_eq!(state(other), None);
        let last = scheduler.seen().last().unwrap();
        assert!(last.contains("run 1 was ended by SIGTERM"), "{last}");
    }
}

#[test]
fn told_to_stop_it_kills_what_is_deaf_after_grace() {
    let mut scheduler = Scheduler::of_script(&every("1000", "1000", "0.1"), TWO_DEAF);
    let other = scheduler.number("other");
    scheduler.signal(Signal::SIGTERM);
    assert_eq!(scheduler.end().code(), Some(0));
    assert_eq!(state(other), None);
}

#[test]
fn told_twice_it_does_not_wait() {
    let mut scheduler = Scheduler::of_script(&every("1000", "1000", "1000"), TWO_DEAF);
    let other = scheduler.number("other");
    scheduler.signal(Signal::SIGTERM);
    scheduler.signal(Signal::SIGINT);
    assert_eq!(scheduler.end().code(), Some(0));
    assert_eq!(state(other), None);
}

#[test]
fn told_to_read_its_settings_again_it_goes_on_with_its_run() {
    let options = every("1000", "1000", "1000");
    let mut scheduler = Scheduler::in_session(&options, TWO, None);
    let other = scheduler.number("other");
    for _time in 0..2 {
        scheduler.signal(Signal::SIGHUP);
        scheduler.line("told to read its settings again by SIGHUP");
    }
    assert!(state(other).is_some());
    scheduler.signal(Signal::SIGTERM);
    assert_eq!(scheduler.end().code(), Some(0));
    assert_eq!(state(other), None);
}

#[test]
fn it_ends_with_its_terminal_and_leaves_nothing_behind() {
    // No other process that is started here may hold its end.
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let held = posix_openpt(flags).unwrap();
    grantpt(&held).unwrap();
    unlockpt(&held).unwrap();
    let mut terminal = fs::File::options();
    terminal.read(true).write(true);
    terminal.custom_flags(OFlag::O_NOCTTY.bits());
    let terminal = terminal.open(ptsname_r(&held).unwrap()).unwrap();
    let options = every("1000", "1000", "1000");
    let mut scheduler = Scheduler::in_session(&options, TWO, Some(terminal.into()));
    let other = scheduler.number("other");
    drop(held);
    assert_eq!(scheduler.end().code(), Some(0));
    assert_eq!(state(other), None);
}

#[test]
fn killed_it_takes_the_command_with_it() {
    let mut scheduler = Scheduler::of_script(
        &every("1000", "1000", "1000"),
        "echo self $$; exec sleep 1000",
    );
    let command = scheduler.number("self");
    scheduler.signal(Signal::SIGKILL);
    gone(command);
}

#[test]
fn told_to_stop_without_a_run_it_ends_at_once() {
    let words = ["--cron", "0 0 1 1 *", "--", "true"].map(str::to_owned);
    let mut scheduler = Scheduler::new(&words);
    scheduler.line("the next run is at");
    scheduler.signal(Signal::SIGTERM);
    assert_eq!(scheduler.end().code(), Some(0));
}

#[test]
fn a_command_begins_with_no_signal_held_back() {
    let script = "grep -E '^Sig(Blk|Ign)' /proc/self/status";
    let mut scheduler = Scheduler::of_script(&every("1000", "100", "1"), script);
    assert!(scheduler.line("SigBlk").ends_with("0000000000000000"));
    let ignored = scheduler.line("SigIgn");
    let ignored = u64::from_str_radix(ignored.rsplit('\t').next().unwrap(), 16).unwrap();
    let pipe = 1 << (Signal::SIGPIPE as u64 - 1);
    assert_eq!(ignored & pipe, 0, "{ignored:x}");
}
