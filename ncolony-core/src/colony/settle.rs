//! What follows from all that was told: program by program, and then those who waited for others.

use super::Colony;
use super::ending::Closing;
use super::io::Effect;
use super::rolling::Turn;
use crate::name::ProgramName;
use crate::time::Now;

impl Colony {
    /// Brings what is so towards what is wanted, for the programs that were touched and those
    /// whose time has come.
    pub fn settle(&mut self, now: Now) {
        while let Some((due, name)) = self.deadlines.first() {
            if *due > now.mono {
                break;
            }
            self.touched.insert(name.clone());
            self.disarm(&name.clone());
        }
        while let Some(name) = self.touched.pop_first() {
            self.settle_one(now, name, Turn::Waits);
        }
        // Who comes next is seen when all that has happened was taken in.
        while let Some(name) = self.rolling.next_turn() {
            self.settle_one(now, name, Turn::HasCome);
        }
        self.unpublished.extend(self.rolling.take_restated());
    }

    fn settle_one(&mut self, now: Now, name: ProgramName, turn: Turn) {
        self.disarm(&name);
        self.changed.insert(name.clone());
        let shutting_down = self.is_closing();
        let Some(program) = self.programs.get_mut(&name) else {
            return;
        };
        if self.closing == Closing::Detaching {
            self.chronicle.add(program.take_events(now));
            self.unpublished.insert(name);
            return;
        }
        program.settle(now, shutting_down, turn, &mut self.effects);
        if self.closing == Closing::Killing {
            program.lose_patience(now, &mut self.effects);
        }
        self.chronicle.add(program.take_events(now));
        if name.is_instance() {
            self.rolling.note(&name, program.part(shutting_down));
        }
        let lets_go = program.lets_go(shutting_down);
        let is_over = program.is_over();
        if is_over {
            self.chronicle.add(program.release_events());
        }
        let (generation, due) = (program.generation, program.deadline());
        if lets_go {
            self.release(&name);
        }
        if is_over {
            self.retired = self.retired.max(generation);
            self.programs.remove(&name);
            self.unpublished.remove(&name);
            self.effects.push_back(Effect::Retract(name));
            return;
        }
        if let Some(due) = due {
            self.deadlines.insert((due, name.clone()));
            self.armed.insert(name.clone(), due);
        }
        self.unpublished.insert(name);
    }
}
