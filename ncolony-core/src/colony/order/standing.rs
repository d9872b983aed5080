//! How a program stands towards those that wait for it or cannot do without it.

use crate::colony::phase::{Phase, Rest};
use crate::colony::program::{Program, Want, Why};
use crate::spec::ProgramSpec;

/// What of a program matters to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// Whether those that come after it need not wait for it any longer.
    pub(super) started: bool,
    /// Whether those that require it may run.
    pub(super) running: bool,
    /// Why those that require it must not run.
    pub(super) lack: Option<Lack>,
    /// Whether something of it is there and is to go.
    pub(super) leaving: bool,
}

/// Why nobody can count on a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// There is no such program.
    Absent,
    /// The monitor is shutting down.
    ShuttingDown,
    /// Its file was removed.
    Removed,
    /// Its file was never good.
    NeverGood,
    /// Somebody stopped it.
    ByHand,
    /// Its file says that it is not to run.
    Disabled,
    /// It ended, and its policy leaves it at that.
    Exited,
    /// It is not tried again.
    Fatal,
    /// It lacks what it requires itself.
    InTurn,
}

impl Standing {
    /// A program of which nothing is known.
    pub(super) const ABSENT: Self = Self {
        started: false,
        running: false,
        lack: Some(Lack::Absent),
        leaving: false,
    };

    /// How this program stands. Whether it lacks what it requires, and whether it is in a ring of
    /// programs that wait for each other, others know.
    pub(super) fn of(program: &Program, shutting_down: bool, lacks: bool, in_ring: bool) -> Self {
        let want = program.want(shutting_down);
        Self {
            started: has_started(program, in_ring),
            running: is_running(program, in_ring),
            lack: own_lack(program, &want).or(lacks.then_some(Lack::InTurn)),
            leaving: is_leaving(program, &want, lacks, in_ring),
        }
    }

    /// How several instances stand together: those who wait wait for all of them, and can do without
    /// those that are at rest as long as there are others. `None`: there are none.
    pub(super) fn together(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        all.into_iter().reduce(|one, other| {
            let (lack, relied_on) = match (one.lack, other.lack) {
                (None, None) => (None, [Some(one), Some(other)]),
                (None, Some(_)) => (None, [Some(one), None]),
                (Some(_), None) => (None, [Some(other), None]),
                (Some(lack), Some(_)) => (Some(lack), [Some(one), Some(other)]),
            };
            let relied_on = || relied_on.iter().flatten();
            Self {
                started: relied_on().all(|it| it.started),
                running: relied_on().all(|it| it.running),
                lack,
                leaving: one.leaving || other.leaving,
            }
        })
    }

    /// Whether nobody waits for it only to come after it.
    pub(super) fn is_passed_over(&self) -> bool {
        self.lack.is_some_and(|lack| lack != Lack::InTurn)
    }
}

/// Whether a program counts as started for those that come after it: it is ready where it has to
/// be, else its process was executed; and it is not one that is about to be replaced.
fn has_started(program: &Program, in_ring: bool) -> bool {
    match &program.phase {
        Phase::Starting(child) | Phase::Running(child) => {
            program.has_started() && (in_ring || !is_replaced(program, &child.spec))
        }
        Phase::Idle(_)
        | Phase::Delayed { .. }
        | Phase::Ordered { .. }
        | Phase::Stopping { .. }
        | Phase::Clearing { .. } => false,
    }
}

fn is_running(program: &Program, in_ring: bool) -> bool {
    matches!(program.phase, Phase::Running(_)) && has_started(program, in_ring)
}

fn own_lack(program: &Program, want: &Want) -> Option<Lack> {
    match (want, &program.phase) {
        (Want::Down(why), _) => Some(match why {
            Why::Shutdown => Lack::ShuttingDown,
            Why::Removed => Lack::Removed,
            Why::NeverGood => Lack::NeverGood,
            Why::ByHand => Lack::ByHand,
            Why::Disabled => Lack::Disabled,
        }),
        (Want::Up { .. }, Phase::Idle(Rest::Exited(_))) => Some(Lack::Exited),
        (Want::Up { .. }, Phase::Idle(Rest::Fatal)) => Some(Lack::Fatal),
        (
            Want::Up { .. },
            Phase::Idle(Rest::Stopped)
            | Phase::Delayed { .. }
            | Phase::Ordered { .. }
            | Phase::Starting(_)
            | Phase::Running(_)
            | Phase::Stopping { .. }
            | Phase::Clearing { .. },
        ) => None,
    }
}

/// What cannot be started again, because it is in a ring, is not stopped to be replaced.
fn is_leaving(program: &Program, want: &Want, lacks: bool, in_ring: bool) -> bool {
    let Some(spec) = program.started_with() else {
        return false;
    };
    let stops = matches!(program.phase, Phase::Stopping { .. });
    let unwanted = matches!(want, Want::Down(_));
    unwanted || stops || lacks || (!in_ring && is_replaced(program, spec))
}

/// Whether its process is about to make way for another: one that waits for its turn is not yet.
fn is_replaced(program: &Program, started_with: &ProgramSpec) -> bool {
    program.is_superseded(started_with) && !program.waits_for_turn(false)
}

impl Lack {
    /// What is the matter with the program, as the end of a sentence that has named it.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Absent => "which does not exist",
            Self::ShuttingDown => "which is stopped because the monitor was told to shut down",
            Self::Removed => "whose file was removed",
            Self::NeverGood => "whose file was never good",
            Self::ByHand => "which was stopped by hand",
            Self::Disabled => "which is disabled",
            Self::Exited => "which has ended and is not started again",
            Self::Fatal => "which is FATAL",
            Self::InTurn => "which itself lacks what it requires",
        }
    }
}
