//! A tiny monitor without a world: it hands facts to the machine, lets it settle, and keeps what
//! was ordered as words that a test can compare.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::colony::snapshot::{ActedOn, Changes, Snapshot};
use crate::colony::{
    Blame, Colony, Effect, Generation, Group, Observation, Reading, Scope, SpawnFailure,
};
use crate::event::Event;
use crate::exit::Exit;
use crate::json::ConfigError;
use crate::message::{Message, Reply};
use crate::name::ProgramName;
use crate::spec::{Defaults, ProgramSpec};
use crate::status::{ProgramStatus, State};
use crate::time::{Mono, Now, Wall};

/// What becomes of the starts that are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spawns {
    /// They happen at once.
    Happen,
    /// They fail at once, and this one is to blame.
    Fail(Blame),
    /// Their outcome is not known until the test says it.
    Wait,
}

pub(super) struct Driver {
    pub(super) colony: Colony,
    /// What was written down of the colony.
    pub(super) journal: Snapshot,
    /// The messages that were acted on, as they were written down.
    pub(super) acted_on: Vec<ActedOn>,
    pub(super) spawns: Spawns,
    now: Mono,
    orders: Vec<String>,
    records: BTreeMap<String, ProgramStatus>,
    replies: Vec<Reply>,
    told: Vec<Event>,
    generations: BTreeMap<String, Vec<Generation>>,
    messages: u32,
}

pub(super) fn name(text: &str) -> ProgramName {
    ProgramName::parse(text).unwrap()
}

/// A program's file: its arguments and other keys, written as JSON members.
pub(super) fn spec(program: &str, keys: &str) -> Arc<ProgramSpec> {
    let comma = if keys.is_empty() { "" } else { ", " };
    let keys = if keys.contains("\"args\"") {
        format!("{{{keys}}}")
    } else {
        format!("{{\"args\": [\"x\"]{comma}{keys}}}")
    };
    Arc::new(ProgramSpec::parse(name(program), keys.as_bytes(), &Defaults::default()).unwrap())
}

impl Driver {
    pub(super) fn new() -> Self {
        Self {
            colony: Colony::new(),
            journal: Snapshot::default(),
            acted_on: Vec::new(),
            spawns: Spawns::Happen,
            now: Mono::from_nanos(1_000_000_000),
            orders: Vec::new(),
            records: BTreeMap::new(),
            replies: Vec::new(),
            told: Vec::new(),
            generations: BTreeMap::new(),
            messages: 0,
        }
    }

    /// A colony in which `program` has just been started from a file with these keys.
    pub(super) fn with(program: &str, keys: &str) -> Self {
        let mut driver = Self::new();
        driver.file(program, keys);
        assert_eq!(driver.orders(), [format!("spawn {program}")]);
        driver
    }

    /// The same, after it has lived for its threshold.
    pub(super) fn running(program: &str, keys: &str) -> Self {
        let mut driver = Self::with(program, keys);
        driver.wait(2000);
        assert_eq!(driver.state(program), State::Running);
        driver
    }

    fn now(&self) -> Now {
        let millis = i64::try_from(self.now.as_nanos() / 1_000_000).unwrap();
        Now {
            mono: self.now,
            wall: Wall::from_millis(millis),
        }
    }

    /// Hands over facts that came together, then lets the machine settle.
    pub(super) fn observe_all(&mut self, facts: Vec<Observation>) {
        for fact in facts {
            self.colony.observe(self.now(), fact);
        }
        self.settle();
    }

    pub(super) fn observe(&mut self, fact: Observation) {
        self.observe_all(vec![fact]);
    }

    fn settle(&mut self) {
        let mut facts = Vec::new();
        self.colony.settle(self.now());
        self.write_down();
        while let Some(effect) = self.colony.poll_effect() {
            self.execute(effect, &mut facts);
        }
        if !facts.is_empty() {
            self.observe_all(facts);
        }
    }

    /// Writes down what has changed, as text.
    fn write_down(&mut self) {
        let changes = self.colony.take_changes();
        let text = serde_json::to_string(&changes).unwrap();
        let changes: Changes = serde_json::from_str(&text).unwrap();
        self.acted_on.extend(changes.acted_on.iter().cloned());
        self.journal.apply(changes);
    }

