//! Who is told to stop when, compared with others.

use super::driver::Driver;
use crate::colony::{Group, Observation};
use crate::exit::Exit;
use crate::status::{State, TurnWord, WantWord};

const AFTER_DB: &str = r#""after": ["db"]"#;
const REQUIRES_DB: &str = r#""requires": ["db"]"#;
const ASKED_APP: [&str; 2] = ["SIGTERM app", "SIGCONT app"];
const ASKED_DB: [&str; 2] = ["SIGTERM db", "SIGCONT db"];

/// `db` runs, and so does `app` with these keys.
fn both(app: &str) -> Driver {
    let mut both = Driver::running("db", r#""group": ["g"]"#);
    both.file("app", &format!(r#""group": ["g"], {app}"#));
    both.wait(2000);
    assert_eq!(both.state("app"), State::Running);
    both.orders();
    both
}

#[test]
fn what_requires_it_is_gone_before_a_program_is_told() {
    let mut both = both(REQUIRES_DB);
    both.tell("STOP", "db");
    assert_eq!(both.orders(), ASKED_APP);
    assert_eq!(
        both.reason("db"),
        "it is to stop, and is told when app, which depends on it, is gone"
    );
    assert_eq!(both.state("db"), State::Running);
    assert!(
        both.reason("app")
            .starts_with("it requires db, which was stopped by hand; it was sent SIGTERM"),
        "{}",
        both.reason("app")
    );
    both.exits_leaving_members("app", 0);
    assert!(both.orders().is_empty(), "its group lives");
    both.members_end("app");
    assert_eq!(both.orders(), ASKED_DB);
    both.exits("db", 0);
    let app = both.record("app");
    assert_eq!((app.state, app.want), (State::Stopped, WantWord::Up));
    assert!(both.reason("app").contains("which was stopped by hand"));
    both.tell("START", "db");
    assert_eq!(both.orders(), ["spawn db"]);
    both.wait(1000);
    assert_eq!(both.orders(), ["spawn app"]);
}

#[test]
fn what_waits_to_be_replaced_says_that_its_turn_comes() {
    let mut both = both(REQUIRES_DB);
    both.say(r#"{"type": "RESTART-ALL"}"#);
    assert!(both.orders().ends_with(&ASKED_APP.map(str::to_owned)));
    assert_eq!(both.state("db"), State::Running);
    assert_eq!(both.record("db").turn, Some(TurnWord::Waits));
    assert_eq!(both.record("app").turn, None, "it stops");
    both.exits("app", 0);
    assert_eq!(both.record("db").turn, None);
    both.exits("db", 0);
    both.wait(2000);
    both.tell("STOP", "db");
    assert_eq!(both.state("db"), State::Running);
    assert_eq!(both.record("db").turn, None, "it is not to be replaced");
}

#[test]
fn a_stop_that_is_taken_back_in_time_is_none() {
    let mut both = both(REQUIRES_DB);
    both.tell("STOP", "db");
    both.orders();
    both.tell("START", "db");
    both.exits("app", 0);
    assert_eq!(both.orders(), ["spawn app"], "db has never stopped");
    assert_eq!(both.state("db"), State::Running);
}

#[test]
fn the_killtime_of_each_begins_when_it_is_told() {
    let mut both = both(REQUIRES_DB);
    both.tell("STOP", "db");
    both.wait(4999);
    assert_eq!(both.orders(), ASKED_APP);
    both.wait(1);
    assert_eq!(both.orders(), ["SIGKILL app"]);
    both.wait(3000);
    assert_eq!(both.orders(), ["SIGKILL app"; 3], "again and again");
    both.exits("app", 9);
    both.wait(4999);
    assert_eq!(both.orders(), ASKED_DB);
    both.wait(1);
    assert_eq!(both.orders(), ["SIGKILL db"]);
}

#[test]
fn what_only_comes_after_is_left_alone() {
    let mut both = both(AFTER_DB);
    both.tell("STOP", "db");
    assert_eq!(both.orders(), ASKED_DB);
    both.exits("db", 0);
    assert_eq!(both.state("app"), State::Running);
}

#[test]
fn what_comes_to_rest_by_itself_stops_what_requires_it() {
    for (keys, code, words) in [
        (r#""restart": "never""#, 0, "which has ended"),
        (
            r#""restart": "always", "give_up_after": 1, "threshold": 60"#,
            1,
            "which is FATAL",
        ),
    ] {
        let mut both = both(REQUIRES_DB);
        both.file("db", keys);
        both.exits("db", code);
        assert_eq!(both.orders(), ASKED_APP, "{keys}");
        both.exits("app", 0);
        assert!(both.reason("app").contains(words), "{}", both.reason("app"));
        both.tell("RESTART", "db");
        both.wait(60_000);
        assert_eq!(both.orders(), ["spawn db", "spawn app"]);
    }
}

#[test]
fn a_crash_that_leads_to_a_restart_leaves_it_running() {
    let mut both = both(REQUIRES_DB);
    both.exits("db", 1);
    both.wait(1);
    both.exits("db", 1);
    assert_eq!(both.state("db"), State::Backoff);
    both.wait(5000);
    assert_eq!(both.orders(), ["spawn db", "spawn db"]);
    assert_eq!(both.state("app"), State::Running);
}

#[test]
fn a_restart_of_what_it_requires_leaves_it_running() {
    let mut both = both(REQUIRES_DB);
    both.tell("RESTART", "db");
    assert_eq!(both.orders(), ASKED_DB);
    both.exits("db", 0);
    both.wait(1000);
    assert_eq!(both.orders(), ["spawn db"]);
    assert_eq!(both.state("app"), State::Running);
}

#[test]
fn a_removed_or_disabled_program_is_told_when_what_requires_it_is_gone() {
    for disabled in [true, false] {
        let mut both = both(REQUIRES_DB);
        if disabled {
            both.file("db", r#""enabled": false"#);
        } else {
            both.remove("db");
        }
        assert_eq!(both.orders(), ASKED_APP);
        both.exits("app", 0);
        assert_eq!(both.orders(), ASKED_DB);
        both.exits("db", 0);
        both.orders();
        assert_eq!(both.state("app"), State::Stopped);
        both.file("db", "");
        both.wait(1000);
        assert_eq!(both.orders(), ["spawn db", "spawn app"]);
    }
}

#[test]
fn a_chain_is_stopped_from_its_end() {
    let mut all = both(REQUIRES_DB);
    all.file("web", r#""requires": ["app"]"#);
    all.wait(1000);
    all.orders();
    all.tell("STOP", "db");
    assert_eq!(all.orders(), ["SIGTERM web", "SIGCONT web"]);
    assert!(
        all.reason("web")
            .contains("app, which itself lacks what it requires")
    );
    all.exits("web", 0);
    assert_eq!(all.orders(), ASKED_APP);
    all.exits("app", 0);
    assert_eq!(all.orders(), ASKED_DB);
    all.exits("db", 0);
    all.tell("RESTART", "db");
    all.wait(5000);
    assert_eq!(all.orders(), ["spawn db", "spawn app", "spawn web"]);
}

#[test]
fn everything_stops_in_reverse_order() {
    for (keys, word) in [
        (AFTER_DB, r#"{"type": "STOP", "all": true}"#),
        (REQUIRES_DB, r#"{"type": "STOP", "group": "g"}"#),
        (AFTER_DB, r#"{"type": "SHUTDOWN"}"#),
    ] {
        let mut both = both(keys);
        both.say(word);
        assert_eq!(both.orders()[1..], ASKED_APP, "{word}");
        both.exits("app", 0);
        assert_eq!(both.orders(), ASKED_DB, "{word}");
        both.exits("db", 0);
        both.wait(10_000);
        assert!(both.orders().is_empty(), "{word}");
    }
}

#[test]
fn several_that_are_removed_at_once_stop_in_reverse_order() {
    let mut both = both(AFTER_DB);
    both.observe_all(vec![Driver::absent("db"), Driver::absent("app")]);
    assert_eq!(both.orders(), ASKED_APP);
    both.exits("app", 0);
    assert_eq!(both.orders(), ["retract app", "SIGTERM db", "SIGCONT db"]);
}

#[test]
fn all_that_restarts_stops_in_reverse_and_starts_in_order() {
    for (keys, word) in [
        (REQUIRES_DB, r#"{"type": "RESTART-ALL"}"#),
        (AFTER_DB, r#"{"type": "RESTART-GROUP", "group": "g"}"#),
    ] {
        let mut both = both(keys);
        both.say(word);
        assert_eq!(both.orders()[1..], ASKED_APP);
        both.exits("app", 0);
        assert_eq!(both.orders(), ASKED_DB);
        both.exits("db", 0);
        both.wait(1000);
        assert_eq!(both.orders(), ["spawn db", "spawn app"]);
    }
}

#[test]
fn a_file_that_comes_back_while_others_are_waited_for_lets_it_run_on() {
    let mut both = both(AFTER_DB);
    both.observe_all(vec![Driver::absent("db"), Driver::absent("app")]);
    both.file("db", r#""group": ["g"]"#);
    both.exits("app", 0);
    assert_eq!(both.orders(), ["SIGTERM app", "SIGCONT app", "retract app"]);
    assert_eq!(both.state("db"), State::Running);
    assert_eq!(both.record("db").reason, None);
}

/// Three programs that run, the first of which has the lowest priority.
fn by_priority() -> Driver {
    let mut all = Driver::new();
    all.observe_all(vec![
        Driver::good("first", r#""priority": 1"#),
        Driver::good("second", r#""priority": 2"#),
        Driver::good("third", r#""priority": 3"#),
    ]);
    all.wait(2000);
    assert_eq!(all.orders(), ["spawn first", "spawn second", "spawn third"]);
    all
}

#[test]
fn a_lower_priority_is_told_when_the_higher_are_gone() {
    let mut all = by_priority();
    all.observe(Observation::Shutdown);
    assert_eq!(all.orders(), ["SIGTERM third", "SIGCONT third"]);
    assert_eq!(
        all.reason("first"),
        "it is to stop, and is told when programs of a higher priority are gone"
    );
    all.exits("first", 0);
    assert!(all.orders().is_empty(), "that one went by itself");
    all.exits("third", 0);
    assert_eq!(all.orders(), ["SIGTERM second", "SIGCONT second"]);
    all.exits("second", 0);
    assert!(all.colony.is_closed());
}

#[test]
fn stops_that_were_not_decided_together_do_not_wait_for_each_other() {
    let mut all = by_priority();
    all.tell("STOP", "third");
    all.tell("STOP", "first");
    assert_eq!(
        all.orders(),
        [
            "SIGTERM third",
            "SIGCONT third",
            "SIGTERM first",
            "SIGCONT first"
        ]
    );
}

#[test]
fn a_priority_does_not_come_before_an_edge() {
    let mut all = by_priority();
    all.file("first", r#""priority": 1, "after": ["third"]"#);
    all.observe(Observation::Shutdown);
    assert_eq!(all.orders(), ["SIGTERM first", "SIGCONT first"]);
    all.exits("first", 0);
    assert_eq!(all.orders(), ["SIGTERM third", "SIGCONT third"]);
    all.exits("third", 0);
    assert_eq!(all.orders(), ["SIGTERM second", "SIGCONT second"]);
}

#[test]
fn who_wants_everything_killed_waits_for_nobody() {
    let mut all = by_priority();
    all.file("second", r#""priority": 2, "requires": ["first"]"#);
    all.observe(Observation::Shutdown);
    all.orders();
    all.observe(Observation::KillNow);
    let orders = all.orders();
    for name in ["first", "second", "third"] {
        assert!(orders.contains(&format!("SIGKILL {name}")), "{orders:?}");
    }
}

#[test]
fn a_ring_is_stopped_together() {
    let mut ring = Driver::running("a", "");
    ring.file("b", r#""requires": ["a"]"#);
    ring.wait(2000);
    ring.file("a", r#""requires": ["b"]"#);
    ring.orders();
    ring.observe(Observation::Shutdown);
    assert_eq!(
        ring.orders(),
        ["SIGTERM a", "SIGCONT a", "SIGTERM b", "SIGCONT b"]
    );
}

#[test]
fn what_joins_a_ring_keeps_nobody_waiting() {
    let mut all = both(REQUIRES_DB);
    all.file("db", r#""after": ["x"]"#);
    all.file("x", r#""after": ["db"]"#);
    all.orders();
    all.tell("STOP", "db");
    assert_eq!(all.orders(), ASKED_APP);
    all.file("x", r#""after": ["app"]"#);
    assert_eq!(all.orders(), ASKED_DB, "now app is in the ring as well");
}

#[test]
fn a_death_while_others_are_waited_for_ends_the_wait() {
    let mut both = both(REQUIRES_DB);
    both.tell("STOP", "db");
    both.orders();
    let fact = both.exited("db", Exit::Code(1), Group::Gone);
    both.observe(fact);
    assert_eq!(both.state("db"), State::Stopped);
    both.exits("app", 0);
    assert!(both.orders().is_empty());
}

#[test]
fn an_edge_that_is_taken_out_keeps_nobody_waiting() {
    let mut both = both(REQUIRES_DB);
    both.tell("STOP", "db");
    assert_eq!(both.orders(), ASKED_APP);
    both.file("app", r#""group": ["g"]"#);
    assert_eq!(both.orders(), ASKED_DB);
}

#[test]
fn naming_what_is_not_there_stops_what_runs() {
    let mut app = Driver::running("app", "");
    app.file("app", REQUIRES_DB);
    assert_eq!(app.orders(), ["SIGTERM app", "SIGCONT app"]);
    app.exits("app", 0);
    app.file("db", "");
    app.wait(1000);
    assert_eq!(app.orders(), ["spawn db", "spawn app"]);
}

#[test]
fn a_ring_that_an_edit_ends_keeps_nobody_who_lacks_what_it_requires() {
    let mut all = Driver::running("cat", "");
    all.file("ant", r#""requires": ["bee", "cat"]"#);
    all.file("dog", r#""requires": ["ant", "bee"]"#);
    all.file(
        "cat",
        r#""args": ["y"], "requires": ["dog"], "after": ["ant"]"#,
    );
    all.tell("STOP", "dog");
    assert!(all.orders().is_empty());
    assert!(all.reason("cat").contains("goes on as it is"));
    all.file("dog", r#""after": ["bee"]"#);
    assert_eq!(all.orders(), ["SIGTERM cat", "SIGCONT cat"]);
}
