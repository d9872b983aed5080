//! What follows from all that was told: program by program, and then those who waited for others.

use super::Colony;
use super::ending::Closing;
use super::io::Effect;
use super::order::Due;
use crate::name::ProgramName;
use crate::time::Now;

impl Colony {
    /// Brings what is so towards what is wanted, for the programs that were touched and those
    /// whose time has come, and then for those that waited for them.
    pub fn settle(&mut self, now: Now) {
        while let Some((due, name)) = self.deadlines.first() {
            if *due > now.mono {
                break;
            }
            self.touched.insert(name.clone());
            self.disarm(&name.clone());
        }
        self.order.begin();
        while !self.touched.is_empty() || self.next_turn() || self.next_instance() {
            let mut due = Vec::new();
            for name in self.survey() {
                due.extend(self.settle_one(now, name));
            }
            self.start_in_order(now, due);
        }
        self.unpublished.extend(self.rolling.take_restated());
    }

    /// Touches the instance whose turn has come to be replaced, if there is one. It is asked when
    /// all that has happened was taken in.
    fn next_instance(&mut self) -> bool {
        let Some(name) = self.rolling.next_turn() else {
            return false;
        };
        if let Some(program) = self.programs.get_mut(&name) {
            program.has_turn = true;
        }
        self.touched.insert(name)
    }

    /// Settles one program, and says whether a start of it is due.
    fn settle_one(&mut self, now: Now, name: ProgramName) -> Option<Due> {
        self.disarm(&name);
        let shutting_down = self.is_closing();
        let program = self.programs.get_mut(&name)?;
        self.changed.insert(name.clone());
        if self.closing == Closing::Detaching {
            self.chronicle.add(program.take_events(now));
            self.unpublished.insert(name);
            return None;
        }
        let patient = self.closing != Closing::Killing;
        let leave = self.order.leave_of(program, patient);
        let start = program.settle(now, shutting_down, leave, &mut self.effects);
        program.keep_probing(&mut self.effects);
        if !patient {
            program.lose_patience(now, &mut self.effects);
        }
        if program.lets_go(shutting_down) {
            self.release(&name);
        }
        if self.end_if_over(now, &name) {
            return None;
        }
        if start.is_none() {
            self.conclude(now, name);
        }
        start
    }

    /// Whether nothing is left of a program; then it is forgotten.
    fn end_if_over(&mut self, now: Now, name: &ProgramName) -> bool {
        let Some(program) = self.programs.get_mut(name).filter(|it| it.is_over()) else {
            return false;
        };
        self.chronicle.add(program.take_events(now));
        self.chronicle.add(program.release_events());
        self.retired = self.retired.max(program.generation);
        self.note_turn(name);
        self.stands_now(name);
        self.programs.remove(name);
        self.forget(name);
        self.unpublished.remove(name);
        self.effects.push_back(Effect::Retract(name.clone()));
        true
    }

    /// What has been settled is told, waits for its next time, and is shown.
    pub(super) fn conclude(&mut self, now: Now, name: ProgramName) {
        self.note_turn(&name);
        self.stands_now(&name);
        if let Some(program) = self.programs.get_mut(&name) {
            self.chronicle.add(program.take_events(now));
        }
        self.arm(&name);
        self.unpublished.insert(name);
    }

    /// Takes in what an instance has become to the others of its family.
    fn note_turn(&mut self, name: &ProgramName) {
        let shutting_down = self.is_closing();
        let program = self.programs.get_mut(name).filter(|_| name.is_instance());
        if let Some(program) = program {
            program.has_turn &= program.out_of_date(shutting_down).is_some();
            self.rolling.note(name, program.part(shutting_down));
        }
    }
}
