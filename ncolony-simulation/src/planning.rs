//! What order costs the machine alone: many programs that name each other at random, started,
//! crashed once and stopped, by facts that come one by one as the real monitor's do.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ncolony_core::colony::{Colony, Effect, Generation, Group, Observation, Reading, Scope};
use ncolony_core::{Defaults, Exit, Mono, Now, ProgramName, ProgramSpec, Signal, Wall};

use crate::random::Random;

/// How long each part took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// From files that were read to the first orders.
    pub plan: Duration,
    /// From the first orders until all are RUNNING.
    pub start: Duration,
    /// One crash, and the start that follows.
    pub crash: Duration,
    /// From the request to stop everything until all are gone.
    pub stop: Duration,
}

fn name(number: u64) -> ProgramName {
    let text = format!("p{number:06}");
    #[expect(clippy::expect_used, reason = "a letter and digits are a name")]
    ProgramName::new(&text).expect("a letter and digits are a name")
}

/// Files of which each names only such as come later, and so many names in all.
fn files(programs: u64, edges: u64) -> Vec<Arc<ProgramSpec>> {
    let mut random = Random::new(1);
    let mut needs: Vec<BTreeSet<u64>> = (0..programs).map(|_| BTreeSet::new()).collect();
    let mut left = if programs > 1 { edges } else { 0 };
    while left > 0 {
        let from = random.below(programs - 1);
        let to = from + 1 + random.below(programs - 1 - from);
        if let Some(needs) = usize::try_from(from)
            .ok()
            .and_then(|from| needs.get_mut(from))
        {
            needs.insert(to);
        }
        left -= 1;
    }
    let file = |(number, needs): (u64, &BTreeSet<u64>)| {
        let names: Vec<String> = needs
            .iter()
            .map(|need| format!("{:?}", name(*need).as_str()))
            .collect();
        let (after, requires) = names.split_at(names.len() / 2);
        let order = if names.is_empty() {
            String::new()
        } else {
            let (after, requires) = (after.join(", "), requires.join(", "));
            format!(r#", "after": [{after}], "requires": [{requires}]"#)
        };
        let text = format!(r#"{{"args": ["x"], "threshold": 0{order}}}"#);
        let spec = ProgramSpec::parse(name(number), text.as_bytes(), &Defaults::default());
        #[expect(clippy::expect_used, reason = "the text stands above")]
        Arc::new(spec.expect("the file is good"))
    };
    (0..programs).zip(&needs).map(file).collect()
}

/// A monitor whose orders are carried out at once.
struct Monitor {
    colony: Colony,
    now: Now,
    spawns: u64,
}

impl Monitor {
    /// Settles and carries out all orders, each of which is followed by its fact.
    fn act(&mut self) {
        self.colony.settle(self.now);
        loop {
            let _written = self.colony.take_changes();
            let Some(order) = self.colony.poll_effect() else {
                break;
            };
            if let Some(fact) = self.carry_out(order) {
                self.colony.observe(self.now, fact);
                self.colony.settle(self.now);
            }
        }
    }

    fn carry_out(&mut self, order: Effect) -> Option<Observation> {
        let at = self.now.mono;
        match order {
            Effect::Spawn { spec, generation } => {
                self.spawns += 1;
                Some(Observation::Spawned {
                    name: spec.name.clone(),
                    generation,
                    pid: 1,
                    identity: None,
                    at,
                })
            }
            Effect::Signal {
                name,
                generation,
                scope: Scope::Group,
                signal: Signal::CONT,
            } => Some(exited(name, generation, at)),
            Effect::Signal { .. }
            | Effect::Probe { .. }
            | Effect::EndProbe(_)
            | Effect::Tell(_)
            | Effect::Publish(_)
            | Effect::Retract(_)
            | Effect::Release(_)
            | Effect::Answer(_)
            | Effect::Reject { .. }
            | Effect::Discard { .. }
            | Effect::Rescan
            | Effect::Upgrade => None,
        }
    }
}

fn exited(name: ProgramName, generation: Generation, at: Mono) -> Observation {
    Observation::Exited {
        name,
        generation,
        exit: Exit::Code(0),
        group: Group::Gone,
        at,
    }
}

/// Measures it once.
///
/// # Panics
/// Not all of the programs were started, or not all are gone in the end.
#[must_use]
pub fn measure(programs: u64, edges: u64) -> Cost {
    let files = files(programs, edges);
    let mut monitor = Monitor {
        colony: Colony::new(),
        now: Now {
            mono: Mono::default().after(Duration::from_secs(1000)),
            wall: Wall::default(),
        },
        spawns: 0,
    };
    let mut cost = Cost::default();
    let begun = Instant::now();
    for spec in files {
        let (name, reading) = (spec.name.clone(), Reading::Good(spec));
        let fact = Observation::Config { name, reading };
        monitor.colony.observe(monitor.now, fact);
    }
    monitor.colony.settle(monitor.now);
    cost.plan = begun.elapsed();
    let begun = Instant::now();
    monitor.act();
    cost.start = begun.elapsed();
    assert_eq!(monitor.spawns, programs, "all were started");
    monitor.now.mono = monitor.now.mono.after(Duration::from_secs(1));
    let begun = Instant::now();
    let last = name(programs - 1);
    let crash = exited(last, Generation::default().next(), monitor.now.mono);
    monitor.colony.observe(monitor.now, crash);
    monitor.act();
    cost.crash = begun.elapsed();
    assert_eq!(monitor.spawns, programs + 1, "one was started again");
    let begun = Instant::now();
    monitor.colony.observe(monitor.now, Observation::Shutdown);
    monitor.act();
    cost.stop = begun.elapsed();
    assert!(monitor.colony.is_closed(), "all are gone");
    cost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_name_each_other_at_random_all_start_and_stop() {
        for edges in [0, 300] {
            let _ = measure(100, edges);
        }
    }
}
