//! G3 and G6: a monitor that is elsewhere among the control groups than its predecessor was holds
//! what that one has started by the groups that it is in.

use std::fs;
use std::path::PathBuf;

use ncolony_core::State;
use ncolony_core::status::TreeKill;
use serde_json::json;

use crate::adoption::{succeed, until_adopted};
use crate::cgroups;
use crate::colony::{Colony, shell, until};
use crate::processes::is_alive;

/// A group beside the one that the tests run in, if there can be one.
struct Elsewhere(PathBuf);

impl Elsewhere {
    fn new(name: &str) -> Option<Self> {
        let own = cgroups::directory_of(std::process::id())?;
        let directory = own.join(format!("elsewhere-{}-{name}", std::process::id()));
        fs::create_dir(&directory).ok()?;
        Some(Self(directory))
    }

    /// Has the next monitor of a colony run in it.
    fn take(&self, colony: &mut Colony) {
        let enter = format!("echo 0 > {}/cgroup.procs; exec \"$@\"", self.0.display());
        colony.wrap(&["sh", "-c", &enter, "sh"]);
    }

    fn groups(&self) -> usize {
        let entries = fs::read_dir(&self.0).unwrap().flatten();
        entries.filter(|entry| entry.path().is_dir()).count()
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                cgroups::remove(&entry.path());
            }
        }
        let _occupied = fs::remove_dir(&self.0);
    }
}

#[test]
fn the_groups_of_a_monitor_that_was_elsewhere_are_used_up() {
    let (one, two) = (Elsewhere::new("one"), Elsewhere::new("two"));
    let mut colony = Colony::new(&["-k", "0.2", "-t", "0"]);
    if let Some(one) = &one {
        one.take(&mut colony);
    }
    // Only its group says of the daemon whose it is.
    let daemon = "setsid env -i sh -c 'trap \"\" TERM; echo $$ > daemon; sleep 1000; sleep 1000' &";
    colony.program(
        "web",
        shell(&format!("{daemon} exec sleep 1000"), json!({})),
    );
    colony.program(
        "end",
        shell(
            "until test -e end; do sleep 0.02; done",
            json!({"restart": "never"}),
        ),
    );
    colony.start();
    let daemon: u32 = until("the daemon runs", || {
        colony.lines("daemon").first()?.parse().ok()
    });
    let pid = colony.until_state("web", State::Running).pid.unwrap();
    if let Some(two) = &two {
        two.take(&mut colony);
    }
    succeed(&mut colony);
    assert_eq!(until_adopted(&colony, "web").pid, Some(pid));
    until_adopted(&colony, "end");
    fs::write(colony.path("end"), "").unwrap();
    colony.until_state("end", State::Exited);
    assert!(colony.ask(json!({"type": "STOP", "name": "web"})).ok);
    colony.until_state("web", State::Stopped);
    assert!(!is_alive(pid));
    let reach = colony.overview().guarantees.tree_kill;
    assert_eq!(is_alive(daemon), reach != TreeKill::Cgroup);
    if let (Some(one), Some(two), TreeKill::Cgroup) = (&one, &two, reach) {
        assert_eq!((one.groups(), two.groups()), (0, 1));
    }
    assert!(colony.ask(json!({"type": "RESTART", "name": "web"})).ok);
    colony.until_up("web");
    drop(colony);
}
