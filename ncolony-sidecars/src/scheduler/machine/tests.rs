use super::*;

const SECOND: u64 = 1_000_000_000;

/// The present of a period, whose clock is the monotonic one.
fn at(seconds: f64) -> Reading {
    let nanos = Duration::from_secs_f64(seconds).as_nanos();
    let nanos = u64::try_from(nanos).unwrap();
    Reading {
        mono: Mono::from_nanos(nanos),
        clock: Point::from_nanos(nanos),
        chance: 0.0,
    }
}

/// The present of a calendar: its clock shows this, and the monotonic one is of no account.
fn clock(text: &str) -> Reading {
    let stamp: jiff::Timestamp = text.parse().unwrap();
    let nanos = u64::try_from(stamp.as_nanosecond()).unwrap();
    Reading {
        clock: Point::from_nanos(nanos),
        ..at(0.0)
    }
}

fn every(seconds: u64, first: Reading) -> Settings {
    Settings {
        timetable: Timetable::Every {
            first: first.clock,
            period: Duration::from_secs(seconds),
        },
        timeout: Some(Duration::from_secs(4)),
        grace: Duration::from_secs(2),
        jitter: Duration::ZERO,
        overlap: Overlap::Skip,
        at_start: true,
    }
}

fn daily() -> Settings {
    Settings {
        timetable: Timetable::Calendar {
            cron: Box::new("30 2 * * *".parse().unwrap()),
            zone: jiff::tz::TimeZone::UTC,
        },
        timeout: None,
        at_start: false,
        ..every(1, at(0.0))
    }
}

fn starts(orders: &[Order]) -> bool {
    orders.contains(&Order::Start)
}

#[track_caller]
fn says(orders: &[Order], wanted: &str) {
    let is_it = |order: &Order| matches!(order, Order::Say(words) if words.contains(wanted));
    assert!(orders.iter().any(is_it), "{wanted:?} is not in {orders:?}");
}

/// Lets it start what is due, and lets that end at once.
#[track_caller]
fn run_through(machine: &mut Machine, now: Reading) {
    assert!(starts(&machine.time_passes(now)), "nothing starts");
    machine.started(now.mono);
    machine.ended(Exit::Code(0), now.mono);
}

#[test]
fn the_first_run_is_at_once_and_the_others_on_the_grid() {
    let mut machine = Machine::new(every(10, at(100.0)), at(100.0));
    run_through(&mut machine, at(100.0));
    assert_eq!(machine.next_start(), Some(at(110.0).clock));
    assert_eq!(machine.time_passes(at(109.9)), []);
    run_through(&mut machine, at(110.5));
    assert_eq!(machine.next_start(), Some(at(120.0).clock));
}

#[test]
fn a_late_run_is_told_to_end_and_then_killed_until_it_is_gone() {
    let mut machine = Machine::new(every(10, at(0.0)), at(0.0));
    assert!(starts(&machine.time_passes(at(0.0))));
    machine.started(at(0.0).mono);
    assert_eq!(machine.next_deadline(), Some(at(4.0).mono));
    assert_eq!(machine.time_passes(at(3.9)), []);
    let orders = machine.time_passes(at(4.0));
    says(&orders, "run 1 is late: it has taken 4 s");
    let polite = [Order::Signal(Signal::TERM), Order::Signal(Signal::CONT)];
    assert_eq!(orders[1..], polite);
    assert_eq!(machine.next_deadline(), Some(at(6.0).mono));
    assert_eq!(machine.time_passes(at(5.9)), []);
    let orders = machine.time_passes(at(6.0));
    assert_eq!(orders[1..], [Order::Signal(Signal::KILL)]);
    assert!(
        machine
            .time_passes(at(7.0))
            .contains(&Order::Signal(Signal::KILL))
    );
    let orders = machine.ended(Exit::Signal(Signal::KILL), at(7.1).mono);
    says(&orders, "run 1 was ended by SIGKILL after 7.1 s");
    assert_eq!(machine.next_deadline(), None);
}

#[test]
fn runs_that_meet_another_are_left_out_and_counted() {
    let mut machine = Machine::new(every(1, at(0.0)), at(0.0));
    assert!(starts(&machine.time_passes(at(0.0))));
    machine.started(at(0.0).mono);
    says(
        &machine.time_passes(at(1.0)),
        "left out: run 1 is still running",
    );
    assert_eq!(machine.time_passes(at(2.0)), []);
    let orders = machine.ended(Exit::Code(3), at(2.5).mono);
    says(
        &orders,
        "run 1 exited with code 3 after 2.5 s; 2 runs were left out meanwhile",
    );
    assert!(!starts(&orders));
    run_through(&mut machine, at(3.0));
}

#[test]
fn with_a_queue_one_run_waits_and_no_more() {
    let settings = Settings {
        overlap: Overlap::Queue,
        ..every(1, at(0.0))
    };
    let mut machine = Machine::new(settings, at(0.0));
    assert!(starts(&machine.time_passes(at(0.0))));
    machine.started(at(0.0).mono);
    says(&machine.time_passes(at(1.0)), "waits");
    says(&machine.time_passes(at(2.0)), "left out");
    let orders = machine.ended(Exit::Code(0), at(2.5).mono);
    assert!(starts(&orders));
    machine.started(at(2.5).mono);
    assert!(!starts(&machine.ended(Exit::Code(0), at(2.6).mono)));
}

