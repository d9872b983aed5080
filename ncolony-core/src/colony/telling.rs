//! What a program tells of itself: an event for each change of its state.
//!
//! An event leaves when all is known that belongs into it. That of a start waits for its process,
//! that of an end for the last lines that were printed; those after it wait behind it. No end waits
//! longer than until the next one of the same program, or until a few more events wait behind it.

use super::phase::{Phase, Rest};
use super::program::{Program, Why};
use super::sentence;
use crate::event::{Cause, Event};
use crate::policy::Ended;
use crate::status::State;
use crate::time::Now;

/// More events than this do not wait for last lines: starts that fail one after the other would be
/// without end.
const WAITING_MAX: usize = 6;

/// What a program has to tell, and has not told yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Telling {
    /// Its events, in order.
    pub(crate) events: Vec<Event>,
    /// Whether the last lines of the process that ended last are still to come.
    awaits_lines: bool,
    /// Which process has ended, and how, until an event says so.
    death: Option<(u32, Ended)>,
    /// The state that it was woken from, and by what, until it is decided what follows.
    woken: Option<(State, Cause)>,
}

impl Telling {
    /// What was written down of it. No lines will come for an end that somebody else has seen.
    pub(super) fn restored(events: Vec<Event>) -> Self {
        Self {
            events,
            ..Self::default()
        }
    }

    /// A process has ended, and its lines will follow.
    pub(super) fn ended(&mut self) {
        self.awaits_lines = true;
    }

    /// The next change of state is the end of this process.
    pub(super) fn tell_of_end(&mut self, pid: u32, ended: Ended) {
        self.death = Some((pid, ended));
    }

    /// The last lines have come.
    pub(super) fn lines(&mut self, lines: &[String]) {
        if !self.awaits_lines {
            return;
        }
        self.awaits_lines = false;
        let end = self.events.iter_mut().rev().find(|it| it.exit.is_some());
        if let Some(end) = end.filter(|_| !lines.is_empty()) {
            end.output = Some(lines.to_vec());
        }
    }

    /// The start that was told of last has happened.
    pub(super) fn started(&mut self, pid: u32, detail: Option<&String>) {
        if let Some(start) = self.events.last_mut()
            && start.to == State::Starting
        {
            start.pid = Some(pid);
            start.detail = detail.cloned().or(start.detail.take());
        }
    }

    /// Why it came to the last event, where that says nothing of it.
    fn explain(&mut self, why: &str) {
        if let Some(event) = self.events.last_mut()
            && event.detail.is_none()
        {
            event.detail = Some(why.to_owned());
        }
    }

    /// How many events are complete.
    fn complete(&self, start_is_open: bool) -> usize {
        let all = self.events.len();
        let is_end = |event: &Event| event.exit.is_some();
        let end = self.events.iter().rposition(is_end);
        let waits = self.awaits_lines && all <= WAITING_MAX;
        let end = end.filter(|_| waits).unwrap_or(all);
        end.min(all - usize::from(start_is_open && all > 0))
    }
}

impl Program {
    /// Enters a phase. If that is another state, an event says so.
    pub(super) fn enter(&mut self, now: Now, phase: Phase, cause: Cause) {
        let (from, cause) = self.telling.woken.take().unwrap_or((self.state(), cause));
        let is_start = matches!(phase, Phase::Ordered { .. });
        let why = is_start.then(|| self.why_started(cause)).flatten();
        self.change_phase(now, phase);
        let before = self.telling.events.len();
        self.note(now, from, cause);
        if let Some(why) = why.filter(|_| self.telling.events.len() > before) {
            self.telling.explain(&why);
        }
    }

    /// Wakes what waits or rests: it is as if it had just stopped, and what is wanted decides what
    /// follows. Only that is told.
    pub(super) fn wake(&mut self, now: Now, cause: Cause) {
        let from = self.telling.woken.take().map(|(from, _)| from);
        let from = from.unwrap_or(self.state());
        self.change_phase(now, Phase::Idle(Rest::Stopped));
        self.telling.woken = Some((from, cause));
    }

    /// Rests because nobody wants it to run.
    pub(super) fn rest(&mut self, now: Now, why: Why) {
        self.rest_for(now, why.cause(), sentence::at_rest_because(why));
    }

