//! `ncolony-beatcheck`: a program whose heart has stopped is restarted, and nobody else.

use std::fs;
use std::time::{Duration, SystemTime};

use ncolony_core::State;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::binaries::binary;
use crate::colony::{Colony, shell, until};
use crate::processes;

/// A heart that beats five times as often as it has to on the busiest machine.
const BEATING: &str = "while :; do touch \"$HEART\"; sleep 0.1; done";
/// One beat, and no more.
const STILL: &str = "touch \"$HEART\"; exec sleep 1000";

/// A colony with a directory of hearts, watched by a beatcheck that it runs itself.
fn watched(keys: Value) -> Colony {
    let colony = Colony::running(&["--threshold=0", "--minrestartdelay=0.05", "--killtime=2"]);
    fs::create_dir(colony.path("hearts")).unwrap();
    let mut file = json!({"args": [
        binary("ncolony-beatcheck"), "--freq", "0.1",
        "--config", colony.path("config"), "--messages", colony.path("messages"),
    ]});
    for (key, value) in keys.as_object().unwrap() {
        file[key] = value.clone();
    }
    colony.program("beatcheck", file.to_string());
    colony.until_up("beatcheck");
    colony
}

/// Adds a program with a heart.
fn patient(colony: &Colony, name: &str, script: &str, period: f64) {
    let heart = colony.path("hearts").join(name);
    let keys = json!({
        "env": {"HEART": heart, "PATH": "/usr/bin:/bin"},
        "ncolony.beatcheck": {"period": period, "grace": 2, "status": colony.path("hearts")},
    });
    colony.program(name, shell(script, keys));
}

/// Waits until the check has restarted this program twice more: whatever it would do to others,
/// it has done.
fn until_restarted_twice_more(colony: &Colony, name: &str) {
    let before = colony.record(name).starts;
    colony.until_record(name, "it is restarted twice more", |record| {
        record.starts >= before + 2
    });
}

#[test]
fn a_program_whose_heart_stops_is_restarted_and_one_that_beats_is_not() {
    let colony = watched(json!({}));
    patient(&colony, "well", BEATING, 5.0);
    // Its file server lives in the past.
    let late = BEATING.replace("touch", "touch -d '1 hour ago'");
    patient(&colony, "late", &late, 5.0);
    patient(&colony, "still", STILL, 0.3);
    colony.until_up("still");
    until_restarted_twice_more(&colony, "still");
    let restarted = until("an event says why", || {
        let lines = colony.lines("status/events.jsonl");
        lines
            .into_iter()
            .find(|line| line.contains("its heart has stopped"))
    });
    assert!(
        restarted.contains("still") && restarted.contains("hearts/still"),
        "{restarted}"
    );
    // Longer than the period and the grace of those who beat: they would be due.
    let begun = SystemTime::now();
    until("the grace of the others is over", || {
        (begun.elapsed().unwrap() > Duration::from_secs(11)).then_some(())
    });
    until_restarted_twice_more(&colony, "still");
    for name in ["well", "late"] {
        assert_eq!(colony.record(name).starts, 1, "{name}");
    }
}

/// How long the first two processes of a program lived, both ended by a restart for this reason.
fn two_lives(colony: &Colony, name: &str, why: &str) -> [f64; 2] {
    let record = colony.until_record(name, "it is restarted twice", |record| {
        let says_why = record
            .reason
            .as_deref()
            .is_some_and(|said| said.contains(why));
        record.starts >= 3 && says_why
    });
    let told = colony.events_of(name);
    let mut lives = told.iter().filter_map(|event| event.lifetime);
    let two = [lives.next(), lives.next()].map(Option::unwrap);
    let reasons = told.iter().filter_map(|event| event.detail.as_deref());
    assert!(
        reasons.filter(|said| said.contains(why)).count() >= 2,
        "{record:?} {told:#?}"
    );
    two
}

#[test]
fn a_heart_that_stops_is_acted_on_within_its_period_and_a_look() {
    let colony = watched(json!({}));
    let heart = json!({"period": 3, "grace": 0.1, "status": colony.path("hearts")});
    let keys = json!({"env": {"HEART": colony.path("hearts/still"), "PATH": "/usr/bin:/bin"},
        "ncolony.beatcheck": heart});
    colony.program("still", shell(STILL, keys));
    for life in two_lives(&colony, "still", "its heart has stopped") {
        // A look, a turn of the check, and what a busy machine takes.
        assert!((2.9..3.0 + 0.1 + 1.0 + 3.0).contains(&life), "{life}");
    }
}

#[test]
fn who_was_restarted_has_its_grace_again() {
    let colony = watched(json!({}));
    let heart = json!({"period": 0.2, "grace": 15, "status": colony.path("hearts")});
    let keys = json!({"ncolony.beatcheck": heart});
    colony.program("silent", shell("exec sleep 1000", keys));
    for life in two_lives(&colony, "silent", "its heart does not beat") {
        assert!(life >= 2.9, "{life}");
    }
}

