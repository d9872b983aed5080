//! How what is started behaves: whether it can be started at all, how long it lives, and what it
//! makes of signals.

use super::{Drawing, SPANS, exit};
use crate::action::{Action, Manner, Members, Plan, Start, Temper};
use crate::random::Random;

impl Drawing {
    /// How the next start of a program goes, and what comes of it.
    pub(super) fn draw_plan(&mut self) {
        let who = self.actor();
        let start = match self.random.below(10) {
            0 => Start::CannotExecute,
            1 => Start::NoRoom,
            _ => Start::Lives(self.temper()),
        };
        let takes = if self.random.percent(75) {
            0
        } else {
            self.span()
        };
        self.actions.push(Action::Plan(who, Plan { start, takes }));
    }

    fn temper(&mut self) -> Temper {
        let faults = self.temperament.faults;
        let faulty = |random: &mut Random| random.percent(faults);
        let random = &mut self.random;
        let members = faulty(random).then(|| Members {
            asked: manner(random, 60),
            linger: manner(random, 50),
        });
        Temper {
            life: if faulty(random) {
                Manner::Ends(random.pick(&SPANS))
            } else {
                Manner::Ignores
            },
            exit: exit(random),
            asked: if faulty(random) {
                manner(random, 50)
            } else {
                Manner::Ends(10)
            },
            killed: if faulty(random) {
                manner(random, 80)
            } else {
                Manner::Ends(0)
            },
            frozen: faulty(random) && random.percent(30),
            members,
            rises: if faulty(random) {
                manner(random, 60)
            } else {
                Manner::Ends(10)
            },
            well: !faulty(random),
        }
    }
}

/// Ends after some time so often out of a hundred, and else not by itself.
fn manner(random: &mut Random, chance: u64) -> Manner {
    if random.percent(chance) {
        Manner::Ends(random.pick(&SPANS))
    } else {
        Manner::Ignores
    }
}