#[test]
fn what_was_missed_is_said_and_not_made_up_for() {
    let mut machine = Machine::new(every(10, at(0.0)), at(0.0));
    run_through(&mut machine, at(0.0));
    // 10, 20 and 30 went by unseen; 40 is only two seconds ago.
    let orders = machine.time_passes(at(42.0));
    says(&orders, "3 runs were missed");
    says(&orders, "run 2 starts 2 s late");
    assert_eq!(
        orders
            .iter()
            .filter(|order| **order == Order::Start)
            .count(),
        1
    );
    assert_eq!(machine.next_start(), Some(at(50.0).clock));
}

#[test]
fn a_run_that_is_a_minute_late_is_missed() {
    let mut machine = Machine::new(daily(), clock("2026-01-01T00:00:00Z"));
    let orders = machine.time_passes(clock("2026-01-01T02:31:00Z"));
    says(&orders, "1 run was missed since 2026-01-01 02:30:00 +00:00");
    assert!(!starts(&orders));
    assert_eq!(
        machine.next_start(),
        Some(clock("2026-01-02T02:30:00Z").clock)
    );
    // A machine that slept for days has missed each of them.
    let orders = machine.time_passes(clock("2026-01-05T12:00:00Z"));
    says(&orders, "4 runs were missed");
    assert!(!starts(&orders));
}

#[test]
fn a_clock_that_is_set_back_a_little_repeats_nothing() {
    let mut machine = Machine::new(daily(), clock("2026-01-01T02:00:00Z"));
    run_through(&mut machine, clock("2026-01-01T02:30:00Z"));
    let orders = machine.time_passes(clock("2026-01-01T01:45:00Z"));
    says(&orders, "set back by 45 min: no run comes a second time");
    assert_eq!(machine.time_passes(clock("2026-01-01T02:30:00Z")), []);
    run_through(&mut machine, clock("2026-01-02T02:30:00Z"));
}

#[test]
fn a_clock_that_was_years_ahead_does_not_silence_the_timetable() {
    let mut machine = Machine::new(daily(), clock("2036-01-01T02:00:00Z"));
    run_through(&mut machine, clock("2036-01-01T02:30:00Z"));
    let orders = machine.time_passes(clock("2026-01-01T02:00:00Z"));
    says(&orders, "begins anew");
    run_through(&mut machine, clock("2026-01-01T02:30:00Z"));
}

#[test]
fn a_clock_that_is_being_kept_right_is_not_worth_a_word() {
    let mut machine = Machine::new(daily(), clock("2026-01-01T02:00:00Z"));
    assert_eq!(machine.time_passes(clock("2026-01-01T01:59:59.5Z")), []);
}

#[test]
fn jitter_moves_starts_and_not_the_grid() {
    let settings = Settings {
        jitter: Duration::from_secs(4),
        ..every(10, at(0.0))
    };
    let by_half = |seconds: f64| Reading {
        chance: 0.5,
        ..at(seconds)
    };
    let mut machine = Machine::new(settings, by_half(0.0));
    assert_eq!(machine.time_passes(by_half(1.9)), []);
    run_through(&mut machine, by_half(2.0));
    assert_eq!(machine.next_start(), Some(at(12.0).clock));
    let orders = machine.time_passes(by_half(12.0));
    assert_eq!(orders, [Order::Start]);
}

#[test]
fn a_stop_ends_the_run_and_a_second_one_does_not_wait() {
    let mut machine = Machine::new(every(10, at(0.0)), at(0.0));
    assert!(starts(&machine.time_passes(at(0.0))));
    machine.started(at(0.0).mono);
    let orders = machine.stop(at(1.0).mono);
    assert_eq!(orders[0], Order::Signal(Signal::TERM));
    assert!(!machine.is_over());
    assert_eq!(machine.stop(at(1.1).mono), [Order::Signal(Signal::KILL)]);
    assert_eq!(machine.next_start(), None);
    machine.ended(Exit::Signal(Signal::KILL), at(1.2).mono);
    assert!(machine.is_over());
}

#[test]
fn a_stop_without_a_run_is_the_end() {
    let mut machine = Machine::new(daily(), clock("2026-01-01T02:00:00Z"));
    assert!(!machine.is_over());
    assert_eq!(machine.stop(at(0.0).mono), []);
    assert!(machine.is_over());
}

#[test]
fn what_a_command_leaves_behind_is_part_of_its_run() {
    let mut machine = Machine::new(every(10, at(0.0)), at(0.0));
    assert!(starts(&machine.time_passes(at(0.0))));
    machine.started(at(0.0).mono);
    says(&machine.command_ended(Exit::Code(0)), "go on");
    assert_eq!(machine.command_ended(Exit::Code(0)), []);
    let orders = machine.time_passes(at(4.0));
    assert!(orders.contains(&Order::Signal(Signal::TERM)));
}

#[test]
fn of_a_run_that_was_killed_nothing_is_said_to_go_on() {
    let mut machine = Machine::new(every(10, at(0.0)), at(0.0));
    machine.time_passes(at(0.0));
    machine.started(at(0.0).mono);
    machine.stop(at(1.0).mono);
    assert_eq!(machine.stop(at(2.0).mono), [Order::Signal(Signal::KILL)]);
    assert_eq!(machine.command_ended(Exit::Signal(Signal::KILL)), []);
}

#[test]
fn a_command_that_cannot_be_started_is_tried_again_at_its_next_time() {
    let mut machine = Machine::new(every(10, at(0.0)), at(0.0));
    assert!(starts(&machine.time_passes(at(0.0))));
    says(
        &machine.start_failed("no such file"),
        "run 1 could not be started: no such file",
    );
    assert!(starts(&machine.time_passes(at(10.0))));
    assert_eq!(10 * SECOND, at(10.0).clock.as_nanos());
}