#[test]
fn a_program_that_is_not_wanted_up_is_left_alone() {
    let colony = watched(json!({}));
    patient(&colony, "stopped", STILL, 0.3);
    patient(&colony, "witness", STILL, 0.3);
    colony.until_up("stopped");
    colony.until_up("witness");
    until_restarted_twice_more(&colony, "stopped");
    assert!(colony.ask(json!({"type": "STOP", "name": "stopped"})).ok);
    let starts = colony.until_state("stopped", State::Stopped).starts;
    until_restarted_twice_more(&colony, "witness");
    // What was asked for before the stop was acted on before it, or the stop has cancelled it.
    let record = colony.record("stopped");
    assert_eq!((record.state, record.starts), (State::Stopped, starts));
}

#[test]
fn a_check_that_cannot_be_made_is_said_and_restarts_nobody() {
    let colony = watched(json!({}));
    let blocked = json!({"period": 0.2, "grace": 1, "status": "/dev/null/heart"});
    let sleeping = |extra: &Value| shell("exec sleep 1000", json!({"ncolony.beatcheck": extra}));
    colony.program("blocked", sleeping(&blocked));
    colony.program("senseless", sleeping(&json!({"period": "often"})));
    patient(&colony, "witness", STILL, 0.3);
    for name in ["blocked", "senseless", "witness"] {
        colony.until_up(name);
    }
    until_restarted_twice_more(&colony, "witness");
    until_restarted_twice_more(&colony, "witness");
    for (name, said) in [
        ("blocked", "/dev/null/heart"),
        ("senseless", "ncolony.beatcheck.period"),
    ] {
        assert_eq!(colony.record(name).starts, 1, "{name}");
        let lines = colony.lines("logs/beatcheck.log");
        let about = lines.iter().filter(|line| line.contains(said));
        assert_eq!(about.count(), 1, "{said}: {lines:?}");
    }
}

#[test]
fn a_standstill_of_everybody_restarts_nobody() {
    let colony = watched(json!({}));
    let heart = colony.path("hearts/well");
    patient(&colony, "well", BEATING, 3.0);
    let well = colony.until_up("well");
    let check = colony.until_up("beatcheck");
    let age = || {
        let touched = fs::metadata(&heart).ok()?.modified().ok()?;
        SystemTime::now().duration_since(touched).ok()
    };
    until("its grace is over", || {
        let lived = ncolony_core::time::Wall::from_millis(0);
        let started = colony.record("well").started.unwrap_or(lived);
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        let millis = i64::try_from(now.as_millis()).unwrap();
        (millis - started.as_millis() > 6500).then_some(())
    });
    // All of the heart's process group stands still, and so does who watches it.
    for pid in [check, well] {
        processes::signal(pid, Signal::SIGSTOP);
    }
    until("the heart has been silent for more than its period", || {
        age().filter(|age| *age > Duration::from_secs(5))
    });
    // The check goes on first, and has looked at everything before the heart can beat again.
    colony.program("unreadable", "{");
    processes::signal(check, Signal::SIGCONT);
    until("the check has looked", || {
        let lines = colony.lines("logs/beatcheck.log");
        lines
            .iter()
            .any(|line| line.contains("unreadable"))
            .then_some(())
    });
    processes::signal(well, Signal::SIGCONT);
    patient(&colony, "witness", STILL, 0.3);
    colony.until_up("witness");
    until_restarted_twice_more(&colony, "witness");
    assert_eq!(colony.record("well").starts, 1);
}

#[test]
fn the_check_has_a_heart_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let colony = watched(json!({
        "ncolony.beatcheck": {"period": 0.3, "grace": 10, "status": dir.path()}
    }));
    let heart = dir.path().join("beatcheck");
    let beat = || fs::metadata(&heart).ok()?.modified().ok();
    let first = until("its heart beats", beat);
    until("its heart beats again", || {
        beat().filter(|next| *next > first)
    });
    drop(colony);
}

#[test]
fn every_instance_is_restarted_for_itself() {
    let colony = watched(json!({}));
    let script = "heart=\"$HEARTS/web:$NCOLONY_INSTANCE\"\n\
        touch \"$heart\"\n[ $NCOLONY_INSTANCE = 1 ] && exec sleep 1000\n\
        while :; do touch \"$heart\"; sleep 0.1; done";
    let keys = json!({
        "instances": 2,
        "env": {"HEARTS": colony.path("hearts"), "PATH": "/usr/bin:/bin"},
        "ncolony.beatcheck": {"period": 2, "grace": 0.5, "status": colony.path("hearts")},
    });
    colony.program("web", shell(script, keys));
    colony.until_up("web:1");
    until_restarted_twice_more(&colony, "web:1");
    assert_eq!(colony.record("web:0").starts, 1);
}
