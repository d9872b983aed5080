//! Instances of one file: which of them a name means, and which of them wait for each other.

use ncolony_core::{Exit, Mono, ProgramName};

use super::{Account, Known, Ledger, Pause};

impl Ledger {
    /// The accounts of one file, by its name, or of one instance, by its own.
    pub(crate) fn members(
        &self,
        name: &ProgramName,
    ) -> impl Iterator<Item = (&ProgramName, &Account)> {
        let is_meant = move |it: &ProgramName| it == name || it.family() == *name;
        self.accounts.iter().filter(move |(it, _)| is_meant(it))
    }

    /// Whether a process that is out of date has to go on for now: another instance is wanted and
    /// is not up.
    #[must_use]
    pub fn waits(&self, name: &ProgramName, now: Mono) -> bool {
        let family = name.family();
        let is_missing = |(other, account): (&ProgramName, &Account)| {
            other.is_instance() && other != name && account.is_missing(self.closing, now)
        };
        self.may_wait(name) && self.members(&family).any(is_missing)
    }

    /// Whether it is an instance whose process is out of date and takes turns with others.
    pub(super) fn may_wait(&self, name: &ProgramName) -> bool {
        let named = self.accounts.get(name).map(|account| account.named);
        name.is_instance() && named == Some(false) && self.is_to_be_replaced(name)
    }

    /// Whether its process is out of date and was not told to stop: others come first.
    #[must_use]
    pub fn is_to_be_replaced(&self, name: &ProgramName) -> bool {
        let Some(account) = self.accounts.get(name) else {
            return false;
        };
        let lives = account.alive().filter(|life| life.stop.is_none());
        let is_old = lives.is_some_and(|life| account.is_superseded(&life.spec));
        account.wanted(self.closing) && is_old
    }
}

impl Account {
    /// Whether it is wanted and not up, although nothing allows that.
    fn is_missing(&self, closing: bool, now: Mono) -> bool {
        let is_success = |exit: &Exit| {
            let codes = self.good.as_ref().map(|good| &good.policy.exit_codes);
            matches!((exit, codes), (Exit::Code(code), Some(codes)) if codes.contains(code))
        };
        let is_in_order = match &self.known {
            Known::Alive(life) => life.stop.is_none() && life.is_up(now),
            Known::Nothing(Pause::Exited(exit)) => is_success(exit),
            Known::Nothing(Pause::None | Pause::Waits { .. } | Pause::Fatal)
            | Known::Ordered { .. }
            | Known::Leftover { .. } => false,
        };
        self.wanted(closing) && !is_in_order
    }
}
