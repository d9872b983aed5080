//! Orders, carried out: each is one call, and what comes of it is a fact.

mod readiness;
mod starting;
mod succession;
mod together;

use std::fs::File;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

use ncolony_core::colony::{Effect, Generation, Observation, Scope};
use ncolony_core::{Places, ProgramName, Signal};

use crate::eventlog::EventLog;
use crate::listening::Listening;
use crate::logs::{Logs, Report, Source};
use crate::place::Place;
use crate::readiness::{Addresses, Notices, Probes};
use crate::run_id::RunIds;
use crate::sources::children::Children;
use crate::sources::messages::Mailbox;
use crate::statusdir::StatusDir;
use crate::sys::limits::Limit;
use crate::sys::spawn::launchers::Launchers;
use crate::sys::{clock, environ, errno};

use together::Start;

/// What the machine's orders are carried out with.
#[derive(Debug)]
pub(crate) struct Executor {
    pub(crate) launchers: Launchers,
    /// What has no input and prints to nobody.
    null: Arc<File>,
    pub(crate) children: Children,
    pub(crate) listening: Listening,
    pub(crate) notices: Notices,
    pub(crate) probes: Probes,
    pub(crate) logs: Logs,
    pub(crate) status: StatusDir,
    pub(crate) events: EventLog,
    pub(crate) mailbox: Mailbox,
    pub(crate) run_ids: RunIds,
    pub(crate) places: Places,
    pub(crate) open_files: Option<Limit>,
    pub(crate) boot_id: String,
    /// How many starts are under way.
    underway: usize,
    /// The highest descriptor that was open before any program was.
    own_descriptors: RawFd,
    /// Programs whose ended process has not yet told its last lines: their records wait for them.
    awaiting_output: std::collections::BTreeMap<ProgramName, Generation>,
    pub(crate) counters: Counters,
    /// Given up last: what else we hold may still be writing.
    pub(crate) place: Place,
}

/// What was done so far.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) spawns: u64,
    pub(crate) spawn_failures: u64,
    pub(crate) exits: u64,
    pub(crate) signals: u64,
}

/// What came of an order.
#[derive(Debug)]
pub(crate) enum Done {
    /// Nothing that the machine has to know.
    Silently,
    /// Facts.
    With(Vec<Observation>),
    /// Both directories are to be looked at.
    Rescan,
    /// The monitor's image is to be replaced.
    Upgrade,
}

/// What an executor is made of.
pub(crate) struct Parts {
    pub(crate) launchers: Launchers,
    pub(crate) children: Children,
    pub(crate) logs: Logs,
    pub(crate) status: StatusDir,
    pub(crate) run_ids: RunIds,
    pub(crate) places: Places,
    pub(crate) open_files: Option<Limit>,
    pub(crate) place: Place,
}

impl Executor {
    /// An executor that has done nothing yet.
    pub(crate) fn new(parts: Parts) -> Self {
        let null = parts.launchers.null();
        // The next that is opened has the lowest number that is free.
        let newest = null.try_clone();
        let own_descriptors = newest.map_or(0, |newest| newest.as_raw_fd());
        Self {
            launchers: parts.launchers,
            null,
            listening: Listening::default(),
            notices: Notices::new(Addresses::new(
                &parts.places.notices(),
                parts.run_ids.colony(),
            )),
            probes: Probes::new(parts.open_files),
            children: parts.children,
            logs: parts.logs,
            status: parts.status,
            events: EventLog::new(parts.places.events()),
            mailbox: Mailbox::new(&parts.places.messages),
            run_ids: parts.run_ids,
            places: parts.places,
            open_files: parts.open_files,
            boot_id: environ::boot_id(),
            underway: 0,
            own_descriptors,
            awaiting_output: std::collections::BTreeMap::new(),
            counters: Counters::default(),
            place: parts.place,
        }
    }

