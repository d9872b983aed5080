//! What does not hold on this machine that could hold on another.

use ncolony_core::MonitorStatus;
use ncolony_core::status::{ExitCodes, TreeKill};

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// What somebody who looks after the colony should know, and can change.
    Important,
    /// All of it.
    All,
}

/// One line about it; none where there is nothing to tell.
pub(super) fn line(monitor: &MonitorStatus, detail: Detail) -> Option<String> {
    let held = monitor.guarantees;
    let mut weaker = Vec::new();
    // As process 1 it cannot be otherwise, and whoever looks at a container does not wonder.
    if !held.adoption && (detail == Detail::All || monitor.pid != 1) {
        weaker.push("programs do not outlive the monitor");
    }
    if detail == Detail::All && held.exit_codes == ExitCodes::Unknown {
        weaker.push("how a program ended that outlived a monitor is not known");
    }
    if detail == Detail::All {
        match held.tree_kill {
            TreeKill::Cgroup => {}
            TreeKill::Subreaper => weaker.push(
                "a stop reaches what has left a program's process group only when it is orphaned, and has kept its environment",
            ),
            TreeKill::Group => {
                weaker.push("a stop does not reach what has left a program's process group");
            }
        }
    }
    (!weaker.is_empty()).then(|| format!("on this machine: {}", weaker.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(pid: u32, adoption: bool, exit_codes: &str, tree_kill: &str, detail: Detail) -> String {
        let monitor = serde_json::from_value(json!({
            "schema": 1, "pid": pid, "version": "0", "started": "2026-01-01T00:00:00Z",
            "places": {"config": "/c", "messages": "/m", "status": "/s", "logs": null},
            "watch": "poll", "frequency": 10.0,
            "defaults": {"threshold": 1.0, "killtime": 5.0, "minrestartdelay": 1.0,
                "maxrestartdelay": 3600.0},
            "programs": 0, "ignored": [], "config_state": "ok",
            "guarantees": {"adoption": adoption, "exit_codes": exit_codes, "tree_kill": tree_kill},
            "problems": [], "counters": {}
        }))
        .unwrap();
        line(&monitor, detail).unwrap_or_default()
    }

    #[test]
    fn where_all_is_best_nothing_is_told() {
        assert_eq!(told(7, true, "exact", "cgroup", Detail::All), "");
    }

    #[test]
    fn what_nobody_can_change_is_told_only_on_request() {
        assert_eq!(told(7, true, "unknown", "group", Detail::Important), "");
        let all = told(7, true, "unknown", "group", Detail::All);
        assert!(
            all.contains("how a program ended") && all.contains("process group"),
            "{all}"
        );
        let subreaper = told(7, true, "exact", "subreaper", Detail::All);
        assert!(
            subreaper.contains("only when it is orphaned"),
            "{subreaper}"
        );
    }

    #[test]
    fn programs_that_die_with_the_monitor_are_told_of_except_in_a_container() {
        let words = "on this machine: programs do not outlive the monitor";
        assert_eq!(told(7, false, "exact", "cgroup", Detail::Important), words);
        assert_eq!(told(1, false, "exact", "cgroup", Detail::Important), "");
        assert_eq!(told(1, false, "exact", "cgroup", Detail::All), words);
    }
}
