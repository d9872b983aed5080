//! What is told of each change of state.

use super::driver::{Driver, Spawns};
use super::snapshots::adopted;
use crate::colony::{Blame, Group};
use crate::event::Cause;
use crate::exit::Exit;
use crate::signal::Signal;
use crate::status::State;

fn after_its_last_lines(driver: &mut Driver) -> Vec<String> {
    let lines = driver.printed("web", &[]);
    driver.observe(lines);
    driver.story()
}

#[test]
fn a_life_is_told_from_its_file_to_its_end() {
    let mut web = Driver::running("web", "");
    let told = web.events();
    let pids: Vec<_> = told.iter().map(|event| event.pid).collect();
    assert_eq!(pids, [Some(1), Some(1)]);
    let serials: Vec<_> = told.iter().map(|event| event.serial).collect();
    assert_eq!(serials, [1, 2]);
    web.exits("web", 3);
    assert_eq!(
        after_its_last_lines(&mut web),
        [
            "RUNNING>BACKOFF exit (exited with code 3)",
            "BACKOFF>STARTING timer",
        ]
    );
}

#[test]
fn an_end_waits_for_the_last_lines_and_what_follows_waits_behind_it() {
    let mut web = Driver::running("web", "");
    web.events();
    web.exits("web", 3);
    web.wait(1000);
    assert!(web.story().is_empty());
    let lines = web.printed("web", &["bye"]);
    web.observe(lines);
    let told = web.events();
    assert_eq!(told.len(), 3);
    assert_eq!(told[0].output.as_deref(), Some(&["bye".to_owned()][..]));
    assert_eq!(told[0].lifetime, Some(2.0));
    assert_eq!(told[0].pid, Some(1));
    let detail = "it exited with code 3 after 2 s; starting again at once";
    assert_eq!(told[0].detail.as_deref(), Some(detail));
    assert!(told[1..].iter().all(|event| event.output.is_none()));
}

#[test]
fn an_end_waits_no_longer_than_until_the_next() {
    let mut web = Driver::running("web", "");
    web.events();
    web.exits("web", 3);
    web.wait(1000);
    web.exits("web", 4);
    assert_eq!(
        web.story(),
        [
            "RUNNING>BACKOFF exit (exited with code 3)",
            "BACKOFF>STARTING timer",
            "STARTING>RUNNING timer",
        ]
    );
    assert_eq!(
        after_its_last_lines(&mut web)[0],
        "RUNNING>BACKOFF exit (exited with code 4)"
    );
}

