//! The processes of a colony, by their environment: whoever was started by its monitors carries a
//! run id of it, as all do that it starts in turn.

use std::collections::HashMap;
use std::fs::File;
use std::io;

use ncolony_core::ProgramName;
use ncolony_core::colony::Generation;

use crate::run_id::RunIds;
use crate::sys::pidfd::Pidfd;
use crate::sys::{environ, errno};

/// A process that carries a run id of the colony.
#[derive(Debug)]
pub(super) struct Marked {
    pub(super) pid: u32,
    pub(super) process: Pidfd,
    /// Whether it leads a session, as a main process does.
    pub(super) leads: bool,
}

/// The processes of the colony, by the start that they come from.
pub(super) type Table = HashMap<(ProgramName, Generation), Vec<Marked>>;

/// What of the processes can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// All of them, or we do not begin: what is not seen would be started again.
    Whole,
    /// Those that there are descriptors for: the main processes are our own children, and known.
    AsFarAsItGoes,
}

/// All processes that carry a run id of the colony.
///
/// # Errors
/// There are too few descriptors to see all of them.
pub(super) fn marked(run_ids: &RunIds, sight: Sight) -> io::Result<Table> {
    let own = std::process::id();
    let mut table = Table::new();
    let others = environ::all_processes().into_iter();
    for pid in others.filter(|pid| *pid != own && *pid > 1) {
        // The descriptor is opened first: what is then found to be ours is what it holds.
        let process = match Pidfd::open(pid) {
            Ok(process) => process,
            Err(error) if errno::may_pass(&error) && sight == Sight::Whole => return Err(error),
            Err(_) => continue,
        };
        if sight == Sight::Whole {
            // The environment is read through one more, and must not seem to be empty.
            File::open("/dev/null")?;
        }
        if let Some(start) = start_of(pid, run_ids) {
            let leads = environ::leads_session(pid);
            let marked = Marked {
                pid,
                process,
                leads,
            };
            table.entry(start).or_default().push(marked);
        }
    }
    Ok(table)
}

fn start_of(pid: u32, run_ids: &RunIds) -> Option<(ProgramName, Generation)> {
    let run_id = environ::variable(pid, "NCOLONY_RUN_ID")?;
    let name = ProgramName::new(&environ::variable(pid, "NCOLONY_NAME")?).ok()?;
    let start = instance_of(pid, &name)
        .and_then(|instance| run_ids.start(instance, &run_id))
        .or_else(|| run_ids.start(name, &run_id))?;
    (!environ::is_zombie(pid)).then_some(start)
}

/// The instance that a process says it is of. A program without instances may say anything.
fn instance_of(pid: u32, name: &ProgramName) -> Option<ProgramName> {
    let number = environ::variable(pid, "NCOLONY_INSTANCE")?;
    ProgramName::parse(&format!("{name}:{number}")).ok()
}
