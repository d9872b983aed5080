//! What messages do: each names programs, and each of these is told.

use std::collections::BTreeMap;

use super::Colony;
use super::io::{Effect, Scope};
use super::program::{Hand, Program, Want};
use super::snapshot::ActedOn;
use crate::message::{Message, MessageError, Reply, Request, Target};
use crate::name::ProgramName;
use crate::signal::Signal;
use crate::time::Now;

/// What came of a request: whom it was about, or why nothing was done.
type Outcome = Result<Told, Refusal>;

/// Whom a request was about.
#[derive(Default)]
struct Told {
    programs: Vec<ProgramName>,
    /// The starts that it promises.
    generations: BTreeMap<ProgramName, u64>,
}

impl From<Vec<ProgramName>> for Told {
    fn from(programs: Vec<ProgramName>) -> Self {
        Self {
            programs,
            generations: BTreeMap::new(),
        }
    }
}

/// Why nothing was done.
enum Refusal {
    /// It makes no sense here: the file is moved aside.
    Senseless(String),
    /// It made sense and could not be done.
    Failed(String),
}

/// What the sender of a signal is told by a successor that finds nothing but this: a signal leaves
/// no trace, so nobody can say any more whether it was sent.
fn uncertain(reply: Reply) -> Reply {
    let lost = "the monitor ended before it was certain that the signal was sent";
    Reply {
        ok: false,
        error: reply.error.or_else(|| Some(lost.to_owned())),
        ..reply
    }
}

impl Colony {
    /// Acts on a message, once, and says what came of it.
    pub(super) fn hear(&mut self, now: Now, file: String, message: Result<Message, MessageError>) {
        self.heard += 1;
        if let Ok(Message {
            request: Request::Upgrade,
            id,
            ..
        }) = &message
            && self.upgrade_refusal().is_none()
        {
            return self.begin_upgrade(file, id.clone());
        }
        let sends = matches!(
            &message,
            Ok(Message {
                request: Request::Signal(..) | Request::Reload(_),
                ..
            })
        );
        let (id, outcome) = match message {
            Ok(message) => (message.id.clone(), self.act(now, &message)),
            Err(MessageError { error, id }) => (id, Err(Refusal::Senseless(error.to_string()))),
        };
        let (error, rejected) = match &outcome {
            Ok(_) => (None, None),
            Err(Refusal::Failed(why)) => (Some(why.clone()), None),
            Err(Refusal::Senseless(why)) => (Some(why.clone()), Some(why.clone())),
        };
        let ok = outcome.is_ok();
        let Told {
            programs,
            generations,
        } = outcome.unwrap_or_default();
        let reply = id.map(|id| Reply {
            id,
            ok,
            error,
            programs,
            heard: self.heard,
            generations,
        });
        self.effects.extend(reply.clone().map(Effect::Answer));
        self.effects.push_back(match rejected.clone() {
            Some(reason) => Effect::Reject {
                file: file.clone(),
                reason,
            },
            None => Effect::Discard { file: file.clone() },
        });
        self.acted_on.push(ActedOn {
            file,
            reply: reply.map(|reply| if sends { uncertain(reply) } else { reply }),
            rejected,
        });
    }

    fn act(&mut self, now: Now, message: &Message) -> Outcome {
        let because = message.reason.as_deref();
        match &message.request {
            Request::Rescan => {
                self.effects.push_back(Effect::Rescan);
                Ok(Told::default())
            }
            Request::Shutdown => {
                self.close();
                Ok(self.programs.keys().cloned().collect::<Vec<_>>().into())
            }
            Request::Detach => {
                let refused = |why: &str| Refusal::Failed(why.to_owned());
                self.detach().map_err(refused)?;
                let runs = self.programs.values().filter(|it| it.child().is_some());
                Ok(runs.map(|it| it.name.clone()).collect::<Vec<_>>().into())
            }
            Request::Upgrade => {
                let why = self.upgrade_refusal().unwrap_or("it cannot be upgraded");
                Err(Refusal::Failed(why.to_owned()))
            }
            Request::Restart(target) => {
                let only_wanted = *target == Target::All;
                let names = self.startable(target, only_wanted)?;
                // Whoever names one instance means it, and now.
                let at_once = matches!(target, Target::Name(name) if name.is_instance());
                Ok(self.promise(names, |program| program.restart(now, because, at_once)))
            }
            Request::Start(target) => {
                let names = self.startable(target, false)?;
                Ok(self.promise(names, |program| program.start(now, because)))
            }
            Request::Stop(target) => {
                let names = self.targets(target)?;
                self.tell(&names, |program| program.stop(because));
                Ok(names.into())
            }
            Request::Signal(target, signal) => self.send(target, |_| *signal),
            Request::Reload(target) => self.send(target, |program| {
                program
                    .spec
                    .as_ref()
                    .map_or(Signal::HUP, |spec| spec.policy.reload_signal)
            }),
        }
    }