    /// What was decided is written down, and the monitor dies before it does anything.
    pub(super) fn observe_and_crash_before_the_orders(&mut self, facts: Vec<Observation>) {
        for fact in facts {
            self.colony.observe(self.now(), fact);
        }
        self.colony.settle(self.now());
        self.write_down();
        self.crash();
    }

    /// The monitor dies, and another one reads what was written down. It decides nothing yet.
    pub(super) fn crash(&mut self) {
        let snapshot = self.journal.clone();
        self.colony = Colony::restored(snapshot, &Defaults::default(), self.now());
        self.orders.clear();
    }

    fn execute(&mut self, effect: Effect, facts: &mut Vec<Observation>) {
        match effect {
            Effect::Spawn { spec, generation } => {
                let program = spec.name.to_string();
                self.orders.push(format!("spawn {program}"));
                let all = self.generations.entry(program.clone()).or_default();
                all.push(generation);
                match self.spawns {
                    Spawns::Happen => facts.push(self.spawned(&program)),
                    Spawns::Fail(blame) => facts.push(self.failed(&program, blame)),
                    Spawns::Wait => {}
                }
            }
            Effect::Signal {
                name,
                generation,
                scope,
                signal,
            } => {
                assert_eq!(generation, self.generation(name.as_str()));
                let scope = match scope {
                    Scope::Leader => " (leader)",
                    Scope::Group => "",
                };
                self.orders.push(format!("{signal} {name}{scope}"));
            }
            Effect::Tell(events) => self.told.extend(events),
            Effect::Publish(record) => {
                self.records.insert(record.name.to_string(), *record);
            }
            Effect::Retract(name) => {
                self.records.remove(name.as_str());
                self.orders.push(format!("retract {name}"));
            }
            Effect::Release(name) => self.orders.push(format!("release {name}")),
            Effect::Probe { spec, .. } => self.orders.push(format!("probe {}", spec.name)),
            Effect::EndProbe(name) => self.orders.push(format!("end probe {name}")),
            Effect::Answer(reply) => self.replies.push(reply),
            Effect::Reject { file, reason } => {
                self.orders.push(format!("reject {file}: {reason}"));
            }
            Effect::Discard { file } => self.orders.push(format!("discard {file}")),
            Effect::Rescan => self.orders.push("rescan".to_owned()),
            Effect::Upgrade => self.orders.push("upgrade".to_owned()),
        }
    }

    // ----- facts, as values ----------------------------------------------------------------

    pub(super) fn generation(&self, program: &str) -> Generation {
        *self.generations[program].last().unwrap()
    }

    pub(super) fn first_generation(&self, program: &str) -> Generation {
        self.generations[program][0]
    }

    /// Its file, as it was read.
    pub(super) fn good(program: &str, keys: &str) -> Observation {
        Observation::Config {
            name: name(program),
            reading: Reading::Good(spec(program, keys)),
        }
    }

    pub(super) fn absent(program: &str) -> Observation {
        Observation::Config {
            name: name(program),
            reading: Reading::Absent,
        }
    }

    pub(super) fn bad(program: &str) -> Observation {
        Observation::Config {
            name: name(program),
            reading: Reading::Bad {
                error: ConfigError::whole("it is spoilt"),
                digest: Some("d".to_owned()),
            },
        }
    }

    /// A message file `m1`, `m2`, … with this content.
    pub(super) fn message(&mut self, text: &str) -> Observation {
        self.messages += 1;
        Observation::Message {
            file: format!("m{}", self.messages),
            message: Message::parse(text.as_bytes()),
        }
    }

    pub(super) fn spawned(&self, program: &str) -> Observation {
        Observation::Spawned {
            name: name(program),
            generation: self.generation(program),
            pid: u32::try_from(self.generations[program].len()).unwrap(),
            identity: None,
            at: self.now,
        }
    }

