//! The commands that the documents for people who come from elsewhere name: each is run, and ends as
//! its line says.

use ncolony_core::State;
use nix::unistd::geteuid;
use serde_json::json;

use crate::colony::{Colony, shell};
use crate::command_tables::lines;

/// Lives, and takes every HUP for a word to read something again.
const SERVER: &str = "trap '' HUP; while read -r line; do :; done";

/// A colony with the programs that a document speaks of.
fn colony(programs: &[(&str, &[&str])]) -> Colony {
    let colony = Colony::running(&[]);
    for (name, groups) in programs {
        colony.program(name, shell(SERVER, json!({"group": groups})));
    }
    for (name, _) in programs {
        colony.until_state(name, State::Running);
    }
    colony
}

/// Runs every command of a document, in order.
fn keeps_its_word(document: &str, colony: &Colony) {
    let commands: Vec<_> = lines(document, "-")
        .into_iter()
        .filter_map(|line| line.now)
        .collect();
    assert!(commands.len() > 5, "{document}: {commands:?}");
    for promise in commands {
        let words: Vec<&str> = promise.words.iter().map(String::as_str).collect();
        if words.contains(&"--uid") && !geteuid().is_root() {
            continue;
        }
        let outcome = colony.ctl(&words);
        assert_eq!(outcome.code, Some(promise.exit), "{words:?}: {outcome:?}");
    }
}

#[test]
fn from_supervisor() {
    let colony = colony(&[("web", &[]), ("front", &["shop"]), ("back", &["shop"])]);
    keeps_its_word("coming-from-supervisor.md", &colony);
}

#[test]
fn from_ncolony() {
    let colony = colony(&[]);
    keeps_its_word("coming-from-ncolony.md", &colony);
}

#[test]
fn from_glance_control() {
    let colony = colony(&[
        ("glance-api", &["glance"]),
        ("glance-scrubber", &["glance"]),
    ]);
    keeps_its_word("coming-from-glance-control.md", &colony);
}
