//! Who is started when, compared with others.

use super::driver::{Driver, Spawns};
use crate::colony::{Blame, Group};
use crate::exit::Exit;
use crate::status::{State, TurnWord, WantWord};

const AFTER_DB: &str = r#""after": ["db"]"#;
const REQUIRES_DB: &str = r#""requires": ["db"]"#;

/// `db` was ordered and nobody knows what came of it; then `app` came with these keys.
fn while_db_is_started(keys: &str) -> Driver {
    let mut both = Driver::new();
    both.spawns = Spawns::Wait;
    both.file("db", "");
    both.file("app", keys);
    assert_eq!(both.orders(), ["spawn db"]);
    both
}

fn db_is_executed(both: &mut Driver) {
    both.spawns = Spawns::Happen;
    let fact = both.spawned("db");
    both.observe(fact);
}

#[test]
fn what_comes_after_another_waits_until_that_was_executed() {
    let mut both = while_db_is_started(AFTER_DB);
    let app = both.record("app");
    assert_eq!((app.state, app.want), (State::Stopped, WantWord::Up));
    assert_eq!(
        both.reason("app"),
        "it waits for db, which has not started yet"
    );
    db_is_executed(&mut both);
    assert_eq!(both.orders(), ["spawn app"]);
    assert_eq!(both.record("app").reason, None);
}

#[test]
fn what_requires_another_waits_until_that_is_running() {
    let mut both = while_db_is_started(REQUIRES_DB);
    db_is_executed(&mut both);
    both.wait(999);
    assert!(both.orders().is_empty());
    assert_eq!(
        both.reason("app"),
        "it waits for db, which it requires and which is not RUNNING yet"
    );
    both.wait(1);
    assert_eq!(both.orders(), ["spawn app"]);
}

