//! What a monitor begins with: nothing, what a predecessor that was killed has left, or what the
//! image before this one hands over in an upgrade.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;

use ncolony_core::colony::{Colony, Observation};
use ncolony_core::files::read_regular;
use ncolony_core::listing::DirectoryId;
use ncolony_core::status::ProgramStatus;
use ncolony_core::{Defaults, Places, ProgramName, ProgramSpec};

use crate::adopt::{self, Adoption, Left, Living, Sight};
use crate::handover::{Handover, Held};
use crate::journal;
use crate::logs::streams_of;
use crate::run_id::{self, Predecessor, RunIds};
use crate::state::{Entry, Header, Settled, State};
use crate::statusdir::recorded_programs;
use crate::sys::limits::Limit;
use crate::sys::pidfd::Pidfd;
use crate::sys::{clock, descriptors, environ, errno};

/// No record is longer: half of it may be the error in a program file.
const RECORD_BYTES_MAX: usize = 1024 * 1024;

/// All that is taken over.
#[derive(Debug, Default)]
pub(crate) struct Inheritance {
    /// What is known of the programs.
    pub(crate) colony: Colony,
    /// What has happened since that was written down.
    pub(crate) facts: Vec<Observation>,
    /// Main processes that are there.
    pub(crate) living: Vec<Living>,
    /// What is there of programs whose main processes are gone.
    pub(crate) left: Vec<Left>,
    /// Messages that are not to be acted on again.
    pub(crate) settled: BTreeMap<String, Settled>,
    /// The config directory that was last believed.
    pub(crate) config: Option<DirectoryId>,
    /// Open descriptors.
    pub(crate) handover: Handover,
}

/// What this process goes by when it writes a state, and when it reads one.
pub(crate) fn header(run_ids: &RunIds) -> Header {
    Header {
        home: run_ids.home(),
        ..Header::new(
            run_ids.colony(),
            &environ::boot_id(),
            environ::pid_namespace(),
        )
    }
}

/// What stands in the status directory of a monitor that did not end in order.
#[derive(Debug, Default)]
pub(crate) struct LeftBehind {
    /// What the journal says, if it is about processes that can still be there.
    pub(crate) state: Option<State>,
    /// Whether it was copied from the status directory of another colony, which may be alive: then
    /// nothing that it names is ours.
    pub(crate) is_copied: bool,
}

/// Looks at what is there.
pub(crate) fn look(places: &Places) -> LeftBehind {
    let read = journal::read(&places.status).unwrap_or_else(|why| {
        tracing::warn!("{why}; what runs is looked for by its environment alone");
        None
    });
    let home = run_id::home(&places.status);
    let is_elsewhere = |state: &State| state.header.home.is_some() && state.header.home != home;
    let is_copied = read.as_ref().is_some_and(is_elsewhere) || run_id::is_copied(&places.status);
    if is_copied {
        tracing::warn!(
            "{} is a copy of another status directory; what runs of that colony is left alone",
            places.status.display()
        );
    }
    LeftBehind {
        state: read.filter(|state| !is_copied && is_of_this_world(&state.header)),
        is_copied,
    }
}

/// The colony's half of the run ids of what runs, from a process that a record names. It is how a
/// colony is known again whose journal and mark were both removed.
pub(crate) fn colony_of_records(places: &Places) -> Option<String> {
    let of_record = |name: ProgramName| {
        let path = places.program_status(name.as_str());
        let record = read_regular(&path, RECORD_BYTES_MAX).ok()?;
        let record: ProgramStatus = serde_json::from_slice(&record).ok()?;
        let (pid, identity) = (record.pid?, record.process?);
        let _process = environ::open_if_same(pid, &identity)?;
        run_id::colony_of(&name, &environ::variable(pid, "NCOLONY_RUN_ID")?)
    };
    let mut names = recorded_programs(&places.program_statuses()).into_iter();
    names.find_map(of_record)
}

fn is_of_this_world(header: &Header) -> bool {
    header.boot_id == environ::boot_id() && header.pid_namespace == environ::pid_namespace()
}

