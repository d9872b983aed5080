//! RESTART, START and STOP, in every state that a program can be in when they come.

use super::driver::{Driver, Spawns};
use crate::colony::{Blame, Group};
use crate::exit::Exit;
use crate::status::{State, WantWord};

/// After a RESTART, the program has been started once more and nothing follows.
fn assert_started_once(mut web: Driver, what: &str) {
    web.wait(10_000);
    let spawns = web.orders().iter().filter(|o| *o == "spawn web").count();
    assert_eq!(spawns, 1, "{what}");
    assert_eq!(web.state("web"), State::Running, "{what}");
}

#[test]
fn restart_stops_and_starts_what_runs() {
    let mut web = Driver::running("web", "");
    web.tell("RESTART", "web");
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web"]);
    web.wait(300);
    web.exits("web", 0);
    assert_started_once(web, "at once, when the old one has gone");
}

#[test]
fn restart_starts_what_waits_and_the_delays_begin_anew() {
    let mut web = Driver::with("web", "");
    web.exits("web", 1);
    web.wait(1000);
    web.exits("web", 1);
    assert_eq!(web.record("web").delay, 2.0);
    web.orders();
    web.tell("RESTART", "web");
    assert_eq!(web.orders(), ["spawn web"]);
    web.exits("web", 1);
    assert_eq!(web.record("web").delay, 1.0);
}

#[test]
fn restart_and_start_wake_what_gave_up_or_ended() {
    for word in ["RESTART", "START"] {
        for keys in [r#""give_up_after": 1"#, r#""restart": "never""#] {
            let mut web = Driver::with("web", keys);
            web.exits("web", 1);
            assert!(matches!(web.state("web"), State::Fatal | State::Exited));
            web.tell(word, "web");
            assert_started_once(web, word);
        }
    }
}

