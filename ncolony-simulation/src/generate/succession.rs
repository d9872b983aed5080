//! How monitors come and go: they die before any order, several in a row, they exit and leave
//! everything, they replace their image; and things happen while none lives.

use super::{Drawing, exit, small};
use crate::action::{Action, Who, Word};

/// Before which breath or order a monitor dies: mostly soon.
const FUSES: [u8; 16] = [0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 9, 12, 16, 25];

impl Drawing {
    /// Something that a monitor acts on.
    fn draw_work(&mut self) {
        match self.random.below(8) {
            0..3 => self.draw_file(),
            3..6 => self.draw_message(),
            6 => self.draw_death(),
            _ => self.draw_time(),
        }
    }

    pub(super) fn draw_fuse(&mut self) {
        let fuse = self.random.pick(&FUSES);
        self.actions.push(Action::Crash(fuse));
    }

    /// What happens while nobody looks, until somebody does.
    fn draw_absence(&mut self) {
        for _ in 0..self.random.below(6) {
            let who = Who(small(&mut self.random, crate::cast::ACTORS));
            match self.random.below(8) {
                0 | 1 => self.draw_file(),
                2 | 3 => self.draw_message(),
                4 => {
                    let exit = exit(&mut self.random);
                    self.actions.push(Action::Die(who, exit));
                }
                5 => self.actions.push(Action::Scatter(who)),
                6 => self.draw_upheaval(),
                _ => self.draw_time(),
            }
        }
        if self.random.percent(25) {
            self.draw_fuse();
        }
        self.actions.push(Action::Replace);
        // The next one may have died of it.
        if self.random.percent(25) {
            self.draw_absence();
        }
    }

    pub(super) fn draw_crash(&mut self) {
        self.draw_fuse();
        for _ in 0..self.random.below(4) {
            self.draw_work();
        }
        if self.random.percent(50) {
            let span = self.span();
            self.actions.push(Action::Sleep(span));
        }
        self.draw_absence();
    }

    pub(super) fn draw_detach(&mut self) {
        let with_id = self.random.percent(50);
        self.actions.push(Action::Send(Word::Detach, with_id));
        if self.random.percent(30) {
            self.draw_message();
        }
        if self.random.percent(20) {
            self.draw_fuse();
        }
        self.actions.extend([Action::Look, Action::Turn]);
        self.draw_absence();
    }

    pub(super) fn draw_upgrade(&mut self) {
        let with_id = self.random.percent(70);
        self.actions.push(Action::Send(Word::Upgrade, with_id));
        self.look();
        for _ in 0..self.random.below(4) {
            self.draw_work();
        }
        let crashes = self.random.percent(30);
        if crashes {
            self.draw_fuse();
        }
        if self.random.percent(80) {
            let done = self.random.percent(70);
            self.actions.push(Action::UpgradeEnds(done));
            self.look();
        }
        if crashes {
            self.draw_absence();
        }
    }
}
