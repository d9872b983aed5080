//! What the start and the end of a process lead to.

use std::time::Duration;

use ncolony_core::colony::{Blame, Generation};
use ncolony_core::descriptor::Restart;
use ncolony_core::policy::SHORTAGE_DELAY;
use ncolony_core::spec::Policy;
use ncolony_core::{Exit, Mono, ProgramName};

use super::{Account, Hand, Known, Ledger, Life, Pause};

/// "Starts that nobody commanded are never closer than 100 ms."
pub(crate) const SPACING: Duration = Duration::from_millis(100);

/// Whether an exit leaves a program at rest.
pub(super) fn rests(policy: &Policy, exit: Exit) -> bool {
    match policy.restart {
        Restart::Always => false,
        Restart::OnFailure => {
            matches!(exit, Exit::Code(code) if policy.exit_codes.contains(&code))
        }
        Restart::Never => true,
    }
}

impl Ledger {
    pub(super) fn spawned(
        &mut self,
        name: &ProgramName,
        generation: Generation,
        pid: u32,
        at: Mono,
    ) {
        let Some(account) = self.about(name, generation) else {
            return;
        };
        if let Known::Ordered { spec, .. } = &account.known {
            account.starts += 1;
            account.last_start = Some(at);
            account.known = Known::Alive(Life {
                generation,
                pid,
                started: at,
                spec: spec.clone(),
                up: false,
                since: at,
                well: at,
                stop: None,
                adopted: false,
            });
        }
    }

    pub(super) fn spawn_failed(
        &mut self,
        name: &ProgramName,
        generation: Generation,
        blame: Blame,
        at: Mono,
    ) {
        let Some(account) = self.about(name, generation) else {
            return;
        };
        let Known::Ordered { spec, asked, .. } = &account.known else {
            return;
        };
        let (policy, asked) = (&spec.policy.clone(), *asked);
        let pause = if account.is_superseded(spec) {
            Pause::None
        } else if blame == Blame::Machine {
            account.shortages += 1;
            let latest = at.after(SHORTAGE_DELAY);
            Pause::Waits {
                earliest: latest,
                latest,
                spaced: asked.after(SPACING),
                delay: None,
            }
        } else if policy.restart == Restart::Never {
            Pause::Fatal
        } else {
            account.instant_death(policy, asked, at)
        };
        account.known = Known::Nothing(pause);
    }

    pub(super) fn exited(
        &mut self,
        name: &ProgramName,
        generation: Generation,
        exit: Exit,
        left: bool,
        at: Mono,
    ) {
        let Some(account) = self.about(name, generation) else {
            return;
        };
        let Known::Alive(life) = account.known.clone() else {
            return;
        };
        account.exit = Some((exit, generation));
        account.printed = None;
        let by_itself = life.stop.is_none();
        account.known = Known::Leftover {
            life,
            exit,
            ended: at,
            by_itself,
        };
        if !left {
            self.group_gone(name, generation);
        }
    }

    pub(super) fn group_gone(&mut self, name: &ProgramName, generation: Generation) {
        let Some(account) = self.about(name, generation) else {
            return;
        };
        let Known::Leftover {
            life,
            exit,
            ended,
            by_itself,
        } = account.known.clone()
        else {
            return;
        };
        let fault = life.stop.as_ref().and_then(|stop| stop.fault);
        let fault = fault.filter(|_| account.hand != Hand::Down);
        let pause = match fault {
            _ if account.is_superseded(&life.spec) => Pause::None,
            Some(fault) if !by_itself => account.fail(&life, fault, exit, ended),
            Some(_) | None if by_itself => account.judge(&life, exit, ended),
            Some(_) | None => Pause::None,
        };
        account.known = Known::Nothing(pause);
        self.ended_now.push((name.clone(), generation));
    }

    pub(super) fn printed(&mut self, name: &ProgramName, generation: Generation, lines: &[String]) {
        if let Some(account) = self.accounts.get_mut(name)
            && account.exit.is_some_and(|(_, ended)| ended == generation)
        {
            account.printed = (!lines.is_empty()).then(|| lines.to_owned());
        }
    }
}

impl Account {
    /// The end of a process that nobody had asked for.
    pub(super) fn judge(&mut self, life: &Life, exit: Exit, ended: Mono) -> Pause {
        let spec = self.good.clone().unwrap_or_else(|| life.spec.clone());
        if rests(&spec.policy, exit) {
            self.forget_deaths();
            return Pause::Exited(exit);
        }
        if ended.since(life.started) >= spec.policy.threshold {
            self.forget_deaths();
            let spaced = life.started.after(SPACING);
            let latest = ended.max(spaced);
            return Pause::Waits {
                earliest: latest,
                latest,
                spaced,
                delay: None,
            };
        }
        self.instant_death(&spec.policy, life.started, ended)
    }

    pub(super) fn forget_deaths(&mut self) {
        self.deaths = 0;
        self.shortages = 0;
    }

    pub(super) fn instant_death(&mut self, policy: &Policy, started: Mono, at: Mono) -> Pause {
        let delay = self.next_delay(policy);
        self.deaths += 1;
        if policy.give_up_after.is_some_and(|most| self.deaths >= most) {
            return Pause::Fatal;
        }
        let spaced = started.after(SPACING);
        let latest = at.after(delay).max(spaced);
        Pause::Waits {
            earliest: latest,
            latest,
            spaced,
            delay: Some(delay),
        }
    }

    /// What the next instant death brings: the least delay, doubled for each one before.
    #[must_use]
    pub fn next_delay(&self, policy: &Policy) -> Duration {
        let mut delay = policy.delays.least();
        for _ in 0..self.deaths {
            delay = delay.saturating_mul(2).min(policy.delays.most());
        }
        delay
    }
}
