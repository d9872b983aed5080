//! A program as its record shows it.

use super::io::Generation;
use super::phase::{Phase, Rest};
use super::program::{Hand, Program, Want};
use super::sentence;
use crate::status::{ProgramStatus, SCHEMA, WantWord};

impl Program {
    /// The record of this moment, in which the colony has heard so many messages.
    pub(crate) fn record(&self, shutting_down: bool, heard: u64) -> ProgramStatus {
        let want = self.want(shutting_down);
        let child = self.child();
        let (delay, next_start) = self.waits();
        ProgramStatus {
            schema: SCHEMA,
            name: self.name.clone(),
            state: self.state(),
            want: match want {
                Want::Up { .. } => WantWord::Up,
                Want::Down(_) => WantWord::Down,
            },
            pid: child.map(|child| child.pid),
            since: self.since,
            starts: self.starts,
            exit: self.exit,
            output: self.output.clone(),
            delay,
            next_start,
            ready: matches!(self.phase, Phase::Running(_)),
            note: child.and_then(|child| child.health.note()),
            turn: None,
            reason: self.reason(&want),
            config_error: self.config_error.clone(),
            groups: self
                .spec
                .as_ref()
                .map(|spec| spec.groups.clone())
                .unwrap_or_default(),
            log: self.log(),
            adopted: child.is_some_and(|child| child.adopted),
            config_digest: self.digest.clone(),
            process: child.and_then(|child| child.identity.clone()),
            started: child.map(|child| child.started_wall),
            generation: self.generation.number(),
            ended: self.ended.number(),
            heard,
        }
    }

    /// Where it prints; a relative path is one in the logs place, which only the monitor knows.
    fn log(&self) -> Option<std::path::PathBuf> {
        let output = self.spec.as_ref().map(|spec| spec.process.stdout.clone());
        output.unwrap_or_default().log_file(self.name.as_str())
    }

    /// The generation that a word which has just asked for a process will be judged by: the
    /// present one where that is left alone, else the next.
    pub(crate) fn promised(&self) -> Generation {
        self.generation.max(self.at_least)
    }

    fn waits(&self) -> (f64, Option<crate::time::Wall>) {
        if let Phase::Delayed {
            wait, next_start, ..
        } = &self.phase
        {
            return (wait.as_secs_f64(), Some(*next_start));
        }
        let next = self
            .spec
            .as_ref()
            .map(|spec| self.backoff.next_delay(spec.policy.delays));
        (next.unwrap_or_default().as_secs_f64(), None)
    }

    fn reason(&self, want: &Want) -> Option<String> {
        if let Some(hold) = &self.place.hold {
            return Some(hold.sentence());
        }
        match (&self.phase, want) {
            (Phase::Idle(Rest::Stopped), Want::Down(why)) => {
                let told = self
                    .asked_because
                    .as_ref()
                    .filter(|_| self.hand == Hand::Down);
                let why = sentence::at_rest_because(*why);
                Some(told.map_or_else(|| why.to_owned(), |reason| format!("{why} ({reason})")))
            }
            (Phase::Idle(Rest::Stopped), Want::Up { .. }) => None,
            (Phase::Starting(_), Want::Up { .. } | Want::Down(_)) => {
                let parts = [self.reason.clone(), self.waits_for()];
                let parts: Vec<String> = parts.into_iter().flatten().collect();
                (!parts.is_empty()).then(|| parts.join("; "))
            }
            (
                Phase::Idle(Rest::Exited(_) | Rest::Fatal)
                | Phase::Delayed { .. }
                | Phase::Ordered { .. }
                | Phase::Running(_)
                | Phase::Stopping { .. }
                | Phase::Clearing { .. },
                Want::Up { .. } | Want::Down(_),
            ) => self.reason.clone(),
        }
    }
}
