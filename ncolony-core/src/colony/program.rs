//! One program: what is wanted of it, what is so, and what follows.
//!
//! Facts edit the phase, words edit the want, and [`Program::settle`] is the one place that looks
//! at both. There is no state "restarting": a process that is out of date is unwanted, is stopped
//! as any other, and when it has gone the want is looked at afresh.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::io::{Effect, Generation};
use super::order::{Due, Hold, Leave, Place};
use super::phase::{Child, Phase, Rest};
use super::sentence;
use super::telling::Telling;
use crate::descriptor::Ready;
use crate::event::Cause;
use crate::exit::Exit;
use crate::json::ConfigError;
use crate::name::ProgramName;
use crate::policy::Backoff;
use crate::spec::ProgramSpec;
use crate::status::State;
use crate::time::{Mono, Now, Wall};

/// What is wanted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Want {
    /// A process of this description, of this generation or a later one.
    Up {
        spec: Arc<ProgramSpec>,
        at_least: Generation,
    },
    /// No process.
    Down(Why),
}

/// Why no process is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The monitor is shutting down.
    Shutdown,
    /// There is no file any more.
    Removed,
    /// Its file was never good.
    NeverGood,
    /// Somebody said STOP.
    ByHand,
    /// Its file says `"enabled": false`.
    Disabled,
}

/// What a person has said over the head of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Hand {
    /// Nothing: the file decides.
    Off,
    /// START, although it is disabled.
    Up,
    /// STOP.
    Down,
}

/// A program that the colony knows.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) name: ProgramName,
    /// The last good content of its file; `None`: never good, or removed.
    pub(crate) spec: Option<Arc<ProgramSpec>>,
    pub(crate) config_error: Option<ConfigError>,
    pub(crate) digest: Option<String>,
    pub(crate) hand: Hand,
    pub(crate) at_least: Generation,
    /// Whether somebody has asked for that start of this very instance, so that it waits for no
    /// other.
    pub(crate) at_once: bool,
    pub(crate) generation: Generation,
    pub(crate) phase: Phase,
    pub(crate) backoff: Backoff,
    pub(crate) starts: u64,
    pub(crate) exit: Option<Exit>,
    pub(crate) output: Option<Vec<String>>,
    /// The last generation that ended: whose `exit` and `output` these are.
    pub(crate) ended: Generation,
    pub(crate) since: Wall,
    pub(crate) reason: Option<String>,
    /// Why somebody asked for the start that comes next.
    pub(crate) asked_because: Option<String>,
    /// Whether something may be listened on for it, which stays open between its starts.
    pub(crate) listens: bool,
    /// Which start is being looked at whether it is ready, and by which rule.
    pub(crate) probed: Option<(Generation, Ready)>,
    /// What the last word about it was: why it starts when nothing holds it any more.
    pub(crate) word: Cause,
    /// What it has to tell.
    pub(crate) telling: Telling,
    /// Its part in the order among programs, found anew at each settling.
    pub(crate) place: Place,
    /// Whether it is the one of its family that is to be replaced now.
    pub(crate) has_turn: bool,
}

impl Program {
    /// A program that nothing is known of yet. Its starts are numbered from `last` on.
    pub(crate) fn new(name: ProgramName, last: Generation, now: Now) -> Self {
        Self {
            name,
            spec: None,
            config_error: None,
            digest: None,
            hand: Hand::Off,
            at_least: Generation::default(),
            at_once: false,
            generation: last,
            phase: Phase::Idle(Rest::Stopped),
            backoff: Backoff::default(),
            starts: 0,
            exit: None,
            output: None,
            ended: Generation::default(),
            since: now.wall,
            reason: None,
            asked_because: None,
            listens: false,
            probed: None,
            word: Cause::Config,
            telling: Telling::default(),
            place: Place::default(),
            has_turn: false,
        }
    }

    /// What is wanted, from all that was said.
    pub(crate) fn want(&self, shutting_down: bool) -> Want {
        if shutting_down {
            return Want::Down(Why::Shutdown);
        }
        let Some(spec) = &self.spec else {
            let never_good = self.config_error.is_some();
            return Want::Down(if never_good {
                Why::NeverGood
            } else {
                Why::Removed
            });
        };
        match self.hand {
            Hand::Down => Want::Down(Why::ByHand),
            Hand::Off if !spec.enabled => Want::Down(Why::Disabled),
            Hand::Off | Hand::Up => Want::Up {
                spec: Arc::clone(spec),
                at_least: self.at_least,
            },
        }
    }

    /// The state that people are shown.
    pub(crate) fn state(&self) -> State {
        match &self.phase {
            Phase::Idle(Rest::Stopped) => State::Stopped,
            Phase::Idle(Rest::Exited(_)) => State::Exited,
            Phase::Idle(Rest::Fatal) => State::Fatal,
            Phase::Delayed { .. } => State::Backoff,
            Phase::Ordered { .. } | Phase::Starting(_) => State::Starting,
            Phase::Running(_) => State::Running,
            Phase::Stopping { .. } | Phase::Clearing { .. } => State::Stopping,
        }
    }

    /// Whether nothing is left of it: no file and no process.
    pub(crate) fn is_over(&self) -> bool {
        self.spec.is_none() && self.config_error.is_none() && self.is_idle()
    }

