//! What a colony carries: how much, and what of it decides the future. For those who search its
//! states or watch that nothing in it grows.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use super::Colony;
use super::health::Health;
use super::phase::{Child, Phase, Rest};
use super::program::Program;
use super::stop::Patience;
use crate::policy::Ended;
use crate::time::Mono;

/// How much a colony carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Programs that it knows.
    pub programs: usize,
    /// Points of time that it waits for.
    pub deadlines: usize,
    /// Programs that were touched and not settled.
    pub touched: usize,
    /// Orders that nobody has polled.
    pub orders: usize,
    /// Records that nobody has polled.
    pub records: usize,
    /// Events that nobody has polled, and those that wait to be complete.
    pub events: usize,
    /// Programs that the order among them is remembered for.
    pub ordered: usize,
}

impl Colony {
    /// How much it carries.
    #[must_use]
    pub fn load(&self) -> Load {
        Load {
            programs: self.programs.len(),
            deadlines: self.deadlines.len().max(self.armed.len()),
            touched: self.touched.len(),
            orders: self.effects.len(),
            records: self.unpublished.len(),
            events: self.untold(),
            ordered: self.order.remembers(),
        }
    }

    /// Hashes what decides all that a settled colony without open orders does from now on, and
    /// nothing that it only shows: points of time as distances from `now`, numbers of starts as
    /// distances from the present one. What lies further back than `memory` counts as if it were
    /// that long ago, so it must be longer than every threshold.
    pub fn hash_essence(&self, now: Mono, memory: Duration, out: &mut impl Hasher) {
        (self.closing, self.upgrading.is_some()).hash(out);
        for (name, program) in &self.programs {
            name.hash(out);
            program.hash_essence(Moment { now, memory }, out);
        }
    }
}

/// The point from which times are seen.
#[derive(Clone, Copy)]
struct Moment {
    now: Mono,
    memory: Duration,
}

impl Moment {
    fn ahead(self, then: Mono) -> Duration {
        then.since(self.now)
    }

    fn behind(self, then: Mono) -> Duration {
        self.now.since(then).min(self.memory)
    }
}

impl Program {
    /// Names every field, so that none that is added is forgotten here.
    fn hash_essence(&self, moment: Moment, out: &mut impl Hasher) {
        let Self {
            name: _,
            spec,
            config_error,
            digest: _,
            hand,
            at_least,
            at_once,
            generation,
            phase,
            backoff,
            starts: _,
            exit: _,
            output: _,
            ended: _,
            since: _,
            reason: _,
            asked_because: _,
            listens,
            probed,
            word: _,
            telling: _,
            // It follows from all that is hashed, except whose stops were decided together.
            has_turn,
            place: _,
        } = self;
        spec.as_ref().map(|spec| &spec.source).hash(out);
        config_error.is_some().hash(out);
        (*hand as u8).hash(out);
        (at_least > generation, at_once, has_turn).hash(out);
        backoff.deaths().hash(out);
        listens.hash(out);
        probed.is_some().hash(out);
        phase.hash_essence(moment, out);
    }
}

impl Phase {
    fn hash_essence(&self, moment: Moment, out: &mut impl Hasher) {
        std::mem::discriminant(self).hash(out);
        match self {
            Self::Idle(Rest::Stopped) => 0_u8.hash(out),
            Self::Idle(Rest::Exited(exit)) => (1_u8, exit).hash(out),
            Self::Idle(Rest::Fatal) => 2_u8.hash(out),
            Self::Delayed {
                until,
                earliest,
                wait: _,
                next_start: _,
            } => (moment.ahead(*until), moment.ahead(*earliest)).hash(out),
            Self::Ordered { spec, asked } => (&spec.source, moment.behind(*asked)).hash(out),
            Self::Starting(child) | Self::Running(child) => child.hash_essence(moment, out),
            Self::Stopping { child, patience } => {
                child.hash_essence(moment, out);
                patience.hash_essence(moment, out);
            }
            Self::Clearing {
                leader: _,
                ended: Ended { exit, started, at },
                by_itself,
                spec,
                patience,
            } => {
                let life = at.since(*started).min(moment.memory);
                (exit, life, moment.behind(*at)).hash(out);
                (by_itself, &spec.source).hash(out);
                patience.hash_essence(moment, out);
            }
        }
    }
}

impl Child {
    fn hash_essence(&self, moment: Moment, out: &mut impl Hasher) {
        let Self {
            pid: _,
            identity: _,
            started_wall: _,
            adopted: _,
            started,
            spec,
            health,
        } = self;
        (moment.behind(*started), &spec.source).hash(out);
        // What it does not wait for decides nothing.
        if spec.policy.ready.is_some() || spec.process.watchdog.is_some() {
            health.hash_essence(moment, out);
        }
    }
}

impl Health {
    fn hash_essence(&self, moment: Moment, out: &mut impl Hasher) {
        let Self {
            since,
            fed,
            extended,
            is_unwell,
            intent: _,
            said: _,
            obstacle: _,
        } = self;
        (moment.behind(*since), moment.behind(*fed), is_unwell).hash(out);
        extended.map(|until| moment.ahead(until)).hash(out);
    }
}

impl Patience {
    fn hash_essence(self, moment: Moment, out: &mut impl Hasher) {
        (moment.ahead(self.kill_at), self.killed).hash(out);
        let latest = self.latest.filter(|_| !self.killed);
        let latest = latest.map(|latest| moment.ahead(latest));
        (self.fault.map(|fault| fault as u8), latest).hash(out);
        std::mem::discriminant(&self.asked).hash(out);
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hasher as _};

    use super::*;
    use crate::colony::{Observation, Reading};
    use crate::name::ProgramName;
    use crate::spec::{Defaults, ProgramSpec};
    use crate::time::{Now, Wall};

    fn started_at(seconds: u64, text: &str) -> Colony {
        let now = Now {
            mono: Mono::from_nanos(seconds * 1_000_000_000),
            wall: Wall::default(),
        };
        let name = ProgramName::new("web").unwrap();
        let spec = ProgramSpec::parse(name.clone(), text.as_bytes(), &Defaults::default());
        let reading = Reading::Good(spec.unwrap().into());
        let mut colony = Colony::new();
        colony.observe(now, Observation::Config { name, reading });
        colony.settle(now);
        while colony.poll_effect().is_some() {}
        colony
    }

    fn essence(colony: &Colony, seconds: u64) -> u64 {
        let mut out = DefaultHasher::new();
        let now = Mono::from_nanos(seconds * 1_000_000_000);
        colony.hash_essence(now, Duration::from_secs(60), &mut out);
        out.finish()
    }

    #[test]
    fn only_distances_in_time_count() {
        let text = r#"{"args": ["x"]}"#;
        let one = essence(&started_at(1, text), 3);
        assert_eq!(one, essence(&started_at(101, text), 103));
        assert_ne!(one, essence(&started_at(101, text), 104));
        assert_ne!(one, essence(&started_at(1, r#"{"args": ["y"]}"#), 3));
    }

    #[test]
    fn the_load_is_none_when_everything_was_polled() {
        let load = started_at(1, r#"{"args": ["x"]}"#).load();
        assert_eq!((load.programs, load.deadlines), (1, 0));
        assert_eq!((load.touched, load.orders, load.records), (0, 0, 0));
    }
}
