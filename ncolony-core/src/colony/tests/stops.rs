//! Stops: the stop signal, CONT, and KILL for those who stay; and what is left of a group.

use super::driver::Driver;
use crate::status::State;

const ASKED: [&str; 2] = ["SIGTERM web", "SIGCONT web"];

#[test]
fn a_stop_asks_first_and_kills_after_killtime_and_every_second_again() {
    let mut web = Driver::running("web", r#""killtime": 3"#);
    web.tell("STOP", "web");
    assert_eq!(web.orders(), ASKED);
    assert_eq!(web.state("web"), State::Stopping);
    assert!(
        web.record("web").pid.is_some(),
        "its process is still there"
    );
    web.wait(2999);
    assert!(web.orders().is_empty());
    web.wait(1);
    assert_eq!(web.orders(), ["SIGKILL web"]);
    web.wait(2000);
    assert_eq!(web.orders(), ["SIGKILL web", "SIGKILL web"]);
    web.exits("web", 0);
    assert_eq!(web.state("web"), State::Stopped);
    assert_eq!(web.colony.poll_timeout(), None);
}

#[test]
fn the_stop_signal_is_the_programs_own() {
    let mut web = Driver::running("web", r#""stop_signal": "INT""#);
    web.tell("STOP", "web");
    assert_eq!(web.orders(), ["SIGINT web", "SIGCONT web"]);
}

#[test]
fn a_killtime_of_zero_kills_at_once() {
    let mut web = Driver::running("web", r#""killtime": 0"#);
    web.tell("STOP", "web");
    web.wait(0);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web", "SIGKILL web"]);
}

#[test]
fn what_is_left_of_a_group_is_ended_before_the_next_start() {
    let mut web = Driver::running("web", "");
    web.exits_leaving_members("web", 1);
    assert_eq!(web.orders(), ASKED);
    assert_eq!(web.state("web"), State::Stopping);
    assert_eq!(web.record("web").pid, None);
    assert_eq!(web.record("web").exit, Some(crate::Exit::Code(1)));
    web.wait(5000);
    assert_eq!(web.orders(), ["SIGKILL web"]);
    web.members_end("web");
    assert_eq!(web.orders(), ["spawn web"]);
}

#[test]
fn an_exit_is_judged_by_its_own_time_however_long_the_rest_of_its_group_takes() {
    let mut web = Driver::with("web", "");
    web.wait(500);
    web.exits_leaving_members("web", 1);
    web.wait(300);
    web.members_end("web");
    assert_eq!(
        web.state("web"),
        State::Backoff,
        "it lived half a second, not almost one"
    );
    web.orders();
    web.wait(699);
    assert!(web.orders().is_empty());
    web.wait(1);
    assert_eq!(
        web.orders(),
        ["spawn web"],
        "one second after its exit, not after its members' end"
    );
}

#[test]
fn members_have_until_killtime_when_their_leader_obeys_a_stop() {
    let mut web = Driver::running("web", "");
    web.tell("STOP", "web");
    web.wait(2000);
    web.exits_leaving_members("web", 0);
    web.wait(2999);
    assert_eq!(web.orders(), ASKED, "they are not asked twice");
    web.wait(1);
    assert_eq!(web.orders(), ["SIGKILL web"]);
    web.members_end("web");
    assert_eq!(web.state("web"), State::Stopped);
}

#[test]
fn members_have_their_killtime_although_the_exit_is_noticed_late() {
    let mut web = Driver::running("web", "");
    let exited = web.exited("web", crate::Exit::Code(1), crate::colony::Group::Left);
    web.sleep_through(60_000);
    web.observe(exited);
    web.wait(4999);
    assert_eq!(web.orders(), ASKED);
    web.wait(1);
    assert_eq!(web.orders(), ["SIGKILL web"]);
}

#[test]
fn a_monitor_that_slept_through_a_deadline_kills_once() {
    let mut web = Driver::running("web", "");
    web.tell("STOP", "web");
    web.sleep_through(60_000);
    web.wait(0);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web", "SIGKILL web"]);
}

#[test]
fn a_stop_that_was_commanded_is_no_instant_death() {
    let mut web = Driver::with("web", r#""give_up_after": 1"#);
    for _ in 0..5 {
        web.tell("RESTART", "web");
        web.exits("web", 1);
        assert_eq!(web.state("web"), State::Starting, "and does not wait");
    }
}
