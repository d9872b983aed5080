//! How a program is stopped: it is asked, given its killtime, and then killed until it is gone.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::health::{EXTENSION_MAX, Fault, Heard};
use super::io::{Effect, Scope};
use super::phase::{Child, Phase};
use super::program::Program;
use super::sentence;
use crate::event::Cause;
use crate::signal::Signal;
use crate::spec::Policy;
use crate::time::{Mono, Now};

/// KILL is sent again after this long, until the group is gone.
pub const KILL_AGAIN: Duration = Duration::from_secs(1);

/// When a stop turns from asking to KILL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Patience {
    pub(crate) kill_at: Mono,
    pub(crate) killed: bool,
    pub(crate) asked: Asked,
    /// Why it was told to stop although it is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<Fault>,
    /// How long KILL may be put off if the process asks for that; `None`: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) latest: Option<Mono>,
}

/// Whether what is to stop was sent its stop signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Asked {
    /// A monitor had decided to send it, and died; nobody knows whether it did.
    Unknown,
    /// It was ordered.
    Ordered,
    /// It was sent.
    Done,
}

impl Patience {
    /// The stop signal is ordered now.
    pub(super) fn begun(now: Now, policy: &Policy) -> Self {
        Self {
            kill_at: now.mono.after(policy.killtime),
            killed: false,
            asked: Asked::Ordered,
            fault: None,
            latest: Some(now.mono.after(EXTENSION_MAX)),
        }
    }

    /// The process asks for so much more time.
    pub(super) fn extend(&mut self, now: Now, span: Duration) -> Heard {
        let wanted = now.mono.after(span);
        let granted = self.latest.map(|latest| latest.min(wanted));
        match granted.filter(|granted| !self.killed && *granted > self.kill_at) {
            Some(granted) => {
                self.kill_at = granted;
                Heard::Time
            }
            None => Heard::Nothing,
        }
    }
}

impl Program {
    /// Tells what runs to stop.
    pub(super) fn begin_stop(
        &mut self,
        now: Now,
        why: String,
        cause: Cause,
        out: &mut VecDeque<Effect>,
    ) {
        let Some(child) = self.child().cloned() else {
            return;
        };
        let policy = &child.spec.policy;
        self.ask_to_stop(policy.stop_signal, out);
        let patience = Patience::begun(now, policy);
        self.reason = Some(sentence::asked(&why, policy));
        self.enter(now, Phase::Stopping { child, patience }, cause);
    }

    /// A stop that an earlier monitor had decided is asked for again if that one may not have come
    /// to it: KILL must not be the first that a process hears. Its killtime begins now.
    pub(super) fn ask_if_unknown(&mut self, now: Now, out: &mut VecDeque<Effect>) {
        let (Phase::Stopping {
            child: Child { spec, .. },
            patience,
        }
        | Phase::Clearing { spec, patience, .. }) = &mut self.phase
        else {
            return;
        };
        if patience.asked == Asked::Unknown {
            *patience = Patience {
                fault: patience.fault,
                ..Patience::begun(now, &spec.policy)
            };
            let stop_signal = spec.policy.stop_signal;
            self.ask_to_stop(stop_signal, out);
        }
    }

    /// The stop signal was sent.
    pub(super) fn was_asked(&mut self) {
        if let Phase::Stopping { patience, .. } | Phase::Clearing { patience, .. } = &mut self.phase
        {
            patience.asked = Asked::Done;
        }
    }

    /// The stop signal, and CONT so that a stopped process can take it.
    pub(super) fn ask_to_stop(&self, stop_signal: Signal, out: &mut VecDeque<Effect>) {
        for signal in [stop_signal, Signal::CONT] {
            self.signal(Scope::Group, signal, out);
        }
    }

    /// Orders a signal to the present process.
    pub(crate) fn signal(&self, scope: Scope, signal: Signal, out: &mut VecDeque<Effect>) {
        let (name, generation) = (self.name.clone(), self.generation);
        out.push_back(Effect::Signal {
            name,
            generation,
            scope,
            signal,
        });
    }

    pub(super) fn kill_when_due(&mut self, now: Now, out: &mut VecDeque<Effect>) {
        let (Phase::Stopping { patience, .. } | Phase::Clearing { patience, .. }) = &mut self.phase
        else {
            return;
        };
        if now.mono < patience.kill_at {
            return;
        }
        let again = patience.killed;
        patience.kill_at = now.mono.after(KILL_AGAIN);
        patience.killed = true;
        if !again {
            self.reason = Some(sentence::killed(self.reason.as_deref()));
        }
        self.signal(Scope::Group, Signal::KILL, out);
    }

    /// KILL at once what is being stopped, if it was not sent before.
    pub(crate) fn lose_patience(&mut self, now: Now, out: &mut VecDeque<Effect>) {
        if let Phase::Stopping { patience, .. } | Phase::Clearing { patience, .. } = &mut self.phase
            && !patience.killed
        {
            patience.kill_at = now.mono;
            self.kill_when_due(now, out);
        }
    }
}
