//! Programs that are ready, or never, and that say that they are well, or do not.

use std::time::Duration;

use super::driver::{Driver, name};
use super::snapshots::adopted;
use crate::colony::{Group, Observation, Word};
use crate::exit::Exit;
use crate::status::State;

const TCP: &str = r#""ready": {"tcp": "127.0.0.1:80", "timeout": 10}"#;
const NOTIFY: &str = r#""ready": {"notify": true, "timeout": 10}"#;
const WATCHDOG: &str = r#""watchdog": 3"#;

/// A program with such a file that was started; what follows from a condition is looked at.
fn started(keys: &str) -> Driver {
    let mut web = Driver::new();
    web.file("web", keys);
    web
}

fn ready(web: &Driver) -> Observation {
    Observation::Ready {
        name: name("web"),
        generation: web.generation("web"),
    }
}

fn says(web: &mut Driver, word: Word) {
    let fact = Observation::Notified {
        name: name("web"),
        generation: web.generation("web"),
        word,
    };
    web.observe(fact);
}

fn ends(web: &mut Driver, exit: Exit) {
    let fact = web.exited("web", exit, Group::Gone);
    web.observe(fact);
}

#[test]
fn it_is_up_when_its_condition_holds_and_not_before() {
    let mut web = started(TCP);
    assert_eq!(web.orders(), ["spawn web", "probe web"]);
    web.wait(9000);
    assert_eq!(web.state("web"), State::Starting);
    assert!(!web.record("web").ready && !web.colony.has_started(&name("web")));
    web.observe(ready(&web));
    assert_eq!(web.state("web"), State::Running);
    assert!(web.record("web").ready && web.colony.has_started(&name("web")));
    assert_eq!(web.orders(), ["end probe web"]);
    assert_eq!(web.colony.poll_timeout(), None, "nothing more is due");
}

#[test]
fn its_record_says_what_it_waits_for() {
    let mut web = started(TCP);
    assert_eq!(web.reason("web"), "it waits until tcp 127.0.0.1:80 answers");
    let fact = Observation::NotReady {
        name: name("web"),
        generation: web.generation("web"),
        why: "connection refused".to_owned(),
    };
    web.observe(fact);
    assert!(web.reason("web").ends_with("answers (connection refused)"));
    web.observe(ready(&web));
    assert_eq!(web.record("web").reason, None);
}

#[test]
fn without_a_condition_it_has_started_when_its_process_is_there() {
    let web = Driver::with("web", "");
    assert_eq!(web.state("web"), State::Starting);
    assert!(web.colony.has_started(&name("web")));
}

#[test]
fn what_is_never_ready_is_stopped_and_that_is_an_instant_death() {
    let mut web = started(TCP);
    web.wait(9999);
    assert_eq!(web.state("web"), State::Starting);
    web.orders();
    web.wait(1);
    assert_eq!(
        web.orders(),
        ["SIGTERM web", "SIGCONT web", "end probe web"]
    );
    ends(&mut web, Exit::Code(0));
    assert_eq!(web.state("web"), State::Backoff);
    assert_eq!(web.record("web").delay, 1.0);
    let reason = web.reason("web");
    assert!(
        reason.starts_with("it was not ready within 10 s, waiting until tcp 127.0.0.1:80 answers;"),
        "{reason}"
    );
    assert!(
        reason.ends_with("starting again 1 s after that"),
        "{reason}"
    );
    web.wait(1000);
    assert_eq!(web.orders(), ["spawn web", "probe web"]);
}