    /// Rests for this reason.
    pub(super) fn rest_for(&mut self, now: Now, cause: Cause, sentence: &str) {
        let before = self.telling.events.len();
        self.enter(now, Phase::Idle(Rest::Stopped), cause);
        if self.telling.events.len() > before {
            self.telling.explain(sentence);
        }
    }

    fn change_phase(&mut self, now: Now, phase: Phase) {
        let before = self.state();
        self.listens |= phase.listens();
        self.phase = phase;
        if self.state() != before {
            self.since = now.wall;
        }
    }

    fn note(&mut self, now: Now, from: State, cause: Cause) {
        let to = self.state();
        if from == to {
            return;
        }
        let death = self.telling.death.take();
        let exit = death.map(|(_, ended)| ended.exit);
        let child = self.child().map(|child| child.pid);
        self.telling.events.push(Event {
            time: now.wall,
            name: self.name.clone(),
            from,
            to,
            cause: exit.map_or(cause, Cause::of_exit),
            detail: self.detail(death.map(|(_, ended)| ended)),
            pid: death.map(|(pid, _)| pid).or(child),
            exit,
            lifetime: death.map(|(_, ended)| ended.lifetime().as_secs_f64()),
            output: None,
            serial: 0,
        });
    }

    /// Why it is started, where more is known than the cause.
    fn why_started(&self, cause: Cause) -> Option<String> {
        match (cause, &self.phase) {
            (Cause::Timer, Phase::Delayed { wait, .. }) => Some(sentence::wait_is_over(*wait)),
            (Cause::Config, _) if self.starts == 0 => Some(sentence::FILE_CAME.to_owned()),
            (Cause::Config, _) => Some(sentence::FILE_CHANGED.to_owned()),
            (Cause::Message, _) => Some(sentence::ON_REQUEST.to_owned()),
            (Cause::Dependency, _) => Some(sentence::OTHERS_CAME.to_owned()),
            (
                Cause::Timer
                | Cause::Exit
                | Cause::Signal
                | Cause::Ready
                | Cause::Watchdog
                | Cause::Shutdown
                | Cause::Adopted,
                _,
            ) => None,
        }
    }

    fn detail(&self, ended: Option<Ended>) -> Option<String> {
        match &self.phase {
            Phase::Idle(Rest::Stopped) => ended.map(|ended| sentence::gone(&ended)),
            Phase::Ordered { .. } | Phase::Starting(_) | Phase::Running(_) => None,
            Phase::Idle(Rest::Exited(_) | Rest::Fatal)
            | Phase::Delayed { .. }
            | Phase::Stopping { .. }
            | Phase::Clearing { .. } => self.reason.clone(),
        }
    }

    /// Tells that its process was found alive by a monitor that had not started it.
    pub(super) fn tell_of_adoption(&mut self, now: Now) {
        let state = self.state();
        self.telling.events.push(Event {
            time: now.wall,
            name: self.name.clone(),
            from: state,
            to: state,
            cause: Cause::Adopted,
            detail: Some(sentence::ADOPTED.to_owned()),
            pid: self.child().map(|child| child.pid),
            exit: None,
            lifetime: None,
            output: None,
            serial: 0,
        });
    }

    /// It was decided what follows: what has changed and was not told yet is told, and the events
    /// that are complete leave.
    pub(super) fn take_events(&mut self, now: Now) -> Vec<Event> {
        if let Some((from, cause)) = self.telling.woken.take() {
            self.note(now, from, cause);
        }
        let start_is_open = matches!(self.phase, Phase::Ordered { .. });
        let complete = self.telling.complete(start_is_open);
        // What is told leaves no room behind: there are many programs.
        let rest = self.telling.events.split_off(complete);
        std::mem::replace(&mut self.telling.events, rest)
    }

    /// All events leave, complete or not.
    pub(super) fn release_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.telling.events)
    }
}

impl Why {
    /// The same in one word.
    pub(super) fn cause(self) -> Cause {
        match self {
            Self::Shutdown => Cause::Shutdown,
            Self::Removed | Self::NeverGood | Self::Disabled => Cause::Config,
            Self::ByHand => Cause::Message,
        }
    }
}
