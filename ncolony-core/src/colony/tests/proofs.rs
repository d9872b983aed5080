//! What lets a reader tell a record from before a message from one after it.

use super::driver::{Driver, Spawns, spec};
use crate::colony::{Blame, Group};
use crate::exit::Exit;
use crate::message::Reply;
use crate::status::{ProgramStatus, State, content_digest};

/// The reply to a word about `web`.
fn reply(web: &mut Driver, kind: &str) -> Reply {
    web.say(&format!(
        r#"{{"type": "{kind}", "name": "web", "id": "x"}}"#
    ));
    web.replies().pop().unwrap()
}

/// The generation that a word promises for `web`.
fn promised(web: &mut Driver, kind: &str) -> u64 {
    let reply = reply(web, kind);
    assert!(reply.ok, "{reply:?}");
    let generations: Vec<_> = reply.generations.into_iter().collect();
    assert_eq!(generations.len(), 1);
    assert_eq!(generations[0].0.as_str(), "web");
    generations[0].1
}

#[test]
fn starts_are_numbered_also_those_that_fail() {
    let mut web = Driver::with("web", "");
    assert_eq!(web.record("web").generation, 1);
    assert_eq!(web.record("web").ended, 0);
    web.spawns = Spawns::Fail(Blame::Program);
    web.exits("web", 1);
    web.wait(1000);
    let record = web.record("web");
    assert_eq!(record.state, State::Backoff);
    assert_eq!(
        (record.generation, record.starts, record.ended),
        (2, 1, 1),
        "the exit is that of the first start"
    );
}

#[test]
fn a_program_that_comes_back_is_numbered_on() {
    let mut web = Driver::with("web", "");
    web.remove("web");
    web.exits("web", 0);
    assert!(!web.has_record("web"));
    web.file("web", "");
    assert_eq!(web.record("web").generation, 2);
}

#[test]
fn a_restart_promises_the_next_start() {
    let mut web = Driver::running("web", "");
    assert_eq!(promised(&mut web, "RESTART"), 2);
    assert_eq!(promised(&mut web, "RESTART"), 2, "while the first stops");
    web.exits("web", 0);
    assert_eq!(web.record("web").generation, 2);
    web.exits("web", 1);
    assert_eq!(web.state("web"), State::Backoff);
    assert_eq!(promised(&mut web, "RESTART"), 3);
    assert_eq!(web.record("web").generation, 3);
}

#[test]
fn a_start_promises_the_process_that_is_there_or_the_next() {
    let mut web = Driver::new();
    web.spawns = Spawns::Wait;
    web.file("web", "");
    assert_eq!(promised(&mut web, "START"), 1, "it is ordered");
    let spawned = web.spawned("web");
    web.observe(spawned);
    assert_eq!(promised(&mut web, "START"), 1, "it is there");
    assert_eq!(reply(&mut web, "STOP").generations.len(), 0);
    assert_eq!(promised(&mut web, "START"), 2, "it is on its way out");
    web.exits("web", 0);
    assert_eq!(web.record("web").generation, 2);
}

#[test]
fn a_start_right_after_a_restart_promises_what_that_will_bring() {
    let mut web = Driver::running("web", "");
    let words = ["RESTART", "START"].map(|kind| {
        web.message(&format!(
            r#"{{"type": "{kind}", "name": "web", "id": "x"}}"#
        ))
    });
    web.observe_all(words.into());
    let promised: Vec<u64> = web
        .replies()
        .iter()
        .flat_map(|reply| reply.generations.values().copied())
        .collect();
    assert_eq!(promised, [2, 2]);
}

#[test]
fn every_program_that_a_word_is_about_is_promised() {
    let mut both = Driver::running("web", "");
    both.file("db", "");
    both.say(r#"{"type": "RESTART-ALL", "id": "x"}"#);
    let generations = both.replies().pop().unwrap().generations;
    assert_eq!(generations.into_values().collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn a_record_with_the_number_of_the_reply_is_from_after_the_message() {
    let mut web = Driver::running("web", "");
    assert_eq!(web.record("web").heard, 0);
    web.tell("STOP", "web");
    web.exits("web", 0);
    // A word that changes nothing has the record written once more: its sender waits for that.
    let again = reply(&mut web, "STOP").heard;
    assert_eq!(again, 2);
    assert_eq!(web.record("web").heard, again);
    web.say("{");
    assert_eq!(reply(&mut web, "START").heard, 4);
    assert_eq!(web.record("web").heard, 4);
}

#[test]
fn a_record_says_since_when_its_process_is_there() {
    let mut web = Driver::with("web", "");
    let started = web.record("web").since;
    web.wait(2000);
    assert_eq!(web.state("web"), State::Running);
    assert_eq!(web.record("web").started, Some(started));
    assert_ne!(web.record("web").since, started);
    web.tell("STOP", "web");
    assert_eq!(
        web.record("web").started,
        Some(started),
        "it is still there"
    );
    web.exits("web", 0);
    assert_eq!(web.record("web").started, None);
}

/// The record that is written when another file is seen, and the generation before.
fn after_another_file(died: bool, keys: &str) -> (u64, ProgramStatus) {
    let mut web = Driver::with("web", "");
    if died {
        web.exits("web", 1);
    }
    web.spawns = Spawns::Wait;
    let before = web.record("web").generation;
    let mut facts = vec![Driver::good("web", keys)];
    if !died {
        facts.push(web.exited("web", Exit::Code(1), Group::Gone));
    }
    web.observe_all(facts);
    let record = web.record("web").clone();
    let digest = content_digest(spec("web", keys).source.as_bytes());
    assert_eq!(record.config_digest, Some(digest));
    (before, record)
}

/// So whoever sees the digest of what he wrote need not ask whether a rest is an old one.
#[test]
fn a_rest_under_a_new_digest_is_one_of_the_new_process_or_of_one_that_did_not_change() {
    for died in [false, true] {
        let (before, record) = after_another_file(died, r#""args": ["y"]"#);
        assert_eq!(record.state, State::Starting, "died: {died}");
        assert_eq!(record.generation, before + 1);
        let (before, record) = after_another_file(died, r#""group": ["g"]"#);
        assert_eq!(record.state, State::Backoff, "died: {died}");
        assert_eq!(record.generation, before);
        assert!(record.next_start.is_some());
    }
}
