//! The machine, written down.

use super::{
    Changes, ChildSnapshot, Counts, PhaseSnapshot, ProgramSnapshot, Snapshot, Sources, refer,
};
use crate::colony::order::Hold;
use crate::colony::phase::{Child, Phase, Rest};
use crate::colony::program::Program;
use crate::colony::{Colony, Generation};
use crate::name::ProgramName;

impl Colony {
    /// Everything, written down.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut sources = Sources::new();
        let one = |(name, program): (&ProgramName, &Program)| {
            (name.clone(), program.snapshot(&mut sources))
        };
        let programs = self.programs.iter().map(one).collect();
        let (told, events) = self.chronicle.snapshot();
        Snapshot {
            counts: self.counts(),
            programs,
            sources,
            events,
            told,
        }
    }

    /// What has changed since this was last asked, written down. To be kept before anything that
    /// was ordered is done: then whoever comes after knows at least what was about to happen.
    pub fn take_changes(&mut self) -> Changes {
        let mut changes = Changes {
            acted_on: std::mem::take(&mut self.acted_on),
            ..Changes::default()
        };
        let mut names = std::mem::take(&mut self.changed);
        names.append(&mut self.carried_out);
        for name in names {
            match self.programs.get(&name) {
                Some(program) => changes
                    .programs
                    .push(program.snapshot(&mut changes.sources)),
                None => changes.gone.push(name),
            }
        }
        self.chronicle.write_down(&mut changes);
        if !changes.gone.is_empty() || !changes.acted_on.is_empty() {
            changes.counts = Some(self.counts());
        }
        changes
    }

    /// Whether anything has changed since it was last written down that must not be lost. What was
    /// carried out meanwhile is written with it, and before a monitor exits and leaves everything:
    /// without that, its successor asks a second time what is to stop.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        let carried_out = self.is_detaching() && !self.carried_out.is_empty();
        !self.changed.is_empty()
            || !self.acted_on.is_empty()
            || self.chronicle.has_changes()
            || carried_out
    }

    /// The stop signal of this start was sent.
    pub(in crate::colony) fn was_asked(&mut self, name: ProgramName, generation: Generation) {
        if let Some(program) = self.programs.get_mut(&name)
            && program.generation == generation
        {
            program.was_asked();
            self.carried_out.insert(name);
        }
    }

    fn counts(&self) -> Counts {
        Counts {
            heard: self.heard,
            retired: self.retired,
            upgrading: self.upgrading.clone(),
        }
    }
}

impl Program {
    fn snapshot(&self, sources: &mut Sources) -> ProgramSnapshot {
        ProgramSnapshot {
            name: self.name.clone(),
            source: self.spec.as_ref().map(|spec| refer(&spec.source, sources)),
            config_error: self.config_error.clone(),
            digest: self.digest.clone(),
            hand: self.hand,
            at_least: self.at_least,
            at_once: self.at_once,
            generation: self.generation,
            phase: self.phase.snapshot(sources),
            deaths: self.backoff.deaths(),
            starts: self.starts,
            exit: self.exit,
            output: self.output.clone(),
            ended: self.ended,
            since: self.since,
            reason: self.reason.clone(),
            asked_because: self.asked_because.clone(),
            listens: self.listens,
            word: self.word,
            events: self.telling.events.clone(),
            held: self.place.hold.as_ref().map(Hold::sentence),
        }
    }
}

impl Phase {
    fn snapshot(&self, sources: &mut Sources) -> PhaseSnapshot {
        match self {
            Self::Idle(Rest::Stopped) => PhaseSnapshot::Stopped,
            Self::Idle(Rest::Exited(exit)) => PhaseSnapshot::Exited(*exit),
            Self::Idle(Rest::Fatal) => PhaseSnapshot::Fatal,
            Self::Delayed {
                until,
                earliest,
                wait,
                next_start,
            } => PhaseSnapshot::Delayed {
                until: *until,
                earliest: *earliest,
                wait: *wait,
                next_start: *next_start,
            },
            Self::Ordered { spec, asked } => PhaseSnapshot::Ordered {
                source: refer(&spec.source, sources),
                asked: *asked,
            },
            Self::Starting(child) => PhaseSnapshot::Starting(child.snapshot(sources)),
            Self::Running(child) => PhaseSnapshot::Running(child.snapshot(sources)),
            Self::Stopping { child, patience } => PhaseSnapshot::Stopping {
                child: child.snapshot(sources),
                patience: *patience,
            },
            Self::Clearing {
                leader,
                ended,
                by_itself,
                spec,
                patience,
            } => PhaseSnapshot::Clearing {
                leader: *leader,
                exit: ended.exit,
                started: ended.started,
                at: ended.at,
                by_itself: *by_itself,
                source: refer(&spec.source, sources),
                patience: *patience,
            },
        }
    }
}

impl Child {
    fn snapshot(&self, sources: &mut Sources) -> ChildSnapshot {
        ChildSnapshot {
            pid: self.pid,
            identity: self.identity.clone(),
            started: self.started,
            started_wall: self.started_wall,
            source: refer(&self.spec.source, sources),
            adopted: self.adopted,
            intent: self.health.intent,
            said: self.health.said.clone(),
            obstacle: self.health.obstacle.clone(),
        }
    }
}
