//! G7: a message is acted on once, and never stops the listening.

use std::fs;
use std::os::unix::fs::symlink;

use ncolony_core::State;
use ncolony_core::message::Reply;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};

use crate::colony::{Colony, until};

const CAT: &str = r#"{"args": ["cat"]}"#;

fn count(colony: &Colony, directory: &str) -> usize {
    fs::read_dir(colony.path(directory)).unwrap().count()
}

fn until_no_message_waits(colony: &Colony) {
    until("no message waits", || {
        (count(colony, "messages") == 0).then_some(())
    });
}

#[test]
fn ten_thousand_messages_at_once_are_each_acted_on_once() {
    const COUNT: u64 = 10_000;
    let colony = Colony::running(&[]);
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    colony.while_it_stands_still(|| {
        for number in 0..COUNT {
            let name = format!("{number:05}");
            let text = json!({"type": "START", "name": "web", "id": name}).to_string();
            fs::write(colony.path("messages").join(name), text).unwrap();
        }
    });
    until_no_message_waits(&colony);
    colony.until_overview("all were taken", |record| {
        record.counters["messages"] >= COUNT
    });
    assert_eq!(colony.overview().counters["messages"], COUNT);
    for number in 0..COUNT {
        let text = fs::read(colony.path(format!("status/replies/{number:05}.json"))).unwrap();
        let reply: Reply = serde_json::from_slice(&text).unwrap();
        assert!(reply.ok && reply.programs.len() == 1, "{reply:?}");
    }
    let record = colony.record("web");
    assert_eq!((record.pid, record.starts), (Some(pid), 1));
}

