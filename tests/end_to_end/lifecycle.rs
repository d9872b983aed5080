//! A program's life: how it is started, what it finds, how it ends and what follows.

use ncolony_core::State;
use serde_json::json;

use crate::colony::{Colony, shell, until};
use crate::processes;

#[test]
fn a_file_becomes_a_running_program() {
    let colony = Colony::running(&["-t", "0.05"]);
    colony.program("web", r#"{"args": ["cat"], "group": ["a", "b"]}"#);
    let record = colony.until_state("web", State::Running);
    assert_eq!(
        (record.starts, record.exit, record.config_error),
        (1, None, None)
    );
    assert_eq!(
        (record.groups, record.adopted),
        (vec!["a".to_owned(), "b".to_owned()], false)
    );
    assert!(processes::is_alive(record.pid.unwrap()));
}

#[test]
fn a_removed_file_stops_the_program_and_retracts_its_record() {
    let colony = Colony::running(&[]);
    colony.program("web", shell("exec cat", json!({})));
    let pid = colony.until_up("web");
    colony.remove("web");
    colony.until_retracted("web");
    until("its process is gone", || {
        (!processes::is_alive(pid)).then_some(())
    });
}