#[test]
fn a_restart_is_told_step_by_step() {
    let mut web = Driver::running("web", "");
    web.events();
    web.say(r#"{"type": "RESTART", "name": "web", "reason": "new data"}"#);
    let told = web.events();
    assert_eq!((told.len(), told[0].cause), (1, Cause::Message));
    assert!(told[0].detail.as_deref().unwrap().contains("new data"));
    let ended = web.exited("web", Exit::Signal(Signal::TERM), Group::Gone);
    web.observe(ended);
    web.events();
    let lines = web.printed("web", &[]);
    web.observe(lines);
    let mut old = Driver::running("web", "");
    old.events();
    old.file("web", r#""args": ["other"]"#);
    old.exits("web", 0);
    assert_eq!(old.story(), ["RUNNING>STOPPING config"]);
}

#[test]
fn a_start_says_why_it_is_one() {
    let starts = |driver: &mut Driver| -> Vec<String> {
        let lines = driver.printed("web", &[]);
        driver.observe(lines);
        let told = driver.events().into_iter();
        let told = told.filter(|event| event.name.as_str() == "web");
        told.filter(|event| event.to == State::Starting)
            .map(|event| event.detail.unwrap())
            .collect()
    };
    let mut web = Driver::new();
    web.file("web", r#""requires": ["db"]"#);
    web.file("db", "");
    web.wait(3000);
    assert_eq!(starts(&mut web), ["what it waited for is there"]);
    web.exits("web", 3);
    web.wait(500);
    assert_eq!(
        starts(&mut web),
        ["it has ended and is started again at once"]
    );
    web.exits("web", 3);
    web.wait(3000);
    assert_eq!(starts(&mut web), ["its wait of 1 s is over"]);
    web.file("web", r#""args": ["other"]"#);
    web.exits("web", 0);
    assert_eq!(starts(&mut web), ["its file has changed"]);
    web.tell("RESTART", "web");
    web.exits("web", 0);
    assert_eq!(starts(&mut web), ["started on request"]);
    web.say(r#"{"type": "RESTART", "name": "web", "reason": "new data"}"#);
    web.exits("web", 0);
    assert_eq!(starts(&mut web), ["started on request: new data"]);
    let mut web = Driver::with("web", "");
    assert_eq!(starts(&mut web), ["its file says that it is to run"]);
}

#[test]
fn the_start_after_a_restart_names_who_asked_for_it() {
    let mut web = Driver::running("web", "");
    web.events();
    web.say(r#"{"type": "RESTART", "name": "web", "reason": "new data"}"#);
    let ended = web.exited("web", Exit::Signal(Signal::TERM), Group::Left);
    web.observe(ended);
    let first = web.printed("web", &["bye"]);
    web.observe(first);
    web.events();
    web.members_end("web");
    let told = web.events();
    assert_eq!(told.len(), 2);
    assert_eq!(
        (told[0].cause, told[0].exit),
        (Cause::Signal, Some(Exit::Signal(Signal::TERM)))
    );
    assert_eq!((told[1].cause, told[1].pid), (Cause::Message, Some(2)));
    assert!(told[1].detail.as_deref().unwrap().contains("new data"));
}

#[test]
fn an_end_that_leaves_members_is_told_once() {
    let mut web = Driver::running("web", "");
    web.events();
    web.exits_leaving_members("web", 3);
    assert_eq!(
        after_its_last_lines(&mut web),
        ["RUNNING>STOPPING exit (exited with code 3)"]
    );
    web.members_end("web");
    assert_eq!(
        web.story(),
        ["STOPPING>BACKOFF exit", "BACKOFF>STARTING timer"]
    );
}

#[test]
fn what_wakes_is_told_as_one_change() {
    let mut web = Driver::with("web", r#""give_up_after": 1"#);
    web.exits("web", 1);
    after_its_last_lines(&mut web);
    web.tell("START", "web");
    assert_eq!(web.story(), ["FATAL>STARTING message"]);
    web.exits("web", 1);
    after_its_last_lines(&mut web);
    web.file("web", r#""args": ["other"]"#);
    assert_eq!(web.story(), ["FATAL>STARTING config"]);
    web.exits("web", 1);
    after_its_last_lines(&mut web);
    web.tell("STOP", "web");
    let told = web.events();
    assert_eq!((told.len(), told[0].cause), (1, Cause::Message));
    assert!(told[0].detail.as_deref().unwrap().contains("by hand"));
}

#[test]
fn a_start_that_fails_is_told_without_a_process() {
    let mut web = Driver::new();
    web.spawns = Spawns::Fail(Blame::Program);
    web.file("web", "");
    let told = web.events();
    assert_eq!(told.len(), 2);
    assert!(
        told.iter()
            .all(|event| event.pid.is_none() && event.exit.is_none())
    );
    assert_eq!(told[1].cause, Cause::Exit);
    assert!(
        told[1]
            .detail
            .as_deref()
            .unwrap()
            .contains("cannot be executed")
    );
}

#[test]
fn a_start_is_told_when_its_process_is_known() {
    let mut web = Driver::new();
    web.spawns = Spawns::Wait;
    web.file("web", "");
    assert!(web.story().is_empty());
    let fact = web.spawned("web");
    web.observe(fact);
    assert_eq!(web.story(), ["STOPPED>STARTING config"]);
}

#[test]
fn what_is_removed_leaves_nothing_untold() {
    let mut web = Driver::running("web", "");
    web.events();
    web.remove("web");
    web.exits("web", 0);
    assert_eq!(
        web.story(),
        [
            "RUNNING>STOPPING config",
            "STOPPING>STOPPED exit (exited with code 0)"
        ]
    );
    assert_eq!(web.colony.load().events, 0);
}

#[test]
fn a_shutdown_is_told_and_at_its_end_also_what_waits_for_lines() {
    let mut web = Driver::running("web", "");
    web.events();
    web.observe(crate::colony::Observation::Shutdown);
    web.exits("web", 0);
    assert_eq!(web.story(), ["RUNNING>STOPPING shutdown"]);
    web.colony.release_events();
    web.wait(0);
    assert_eq!(web.story(), ["STOPPING>STOPPED exit (exited with code 0)"]);
}

#[test]
fn what_was_written_down_and_not_told_is_told_by_the_next() {
    let mut web = Driver::running("web", "");
    let end = web.exited("web", Exit::Code(3), Group::Gone);
    let kept = web.events().last().unwrap().serial;
    web.observe_and_crash_before_the_orders(vec![end]);
    web.colony.resume_events(kept);
    let found = crate::colony::Observation::Adopted {
        name: super::driver::name("web"),
        generation: web.generation("web").next(),
        pid: 2,
        identity: None,
    };
    web.observe(found);
    let told = web.events();
    assert_eq!(told[0].exit, Some(Exit::Code(3)));
    assert_eq!((told[1].cause, told[1].pid), (Cause::Timer, Some(2)));
    let serials: Vec<_> = told.iter().map(|event| event.serial).collect();
    assert_eq!(serials, [kept + 1, kept + 2]);
}

#[test]
fn what_was_told_and_not_written_down_as_told_is_not_told_again() {
    let serials = |without_the_file: bool| {
        let mut web = Driver::with("web", "");
        let kept = web.events().last().unwrap().serial;
        web.crash();
        if !without_the_file {
            web.colony.resume_events(kept);
        }
        web.wait(0);
        let told = web.events();
        told.iter().map(|event| event.serial).collect::<Vec<_>>()
    };
    assert!(serials(false).is_empty());
    assert_eq!(serials(true), [1], "it is told twice rather than never");
}

#[test]
fn a_process_that_is_adopted_is_told_of() {
    let mut web = Driver::running("web", "");
    let kept = web.events().last().unwrap().serial;
    web.crash();
    web.colony.resume_events(kept);
    let fact = adopted(&web, "web");
    web.observe(fact);
    let told = web.events();
    assert_eq!(
        (told.len(), told[0].cause, told[0].pid),
        (1, Cause::Adopted, Some(1))
    );
    assert_eq!(told[0].serial, kept + 1);
}

#[test]
fn what_comes_and_goes_with_another_says_so() {
    let mut both = Driver::new();
    both.file("web", r#""requires": ["db"]"#);
    both.file("db", "");
    both.wait(3000);
    let of_web = |driver: &mut Driver| -> Vec<_> {
        let told = driver.events().into_iter();
        let told = told.filter(|event| event.name.as_str() == "web");
        told.map(|event| (event.to, event.cause, event.detail))
            .collect()
    };
    let told = of_web(&mut both);
    assert_eq!((told[0].0, told[0].1), (State::Starting, Cause::Dependency));
    both.tell("STOP", "db");
    let told = of_web(&mut both);
    assert_eq!((told[0].0, told[0].1), (State::Stopping, Cause::Dependency));
    assert!(told[0].2.as_deref().unwrap().contains("db"), "{told:?}");
}

#[test]
fn starts_that_fail_do_not_wait_for_last_lines_without_end() {
    let mut web = Driver::running("web", "");
    web.events();
    web.spawns = Spawns::Fail(Blame::Machine);
    web.exits("web", 3);
    web.wait(60_000);
    let waiting = web.colony.load().events;
    assert!(waiting < 10, "{waiting} events wait");
    let story = web.story();
    assert!(story.len() > 50, "{story:?}");
}
