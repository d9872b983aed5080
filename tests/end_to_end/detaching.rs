//! `shutdown --keep-programs`: the monitor goes, the programs stay.

use serde_json::json;

use crate::colony::{Colony, shell};
use crate::processes;

#[test]
fn programs_go_on_when_their_monitor_is_told_to_leave_them() {
    let mut colony = Colony::running(&[]);
    colony.program("web", r#"{"args": ["cat"]}"#);
    colony.program("done", shell("exit 0", json!({"restart": "never"})));
    let pid = colony.until_up("web");
    colony.until_record("done", "it has exited", |record| record.exit.is_some());
    let ran = colony.ctl(&["shutdown", "--keep-programs"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(
        ran.stdout,
        "the monitor has ended; 1 program goes on running\n"
    );
    assert!(colony.ended().success());
    assert!(matches!(processes::state(pid), Some('S' | 'R')), "{pid}");
    assert_eq!(colony.record("web").pid, Some(pid));
    assert_eq!(colony.ctl(&["shutdown", "--keep-programs"]).code, Some(5));
}