#[test]
fn what_is_never_ready_is_given_up_in_the_end() {
    let mut web = started(&format!(r#"{NOTIFY}, "give_up_after": 2"#));
    web.wait(10_000);
    ends(&mut web, Exit::Code(0));
    web.wait(11_000);
    web.exits_leaving_members("web", 0);
    assert_eq!(web.state("web"), State::Stopping);
    web.members_end("web");
    assert_eq!(web.state("web"), State::Fatal);
    assert!(
        web.reason("web")
            .starts_with("it was not ready within 10 s, waiting until it says READY=1;")
    );
}

#[test]
fn whatever_it_exits_with_it_was_no_success() {
    let mut web = started(&format!(r#"{TCP}, "restart": "on-failure""#));
    web.wait(10_000);
    ends(&mut web, Exit::Code(0));
    assert_eq!(web.state("web"), State::Backoff);
    let mut once = started(&format!(r#"{TCP}, "restart": "never""#));
    once.wait(10_000);
    ends(&mut once, Exit::Code(0));
    assert_eq!(once.state("web"), State::Fatal);
    let mut fed = started(&format!(r#"{WATCHDOG}, "restart": "on-failure""#));
    fed.wait(3000);
    ends(&mut fed, Exit::Code(0));
    assert_eq!(fed.state("web"), State::Starting, "after a long life");
}

#[test]
fn a_word_of_the_user_during_such_a_stop_counts_more() {
    let mut web = started(TCP);
    web.wait(10_000);
    web.tell("RESTART", "web");
    web.orders();
    ends(&mut web, Exit::Code(0));
    assert_eq!(web.orders(), ["spawn web", "probe web"]);
    web.wait(10_000);
    web.tell("STOP", "web");
    ends(&mut web, Exit::Code(0));
    assert_eq!(web.state("web"), State::Stopped);
    web.tell("START", "web");
    web.exits("web", 1);
    assert_eq!(web.record("web").delay, 1.0, "nothing was counted");
}

#[test]
fn it_says_itself_that_it_is_ready() {
    let mut web = started(NOTIFY);
    assert_eq!(web.orders(), ["spawn web"], "nothing is looked at");
    says(&mut web, Word::Status("warming up".to_owned()));
    assert_eq!(web.record("web").note.as_deref(), Some("warming up"));
    assert_eq!(web.state("web"), State::Starting);
    says(&mut web, Word::Ready);
    assert_eq!(web.state("web"), State::Running);
    says(&mut web, Word::Reloading);
    let note = web.record("web").note.clone();
    assert_eq!(note.as_deref(), Some("reloading: warming up"));
    says(&mut web, Word::Status(String::new()));
    assert_eq!(web.record("web").note.as_deref(), Some("reloading"));
    says(&mut web, Word::Ready);
    assert_eq!(web.record("web").note, None);
    says(&mut web, Word::Stopping);
    assert_eq!(web.record("web").note.as_deref(), Some("stopping"));
    web.exits("web", 0);
    assert_eq!(web.record("web").note, None);
}

#[test]
fn a_word_does_not_help_where_something_else_is_waited_for() {
    let mut web = started(&format!("{TCP}, {WATCHDOG}"));
    says(&mut web, Word::Ready);
    assert_eq!(web.state("web"), State::Starting);
}

#[test]
fn a_late_fact_about_an_earlier_start_is_ignored() {
    let mut web = started(NOTIFY);
    let late = [
        ready(&web),
        Observation::Notified {
            name: name("web"),
            generation: web.generation("web"),
            word: Word::Ready,
        },
    ];
    web.exits("web", 1);
    web.wait(1000);
    web.observe_all(late.into());
    assert_eq!(web.state("web"), State::Starting);
}

#[test]
fn who_does_not_say_that_he_is_well_is_started_again() {
    let mut web = started(&format!(r#"{WATCHDOG}, "threshold": 2"#));
    for _feeding in 0..3 {
        web.wait(2999);
        says(&mut web, Word::Well);
    }
    web.orders();
    web.wait(2999);
    assert_eq!(web.state("web"), State::Running);
    web.wait(1);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web"]);
    ends(&mut web, Exit::Code(1));
    assert_eq!(web.orders(), ["spawn web"], "it has lived long");
    let mut young = started(r#""watchdog": 0.5"#);
    young.wait(500);
    ends(&mut young, Exit::Code(1));
    assert_eq!(young.record("web").delay, 1.0, "an instant death");
    let reason = young.reason("web");
    assert!(
        reason.starts_with("it did not say WATCHDOG=1 for 0.5 s; stopped for that, it exited"),
        "{reason}"
    );
}

#[test]
fn that_it_is_well_is_neither_written_down_nor_published() {
    let mut web = started(WATCHDOG);
    web.wait(2000);
    let now = crate::time::Now {
        mono: crate::time::Mono::from_nanos(3_500_000_000),
        wall: crate::time::Wall::default(),
    };
    let fact = Observation::Notified {
        name: name("web"),
        generation: web.generation("web"),
        word: Word::Well,
    };
    web.colony.observe(now, fact);
    web.colony.settle(now);
    assert!(!web.colony.has_changes());
    assert_eq!(web.colony.unpublished(), 0);
    let due = now.mono.after(Duration::from_secs(3));
    assert_eq!(web.colony.poll_timeout(), Some(due));
}

#[test]
fn who_says_that_he_is_not_well_is_started_again_at_once() {
    let mut web = started(NOTIFY);
    says(&mut web, Word::Ready);
    web.orders();
    says(&mut web, Word::Unwell);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web"]);
    assert!(web.reason("web").starts_with("it said WATCHDOG=trigger;"));
}

#[test]
fn who_needs_more_time_gets_it_but_not_for_ever() {
    let more = |seconds| Word::Extend(Duration::from_secs(seconds));
    let mut web = started(NOTIFY);
    says(&mut web, more(1));
    web.wait(9000);
    says(&mut web, more(5));
    web.wait(4999);
    assert_eq!(web.state("web"), State::Starting);
    web.orders();
    web.wait(1);
    assert_eq!(web.state("web"), State::Stopping);
    says(&mut web, more(20));
    web.wait(19_999);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web"]);
    web.wait(1);
    assert_eq!(web.orders(), ["SIGKILL web"]);
    let mut greedy = started(NOTIFY);
    greedy.tell("STOP", "web");
    greedy.orders();
    for _asking in 0..3 {
        says(&mut greedy, more(u64::from(u32::MAX)));
        greedy.wait(1_200_000);
    }
    assert_eq!(greedy.orders(), ["SIGKILL web"], "an hour after the stop");
}

#[test]
fn another_condition_holds_for_the_process_that_is_there() {
    let mut web = started(TCP);
    web.orders();
    web.file("web", r#""ready": {"file": "/run/web"}"#);
    assert_eq!(web.orders(), ["probe web"]);
    assert!(web.reason("web").contains("/run/web"));
    web.file("web", "");
    assert_eq!(web.orders(), ["end probe web"]);
    web.wait(1000);
    assert_eq!(web.state("web"), State::Running);
    web.file("web", TCP);
    assert!(web.orders().is_empty(), "that it was up is not asked again");
    web.file("web", NOTIFY);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web"]);
}

#[test]
fn a_new_monitor_goes_on_looking_and_waits_as_long_again() {
    for keys in [TCP, &format!("{TCP}, {WATCHDOG}")] {
        let mut web = started(keys);
        says(&mut web, Word::Status("half way".to_owned()));
        web.wait(2000);
        web.sleep_through(60_000);
        web.crash();
        let found = adopted(&web, "web");
        web.observe_all(vec![found, Driver::good("web", keys)]);
        assert_eq!(web.orders(), ["probe web"]);
        assert_eq!(web.record("web").note.as_deref(), Some("half way"));
        web.wait(2999);
        assert_eq!(web.state("web"), State::Starting);
        web.wait(7001);
        assert_eq!(web.state("web"), State::Stopping);
    }
}

#[test]
fn a_word_that_may_have_been_lost_with_a_monitor_is_believed_to_have_been_said() {
    let mut web = started(NOTIFY);
    web.crash();
    let found = adopted(&web, "web");
    web.observe_all(vec![found, Driver::good("web", NOTIFY)]);
    web.wait(9999);
    assert_eq!(web.state("web"), State::Starting);
    web.wait(1);
    assert_eq!(web.state("web"), State::Running);
    assert!(web.reason("web").contains("while nobody listened"));
}

#[test]
fn a_stop_for_a_fault_is_still_one_after_a_crash() {
    let mut web = started(&format!(r#"{TCP}, "give_up_after": 1"#));
    web.wait(10_000);
    web.crash();
    ends(&mut web, Exit::Code(0));
    assert_eq!(web.state("web"), State::Fatal);
}

#[test]
fn what_is_told_names_readiness_and_the_watchdog_as_causes() {
    let mut web = started(TCP);
    web.observe(ready(&web));
    assert_eq!(
        web.story(),
        ["STOPPED>STARTING config", "STARTING>RUNNING ready"]
    );
    let mut never = started(TCP);
    never.wait(10_000);
    assert_eq!(never.story()[1], "STARTING>STOPPING ready");
    let mut silent = started(WATCHDOG);
    silent.wait(3000);
    assert_eq!(silent.story()[2], "RUNNING>STOPPING watchdog");
}

#[test]
fn who_comes_after_it_waits_until_it_is_ready() {
    let mut web = started(TCP);
    web.orders();
    web.file("late", r#""after": ["web"]"#);
    web.wait(5000);
    assert!(web.orders().is_empty());
    web.observe(ready(&web));
    assert_eq!(web.orders(), ["end probe web", "spawn late"]);
}

#[test]
fn who_requires_what_is_never_ready_does_not_start() {
    let mut web = started(&format!(r#"{TCP}, "give_up_after": 1"#));
    web.file("late", r#""requires": ["web"]"#);
    web.wait(10_000);
    ends(&mut web, Exit::Code(0));
    assert_eq!(web.state("web"), State::Fatal);
    assert_eq!(web.state("late"), State::Stopped);
    assert!(!web.orders().contains(&"spawn late".to_owned()));
}
