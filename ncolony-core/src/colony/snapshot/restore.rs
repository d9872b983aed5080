//! The machine, read back.

use std::sync::Arc;

use super::{ChildSnapshot, PhaseSnapshot, ProgramSnapshot, Snapshot, SourceId, Sources};
use crate::colony::chronicle::Chronicle;
use crate::colony::health::Health;
use crate::colony::order::Place;
use crate::colony::phase::{Child, Phase, Rest};
use crate::colony::program::Program;
use crate::colony::stop::{Asked, Patience};
use crate::colony::telling::Telling;
use crate::colony::{Colony, Generation};
use crate::name::ProgramName;
use crate::policy::{Backoff, Ended};
use crate::spec::{Defaults, ProgramSpec};
use crate::time::Now;

/// What a text is read with.
struct Reader<'a> {
    sources: &'a Sources,
    defaults: &'a Defaults,
    name: &'a ProgramName,
    now: Now,
}

impl Reader<'_> {
    /// The description that a text stands for. A text that this version cannot read any more
    /// stands for one that no file says: the process goes on until its file is read and found to
    /// differ.
    fn spec(&self, id: &SourceId) -> Arc<ProgramSpec> {
        let text = self.sources.get(id).map_or("", AsRef::as_ref);
        let read =
            |text: &str| ProgramSpec::parse(self.name.clone(), text.as_bytes(), self.defaults).ok();
        let spec = read(text).or_else(|| read(r#"{"args": ["unknown"]}"#));
        Arc::new(spec.expect("the second text is a valid program file under every default"))
    }

    fn child(&self, child: ChildSnapshot) -> Child {
        Child {
            pid: child.pid,
            identity: child.identity,
            started: child.started,
            started_wall: child.started_wall,
            spec: self.spec(&child.source),
            adopted: child.adopted,
            // A new monitor waits as long as the one before it was to wait.
            health: Health {
                intent: child.intent,
                said: child.said,
                obstacle: child.obstacle,
                ..Health::new(self.now.mono)
            },
        }
    }

    fn phase(&self, phase: PhaseSnapshot) -> Phase {
        match phase {
            PhaseSnapshot::Stopped => Phase::Idle(Rest::Stopped),
            PhaseSnapshot::Exited(exit) => Phase::Idle(Rest::Exited(exit)),
            PhaseSnapshot::Fatal => Phase::Idle(Rest::Fatal),
            PhaseSnapshot::Delayed {
                until,
                earliest,
                wait,
                next_start,
            } => Phase::Delayed {
                until,
                earliest,
                wait,
                next_start,
            },
            PhaseSnapshot::Ordered { source, asked } => Phase::Ordered {
                spec: self.spec(&source),
                asked,
            },
            PhaseSnapshot::Starting(child) => Phase::Starting(self.child(child)),
            PhaseSnapshot::Running(child) => Phase::Running(self.child(child)),
            PhaseSnapshot::Stopping { child, patience } => Phase::Stopping {
                child: self.child(child),
                patience: patience.restored(),
            },
            PhaseSnapshot::Clearing {
                leader,
                exit,
                started,
                at,
                by_itself,
                source,
                patience,
            } => Phase::Clearing {
                leader,
                ended: Ended { exit, started, at },
                by_itself,
                spec: self.spec(&source),
                patience: patience.restored(),
            },
        }
    }
}

impl Patience {
    /// An order that was not carried out when it was written down may never have been.
    fn restored(self) -> Self {
        let asked = match self.asked {
            Asked::Unknown | Asked::Ordered => Asked::Unknown,
            Asked::Done => Asked::Done,
        };
        Self { asked, ..self }
    }
}

impl Colony {
    /// A colony as it was written down. Nothing follows from that until it is settled; what has
    /// happened to its processes meanwhile has to be observed before.
    #[must_use]
    pub fn restored(snapshot: Snapshot, defaults: &Defaults, now: Now) -> Self {
        let mut colony = Self::new();
        colony.heard = snapshot.counts.heard;
        colony.retired = snapshot.counts.retired;
        colony.upgrading = snapshot.counts.upgrading;
        colony.chronicle = Chronicle::restored(snapshot.told, snapshot.events);
        for (name, program) in snapshot.programs {
            let reader = Reader {
                sources: &snapshot.sources,
                defaults,
                name: &name,
                now,
            };
            let program = Program::restored(program, &reader, now);
            colony.touched.insert(name.clone());
            colony.programs.insert(name, program);
        }
        colony
    }
}

impl Program {
    fn restored(snapshot: ProgramSnapshot, reader: &Reader<'_>, now: Now) -> Self {
        let spec = snapshot.source.as_ref().map(|source| reader.spec(source));
        let phase = reader.phase(snapshot.phase);
        Self {
            spec,
            config_error: snapshot.config_error,
            digest: snapshot.digest,
            hand: snapshot.hand,
            at_least: snapshot.at_least,
            at_once: snapshot.at_once,
            generation: snapshot.generation,
            listens: snapshot.listens || phase.listens(),
            phase,
            backoff: Backoff::after_deaths(snapshot.deaths),
            starts: snapshot.starts,
            exit: snapshot.exit,
            output: snapshot.output,
            ended: snapshot.ended,
            since: snapshot.since,
            reason: snapshot.reason,
            asked_because: snapshot.asked_because,
            word: snapshot.word,
            telling: Telling::restored(snapshot.events),
            place: Place::remembered(snapshot.held),
            ..Self::new(snapshot.name, Generation::default(), now)
        }
    }
}