#[test]
fn files_that_come_together_are_started_in_their_order() {
    let mut all = Driver::new();
    all.observe_all(vec![
        Driver::good("app", REQUIRES_DB),
        Driver::good("db", ""),
        Driver::good("early", r#""after": ["app"], "requires": ["db"]"#),
        Driver::good("worker", r#""after": ["app"]"#),
    ]);
    assert_eq!(all.orders(), ["spawn db"]);
    all.wait(1000);
    assert_eq!(all.orders(), ["spawn app", "spawn early", "spawn worker"]);
}

/// `db` with these keys, in which it ends once if there is a code; then `app` with these.
fn beside(db: &str, exit: Option<u8>, app: &str) -> Driver {
    let mut both = Driver::new();
    both.file("db", db);
    if let Some(code) = exit {
        both.exits("db", code);
    }
    both.orders();
    both.file("app", app);
    both
}

#[test]
fn nobody_waits_to_come_after_what_is_not_to_run() {
    let mut alone = Driver::new();
    alone.file("app", AFTER_DB);
    assert_eq!(alone.orders(), ["spawn app"], "it is absent");
    for (keys, exit) in [
        (r#""enabled": false"#, None),
        (r#""restart": "on-failure""#, Some(0)),
        (r#""give_up_after": 1"#, Some(1)),
    ] {
        let mut both = beside(keys, exit, AFTER_DB);
        assert_eq!(both.orders(), ["spawn app"], "{keys}");
    }
    let mut both = Driver::with("db", "");
    both.tell("STOP", "db");
    both.exits("db", 0);
    both.orders();
    both.file("app", AFTER_DB);
    assert_eq!(both.orders(), ["spawn app"], "it was stopped by hand");
    let mut both = Driver::new();
    both.observe(Driver::bad("db"));
    both.file("app", AFTER_DB);
    assert_eq!(both.orders(), ["spawn app"], "its file was never good");
}

#[test]
fn what_is_required_and_is_not_to_run_is_waited_for_in_words() {
    for (keys, exit, words) in [
        (r#""enabled": false"#, None, "which is disabled"),
        (
            r#""restart": "on-failure""#,
            Some(0),
            "which has ended and is not started again",
        ),
        (r#""give_up_after": 1"#, Some(1), "which is FATAL"),
    ] {
        let mut both = beside(keys, exit, REQUIRES_DB);
        assert!(both.orders().is_empty(), "{keys}");
        let sentence = format!("it requires db, {words}; it is started when db is RUNNING");
        assert_eq!(both.reason("app"), sentence);
    }
}

#[test]
fn what_is_required_and_absent_is_waited_for() {
    let mut both = Driver::new();
    both.file("app", REQUIRES_DB);
    assert_eq!(
        both.reason("app"),
        "it requires db, which does not exist; it is started when db is RUNNING"
    );
    both.observe(Driver::bad("db"));
    assert!(both.reason("app").contains("whose file was never good"));
    both.file("db", "");
    both.wait(1000);
    assert_eq!(both.orders(), ["spawn db", "spawn app"]);
}

#[test]
fn a_restart_of_its_own_waits_as_well_and_shows_it_at_rest() {
    let mut both = Driver::running("db", "");
    both.file("app", REQUIRES_DB);
    both.wait(2000);
    both.orders();
    both.exits("db", 1);
    both.exits("app", 1);
    assert_eq!(both.orders(), ["spawn db"], "that one waits for nobody");
    assert_eq!(both.state("app"), State::Stopped);
    both.exits("db", 1);
    both.wait(999);
    assert!(both.orders().is_empty());
    both.wait(1001);
    assert_eq!(both.orders(), ["spawn db", "spawn app"]);
}

#[test]
fn what_is_to_be_replaced_does_not_count_as_started() {
    for keys in [AFTER_DB, REQUIRES_DB] {
        let mut both = Driver::running("db", "");
        both.tell("RESTART", "db");
        both.file("app", keys);
        assert_eq!(both.orders(), ["SIGTERM db", "SIGCONT db"]);
        both.exits("db", 0);
        both.wait(1000);
        assert_eq!(both.orders(), ["spawn db", "spawn app"], "{keys}");
    }
}

#[test]
fn what_is_about_to_stop_does_not_count_as_running() {
    let mut all = Driver::running("db", "");
    all.file("app", REQUIRES_DB);
    all.wait(2000);
    all.tell("STOP", "db");
    all.orders();
    assert_eq!(all.state("db"), State::Running, "it waits for app");
    all.file("other", REQUIRES_DB);
    assert!(all.orders().is_empty());
    assert!(all.reason("other").contains("which was stopped by hand"));
}

#[test]
fn a_lower_priority_is_started_first() {
    let mut all = Driver::new();
    all.spawns = Spawns::Wait;
    all.observe_all(vec![
        Driver::good("a", ""),
        Driver::good("b", r#""priority": 5"#),
        Driver::good("c", r#""priority": -5"#),
        Driver::good("d", r#""priority": 5"#),
    ]);
    assert_eq!(all.orders(), ["spawn c"]);
    assert_eq!(
        all.reason("a"),
        "it waits until programs of a lower priority are started"
    );
    let spawned = all.spawned("c");
    all.observe(spawned);
    assert_eq!(all.orders(), ["spawn b", "spawn d"]);
    let spawned = all.spawned("b");
    all.observe(spawned);
    assert!(all.orders().is_empty());
    let failed = all.failed("d", Blame::Program);
    all.observe(failed);
    assert_eq!(all.orders(), ["spawn a"], "one that fails holds nobody");
}

#[test]
fn whose_turn_it_was_and_who_is_not_wanted_any_more_holds_nobody() {
    let mut all = Driver::new();
    all.spawns = Spawns::Wait;
    all.observe_all(vec![
        Driver::good("first", r#""priority": 1"#),
        Driver::good("second", r#""priority": 2"#),
        Driver::good("third", r#""priority": 3"#),
    ]);
    all.tell("STOP", "second");
    all.orders();
    let spawned = all.spawned("first");
    all.observe(spawned);
    assert_eq!(all.orders(), ["spawn third"]);
}

#[test]
fn what_has_waited_for_its_turn_is_not_overtaken_by_what_is_due_now() {
    let mut all = Driver::new();
    all.spawns = Spawns::Wait;
    all.observe_all(vec![
        Driver::good("first", r#""priority": 1"#),
        Driver::good("second", r#""priority": 5"#),
        Driver::good("last", r#""after": ["first"]"#),
    ]);
    assert_eq!(all.orders(), ["spawn first"]);
    let spawned = all.spawned("first");
    all.observe(spawned);
    assert_eq!(all.orders(), ["spawn second"]);
    let spawned = all.spawned("second");
    all.observe(spawned);
    assert_eq!(all.orders(), ["spawn last"]);
}

#[test]
fn whose_turn_it_is_and_who_has_come_to_wait_for_another_lets_the_next_pass() {
    let mut all = Driver::running("db", "");
    all.orders();
    all.spawns = Spawns::Wait;
    all.observe_all(vec![
        Driver::good("first", r#""priority": 1"#),
        Driver::good("second", r#""priority": 2, "requires": ["db"]"#),
        Driver::good("third", r#""priority": 3"#),
    ]);
    let crash = all.exited("db", Exit::Code(1), Group::Gone);
    all.observe(crash);
    assert_eq!(all.orders(), ["spawn first"]);
    for (done, next) in [("first", "spawn third"), ("third", "spawn db")] {
        let spawned = all.spawned(done);
        all.observe(spawned);
        assert_eq!(all.orders(), [next]);
    }
}

#[test]
fn nobodys_turn_comes_when_all_is_left_as_it_is() {
    let mut both = Driver::new();
    both.spawns = Spawns::Wait;
    both.observe_all(vec![
        Driver::good("first", r#""priority": 1"#),
        Driver::good("second", r#""priority": 2"#),
    ]);
    both.orders();
    let spawned = both.spawned("first");
    let detach = both.message(r#"{"type": "DETACH"}"#);
    both.observe_all(vec![detach, spawned]);
    assert_eq!(both.orders(), ["discard m1"]);
    assert!(both.colony.is_detaching());
}

#[test]
fn an_edge_comes_before_a_priority() {
    let mut both = Driver::new();
    both.observe_all(vec![
        Driver::good("app", r#""after": ["db"], "priority": 1"#),
        Driver::good("db", r#""priority": 7"#),
    ]);
    assert_eq!(both.orders(), ["spawn db", "spawn app"]);
}

#[test]
fn edges_and_priorities_change_in_place() {
    let mut both = Driver::running("app", "");
    both.file("db", "");
    both.orders();
    for keys in [AFTER_DB, REQUIRES_DB, r#""priority": 4"#] {
        both.file("app", keys);
        assert!(both.orders().is_empty(), "{keys}");
        assert_eq!(both.state("app"), State::Running);
    }
}

#[test]
fn taking_an_edge_out_of_a_file_ends_the_wait() {
    let mut app = Driver::new();
    app.file("app", REQUIRES_DB);
    assert!(app.orders().is_empty());
    app.file("app", "");
    assert_eq!(app.orders(), ["spawn app"]);
}

#[test]
fn programs_that_wait_for_each_other_do_not_start_and_say_so() {
    let mut ring = Driver::new();
    ring.observe_all(vec![
        Driver::good("a", r#""after": ["b"]"#),
        Driver::good("b", r#""requires": ["c"]"#),
        Driver::good("c", r#""after": ["a"]"#),
        Driver::good("d", r#""after": ["c"]"#),
    ]);
    ring.wait(5000);
    assert!(ring.orders().is_empty());
    let start = "it is not started: these programs wait for each other, ";
    for (name, way) in [("a", "a → b → c → a"), ("c", "c → a → b → c")] {
        let expected =
            format!("{start}{way}; take one of the names out of \"after\" or \"requires\"");
        assert_eq!(ring.reason(name), expected);
    }
    assert!(ring.reason("d").starts_with("it waits for c"));
    ring.file("a", "");
    assert_eq!(ring.orders(), ["spawn a", "spawn c", "spawn d"]);
    ring.wait(1000);
    assert_eq!(ring.orders(), ["spawn b"]);
}

#[test]
fn a_ring_stops_nobody_and_replaces_nobody() {
    let mut ring = Driver::running("a", "");
    ring.file("b", r#""requires": ["a"]"#);
    ring.wait(2000);
    ring.file("a", r#""requires": ["b"]"#);
    ring.orders();
    ring.tell("RESTART", "a");
    ring.file("a", r#""args": ["y"], "requires": ["b"]"#);
    ring.exits("b", 1);
    ring.wait(5000);
    assert!(ring.orders().is_empty(), "a goes on, and b cannot start");
    assert_eq!(ring.state("a"), State::Running);
    assert!(
        ring.reason("a")
            .starts_with("it is to be restarted, and goes on")
    );
    assert_eq!(ring.record("a").turn, Some(TurnWord::Held));
    assert!(
        ring.reason("b").contains("b → a → b"),
        "{}",
        ring.reason("b")
    );
    ring.file("a", r#""args": ["y"]"#);
    assert_eq!(ring.orders(), ["SIGTERM a", "SIGCONT a"]);
    ring.exits("a", 0);
    ring.wait(1000);
    assert_eq!(ring.orders(), ["spawn a", "spawn b"]);
}
