//! Programs that are not ready yet, or have to say that they are well, outlive their monitor.

use std::fs;

use ncolony_core::State;
use serde_json::{Value, json};

use crate::adoption::{succeed, until_adopted};
use crate::colony::{Colony, until};

/// Says what stands in the file `say` again and again.
const SPEAKER: &str = r#"
import os, socket, time
while True:
    out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        address = os.environ["NOTIFY_SOCKET"]
        out.connect("\0" + address[1:] if address[0] == "@" else address)
        out.send(open(os.environ["SAY"]).read().encode())
        open(os.environ["SAY"] + ".done", "a").write("x")
    except OSError:
        pass
    out.close()
    time.sleep(0.02)
"#;

fn speaker(colony: &Colony, keys: Value) -> String {
    let mut file = json!({
        "args": ["python3", "-c", SPEAKER], "env": {"SAY": colony.path("say")}, "killtime": 1,
    });
    let more = keys.as_object().unwrap().clone();
    file.as_object_mut().unwrap().extend(more);
    file.to_string()
}

fn say(colony: &Colony, words: &str) {
    fs::write(colony.path(".say"), words).unwrap();
    fs::rename(colony.path(".say"), colony.path("say")).unwrap();
}

/// How often it has said something.
fn said(colony: &Colony) -> usize {
    fs::read(colony.path("say.done")).unwrap_or_default().len()
}

#[test]
fn what_is_not_ready_yet_is_looked_at_by_the_next_monitor() {
    let mut colony = Colony::running(&[]);
    let conditions = [
        ("file", json!({"file": colony.path("up")})),
        ("exec", json!({"exec": ["test", "-e", colony.path("up")]})),
        ("log", json!({"log": "^up$"})),
    ];
    let script = "while [ ! -e up ]; do read -t 0.01 line; done; echo up; exec sleep 1000";
    for (name, ready) in &conditions {
        let file = json!({"args": ["bash", "-c", script], "ready": ready});
        colony.program(name, file.to_string());
    }
    let pids: Vec<u32> = conditions
        .iter()
        .map(|(name, _)| colony.until_up(name))
        .collect();
    succeed(&mut colony);
    for (name, _) in &conditions {
        assert_eq!(until_adopted(&colony, name).state, State::Starting);
    }
    fs::write(colony.path("up"), "").unwrap();
    for ((name, _), pid) in conditions.iter().zip(pids) {
        let record = colony.until_state(name, State::Running);
        assert_eq!((record.pid, record.starts), (Some(pid), 1), "{name}");
    }
}

#[test]
fn a_program_is_heard_by_the_next_monitor_where_it_was_heard_by_the_last() {
    let mut colony = Colony::running(&[]);
    let keys = json!({"ready": {"notify": true}, "watchdog": 5});
    say(&colony, "STATUS=starting\nWATCHDOG=1");
    colony.program("web", speaker(&colony, keys.clone()));
    colony.until_record("web", "it is heard", |record| record.note.is_some());
    colony.kill();
    colony.start();
    let record = until_adopted(&colony, "web");
    assert_eq!(record.note.as_deref(), Some("starting"));
    assert_eq!(record.state, State::Starting);
    say(&colony, "READY=1\nSTATUS=up\nWATCHDOG=1");
    let record = colony.until_state("web", State::Running);
    assert_eq!(record.starts, 1);
    colony.until_record("web", "it is heard", |record| {
        record.note.as_deref() == Some("up")
    });
}

#[test]
fn a_watchdog_begins_anew_with_a_monitor() {
    let mut colony = Colony::running(&[]);
    say(&colony, "WATCHDOG=1");
    colony.program("web", speaker(&colony, json!({"watchdog": 2})));
    let pid = colony.until_state("web", State::Running).pid;
    colony.kill();
    let before = said(&colony);
    // Nobody listens for longer than the watchdog allows.
    let alone = std::time::Instant::now();
    until("it was alone for a while", || {
        (alone.elapsed().as_secs_f64() > 2.5).then_some(())
    });
    assert_eq!(said(&colony), before, "nobody has heard it");
    colony.start();
    until("it is heard again", || {
        (said(&colony) > before + 10).then_some(())
    });
    let record = colony.record("web");
    assert_eq!((record.pid, record.state), (pid, State::Running));
    say(&colony, "STATUS=silent");
    colony.until_record("web", "it was started again", |record| record.starts > 1);
}

#[test]
fn an_upgrade_loses_no_word() {
    let colony = Colony::running(&[]);
    let keys = json!({"ready": {"notify": true}, "watchdog": 5});
    say(&colony, "STATUS=starting\nWATCHDOG=1");
    colony.program("web", speaker(&colony, keys));
    colony.until_record("web", "it is heard", |record| record.note.is_some());
    let file = json!({"args": ["sleep", "1000"], "ready": {"exec": ["sleep", "1000"]}});
    colony.program("slow", file.to_string());
    colony.until_up("slow");
    let before = said(&colony);
    colony.upgrade();
    until("it speaks on", || (said(&colony) > before).then_some(()));
    let record = colony.record("web");
    assert!(!record.adopted && record.starts == 1, "{record:?}");
    assert_eq!(record.note.as_deref(), Some("starting"));
    say(&colony, "READY=1\nWATCHDOG=1");
    colony.until_state("web", State::Running);
    let record = colony.record("slow");
    assert_eq!((record.state, record.starts), (State::Starting, 1));
}