/// Takes up what there is. `handed` is the state of an image before this one.
///
/// # Errors
/// Not all of what runs can be seen or taken up, in words. Nothing was done.
pub(crate) fn take_up(
    handed: Option<State>,
    left: Option<State>,
    run_ids: &RunIds,
    predecessor: Predecessor,
    defaults: &Defaults,
) -> Result<Inheritance, String> {
    let upgraded = handed.is_some();
    let state = handed.or(left);
    if state.is_none() && predecessor == Predecessor::None {
        return Ok(Inheritance::default());
    }
    let now = clock::now();
    let state = state.unwrap_or_else(|| State::empty(header(run_ids)));
    if state.unreadable > 0 {
        tracing::warn!(
            lines = state.unreadable,
            "what was left was not written to its end"
        );
    }
    let sight = if upgraded {
        Sight::AsFarAsItGoes
    } else {
        Sight::Whole
    };
    let handover = state.handover.unwrap_or_default();
    let handed = processes(&handover);
    let adoption = adopt::adopt(state.snapshot, run_ids, defaults, now, sight, handed);
    let adoption = adoption.map_err(|error| cannot_take_up(&errno::of(&error)))?;
    let Adoption {
        snapshot,
        mut facts,
        living,
        left,
    } = adoption;
    // What an upgrade finds, it finds while it is under way; what a death leaves, after that.
    let upgrade = upgrade_fact(upgraded, snapshot.counts.upgrading.is_some());
    let at = if upgraded { facts.len() } else { 0 };
    facts.splice(at..at, upgrade);
    let upgrade_file = snapshot.counts.upgrading.as_ref().map(|it| it.file.clone());
    let mut settled = state.settled;
    if let Some(mine) = upgrade_file.and_then(|file| settled.get_mut(&file)) {
        // The machine itself tells how that came out.
        mine.reply = None;
    }
    let colony = Colony::restored(snapshot, defaults, now);
    Ok(Inheritance {
        colony,
        facts,
        living,
        left,
        settled,
        config: state.config,
        handover,
    })
}

/// The processes that the image before this one has held.
fn processes(handover: &Handover) -> BTreeMap<ProgramName, Pidfd> {
    let process = |held: &Held| {
        let fd = descriptors::adopt(held.fd)?;
        Some((held.program.clone(), Pidfd::from(fd)))
    };
    handover.processes.iter().filter_map(process).collect()
}

fn cannot_take_up(why: &str) -> String {
    format!(
        "cannot take up what an earlier monitor left: {why}; what is not seen would be started twice, so no monitor begins; what runs goes on; raise the limit of open files (ulimit -n)"
    )
}

/// How an upgrade came out that was under way.
fn upgrade_fact(upgraded: bool, under_way: bool) -> Option<Observation> {
    let why = "the monitor ended before the upgrade was done".to_owned();
    match (under_way, upgraded) {
        (false, _) => None,
        (true, true) => Some(Observation::Upgraded),
        (true, false) => Some(Observation::UpgradeFailed { why }),
    }
}

impl Inheritance {
    /// The programs that are known.
    pub(crate) fn names(&self) -> BTreeSet<ProgramName> {
        self.colony.names().cloned().collect()
    }

    /// The programs that have or had a file.
    pub(crate) fn files(&self) -> BTreeSet<ProgramName> {
        self.colony.names().map(ProgramName::family).collect()
    }

    /// Makes sure that there are descriptors enough for all that was found.
    ///
    /// # Errors
    /// There are not, in words. Nothing was started.
    pub(crate) fn fits(&self, limit: Option<Limit>, logs: Option<&Path>) -> Result<(), String> {
        let adopted = self.living.iter().filter(|it| it.held.is_some());
        let specs = adopted.filter_map(|it| self.colony.started_with(&it.name));
        // Each stream has a FIFO and a log, and who speaks of itself has a socket.
        let needs =
            |spec: &Arc<ProgramSpec>| 2 * streams_of(spec, logs) + usize::from(spec.is_heard());
        let streams: usize = specs.map(needs).sum();
        let opened = File::open("/dev/null").map_err(|error| cannot_take_up(&errno::of(&error)))?;
        match limit {
            Some(limit) if !limit.allows(opened.as_raw_fd(), streams) => Err(cannot_take_up(
                &format!("{} open files are too few for it", limit.hard),
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// What a new journal begins with.
    pub(crate) fn first_entry(&self, run_ids: &RunIds) -> Entry {
        let state = State {
            snapshot: self.colony.snapshot(),
            settled: self.settled.clone(),
            config: self.config,
            ..State::empty(header(run_ids))
        };
        state.into_entry()
    }

    /// Says in the log what was found.
    pub(crate) fn tell(&self) {
        let (running, left) = (self.living.len(), self.left.len());
        let adopted = self.living.iter().filter(|it| it.held.is_some()).count();
        if running + left + self.colony.len() > 0 {
            tracing::info!(
                programs = self.colony.len(),
                running,
                adopted,
                "the colony of an earlier monitor is taken up"
            );
        }
    }
}
