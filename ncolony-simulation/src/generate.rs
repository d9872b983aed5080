//! Drawing a history from a seed. Each has a temperament of its own: some are all about messages,
//! some about files, some about crashes; some let the monitor act after every action, some let
//! much come together. What one even mixture would hardly ever do, one of them does often.

mod succession;
mod temper;

use ncolony_core::{Exit, Signal};

use crate::action::{Action, Aim, Content, Echo, Millis, Recipe, Slot, Upheaval, Who, Word};
use crate::cast::{GROUPS, INSTANCES, ORDERS, POLICIES, PROCESSES, PROGRAMS};
use crate::random::Random;

const ACTIONS_LEAST: u64 = 20;
const ACTIONS_MORE: u64 = 180;

/// Spans that meet thresholds, killtimes and delays exactly, and others that do not.
const SPANS: [Millis; 16] = [
    0, 1, 10, 50, 99, 100, 200, 300, 500, 1000, 1001, 1500, 2000, 5000, 10_000, 17_000,
];

/// How a history is: the chances of its kinds of action, and how it goes about them.
struct Temperament {
    kinds: Vec<Kind>,
    programs: u64,
    policies: Vec<u8>,
    /// The most instances that a file asks for.
    instances: u8,
    /// How often out of a hundred the monitor acts after an action.
    haste: u64,
    /// How often out of a hundred what is started has faults.
    faults: u64,
    /// How often out of a hundred a file says something of order.
    order: u64,
}

#[derive(Clone, Copy)]
enum Kind {
    File,
    Upheaval,
    Message,
    Plan,
    Death,
    Echo,
    Time,
    Stall,
    Crash,
    Detach,
    Upgrade,
    Closing,
    Calm,
}

/// Every kind, and the most that one history makes of it.
const KINDS: [(Kind, u64); 13] = [
    (Kind::File, 8),
    (Kind::Upheaval, 2),
    (Kind::Message, 8),
    (Kind::Plan, 8),
    (Kind::Death, 6),
    (Kind::Echo, 3),
    (Kind::Time, 10),
    (Kind::Stall, 2),
    (Kind::Crash, 4),
    (Kind::Detach, 1),
    (Kind::Upgrade, 1),
    (Kind::Closing, 1),
    (Kind::Calm, 1),
];

/// The history of this seed. It ends with all faults, and time running on.
#[must_use]
pub fn history(seed: u64) -> Vec<Action> {
    let mut drawing = Drawing::new(seed);
    let count = ACTIONS_LEAST + drawing.random.below(ACTIONS_MORE);
    for who in 0..drawing.temperament.programs {
        let who = Who(u8::try_from(who).unwrap_or_default());
        let content = Content::Good(drawing.recipe());
        drawing
            .actions
            .push(Action::Write(who, Slot::Plain, content));
    }
    drawing.look();
    while (drawing.actions.len() as u64) < count {
        drawing.draw();
    }
    drawing.actions.push(Action::Calm);
    lay_keystone(seed, drawing.temperament.programs, &mut drawing.actions);
    drawing.actions
}

/// In a few histories the end of one program is the end of all, from some moment on. Which these
/// are is drawn apart, so that all others are what they were.
fn lay_keystone(seed: u64, programs: u64, actions: &mut Vec<Action>) {
    let mut random = Random::new(!seed);
    let who = Who(u8::try_from(random.below(programs)).unwrap_or_default());
    let place = usize::try_from(random.below(ACTIONS_LEAST)).unwrap_or_default();
    if random.percent(10) {
        actions.insert(place.min(actions.len() - 1), Action::EndWith(who));
    }
}

struct Drawing {
    random: Random,
    temperament: Temperament,
    actions: Vec<Action>,
}

