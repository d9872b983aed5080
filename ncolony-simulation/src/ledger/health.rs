//! What is known of a process's readiness, and of how it is.

use ncolony_core::colony::{Generation, Word};
use ncolony_core::{Exit, Mono, ProgramName};

use super::ends::rests;
use super::{Account, Fault, Ledger, Life, Pause};
use ncolony_core::descriptor::Restart;

impl Ledger {
    fn waited_for(&mut self, name: &ProgramName, generation: Generation) -> Option<&mut Life> {
        let account = self.about(name, generation)?;
        account.alive()?;
        account.life_mut().filter(|life| life.stop.is_none())
    }

    pub(super) fn ready(&mut self, name: &ProgramName, generation: Generation) {
        if let Some(life) = self.waited_for(name, generation) {
            life.up |= life.spec.policy.ready.is_some();
        }
    }

    pub(super) fn notified(
        &mut self,
        now: Mono,
        name: &ProgramName,
        generation: Generation,
        word: &Word,
    ) {
        let Some(life) = self.waited_for(name, generation) else {
            return;
        };
        match word {
            Word::Ready => life.up |= life.spec.process.notifies,
            Word::Well => life.well = now,
            // The world's processes do not say these.
            Word::Reloading | Word::Stopping | Word::Status(_) | Word::Unwell | Word::Extend(_) => {
            }
        }
    }

    /// Another monitor, or another image of this one, waits as long again.
    pub(crate) fn wait_anew(&mut self, now: Mono) {
        for account in self.accounts.values_mut() {
            if let Some(life) = account.life_mut() {
                (life.since, life.well) = (now, now);
            }
        }
    }
}

impl Account {
    /// What the end of a process leads to that had to be stopped: that was no success.
    pub(super) fn fail(&mut self, life: &Life, fault: Fault, exit: Exit, ended: Mono) -> Pause {
        let spec = self.good.clone().unwrap_or_else(|| life.spec.clone());
        match (fault, spec.policy.restart) {
            (Fault::NeverReady, Restart::Never) => Pause::Fatal,
            (Fault::NeverReady, Restart::Always | Restart::OnFailure) => {
                self.instant_death(&spec.policy, life.started, ended)
            }
            (Fault::Unwell, _) if rests(&spec.policy, Exit::Unknown) => {
                self.forget_deaths();
                Pause::Exited(exit)
            }
            (Fault::Unwell, _) => self.judge(life, Exit::Unknown, ended),
        }
    }
}
