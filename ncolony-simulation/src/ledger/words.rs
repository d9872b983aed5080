//! What messages change, and what must become of them.

use ncolony_core::message::{Message, MessageError, Request, Target};
use ncolony_core::{ProgramName, Signal};

use super::{Account, Hand, Known, Ledger};

/// What must become of a message's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposal {
    /// It was acted on, or could not be: it is removed.
    Discard,
    /// Nobody can make sense of it: it is moved aside.
    Reject,
}

/// What must become of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Of its file.
    pub disposal: Disposal,
    /// Where its outcome must be written before that.
    pub id: Option<ProgramName>,
    /// Whether the outcome says that it was acted on.
    pub ok: bool,
    /// Whether it must have asked for a look at the directories.
    pub rescan: bool,
    /// Whether it has sent signals: when the monitor dies, nobody can say whether they were sent.
    pub sends: bool,
    /// Whether it has asked for an upgrade: it stays until that has come out.
    pub upgrades: bool,
}

enum Refusal {
    Senseless,
    Impossible,
}

type Names = Result<Vec<ProgramName>, Refusal>;

impl Ledger {
    pub(super) fn listen(&mut self, message: &Result<Message, MessageError>) -> Expected {
        let (id, outcome) = match message {
            Ok(message) => (message.id.clone(), self.act(&message.request)),
            Err(error) => (error.id.clone(), Err(Refusal::Senseless)),
        };
        let asked = |what: fn(&Request) -> bool| {
            outcome.is_ok() && matches!(message, Ok(message) if what(&message.request))
        };
        let sends = asked(|request| matches!(request, Request::Signal(..) | Request::Reload(_)));
        let rescan = asked(|request| *request == Request::Rescan);
        let upgrades = asked(|request| *request == Request::Upgrade);
        Expected {
            disposal: match outcome {
                Ok(()) | Err(Refusal::Impossible) => Disposal::Discard,
                Err(Refusal::Senseless) => Disposal::Reject,
            },
            id,
            ok: outcome.is_ok(),
            rescan,
            sends,
            upgrades,
        }
    }

    fn act(&mut self, request: &Request) -> Result<(), Refusal> {
        match request {
            Request::Rescan => {}
            Request::Detach if self.ends() => return Err(Refusal::Impossible),
            Request::Detach => (self.detaching, self.upgrading) = (true, false),
            Request::Upgrade if self.ends() || self.upgrading => return Err(Refusal::Impossible),
            Request::Upgrade => self.upgrading = true,
            Request::Shutdown => self.close(),
            Request::Restart(target) => {
                let named = matches!(target, Target::Name(name) if name.is_instance());
                self.tell(self.startable(target, true)?, |it| it.restart(named));
            }
            Request::Start(target) => self.tell(self.startable(target, false)?, Account::start),
            Request::Stop(target) => self.tell(self.targets(target)?, Account::stop),
            Request::Signal(target, signal) => self.send(target, Some(*signal))?,
            Request::Reload(target) => self.send(target, None)?,
        }
        Ok(())
    }

    /// Whether the monitor is to end, in one way or another.
    fn ends(&self) -> bool {
        self.closing || self.detaching
    }

    /// Everything is to stop, unless all was promised to go on.
    pub(super) fn close(&mut self) {
        if !self.detaching {
            (self.closing, self.upgrading) = (true, false);
        }
    }

    fn tell(&mut self, names: Vec<ProgramName>, word: impl Fn(&mut Account)) {
        for name in names {
            if let Some(account) = self.accounts.get_mut(&name) {
                word(account);
            }
        }
    }

    fn targets(&self, target: &Target) -> Names {
        let those = |wanted: &dyn Fn(&Account) -> bool| -> Vec<ProgramName> {
            let accounts = self.accounts.iter();
            accounts
                .filter(|(_, account)| wanted(account))
                .map(|(name, _)| name.clone())
                .collect()
        };
        match target {
            Target::Name(name) => {
                let names = |with_file: bool| -> Vec<ProgramName> {
                    let members = self.members(name);
                    let meant = members.filter(|(_, it)| !with_file || it.good.is_some() || it.bad);
                    meant.map(|(name, _)| name.clone()).collect()
                };
                // Those on their way out are meant only if there are no others.
                let all = [names(true), names(false)];
                let first = all.into_iter().find(|names| !names.is_empty());
                first.ok_or(Refusal::Senseless)
            }
            Target::All => Ok(those(&|account| !account.is_disabled())),
            Target::Group(group) => {
                let members = those(&|account| {
                    let good = account.good.as_ref();
                    good.is_some_and(|spec| spec.groups.contains(group))
                });
                if members.is_empty() {
                    Err(Refusal::Senseless)
                } else {
                    Ok(members)
                }
            }
        }
    }

    /// Those of the targets that can be started. RESTART-ALL means what is wanted up alone.
    fn startable(&self, target: &Target, restart: bool) -> Names {
        if self.ends() {
            return Err(Refusal::Impossible);
        }
        let mut names = self.targets(target)?;
        let account = |name: &ProgramName| self.accounts.get(name);
        if restart && *target == Target::All {
            names.retain(|name| account(name).is_some_and(|account| account.wanted(false)));
        }
        names.retain(|name| account(name).is_some_and(|account| account.good.is_some()));
        if matches!(target, Target::Name(_)) && names.is_empty() {
            return Err(Refusal::Impossible);
        }
        Ok(names)
    }

    fn send(&mut self, target: &Target, signal: Option<Signal>) -> Result<(), Refusal> {
        let mut signals = Vec::new();
        for name in self.targets(target)? {
            let account = self.accounts.get(&name);
            let life = account.and_then(|account| Some((account, account.alive()?)));
            if let Some((account, life)) = life {
                let good = account.good.as_ref();
                let reload = good.map_or(Signal::HUP, |spec| spec.policy.reload_signal);
                signals.push((name, life.generation, signal.unwrap_or(reload)));
            }
        }
        if signals.is_empty() && matches!(target, Target::Name(_)) {
            return Err(Refusal::Impossible);
        }
        self.asked_signals.extend(signals);
        Ok(())
    }
}

impl Account {
    fn is_disabled(&self) -> bool {
        let good = self.good.as_ref();
        self.hand != Hand::Up && good.is_some_and(|spec| !spec.enabled)
    }

    fn release(&mut self) {
        let enabled = self.good.as_ref().is_some_and(|spec| spec.enabled);
        self.hand = if enabled { Hand::Off } else { Hand::Up };
    }

    fn restart(&mut self, named: bool) {
        self.named = named;
        self.release();
        self.start_anew();
    }

    fn start(&mut self) {
        self.release();
        match &self.known {
            Known::Ordered { .. } => {}
            Known::Alive(life) if life.stop.is_none() => {}
            Known::Alive(_) | Known::Leftover { .. } | Known::Nothing(_) => self.start_anew(),
        }
    }

    fn start_anew(&mut self) {
        self.due = true;
        self.forget_deaths();
        self.wake();
    }

    fn stop(&mut self) {
        self.hand = Hand::Down;
        (self.due, self.named) = (false, false);
        self.forget_deaths();
    }
}
