//! Looks by a command: a child of the monitor that runs as the program's user, with its environment
//! and in its working directory, and leads a group of its own. It is taken in with all other
//! children when it ends; one that does not is killed with its group.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ncolony_core::colony::Observation;
use ncolony_core::time::Mono;
use ncolony_core::{Exit, ProgramName, ProgramSpec};

use super::{Finding, News, Pace, Subject, earliest};
use crate::sources::children::Children;

/// So many may be fresh at the same time; the others wait for their turn.
const FRESH_MAX: usize = 16;

/// A command that has run for so long only waits, and keeps nobody from his turn: those that hang
/// are the matter of their own programs.
const FRESH: Duration = Duration::from_millis(500);

/// All programs that a command looks at.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    all: BTreeMap<ProgramName, Asked>,
    /// Processes that nobody waits for any more.
    abandoned: Vec<u32>,
}

/// One of them.
#[derive(Debug)]
struct Asked {
    subject: Subject,
    spec: Arc<ProgramSpec>,
    args: Vec<String>,
    pace: Pace,
    news: News,
    turn: Turn,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
enum Turn {
    /// It is looked again then.
    Waits(Mono),
    /// The command runs, and may do so until `until`; it is fresh until `fresh`, unless it is not
    /// any more.
    Runs {
        pid: u32,
        until: Mono,
        fresh: Option<Mono>,
    },
    /// It was told to die.
    Dies { pid: u32 },
}

impl Turn {
    fn pid(self) -> Option<u32> {
        match self {
            Self::Waits(_) => None,
            Self::Runs { pid, .. } | Self::Dies { pid } => Some(pid),
        }
    }

    /// Until when it is one of those that others wait for.
    fn fresh(self) -> Option<Mono> {
        match self {
            Self::Waits(_) | Self::Dies { .. } => None,
            Self::Runs { fresh, .. } => fresh,
        }
    }
}

impl Commands {
    /// Looks at a start from now on.
    pub(super) fn begin(
        &mut self,
        subject: Subject,
        spec: &Arc<ProgramSpec>,
        args: Vec<String>,
        pace: Pace,
    ) {
        let asked = Asked {
            spec: Arc::clone(spec),
            args,
            pace,
            news: News::default(),
            turn: Turn::Waits(Mono::default()),
            subject,
        };
        self.all.insert(spec.name.clone(), asked);
    }

    /// Looks at a program no more.
    pub(super) fn end(&mut self, name: &ProgramName) {
        let asked = self.all.remove(name);
        self.abandoned
            .extend(asked.and_then(|asked| asked.turn.pid()));
    }

    /// Has what nobody waits for killed.
    pub(crate) fn sweep(&mut self, children: &mut Children) {
        for pid in self.abandoned.drain(..) {
            children.end_expected(pid);
        }
    }

    /// Ends all that run, for a monitor that is about to be replaced. If it is not, they are run
    /// again.
    pub(crate) fn interrupt(&mut self, children: &mut Children) {
        for asked in self.all.values_mut() {
            if let Some(pid) = asked.turn.pid() {
                children.end_expected(pid);
                asked.turn = Turn::Waits(Mono::default());
            }
        }
    }

    /// For how many more there is room.
    fn room(&self) -> usize {
        let is_fresh = |asked: &&Asked| asked.turn.fresh().is_some();
        FRESH_MAX.saturating_sub(self.all.values().filter(is_fresh).count())
    }

    /// When something is due although no child ends.
    pub(crate) fn due(&self) -> Option<Mono> {
        let is_full = self.room() == 0;
        earliest(self.all.values().map(|asked| match asked.turn {
            Turn::Waits(at) => (!is_full).then_some(at),
            Turn::Runs { until, fresh, .. } => fresh.filter(|_| is_full).or(Some(until)),
            Turn::Dies { .. } => None,
        }))
    }

    /// Those whose turn it is, who has waited longest first.
    fn waiting(&mut self, now: Mono) -> Vec<&mut Asked> {
        let room = self.room();
        let due = |asked: &Asked| match asked.turn {
            Turn::Waits(at) => Some(at).filter(|at| *at <= now),
            Turn::Runs { .. } | Turn::Dies { .. } => None,
        };
        let all = self.all.values_mut();
        let mut waiting: Vec<_> = all.filter_map(|asked| Some((due(asked)?, asked))).collect();
        waiting.sort_by_key(|(at, _)| *at);
        let waiting = waiting.into_iter().map(|(_, asked)| asked);
        waiting.take(room).collect()
    }

    /// Takes in the commands that have ended, kills those that take too long, and begins those that
    /// are due. `start` starts one, and gives its number.
    pub(crate) fn go_on(
        &mut self,
        now: Mono,
        children: &mut Children,
        mut start: impl FnMut(&ProgramSpec, &[String]) -> Result<u32, String>,
    ) -> Vec<Observation> {
        self.sweep(children);
        let mut found = Vec::new();
        for asked in self.all.values_mut() {
            found.extend(asked.look_after(now, children));
        }
        for asked in self.waiting(now) {
            match start(&asked.spec, &asked.args) {
                Ok(pid) => {
                    children.expect(pid);
                    let until = now.after(asked.pace.patience());
                    let fresh = Some(now.after(FRESH));
                    asked.turn = Turn::Runs { pid, until, fresh };
                }
                Err(why) => found.extend(asked.conclude(now, Err(why))),
            }
        }
        found
    }
}

impl Asked {
    fn look_after(&mut self, now: Mono, children: &mut Children) -> Option<Observation> {
        let pid = self.turn.pid()?;
        match (children.take_expected(pid), self.turn) {
            (Some(Exit::Code(0)), Turn::Runs { .. }) => self.conclude(now, Ok(())),
            (Some(exit), Turn::Runs { .. }) => self.conclude(now, Err(format!("it {exit}"))),
            (Some(_), Turn::Dies { .. } | Turn::Waits(_)) => {
                let late = self.pace.gave_up();
                self.conclude(now, Err(late))
            }
            (None, Turn::Runs { until, .. }) if until <= now => {
                children.kill_expected(pid);
                self.turn = Turn::Dies { pid };
                None
            }
            (None, Turn::Runs { until, fresh, .. }) => {
                let fresh = fresh.filter(|fresh| *fresh > now);
                self.turn = Turn::Runs { pid, until, fresh };
                None
            }
            (None, Turn::Dies { .. } | Turn::Waits(_)) => None,
        }
    }

    fn conclude(&mut self, now: Mono, finding: Finding) -> Option<Observation> {
        self.turn = Turn::Waits(now.after(self.pace.next()));
        let news = self.news.take(finding)?;
        Some(self.subject.observe(news))
    }
}

#[cfg(test)]
mod tests;