    pub(super) fn failed(&self, program: &str, blame: Blame) -> Observation {
        Observation::SpawnFailed {
            name: name(program),
            generation: self.generation(program),
            failure: SpawnFailure {
                sentence: "it cannot be executed".to_owned(),
                blame,
            },
            at: self.now,
        }
    }

    pub(super) fn exited(&self, program: &str, exit: Exit, group: Group) -> Observation {
        Observation::Exited {
            name: name(program),
            generation: self.generation(program),
            exit,
            group,
            at: self.now,
        }
    }

    /// The last lines of the process of a program that ended last.
    pub(super) fn printed(&self, program: &str, lines: &[&str]) -> Observation {
        let ended = self.colony.record(&name(program)).map(|it| it.ended);
        Observation::Printed {
            name: name(program),
            generation: Generation::of_number(ended.unwrap_or_default()),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        }
    }

    pub(super) fn emptied(&self, program: &str) -> Observation {
        Observation::GroupGone {
            name: name(program),
            generation: self.generation(program),
            at: self.now,
        }
    }

    // ----- facts, as they happen -----------------------------------------------------------

    pub(super) fn file(&mut self, program: &str, keys: &str) {
        self.observe(Self::good(program, keys));
    }

    pub(super) fn remove(&mut self, program: &str) {
        self.observe(Self::absent(program));
    }

    pub(super) fn say(&mut self, text: &str) {
        let message = self.message(text);
        self.observe(message);
    }

    /// A message of this type about one program; its disposal is looked at and forgotten.
    pub(super) fn tell(&mut self, kind: &str, program: &str) {
        self.say(&format!(r#"{{"type": "{kind}", "name": "{program}"}}"#));
        let discard = format!("discard m{}", self.messages);
        let at = self.orders.iter().position(|order| *order == discard);
        self.orders.remove(at.unwrap());
    }

    /// The whole group ends at once.
    pub(super) fn exits(&mut self, program: &str, code: u8) {
        let fact = self.exited(program, Exit::Code(code), Group::Gone);
        self.observe(fact);
    }

    /// The main process ends and leaves members of its group behind.
    pub(super) fn exits_leaving_members(&mut self, program: &str, code: u8) {
        let fact = self.exited(program, Exit::Code(code), Group::Left);
        self.observe(fact);
    }

    pub(super) fn members_end(&mut self, program: &str) {
        let fact = self.emptied(program);
        self.observe(fact);
    }

    /// Time passes, and the machine is called whenever it asked to be.
    pub(super) fn wait(&mut self, millis: u64) {
        let end = self.now.after(Duration::from_millis(millis));
        while let Some(due) = self.colony.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.settle();
        }
        self.now = end;
        self.settle();
    }

    /// Time passes while the monitor does not run.
    pub(super) fn sleep_through(&mut self, millis: u64) {
        self.now = self.now.after(Duration::from_millis(millis));
    }

    // ----- what came of it -----------------------------------------------------------------

    /// The orders since the last call.
    pub(super) fn orders(&mut self) -> Vec<String> {
        std::mem::take(&mut self.orders)
    }

    /// The events since the last call.
    pub(super) fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.told)
    }

    /// The same in words: `from>to cause`, and how a process ended where one did.
    pub(super) fn story(&mut self) -> Vec<String> {
        let one = |event: Event| {
            let exit = event.exit.map(|exit| format!(" ({exit})"));
            let (from, to, cause) = (event.from, event.to, event.cause);
            format!("{from}>{to} {cause}{}", exit.unwrap_or_default())
        };
        self.events().into_iter().map(one).collect()
    }

    pub(super) fn replies(&mut self) -> Vec<Reply> {
        std::mem::take(&mut self.replies)
    }

    pub(super) fn state(&self, program: &str) -> State {
        self.record(program).state
    }

    /// The record that was last published.
    pub(super) fn record(&self, program: &str) -> &ProgramStatus {
        &self.records[program]
    }

    pub(super) fn reason(&self, program: &str) -> &str {
        self.record(program).reason.as_deref().unwrap()
    }

    pub(super) fn has_record(&self, program: &str) -> bool {
        self.records.contains_key(program)
    }
}
