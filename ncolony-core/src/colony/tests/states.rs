//! Every way from one state to another, one test each: `docs/states.md` has the table of them, with
//! what Supervisor does.

use super::driver::{Driver, Spawns};
use crate::colony::{Blame, Group, Observation};
use crate::exit::Exit;
use crate::signal::Signal;
use crate::status::State;

/// What was told since, when the last lines of the process that ended last have come.
fn story(driver: &mut Driver) -> Vec<String> {
    let lines = driver.printed("web", &[]);
    driver.observe(lines);
    driver.story()
}

/// A program in BACKOFF, and nothing of it untold.
fn in_backoff() -> Driver {
    let mut web = Driver::with("web", "");
    web.exits("web", 0);
    story(&mut web);
    assert_eq!(web.state("web"), State::Backoff);
    web
}

/// A program in STOPPING, and nothing of it untold.
fn stopping() -> Driver {
    let mut web = Driver::running("web", "");
    web.tell("STOP", "web");
    web.story();
    web.orders();
    assert_eq!(web.state("web"), State::Stopping);
    web
}

#[test]
fn from_stopped_to_starting_when_its_file_comes() {
    let mut web = Driver::with("web", "");
    assert_eq!(web.story(), ["STOPPED>STARTING config"]);
}

#[test]
fn from_stopped_by_hand_to_starting_on_a_word_alone() {
    let mut web = stopping();
    web.exits("web", 0);
    web.file("web", r#""args": ["other"]"#);
    web.wait(3_600_000);
    assert_eq!(web.state("web"), State::Stopped);
    story(&mut web);
    web.tell("START", "web");
    assert_eq!(web.story(), ["STOPPED>STARTING message"]);
}

#[test]
fn from_disabled_to_starting_when_its_file_enables_it() {
    let mut web = Driver::new();
    web.file("web", r#""enabled": false"#);
    assert_eq!(web.state("web"), State::Stopped);
    assert!(
        web.reason("web")
            .starts_with("its file says \"enabled\": false, which holds")
    );
    web.file("web", "");
    assert_eq!(web.story(), ["STOPPED>STARTING config"]);
}

#[test]
fn from_anything_at_rest_to_starting_by_start_or_restart() {
    let exited = || {
        let mut web = Driver::with("web", r#""restart": "never""#);
        web.exits("web", 0);
        (web, "EXITED>STARTING message")
    };
    let fatal = || {
        let mut web = Driver::with("web", r#""give_up_after": 1"#);
        web.exits("web", 0);
        (web, "FATAL>STARTING message")
    };
    let backoff = || (in_backoff(), "BACKOFF>STARTING message");
    for word in ["START", "RESTART"] {
        for (mut web, wanted) in [exited(), fatal(), backoff()] {
            story(&mut web);
            web.tell(word, "web");
            assert_eq!(web.story(), [wanted], "{word}");
        }
    }
}

#[test]
fn from_starting_to_backoff_when_it_cannot_be_executed() {
    let mut web = Driver::new();
    web.spawns = Spawns::Fail(Blame::Program);
    web.file("web", "");
    assert_eq!(
        web.story(),
        ["STOPPED>STARTING config", "STARTING>BACKOFF exit"]
    );
    assert_eq!(web.record("web").pid, None);
}

#[test]
fn from_starting_to_running_at_its_threshold() {
    let mut web = Driver::with("web", "");
    web.story();
    web.wait(999);
    assert!(web.story().is_empty());
    web.wait(1);
    assert_eq!(web.story(), ["STARTING>RUNNING timer"]);
}

#[test]
fn from_starting_to_backoff_when_it_ends_too_soon_whatever_its_code() {
    for code in [0, 1] {
        let mut web = Driver::with("web", "");
        web.story();
        web.exits("web", code);
        let wanted = format!("STARTING>BACKOFF exit (exited with code {code})");
        assert_eq!(story(&mut web), [wanted]);
    }
}

#[test]
fn what_ended_too_soon_was_never_running_however_late_that_is_noticed() {
    let mut web = Driver::with("web", "");
    web.story();
    let early = web.exited("web", Exit::Code(0), Group::Gone);
    web.sleep_through(60_000);
    web.observe(early);
    let told = story(&mut web);
    assert_eq!(told[0], "STARTING>BACKOFF exit (exited with code 0)");
    assert_eq!(web.record("web").delay, 2.0, "it counts");
}

#[test]
fn the_wait_in_backoff_doubles_with_every_instant_death() {
    let mut web = Driver::with("web", "");
    for (code, wait) in [(0, 1.0), (1, 2.0), (0, 4.0)] {
        web.exits("web", code);
        assert_eq!(web.record("web").delay, wait);
        while web.state("web") == State::Backoff {
            web.wait(500);
        }
    }
}

#[test]
fn from_backoff_to_starting_when_its_wait_is_over() {
    let mut web = in_backoff();
    web.wait(999);
    assert!(web.story().is_empty());
    web.wait(1);
    assert_eq!(web.story(), ["BACKOFF>STARTING timer"]);
}

#[test]
fn from_starting_to_fatal_after_so_many_instant_deaths() {
    let mut web = Driver::with("web", r#""give_up_after": 2"#);
    web.exits("web", 0);
    web.wait(1000);
    story(&mut web);
    web.exits("web", 1);
    assert_eq!(
        story(&mut web),
        ["STARTING>FATAL exit (exited with code 1)"]
    );
    web.wait(3_600_000);
    assert_eq!(web.state("web"), State::Fatal);
}

#[test]
fn from_running_to_exited_where_its_policy_leaves_it_at_that() {
    let mut web = Driver::running("web", r#""restart": "never""#);
    web.story();
    let killed = web.exited("web", Exit::Signal(Signal::KILL), Group::Gone);
    web.observe(killed);
    assert_eq!(
        story(&mut web),
        ["RUNNING>EXITED signal (was ended by SIGKILL)"]
    );
    assert_eq!(web.record("web").exit, Some(Exit::Signal(Signal::KILL)));
}

#[test]
fn from_running_to_starting_at_once_after_a_long_life() {
    let mut web = Driver::running("web", "");
    web.story();
    web.exits("web", 1);
    assert_eq!(
        story(&mut web),
        [
            "RUNNING>BACKOFF exit (exited with code 1)",
            "BACKOFF>STARTING timer"
        ]
    );
}

#[test]
fn from_running_or_starting_to_stopping_asks_the_group() {
    for mut web in [Driver::running("web", ""), Driver::with("web", "")] {
        let before = web.state("web");
        web.story();
        web.orders();
        web.tell("STOP", "web");
        assert_eq!(web.story(), [format!("{before}>STOPPING message")]);
        assert_eq!(web.orders(), ["SIGTERM web", "SIGCONT web"]);
    }
}

#[test]
fn in_stopping_kill_follows_and_is_repeated() {
    let mut web = stopping();
    web.wait(5000);
    assert_eq!(web.orders(), ["SIGKILL web"]);
    web.wait(1000);
    assert_eq!(web.orders(), ["SIGKILL web"]);
    assert!(web.story().is_empty());
}

#[test]
fn from_stopping_to_stopped_when_all_is_gone() {
    let mut web = stopping();
    web.exits_leaving_members("web", 0);
    assert!(story(&mut web).is_empty());
    web.members_end("web");
    assert_eq!(web.story(), ["STOPPING>STOPPED exit (exited with code 0)"]);
}

#[test]
fn from_backoff_exited_and_fatal_to_stopped_by_hand() {
    let mut web = in_backoff();
    web.tell("STOP", "web");
    assert_eq!(web.story(), ["BACKOFF>STOPPED message"]);
    for (keys, wanted) in [
        (r#""restart": "never""#, "EXITED>STOPPED message"),
        (r#""give_up_after": 1"#, "FATAL>STOPPED message"),
    ] {
        let mut web = Driver::with("web", keys);
        web.exits("web", 0);
        story(&mut web);
        web.tell("STOP", "web");
        assert_eq!(web.story(), [wanted]);
        assert!(web.reason("web").contains("by hand"));
    }
}

#[test]
fn from_backoff_to_stopped_at_a_shutdown() {
    let mut web = in_backoff();
    web.observe(Observation::Shutdown);
    assert_eq!(web.story(), ["BACKOFF>STOPPED shutdown"]);
}

#[test]
fn from_running_to_stopping_to_what_follows_when_members_are_left() {
    let mut web = Driver::running("web", r#""restart": "never""#);
    web.story();
    web.exits_leaving_members("web", 0);
    assert_eq!(
        story(&mut web),
        ["RUNNING>STOPPING exit (exited with code 0)"]
    );
    web.members_end("web");
    assert_eq!(web.story(), ["STOPPING>EXITED exit"]);
}

#[test]
fn stop_while_stopping_waits_and_changes_nothing() {
    let mut web = stopping();
    web.tell("STOP", "web");
    assert!(web.orders().is_empty() && web.story().is_empty());
    assert!(web.replies().iter().all(|reply| reply.ok));
}

#[test]
fn start_while_stopping_is_remembered() {
    let mut web = stopping();
    web.tell("START", "web");
    assert!(web.orders().is_empty());
    web.exits("web", 0);
    assert_eq!(
        story(&mut web),
        [
            "STOPPING>STOPPED exit (exited with code 0)",
            "STOPPED>STARTING message"
        ]
    );
}

#[test]
fn a_restart_that_was_asked_for_is_no_instant_death_and_does_not_wait() {
    let mut web = Driver::with("web", "");
    web.tell("RESTART", "web");
    web.exits("web", 0);
    assert_eq!(web.state("web"), State::Starting);
    assert_eq!(web.record("web").delay, 1.0);
    assert_eq!(web.record("web").starts, 2);
}

#[test]
fn the_page_of_states_names_tests_that_are_there() {
    let page = include_str!("../../../../docs/states.md");
    let here = include_str!("states.rs");
    let named: Vec<&str> = page
        .split('`')
        .filter_map(|word| word.strip_prefix("states::"))
        .collect();
    for test in &named {
        assert!(here.contains(&format!("fn {test}()")), "{test}");
    }
    let tests = here.lines().filter(|line| *line == "#[test]").count();
    assert_eq!(named.len(), tests - 1, "all but this one");
}
