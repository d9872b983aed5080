//! What a monitor leaves behind that did not end in order: its programs, which live on unwatched.
//!
//! They are ended before anything is started, so that no program ever runs twice. A process is
//! theirs if the run id in its environment is of this colony, or if a record names it and its
//! start time in this boot proves that the number still means the same process (some programs
//! write over their own environment), or if it is in a control group of this colony. Nothing else
//! is ever sent a signal.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use ncolony_core::status::ProgramStatus;
use ncolony_core::{Places, Signal};

use crate::sources::tree::Tree;
use crate::sys::cgroup::Cgroup;
use crate::sys::pidfd::Pidfd;
use crate::sys::{clock, environ};

/// A process that was left behind, held so that its number cannot come to mean another.
#[derive(Debug)]
struct Left {
    pid: u32,
    process: Pidfd,
    /// Whether it leads a group of ours.
    leads: bool,
}

/// After KILL, a process that the kernel does not let go of is waited for this long.
const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// Ends everything that a dead predecessor left, and says how many processes that were.
pub(crate) fn end_leftovers(
    places: &Places,
    colony: &str,
    tree: &Tree,
    killtime: Duration,
) -> usize {
    let mut ended = 0;
    let deadline = clock::mono().after(killtime);
    // What forks while we look is found by the next look.
    loop {
        let (left, groups) = find(places, colony, tree);
        if left.is_empty() {
            return ended;
        }
        let late = clock::mono() >= deadline;
        let give_up = clock::mono() >= deadline.after(KILL_PATIENCE);
        if late {
            groups.iter().for_each(Cgroup::kill);
        }
        for process in &left {
            ended += usize::from(!late);
            process.tell(late);
        }
        let left_time = if late {
            KILL_PATIENCE
        } else {
            deadline.since(clock::mono())
        };
        wait_for(&left, left_time);
        if give_up {
            let pids: Vec<u32> = left.iter().map(|process| process.pid).collect();
            tracing::error!(
                ?pids,
                "an earlier monitor's processes do not end, even by SIGKILL"
            );
            return ended;
        }
    }
}

impl Left {
    fn tell(&self, kill: bool) {
        let signals: &[Signal] = if kill {
            &[Signal::KILL]
        } else {
            &[Signal::TERM, Signal::CONT]
        };
        for signal in signals {
            // It may have ended meanwhile, which is what we want.
            let _gone = self.process.signal(*signal);
            if self.leads {
                let _gone = self.process.signal_group(*signal);
            }
        }
    }
}

fn wait_for(left: &[Left], most: Duration) {
    let deadline = clock::mono().after(most);
    for process in left {
        let rest = deadline.since(clock::mono()).as_millis();
        if !process
            .process
            .has_ended(u16::try_from(rest).unwrap_or(u16::MAX))
        {
            return;
        }
    }
}

/// Who is left, and the control groups that hold some of them.
fn find(places: &Places, colony: &str, tree: &Tree) -> (Vec<Left>, Vec<Cgroup>) {
    let own = std::process::id();
    let boot_id = environ::boot_id();
    let recorded = recorded(&places.program_statuses(), &boot_id);
    let is_recorded = |pid: u32| {
        recorded.iter().any(|(leader, identity)| {
            *leader == pid && environ::identity(pid, &boot_id).as_ref() == Some(identity)
        })
    };
    // We may be in another group than the dead monitor was.
    let leaders = recorded.iter().map(|(leader, _)| *leader);
    let elsewhere = leaders
        .filter(|leader| is_recorded(*leader))
        .filter_map(|leader| tree.group_of(leader));
    let mut groups = tree.groups();
    groups.extend(elsewhere);
    let members: HashSet<u32> = groups.iter().flat_map(Cgroup::members).collect();
    let ours = |pid: u32| {
        // The descriptor is opened first: what is then found to be ours is what it holds.
        let process = Pidfd::open(pid).ok()?;
        let leads = is_recorded(pid);
        let grouped = || members.contains(&pid) && groups.iter().any(|group| group.holds(pid));
        let ours = leads || environ::has_variable(pid, "NCOLONY_RUN_ID", colony) || grouped();
        (ours && !environ::is_zombie(pid)).then_some(Left {
            pid,
            process,
            leads,
        })
    };
    let left = environ::all_processes()
        .into_iter()
        .filter(|pid| *pid != own && *pid > 1)
        .filter_map(ours)
        .collect();
    (left, groups)
}

type Recorded = (u32, ncolony_core::status::ProcessIdentity);

/// The processes that the records of this boot name.
fn recorded(directory: &Path, boot_id: &str) -> Vec<Recorded> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let read = |path: &Path| {
        let record: ProgramStatus = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        let identity = record
            .process
            .filter(|identity| identity.boot_id == boot_id)?;
        Some((record.pid?, identity))
    };
    entries
        .flatten()
        .filter_map(|entry| read(&entry.path()))
        .collect()
}