    /// Whether no process of it is there or on its way.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Idle(_) | Phase::Delayed { .. })
    }

    /// The process, while there is one.
    pub(crate) fn child(&self) -> Option<&Child> {
        match &self.phase {
            Phase::Starting(child) | Phase::Running(child) | Phase::Stopping { child, .. } => {
                Some(child)
            }
            Phase::Idle(_)
            | Phase::Delayed { .. }
            | Phase::Ordered { .. }
            | Phase::Clearing { .. } => None,
        }
    }

    /// What its present start was made with, or is being made with.
    pub(crate) fn started_with(&self) -> Option<&Arc<ProgramSpec>> {
        match &self.phase {
            Phase::Ordered { spec, .. } | Phase::Clearing { spec, .. } => Some(spec),
            Phase::Starting(child) | Phase::Running(child) | Phase::Stopping { child, .. } => {
                Some(&child.spec)
            }
            Phase::Idle(_) | Phase::Delayed { .. } => None,
        }
    }

    /// When something is due although nothing happens.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        match &self.phase {
            Phase::Idle(_) | Phase::Ordered { .. } => None,
            Phase::Delayed { until, .. } => Some(*until),
            Phase::Starting(child) => Some(child.rise_due()),
            Phase::Running(child) => child.care_due(),
            Phase::Stopping { patience, .. } | Phase::Clearing { patience, .. } => {
                Some(patience.kill_at)
            }
        }
    }

    // ----- what follows --------------------------------------------------------------------

    /// Looks at what is wanted and what is so, and orders what brings them together; all but a
    /// start, which the order among programs may hold: what is to be started is returned.
    pub(crate) fn settle(
        &mut self,
        now: Now,
        shutting_down: bool,
        leave: Leave,
        out: &mut VecDeque<Effect>,
    ) -> Option<Due> {
        let waited = self.place.hold.take().is_some();
        match (self.want(shutting_down), &mut self.phase) {
            (Want::Up { spec, .. }, Phase::Idle(Rest::Stopped)) => {
                let cause = if waited { Cause::Dependency } else { self.word };
                return Some(Due::new(spec, cause));
            }
            (Want::Up { .. }, Phase::Idle(Rest::Exited(_) | Rest::Fatal)) => {}
            (Want::Up { spec, .. }, Phase::Delayed { until, .. }) => {
                return (now.mono >= *until).then(|| Due::new(spec, Cause::Timer));
            }
            (Want::Up { .. }, Phase::Starting(_) | Phase::Running(_)) => {
                let why = match self.replacement(shutting_down) {
                    Some(outdated) => Some((outdated.why(self), outdated.cause(self))),
                    None => leave.lacks.map(|why| (why, Cause::Dependency)),
                };
                self.stop_unless_held(now, why, leave.hold, out);
            }
            (Want::Down(why), Phase::Idle(_) | Phase::Delayed { .. }) => self.rest(now, why),
            (Want::Down(why), Phase::Starting(_) | Phase::Running(_)) => {
                let sentence = sentence::stopping_because(why, self.asked_because.as_deref());
                let why = Some((sentence, why.cause()));
                self.stop_unless_held(now, why, leave.hold, out);
            }
            (Want::Up { .. } | Want::Down(_), Phase::Ordered { .. }) => {}
            (Want::Up { .. } | Want::Down(_), Phase::Stopping { .. } | Phase::Clearing { .. }) => {
                self.ask_if_unknown(now, out);
                self.kill_when_due(now, out);
            }
        }
        self.look_after(now, out);
        None
    }

    /// Whether what was listened on for it is needed no more, said once: it is wanted down, and
    /// nothing of it runs.
    pub(super) fn lets_go(&mut self, shutting_down: bool) -> bool {
        let is_down = matches!(self.want(shutting_down), Want::Down(_));
        is_down && self.is_idle() && std::mem::take(&mut self.listens)
    }

    /// Tells what runs to stop if there is a reason to, and no other has to be gone first. What is
    /// not told goes on as before.
    fn stop_unless_held(
        &mut self,
        now: Now,
        why: Option<(String, Cause)>,
        hold: Option<Hold>,
        out: &mut VecDeque<Effect>,
    ) {
        match (why, hold) {
            (Some((why, cause)), None) => self.begin_stop(now, why, cause, out),
            (Some(_), hold) => {
                self.place.hold = hold;
                self.grow_up(now);
            }
            (None, _) => self.grow_up(now),
        }
    }

    /// A start that is due waits. While it does it is at rest, and no longer in a delay.
    pub(super) fn wait_for(&mut self, now: Now, hold: Hold) {
        self.rest_for(now, Cause::Dependency, &hold.sentence());
        self.place.hold = Some(hold);
    }

    /// Orders a start.
    pub(super) fn order(
        &mut self,
        now: Now,
        spec: Arc<ProgramSpec>,
        cause: Cause,
        out: &mut VecDeque<Effect>,
    ) {
        self.generation = self.generation.next();
        self.at_once = false;
        out.push_back(Effect::Spawn {
            spec: Arc::clone(&spec),
            generation: self.generation,
        });
        self.enter(
            now,
            Phase::Ordered {
                spec,
                asked: now.mono,
            },
            cause,
        );
    }

    /// A process that nothing else is asked of is up when it has lived for its threshold.
    fn grow_up(&mut self, now: Now) {
        if let Phase::Starting(child) = &self.phase
            && child.spec.policy.ready.is_none()
            && now.mono.since(child.started) >= child.spec.policy.threshold
        {
            let child = child.clone();
            self.enter(now, Phase::Running(child), Cause::Timer);
        }
    }
}
