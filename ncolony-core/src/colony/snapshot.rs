//! The machine as a value that can be written down and read back: what a monitor must remember so
//! that its programs outlive it, be it killed or replaced by another version of itself.
//!
//! A snapshot says less than the machine: what a file says is kept as the file's text, and read
//! again by whoever restores it. So a field of the machine may change its shape without the
//! snapshot changing its own. Fields may be added, with a default; one that changes its meaning
//! raises [`VERSION`].

mod restore;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Generation;
use super::health::Intent;
use super::program::Hand;
use super::stop::Patience;
use crate::event::{Cause, Event};
use crate::exit::Exit;
use crate::json::ConfigError;
use crate::message::{MessageId, Reply};
use crate::name::ProgramName;
use crate::status::{ProcessIdentity, content_digest};
use crate::time::{Mono, Wall};

/// The version of the snapshot's shape. A reader understands its own and every earlier one.
pub const VERSION: u32 = 1;

/// What stands for the text of a program file: many snapshots refer to the same one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceId(String);

impl SourceId {
    fn of(text: &str) -> Self {
        Self(format!(
            "{}-{}",
            content_digest(text.as_bytes()),
            text.len()
        ))
    }
}

/// The texts that snapshots refer to.
pub type Sources = BTreeMap<SourceId, Arc<str>>;

/// One program, written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProgramSnapshot {
    /// The program.
    pub name: ProgramName,
    source: Option<SourceId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config_error: Option<ConfigError>,
    digest: Option<String>,
    hand: Hand,
    at_least: Generation,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    at_once: bool,
    generation: Generation,
    phase: PhaseSnapshot,
    deaths: u32,
    starts: u64,
    exit: Option<Exit>,
    output: Option<Vec<String>>,
    ended: Generation,
    since: Wall,
    reason: Option<String>,
    asked_because: Option<String>,
    #[serde(default)]
    listens: bool,
    #[serde(default)]
    word: Cause,
    /// Events that wait for something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    events: Vec<Event>,
    /// What it waits for before it is started or told to stop, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PhaseSnapshot {
    Stopped,
    Exited(Exit),
    Fatal,
    Delayed {
        until: Mono,
        earliest: Mono,
        wait: Duration,
        next_start: Wall,
    },
    Ordered {
        source: SourceId,
        asked: Mono,
    },
    Starting(ChildSnapshot),
    Running(ChildSnapshot),
    Stopping {
        child: ChildSnapshot,
        patience: Patience,
    },
    Clearing {
        leader: u32,
        exit: Exit,
        started: Mono,
        at: Mono,
        by_itself: bool,
        source: SourceId,
        patience: Patience,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct ChildSnapshot {
    pid: u32,
    identity: Option<ProcessIdentity>,
    started: Mono,
    started_wall: Wall,
    source: SourceId,
    adopted: bool,
    #[serde(default, skip_serializing_if = "is_work")]
    intent: Intent,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    said: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    obstacle: Option<String>,
}

fn is_work(intent: &Intent) -> bool {
    *intent == Intent::Work
}

/// What a snapshot remembers of a program's processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// None is there.
    Nothing,
    /// A start was ordered; nobody wrote down what came of it.
    Ordered,
    /// Its main process.
    Process {
        /// Its number.
        pid: u32,
        /// What proves that the number still means it.
        identity: Option<ProcessIdentity>,
    },
    /// Its main process has ended, and members of its group had not.
    Group {
        /// The number of the main process, and of the group.
        leader: u32,
    },
}

/// A message that was acted on, and what its sender is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActedOn {
    /// The message's file.
    pub file: String,
    /// The outcome, if it is wanted.
    pub reply: Option<Reply>,
    /// Why nobody could act on it: then its file is not removed but moved aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<String>,
}

/// A request to replace the monitor's image that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upgrading {
    /// The message's file.
    pub file: String,
    /// Where the outcome is wanted.
    pub id: Option<MessageId>,
    /// The number of the message.
    pub heard: u64,
}

/// What a colony is besides its programs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// How many messages were heard.
    pub heard: u64,
    /// The highest number of a start of any program that is gone.
    pub retired: Generation,
    /// The upgrade that is under way. Whoever finds this observes how it came out, after a monitor's
    /// death that it failed; its message, which is among those that were acted on, is left to the
    /// machine.
    pub upgrading: Option<Upgrading>,
}

/// A whole colony, written down.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// What it is besides its programs.
    pub counts: Counts,
    /// Its programs.
    pub programs: BTreeMap<ProgramName, ProgramSnapshot>,
    /// The texts that they refer to.
    pub sources: Sources,
    /// Events that were not handed out, in order.
    pub events: Vec<Event>,
    /// The serial number of the last event that was handed out.
    pub told: u64,
}