impl Drawing {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut kinds = vec![Kind::Time];
        for (kind, most) in KINDS {
            let chance = random.below(most + 1);
            kinds.extend((0..chance).map(|_| kind));
        }
        let few = 1 + random.below(u64::from(POLICIES));
        let policies = (0..few).map(|_| small(&mut random, POLICIES)).collect();
        let instances = random.pick(&[1, 1, 2, INSTANCES]);
        let order = random.pick(&[0, 30, 60, 100]);
        let temperament = Temperament {
            kinds,
            programs: 1 + random.below(u64::from(PROGRAMS)),
            policies,
            instances,
            haste: random.pick(&[0, 30, 60, 90, 100]),
            faults: random.pick(&[0, 20, 50, 90]),
            // The order among instances is looked at by the machine's own tests.
            order: if instances > 1 { 0 } else { order },
        };
        Self {
            random,
            temperament,
            actions: Vec::new(),
        }
    }

    fn who(&mut self) -> Who {
        let programs = u8::try_from(self.temperament.programs).unwrap_or(PROGRAMS);
        Who(small(&mut self.random, programs))
    }

    /// One that may have a process: a program, or an instance.
    fn actor(&mut self) -> Who {
        let program = self.who();
        let instances = self.temperament.instances;
        if instances > 1 && self.random.percent(70) {
            program.with_instance(small(&mut self.random, instances))
        } else {
            program
        }
    }

    fn span(&mut self) -> Millis {
        self.random.pick(&SPANS)
    }

    fn recipe(&mut self) -> Recipe {
        let policies = std::mem::take(&mut self.temperament.policies);
        let policy = self.random.pick(&policies);
        self.temperament.policies = policies;
        let order = if self.random.percent(self.temperament.order) {
            small(&mut self.random, ORDERS)
        } else {
            0
        };
        Recipe {
            process: small(&mut self.random, PROCESSES),
            policy,
            groups: small(&mut self.random, GROUPS),
            order,
            enabled: !self.random.percent(12),
            instances: 1 + small(&mut self.random, self.temperament.instances),
        }
    }

    fn look(&mut self) {
        self.actions.push(Action::Look);
        if self.random.percent(self.temperament.haste) {
            self.actions.push(Action::Turn);
        }
    }

    fn draw(&mut self) {
        let kinds = std::mem::take(&mut self.temperament.kinds);
        let kind = self.random.pick(&kinds);
        self.temperament.kinds = kinds;
        match kind {
            Kind::File => self.draw_file(),
            Kind::Upheaval => self.draw_upheaval(),
            Kind::Message => self.draw_message(),
            Kind::Plan => self.draw_plan(),
            Kind::Death => self.draw_death(),
            Kind::Echo => self.draw_echo(),
            Kind::Time => self.draw_time(),
            Kind::Stall => {
                let span = self.span();
                self.actions.push(Action::Stall(span));
            }
            Kind::Crash => self.draw_crash(),
            Kind::Detach => self.draw_detach(),
            Kind::Upgrade => self.draw_upgrade(),
            Kind::Closing => self.draw_closing(),
            Kind::Calm => self.actions.push(Action::Calm),
        }
    }

    fn draw_file(&mut self) {
        let who = self.who();
        let slot = if self.random.percent(90) {
            Slot::Plain
        } else {
            Slot::Json
        };
        let action = match self.random.below(10) {
            0..2 => Action::Erase(who, slot),
            2 => Action::Write(who, slot, Content::Broken),
            3 => Action::Write(who, slot, Content::Folder),
            _ => Action::Write(who, slot, Content::Good(self.recipe())),
        };
        self.actions.push(action);
        if self.random.percent(90) {
            self.look();
        }
    }

    fn draw_upheaval(&mut self) {
        let upheaval = self.random.pick(&[
            Upheaval::Unreadable,
            Upheaval::Readable,
            Upheaval::Readable,
            Upheaval::Replaced,
            Upheaval::Restored,
            Upheaval::Restored,
        ]);
        self.actions.push(Action::Directory(upheaval));
        self.look();
    }

    fn draw_message(&mut self) {
        let who = if self.random.percent(50) {
            self.who()
        } else {
            self.actor()
        };
        let aim = match self.random.below(12) {
            0 => Aim::All,
            1 => Aim::Stranger,
            2..4 => Aim::Group(small(&mut self.random, GROUPS)),
            _ => Aim::One(who),
        };
        let word = match self.random.below(16) {
            0..4 => Word::Restart(aim),
            4..8 => Word::Stop(aim),
            8..12 => Word::Start(aim),
            12 => Word::Reload(aim),
            13 => self.random.pick(&[Word::Signal(aim), Word::Kill(aim)]),
            14 => Word::Rescan,
            _ => Word::Nonsense,
        };
        let with_id = self.random.percent(50);
        self.actions.push(Action::Send(word, with_id));
        if self.random.percent(80) {
            self.look();
        }
    }

    fn draw_death(&mut self) {
        let who = self.actor();
        let exit = exit(&mut self.random);
        let action = match self.random.below(10) {
            0 => Action::Rise(who),
            1..3 => Action::Scatter(who),
            _ => Action::Die(who, exit),
        };
        self.actions.push(action);
        if self.random.percent(30) {
            let who = self.actor();
            let old = self.random.percent(40);
            self.actions.push(Action::Print(who, old));
        }
        if self.random.percent(self.temperament.haste) {
            self.actions.push(Action::Turn);
        }
    }

    fn draw_echo(&mut self) {
        let echo = self.random.pick(&[
            Echo::Again,
            Echo::Again,
            Echo::OldSpawned,
            Echo::OldFailed,
            Echo::OldExited,
            Echo::OldGroupGone,
            Echo::OldReady,
        ]);
        let who = self.actor();
        self.actions.push(Action::Echo(who, echo));
    }

    fn draw_time(&mut self) {
        let action = match self.random.below(10) {
            0..5 => Action::Sleep(self.span()),
            5..9 => Action::Await,
            _ => Action::SetClock(self.random.pick(&[-3_600_000, -1, 1, 86_400_000])),
        };
        self.actions.push(action);
    }

    fn draw_closing(&mut self) {
        let closing = self.random.pick(&[
            Action::Shutdown,
            Action::KillNow,
            Action::Send(Word::Shutdown, true),
        ]);
        self.actions.push(closing);
        self.look();
        for _ in 0..self.random.below(8) {
            let next = self.random.below(7);
            match next {
                0 => self.draw_file(),
                1 => self.draw_message(),
                2 => self.actions.push(Action::KillNow),
                3 => self.draw_fuse(),
                _ => self.draw_time(),
            }
        }
        if self.random.percent(50) {
            self.actions.push(Action::Calm);
        }
        self.actions.push(Action::Replace);
    }
}

fn small(random: &mut Random, bound: u8) -> u8 {
    u8::try_from(random.below(u64::from(bound))).unwrap_or_default()
}

fn exit(random: &mut Random) -> Exit {
    random.pick(&[
        Exit::Code(0),
        Exit::Code(1),
        Exit::Code(3),
        Exit::Signal(Signal::KILL),
        Exit::Unknown,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_stands_for_one_history() {
        assert_eq!(history(42), history(42));
        assert_ne!(history(42), history(43));
        assert_eq!(history(42).last(), Some(&Action::Calm));
    }
}