#[test]
fn what_is_no_message_is_put_aside_with_the_reason_and_the_listening_goes_on() {
    let colony = Colony::running(&[]);
    colony.program("web", CAT);
    let pid = colony.until_up("web");
    let large = [br#"{"type": "RESCAN"}"#, &vec![b' '; 200_000][..]].concat();
    let texts: [(&str, &[u8], &str); 12] = [
        ("empty", b"", "empty"),
        ("half", b"{\"type\": \"REST", "EOF"),
        ("array", b"[]", "object"),
        ("binary", b"\xff\xfe\0", "UTF-8"),
        ("no-fields", b"{}", "\"type\""),
        ("type-unknown", b"{\"type\": \"DANCE\"}", "DANCE"),
        ("type-number", b"{\"type\": 7}", "string"),
        ("no-name", b"{\"type\": \"RESTART\"}", "name"),
        (
            "stranger",
            b"{\"type\": \"RESTART\", \"name\": \"nobody\"}",
            "nobody",
        ),
        (
            "bad-name",
            b"{\"type\": \"RESTART\", \"name\": \"../web\"}",
            "../web",
        ),
        (
            "no-members",
            b"{\"type\": \"RESTART-GROUP\", \"group\": \"none\"}",
            "none",
        ),
        ("large", &large, "131000"),
    ];
    let messages = colony.path("messages");
    colony.while_it_stands_still(|| {
        for (name, text, _) in texts {
            fs::write(messages.join(name), text).unwrap();
        }
        let sparse = fs::File::create(messages.join("sparse")).unwrap();
        sparse.set_len(8 << 30).unwrap();
        mkfifo(&messages.join("fifo"), Mode::S_IRWXU).unwrap();
        fs::create_dir(messages.join("directory")).unwrap();
        fs::write(messages.join("directory/inside"), "").unwrap();
        symlink("nowhere", messages.join("link")).unwrap();
        colony.message("zzz", &json!({"type": "STOP", "name": "web", "id": "last"}));
    });
    let others = [
        ("sparse", "131000"),
        ("fifo", "FIFO"),
        ("directory", "directory"),
        ("link", "leads nowhere"),
    ];
    for (name, wanted) in texts
        .map(|(name, _, wanted)| (name, wanted))
        .into_iter()
        .chain(others)
    {
        let reason = colony.until_rejected(name);
        assert!(reason.contains(wanted), "{name}: {reason}");
        assert!(
            colony
                .path(format!("status/rejected/{name}"))
                .symlink_metadata()
                .is_ok()
        );
    }
    colony.until_state("web", State::Stopped);
    until_no_message_waits(&colony);
    assert!(colony.ask(json!({"type": "START", "name": "web"})).ok);
    assert_ne!(colony.until_up("web"), pid);
}

#[test]
fn a_sender_learns_why_its_message_was_refused() {
    let colony = Colony::running(&[]);
    let reply = colony.ask(json!({"type": "RESTART", "name": "nobody"}));
    assert!(!reply.ok && reply.error.unwrap().contains("nobody"));
    let reply = colony.ask(json!({"type": "DANCE"}));
    assert!(!reply.ok && reply.error.unwrap().contains("DANCE"));
}

#[test]
fn messages_are_acted_on_in_order_of_name() {
    let colony = Colony::running(&[]);
    for name in ["up", "down"] {
        colony.program(name, CAT);
        colony.until_up(name);
    }
    colony.while_it_stands_still(|| {
        colony.message("2", &json!({"type": "START", "name": "up"}));
        colony.message("1", &json!({"type": "STOP", "name": "up"}));
        colony.message("4", &json!({"type": "STOP", "name": "down"}));
        colony.message("3", &json!({"type": "START", "name": "down"}));
    });
    until_no_message_waits(&colony);
    colony.until_state("down", State::Stopped);
    colony.until_up("up");
}

#[test]
fn the_newest_hundred_of_what_was_rejected_are_kept() {
    let colony = Colony::running(&[]);
    colony.while_it_stands_still(|| {
        for number in 0..150 {
            fs::write(colony.path("messages").join(format!("{number:03}")), "x").unwrap();
        }
    });
    until_no_message_waits(&colony);
    colony.until_rejected("149");
    let entries = fs::read_dir(colony.path("status/rejected"))
        .unwrap()
        .flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    let wanted: Vec<String> = (50..150)
        .flat_map(|number| [format!("{number:03}"), format!("{number:03}.reason")])
        .collect();
    assert_eq!(names, wanted);
}

#[test]
fn a_message_that_cannot_be_removed_is_acted_on_once() {
    let mut colony = Colony::new(&["--frequency", "0.05"]);
    colony.without_rights();
    colony.start();
    colony.program("web", CAT);
    colony.until_up("web");
    colony.while_it_stands_still(|| {
        colony.message("1-good", &json!({"type": "RESTART", "name": "web"}));
        colony.message("2-bad", &json!({"type": "DANCE"}));
        colony.set_mode("messages", 0o500);
    });
    colony.until_record("web", "it was restarted", |record| record.starts == 2);
    let (looks, mut noise) = (colony.overview().counters["full_looks"], 0);
    until("it was looked at again", || {
        // Its record is written when something has changed.
        noise += 1;
        let file = json!({"args": ["cat"], "enabled": false, "noise": noise});
        colony.program("noise", file.to_string());
        (colony.overview().counters["full_looks"] >= looks + 5).then_some(())
    });
    assert_eq!(colony.overview().counters["messages"], 2);
    assert_eq!(colony.log().matches("is rejected").count(), 1);
    assert!(colony.path("messages/1-good").exists());

    colony.set_mode("messages", 0o700);
    assert!(colony.ask(json!({"type": "STOP", "name": "web"})).ok);
    assert_eq!(colony.until_state("web", State::Stopped).starts, 2);
}

#[test]
fn the_last_word_wins() {
    let word = |kind: &str, name: &str| json!({"type": kind, "name": name});
    let colony = Colony::running(&[]);
    for name in ["up", "down"] {
        colony.program(name, CAT);
        colony.until_up(name);
    }
    colony.while_it_stands_still(|| {
        colony.message("1", &word("STOP", "up"));
        colony.message("2", &word("RESTART", "up"));
        colony.message("3", &word("RESTART", "down"));
        colony.message("4", &word("STOP", "down"));
    });
    until_no_message_waits(&colony);
    colony.until_state("down", State::Stopped);
    let up = colony.until_record("up", "it was restarted", |record| record.starts == 2);
    assert_eq!(colony.record("down").starts, 1);
    assert!(up.pid.is_some());
}

#[test]
fn a_hundred_restarts_cause_few_starts() {
    let colony = Colony::running(&[]);
    colony.program("web", CAT);
    let first = colony.until_up("web");
    let restart: Value = json!({"type": "RESTART", "name": "web"});
    colony.while_it_stands_still(|| {
        for number in 0..100 {
            colony.message(&format!("{number:03}"), &restart);
        }
    });
    until_no_message_waits(&colony);
    let record = colony.until_record("web", "it was restarted", |record| {
        record.pid.is_some_and(|pid| pid != first)
    });
    assert_eq!(record.starts, 2, "all of them were said in one breath");
}