    /// Whom a request by name is about. What has no file any more is meant only if nothing else is.
    fn named(&self, name: &ProgramName) -> Vec<ProgramName> {
        let has_file = |it: &&Program| it.spec.is_some() || it.config_error.is_some();
        let with_file = self.members(name).filter(has_file);
        let mut names: Vec<ProgramName> = with_file.map(|it| it.name.clone()).collect();
        if names.is_empty() {
            names.extend(self.members(name).map(|it| it.name.clone()));
        }
        names
    }

    /// Whom a request is about: all that are not disabled, the members of a group, one or all of
    /// its instances.
    fn targets(&self, target: &Target) -> Result<Vec<ProgramName>, Refusal> {
        let chosen = |wanted: &dyn Fn(&Program) -> bool| {
            let all = self.programs.values().filter(|program| wanted(program));
            all.map(|program| program.name.clone()).collect::<Vec<_>>()
        };
        match target {
            Target::Name(name) => {
                let named = self.named(name);
                if named.is_empty() {
                    let name = name.as_str();
                    return Err(Refusal::Senseless(format!("there is no program {name:?}")));
                }
                Ok(named)
            }
            Target::All => Ok(chosen(&|program| {
                program.hand == Hand::Up || program.spec.as_ref().is_none_or(|spec| spec.enabled)
            })),
            Target::Group(group) => {
                let members = chosen(&|program| {
                    program
                        .spec
                        .as_ref()
                        .is_some_and(|spec| spec.groups.contains(group))
                });
                if members.is_empty() {
                    return Err(Refusal::Senseless(format!(
                        "no program is in group {group:?}"
                    )));
                }
                Ok(members)
            }
        }
    }

    /// The targets that a start makes sense for.
    fn startable(&self, target: &Target, only_wanted: bool) -> Result<Vec<ProgramName>, Refusal> {
        if self.is_closing() {
            return Err(Refusal::Failed("the monitor is shutting down".to_owned()));
        }
        let mut names = self.targets(target)?;
        let wanted = |name: &ProgramName| {
            let want = self.programs.get(name).map(|program| program.want(false));
            matches!(want, Some(Want::Up { .. }))
        };
        if only_wanted {
            names.retain(wanted);
        }
        let without_file = |name: &&ProgramName| {
            self.programs
                .get(*name)
                .is_some_and(|program| program.spec.is_none())
        };
        if let Target::Name(_) = target
            && let Some(name) = names
                .first()
                .filter(|_| names.iter().all(|it| without_file(&it)))
        {
            let error = self
                .programs
                .get(name)
                .and_then(|program| program.config_error.as_ref());
            let why = error.map_or_else(|| "it was removed".to_owned(), ToString::to_string);
            return Err(Refusal::Failed(format!(
                "the file of {name} has an error: {why}"
            )));
        }
        names.retain(|name| !without_file(&name));
        Ok(names)
    }

    fn tell(&mut self, names: &[ProgramName], act: impl Fn(&mut Program)) {
        for name in names {
            if let Some(program) = self.programs.get_mut(name) {
                act(program);
                self.touched.insert(name.clone());
            }
        }
    }

    /// Tells programs something that asks for a process of each.
    fn promise(&mut self, names: Vec<ProgramName>, act: impl Fn(&mut Program)) -> Told {
        self.tell(&names, act);
        let generation = |name: &ProgramName| Some(self.programs.get(name)?.promised().number());
        let generations = names
            .iter()
            .filter_map(|name| Some((name.clone(), generation(name)?)))
            .collect();
        Told {
            programs: names,
            generations,
        }
    }

    fn send(&mut self, target: &Target, signal: impl Fn(&Program) -> Signal) -> Outcome {
        let mut names = self.targets(target)?;
        let running = |name: &ProgramName| {
            self.programs
                .get(name)
                .is_some_and(|program| program.child().is_some())
        };
        if let Target::Name(name) = target
            && !names.iter().any(running)
        {
            return Err(Refusal::Failed(format!("{name} is not running")));
        }
        names.retain(running);
        for name in &names {
            if let Some(program) = self.programs.get(name) {
                program.signal(Scope::Leader, signal(program), &mut self.effects);
            }
        }
        Ok(names.into())
    }
}