#[test]
fn restart_and_start_let_run_what_was_stopped_by_hand_or_is_disabled() {
    for word in ["RESTART", "START"] {
        let mut web = Driver::with("web", "");
        web.tell("STOP", "web");
        web.exits("web", 0);
        web.orders();
        assert_eq!(web.record("web").want, WantWord::Down);
        web.tell(word, "web");
        assert_started_once(web, word);

        let mut web = Driver::new();
        web.file("web", r#""enabled": false"#);
        assert_eq!(web.state("web"), State::Stopped);
        assert!(web.orders().is_empty());
        web.tell(word, "web");
        assert_started_once(web, word);
    }
}

#[test]
fn what_a_hand_started_although_disabled_runs_until_stop() {
    let mut web = Driver::new();
    web.file("web", r#""enabled": false"#);
    web.tell("START", "web");
    web.exits("web", 1);
    web.wait(1000);
    assert_eq!(web.orders(), ["spawn web", "spawn web"]);
    web.tell("STOP", "web");
    web.exits("web", 0);
    assert_eq!(web.state("web"), State::Stopped);
    web.say(r#"{"type": "START", "all": true}"#);
    assert_eq!(
        web.state("web"),
        State::Stopped,
        "\"all\" leaves out what is disabled"
    );
}

#[test]
fn start_leaves_what_runs_alone() {
    let mut web = Driver::running("web", "");
    web.tell("START", "web");
    assert!(web.orders().is_empty());
    web.exits("web", 1);
    assert_eq!(web.orders(), ["spawn web"]);
}

#[test]
fn stop_holds_over_exits_and_changes_of_the_file() {
    let mut web = Driver::running("web", "");
    web.tell("STOP", "web");
    web.exits("web", 0);
    web.orders();
    web.file("web", r#""args": ["y"]"#);
    web.wait(10_000);
    assert!(web.orders().is_empty());
    assert!(
        web.reason("web").contains("by hand"),
        "{}",
        web.reason("web")
    );
}

#[test]
fn stop_ends_a_wait() {
    let mut web = Driver::with("web", "");
    web.exits("web", 1);
    web.tell("STOP", "web");
    assert_eq!(web.state("web"), State::Stopped);
    assert_eq!(web.colony.poll_timeout(), None);
}

#[test]
fn stop_cancels_a_restart_that_has_not_begun() {
    let mut web = Driver::running("web", "");
    web.tell("RESTART", "web");
    web.tell("STOP", "web");
    web.exits("web", 0);
    web.wait(10_000);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web"]);
    assert_eq!(web.state("web"), State::Stopped);
}

#[test]
fn stop_cancels_a_restart_of_the_same_breath_and_start_leaves_what_runs_alone() {
    let mut web = Driver::running("web", "");
    let words = ["RESTART", "STOP", "START"]
        .map(|kind| web.message(&format!(r#"{{"type": "{kind}", "name": "web"}}"#)));
    web.observe_all(words.into());
    assert_eq!(web.orders(), ["discard m1", "discard m2", "discard m3"]);
    assert_eq!(web.state("web"), State::Running);
}

#[test]
fn a_hundred_restarts_during_one_stop_cause_one_start() {
    let mut web = Driver::running("web", "");
    for _ in 0..100 {
        web.tell("RESTART", "web");
    }
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web"]);
    web.exits("web", 0);
    assert_started_once(web, "a hundred");
}

#[test]
fn words_during_a_stop_are_remembered() {
    for word in ["RESTART", "START"] {
        let mut web = Driver::running("web", r#""restart": "never""#);
        web.tell("STOP", "web");
        web.orders();
        web.tell(word, "web");
        assert!(web.orders().is_empty());
        web.exits("web", 0);
        assert_started_once(web, word);
    }
}

#[test]
fn words_while_what_is_left_of_a_group_goes_are_remembered() {
    for word in ["RESTART", "START"] {
        let mut web = Driver::running("web", r#""restart": "never""#);
        web.exits_leaving_members("web", 1);
        web.tell(word, "web");
        web.orders();
        web.members_end("web");
        assert_started_once(web, word);
    }
}

#[test]
fn a_restart_twice_in_one_breath_is_one() {
    let mut web = Driver::running("web", "");
    let text = r#"{"type": "RESTART", "name": "web"}"#;
    let both = vec![web.message(text), web.message(text)];
    web.observe_all(both);
    web.exits("web", 0);
    assert_started_once(web, "twice");
}

#[test]
fn a_restart_before_the_start_is_known_restarts_what_comes_of_it() {
    let mut web = Driver::new();
    web.spawns = Spawns::Wait;
    web.file("web", "");
    web.tell("RESTART", "web");
    assert_eq!(web.orders(), ["spawn web"]);
    let spawned = web.spawned("web");
    web.spawns = Spawns::Happen;
    web.observe(spawned);
    assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web"]);
    web.exits("web", 0);
    assert_started_once(web, "after the first start was known");
}

#[test]
fn a_restart_before_a_start_is_known_to_have_failed_starts_now() {
    let mut web = Driver::new();
    web.spawns = Spawns::Wait;
    web.file("web", r#""give_up_after": 1"#);
    web.tell("RESTART", "web");
    web.orders();
    let failed = web.failed("web", Blame::Program);
    web.spawns = Spawns::Happen;
    web.observe(failed);
    assert_started_once(web, "although the first start failed");
}

#[test]
fn a_stop_before_the_start_is_known_stops_what_comes_of_it() {
    let mut web = Driver::new();
    web.spawns = Spawns::Wait;
    web.file("web", "");
    web.tell("STOP", "web");
    let spawned = web.spawned("web");
    web.observe(spawned);
    assert_eq!(web.orders(), ["spawn web", "SIGTERM web", "SIGCONT web"]);
}

#[test]
fn the_last_of_several_words_wins() {
    let mut web = Driver::running("web", "");
    for word in ["STOP", "START", "STOP", "RESTART", "STOP"] {
        web.tell(word, "web");
    }
    web.exits("web", 0);
    web.wait(10_000);
    assert_eq!(web.state("web"), State::Stopped);
    web.orders();
    for word in ["START", "STOP", "RESTART", "STOP", "START"] {
        web.tell(word, "web");
    }
    web.wait(10_000);
    assert_eq!(web.state("web"), State::Stopping, "the last but one");
    web.exits("web", 0);
    assert_eq!(web.state("web"), State::Starting);
}

#[test]
fn the_reason_of_a_word_is_kept_for_the_start_that_it_asks_for() {
    let mut web = Driver::new();
    web.spawns = Spawns::Wait;
    web.file("web", "");
    web.say(r#"{"type": "RESTART", "name": "web", "reason": "a new key"}"#);
    let spawned = web.spawned("web");
    web.observe(spawned);
    assert!(web.reason("web").contains("to be restarted: a new key"));
    web.spawns = Spawns::Happen;
    web.exits("web", 0);
    assert_eq!(web.reason("web"), "started on request: a new key");
}

#[test]
fn the_reason_of_a_word_is_shown_with_what_it_caused_and_no_longer() {
    let mut web = Driver::running("web", "");
    web.say(r#"{"type": "RESTART", "name": "web", "reason": "a new key"}"#);
    assert!(
        web.reason("web").contains("a new key"),
        "{}",
        web.reason("web")
    );
    web.exits("web", 0);
    assert!(
        web.reason("web").contains("a new key"),
        "{}",
        web.reason("web")
    );
    web.wait(2000);
    let stop = web.message(r#"{"type": "STOP", "name": "web", "reason": "a pause"}"#);
    let start = web.message(r#"{"type": "START", "name": "web"}"#);
    web.observe_all(vec![stop, start]);
    let exited = web.exited("web", Exit::Code(1), Group::Gone);
    web.observe(exited);
    let reason = web.record("web").reason.clone().unwrap_or_default();
    assert!(!reason.contains("a pause"), "{reason}");
}
