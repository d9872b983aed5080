//! G3: what becomes of program files while no monitor lives is acted on once by the next one, and
//! what cannot be read then stops nothing.

use std::fs;

use ncolony_core::State;
use serde_json::json;

use crate::adoption::{NOTE, starts, until_adopted};
use crate::colony::{Colony, shell};
use crate::processes::is_alive;

#[test]
fn what_was_written_while_no_monitor_was_there_is_acted_on_once() {
    let mut colony = Colony::running(&["-t", "0.05"]);
    let live = |tail: &str, keys| shell(&format!("{NOTE}exec cat{tail}"), keys);
    for name in ["same", "changed", "policy", "removed", "broken", "blank"] {
        colony.program(name, live("", json!({})));
        colony.until_state(name, State::Running);
    }
    let pid = |name| colony.record(name).pid.unwrap();
    let [same, changed, policy, removed, broken, blank] =
        ["same", "changed", "policy", "removed", "broken", "blank"].map(pid);
    colony.kill();
    colony.program("changed", live(" -u", json!({})));
    colony.program(
        "policy",
        live("", json!({"minrestartdelay": 7, "group": ["web"]})),
    );
    colony.remove("removed");
    colony.program("broken", "{\"args\": [");
    colony.program("blank", format!("\n{}\n", live("", json!({}))));
    colony.program("added", live("", json!({})));
    for _start in 0..2 {
        colony.start();
        colony.until_record("changed", "it is what its file says now", |record| {
            record.pid.is_some_and(|pid| pid != changed) && record.state == State::Running
        });
        colony.until_retracted("removed");
        colony.until_state("added", State::Running);
        colony.rescan();
        assert!(!is_alive(changed) && !is_alive(removed));
        let now = ["same", "policy", "broken", "blank"].map(|name| {
            let record = colony.record(name);
            (record.pid.unwrap(), record.starts)
        });
        assert_eq!(now, [same, policy, broken, blank].map(|pid| (pid, 1)));
        assert_eq!(colony.record("policy").groups, ["web"]);
        assert!(colony.record("broken").config_error.is_some());
        assert_eq!(
            (starts(&colony, "changed"), starts(&colony, "added")),
            (2, 1)
        );
        colony.kill();
    }
}

/// Has the config directory be unusable while a monitor starts, in one way or another.
fn a_config_directory_that_is_not_as_it_was_stops_nothing(
    colony: &mut Colony,
    take_away: fn(&Colony),
    bring_back: fn(&Colony),
) {
    colony.program("web", shell(&format!("{NOTE}exec cat"), json!({})));
    colony.start();
    let pid = colony.until_state("web", State::Running).pid.unwrap();
    colony.kill();
    take_away(colony);
    for _kill in 0..2 {
        colony.start();
        let record = until_adopted(colony, "web");
        assert_eq!(record.pid, Some(pid));
        colony.until_overview("it does not know what should run", |record| {
            record.config_state != "ok"
        });
        assert!(is_alive(pid));
        colony.kill();
    }
    colony.start();
    bring_back(colony);
    colony.until_overview("it knows what should run", |record| {
        record.config_state == "ok"
    });
    colony.rescan();
    let record = colony.record("web");
    assert_eq!((record.pid, record.state), (Some(pid), State::Running));
    assert_eq!(starts(colony, "web"), 1);
}

#[test]
fn a_config_directory_that_has_come_into_the_place_of_the_old_one_stops_nothing() {
    let mut colony = Colony::new(&["-t", "0.05", "--frequency", "0.2"]);
    let away = |colony: &Colony| {
        fs::rename(colony.path("config"), colony.path("away")).unwrap();
        fs::create_dir(colony.path("config")).unwrap();
    };
    let back = |colony: &Colony| {
        fs::remove_dir(colony.path("config")).unwrap();
        fs::rename(colony.path("away"), colony.path("config")).unwrap();
    };
    a_config_directory_that_is_not_as_it_was_stops_nothing(&mut colony, away, back);
}

#[test]
fn a_config_directory_that_may_not_be_read_stops_nothing() {
    let mut colony = Colony::new(&["-t", "0.05", "--frequency", "0.2"]);
    colony.without_rights();
    let away = |colony: &Colony| colony.set_mode("config", 0);
    let back = |colony: &Colony| colony.set_mode("config", 0o755);
    a_config_directory_that_is_not_as_it_was_stops_nothing(&mut colony, away, back);
}