    /// Carries out one order; a start together with others that `more` gives.
    pub(crate) fn execute(&mut self, effect: Effect, more: impl FnMut() -> Option<Start>) -> Done {
        match effect {
            Effect::Spawn { spec, generation } => {
                return Done::With(self.start_together((spec, generation), more));
            }
            Effect::Signal {
                name,
                generation,
                scope,
                signal,
            } => {
                self.signal(&name, generation, scope, signal);
            }
            Effect::Tell(events) => self.events.append(&events),
            Effect::Publish(record) => {
                // It is published again when the last lines are there.
                if !self.awaiting_output.contains_key(&record.name) {
                    self.status.publish(*record);
                }
            }
            Effect::Release(name) => self.listening.release(&name),
            Effect::Probe {
                spec,
                generation,
                started,
            } => self.probe(&spec, generation, started),
            Effect::EndProbe(name) => self.end_probe(&name),
            Effect::Retract(name) => {
                self.logs.forget(&name);
                self.listening.ended(&name);
                self.status.retract(&name);
                self.children.tree.release(&name);
            }
            Effect::Answer(reply) => self.status.answer(reply, clock::mono()),
            Effect::Reject { file, reason } => self.reject(&file, &reason),
            Effect::Discard { file } => self.mailbox.discard(&file),
            Effect::Rescan => return Done::Rescan,
            Effect::Upgrade => return Done::Upgrade,
        }
        Done::Silently
    }

    fn signal(&mut self, name: &ProgramName, generation: Generation, scope: Scope, signal: Signal) {
        self.counters.signals += 1;
        tracing::debug!(program = %name, %signal, "sending a signal");
        if let Err(error) = self.children.signal(name, generation, scope, signal)
            && !errno::is_no_such_process(&error)
        {
            tracing::warn!(program = %name, %signal, "cannot send it: {}", errno::of(&error));
        }
    }

    /// Puts a message aside that cannot be acted on, with the reason.
    pub(crate) fn reject(&mut self, file: &str, reason: &str) {
        let path = self.mailbox.path_of(file);
        tracing::warn!("the message {} is rejected: {reason}", path.display());
        self.put_aside(file, reason);
    }

    fn put_aside(&mut self, file: &str, reason: &str) {
        match self.status.reject(&self.mailbox.path_of(file), reason) {
            Ok(()) => self.mailbox.moved_aside(file),
            Err(why) => self.mailbox.keep_stuck(file, Some(reason.to_owned()), &why),
        }
    }

    /// Tries again to get rid of messages that were dealt with and are still there.
    pub(crate) fn dispose_again(&mut self) {
        for (file, reason) in self.mailbox.take_stuck() {
            match reason {
                Some(reason) => self.put_aside(&file, &reason),
                None => self.mailbox.discard(&file),
            }
        }
        self.mailbox.look_at_stuck();
    }

    /// Takes in the children that have ended.
    pub(crate) fn reap(&mut self) -> Vec<Observation> {
        let mut observations = Vec::new();
        for ended in self.children.reap() {
            self.counters.exits += 1;
            let child = ended.child;
            tracing::info!(program = %child.name, pid = ended.pid, "{}", ended.exit);
            self.status.remove_pid(&child.name);
            self.listening.ended(&child.name);
            self.notices.close(&child.name);
            self.logs.finish(Source {
                name: child.name.clone(),
                generation: child.generation,
            });
            self.awaiting_output.insert(child.name, child.generation);
            observations.push(ended.observation);
        }
        self.children.tree.remove_again();
        if self.children.has_leftovers() {
            observations.extend(self.children.look_at_leftovers());
        }
        observations
    }

    /// Takes in the last lines of a process that has ended.
    pub(crate) fn printed(&mut self, source: Source, lines: Vec<String>) -> Observation {
        let Source { name, generation } = source;
        if self.awaiting_output.get(&name) == Some(&generation) {
            self.awaiting_output.remove(&name);
        }
        Observation::Printed {
            name,
            generation,
            lines,
        }
    }

    /// Whether last lines are still on their way.
    pub(crate) fn awaits_output(&self) -> bool {
        !self.awaiting_output.is_empty()
    }

    /// What a report of the logs is, if it is no program's last lines: a problem, or its end.
    pub(crate) fn log_problem(report: &Report) -> Option<(String, Option<String>)> {
        match report {
            Report::Printed { .. } | Report::Left { .. } | Report::Seen { .. } => None,
            Report::Trouble { path, why } => {
                let path = path.display().to_string();
                let sentence = if path.is_empty() {
                    format!(
                        "cannot write the monitor's own output: {why}; programs that print wait"
                    )
                } else {
                    format!("cannot write the log {path}: {why}; its program waits")
                };
                Some((path, Some(sentence)))
            }
            Report::Healed { path } => Some((path.display().to_string(), None)),
            Report::Rotation { path, why } => {
                let path = path.display();
                let sentence = why
                    .as_ref()
                    .map(|why| format!("cannot rotate the log {path}: {why}; it grows on"));
                Some((format!("{path}, rotated"), sentence))
            }
        }
    }
}