/// What has changed since somebody last asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Changes {
    /// The texts that the programs refer to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: Sources,
    /// What the colony is besides its programs, if that has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// Programs, as they are now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub programs: Vec<ProgramSnapshot>,
    /// Programs that are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<ProgramName>,
    /// Messages that were acted on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acted_on: Vec<ActedOn>,
    /// Events that are to be handed out next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
    /// The serial number up to which events were handed out, if that has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<u64>,
}

impl Changes {
    /// Whether nothing has changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_none()
            && self.programs.is_empty()
            && self.gone.is_empty()
            && self.acted_on.is_empty()
            && self.events.is_empty()
            && self.told.is_none()
    }
}

impl From<Snapshot> for Changes {
    /// A colony as what has changed since there was none.
    fn from(snapshot: Snapshot) -> Self {
        Self {
            sources: snapshot.sources,
            counts: Some(snapshot.counts),
            programs: snapshot.programs.into_values().collect(),
            gone: Vec::new(),
            acted_on: Vec::new(),
            events: snapshot.events,
            told: (snapshot.told > 0).then_some(snapshot.told),
        }
    }
}

impl Snapshot {
    /// Takes in what has changed.
    pub fn apply(&mut self, changes: Changes) {
        self.sources.extend(changes.sources);
        self.counts = changes.counts.unwrap_or(std::mem::take(&mut self.counts));
        for program in changes.programs {
            self.programs.insert(program.name.clone(), program);
        }
        for name in &changes.gone {
            self.programs.remove(name);
        }
        self.events.extend(changes.events);
        self.told = changes.told.unwrap_or(self.told);
        self.events.retain(|event| event.serial > self.told);
    }
}

impl ProgramSnapshot {
    /// The number of its last start.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Whether the program had a file, good or bad.
    #[must_use]
    pub fn has_file(&self) -> bool {
        self.source.is_some() || self.config_error.is_some()
    }

    /// What it remembers of the program's processes.
    #[must_use]
    pub fn remembered(&self) -> Remembered {
        match &self.phase {
            PhaseSnapshot::Stopped
            | PhaseSnapshot::Exited(_)
            | PhaseSnapshot::Fatal
            | PhaseSnapshot::Delayed { .. } => Remembered::Nothing,
            PhaseSnapshot::Ordered { .. } => Remembered::Ordered,
            PhaseSnapshot::Starting(child)
            | PhaseSnapshot::Running(child)
            | PhaseSnapshot::Stopping { child, .. } => Remembered::Process {
                pid: child.pid,
                identity: child.identity.clone(),
            },
            PhaseSnapshot::Clearing { leader, .. } => Remembered::Group { leader: *leader },
        }
    }

    /// A program of which nothing was written down, and whose process was found by its
    /// environment, which holds the text of its file.
    #[must_use]
    pub fn of_found_process(found: FoundProcess, sources: &mut Sources) -> Self {
        let source = refer(&found.source, sources);
        Self {
            name: found.name,
            source: Some(source.clone()),
            config_error: None,
            digest: Some(content_digest(found.source.as_bytes())),
            hand: Hand::Off,
            at_least: Generation::default(),
            at_once: false,
            generation: found.generation,
            phase: PhaseSnapshot::Starting(ChildSnapshot {
                pid: found.pid,
                identity: found.identity,
                started: found.started,
                started_wall: found.started_wall,
                source,
                adopted: true,
                intent: Intent::Work,
                said: None,
                obstacle: None,
            }),
            deaths: 0,
            starts: 1,
            exit: None,
            output: None,
            ended: Generation::default(),
            since: found.started_wall,
            reason: None,
            asked_because: None,
            // What it was started with says it.
            listens: false,
            word: Cause::Adopted,
            events: Vec::new(),
            held: None,
        }
    }
}

/// A process that carries the colony's mark in its environment, and of which nothing was written
/// down.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundProcess {
    /// Whose it is.
    pub name: ProgramName,
    /// Which start it is from.
    pub generation: Generation,
    /// The text of the file that it was started from.
    pub source: Arc<str>,
    /// Its number.
    pub pid: u32,
    /// What proves that the number still means it.
    pub identity: Option<ProcessIdentity>,
    /// When it was started.
    pub started: Mono,
    /// The same for people.
    pub started_wall: Wall,
}

fn refer(text: &Arc<str>, sources: &mut Sources) -> SourceId {
    let id = SourceId::of(text);
    sources
        .entry(id.clone())
        .or_insert_with(|| Arc::clone(text));
    id
}
