//! The end of all that is the end of one program.

use ncolony_core::colony::Observation;
use ncolony_core::{Exit, ProgramName};

use super::{Account, Known, Ledger, Pause};

impl Ledger {
    /// The end of this program is the end of all. If it has ended for good, it has ended now.
    pub(crate) fn end_with(&mut self, name: ProgramName) {
        self.keystone = Some(name);
        self.fall(None);
    }

    /// Whether the program ends by itself in this fact, which was not taken in yet.
    pub(super) fn end_in(&self, fact: &Observation) -> Option<Exit> {
        let Observation::Exited {
            name,
            generation,
            exit,
            ..
        } = fact
        else {
            return None;
        };
        let account = self.accounts.get(name)?;
        let life = account.alive()?;
        let keystone = self.keystone.as_ref();
        let is_named = keystone.is_some_and(|it| it == name || *it == name.family());
        let is_it = is_named && life.generation == *generation;
        let is_wanted = account.wanted(false) && !account.is_superseded(&life.spec);
        (is_it && is_wanted && life.stop.is_none()).then_some(*exit)
    }

    /// Everything is to stop if the program has ended, or rests by itself.
    pub(super) fn fall(&mut self, end: Option<Exit>) {
        let end = end.or_else(|| {
            let name = self.keystone.as_ref()?;
            let mut accounts = self.members(name);
            accounts.find_map(|(_, account)| account.rested())
        });
        if end.is_some() && !self.closing && !self.detaching {
            self.end_of_all = end;
            self.close();
        }
    }
}

impl Account {
    fn rested(&self) -> Option<Exit> {
        match &self.known {
            Known::Nothing(Pause::Exited(exit)) => Some(*exit),
            // The shell's word for what could not be executed.
            Known::Nothing(Pause::Fatal) => {
                Some(self.exit.map_or(Exit::Code(127), |(exit, _)| exit))
            }
            Known::Nothing(Pause::None | Pause::Waits { .. })
            | Known::Ordered { .. }
            | Known::Alive(_)
            | Known::Leftover { .. } => None,
        }
    }
}
