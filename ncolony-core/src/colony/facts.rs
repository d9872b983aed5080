//! What facts do to a program: they edit what is so, and judge an end when it is one. What follows
//! is decided in [`super::program`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::health::{Fault, Health};
use super::io::{Blame, Effect, Group, Reading, SpawnFailure};
use super::phase::{Child, Phase, Rest};
use super::program::{Hand, Program};
use super::sentence;
use super::stop::Patience;
use crate::descriptor::Restart;
use crate::event::Cause;
use crate::exit::Exit;
use crate::policy::{self, Backoff, Ended, SHORTAGE_DELAY, START_SPACING, Verdict};
use crate::spec::{Policy, ProgramSpec};
use crate::status::{ProcessIdentity, content_digest};
use crate::time::{Mono, Now};

impl Program {
    /// Whether its file says what it said at the last look, so that nothing follows.
    pub(crate) fn says_the_same(&self, reading: &Reading) -> bool {
        match reading {
            Reading::Good(new) => {
                let same = |old: &Arc<ProgramSpec>| old.source == new.source;
                self.config_error.is_none() && self.spec.as_ref().is_some_and(same)
            }
            Reading::Bad { error, digest } => {
                self.config_error.as_ref() == Some(error) && self.digest == *digest
            }
            Reading::Absent => false,
        }
    }

    /// Its file was read.
    pub(crate) fn read(&mut self, now: Now, reading: Reading) {
        match reading {
            Reading::Good(spec) => {
                self.config_error = None;
                self.word = Cause::Config;
                self.digest = Some(content_digest(spec.source.as_bytes()));
                let old = self.spec.replace(Arc::clone(&spec));
                self.changed(now, old.as_deref(), &spec);
                self.apply_policy(&spec);
            }
            Reading::Bad { error, digest } => {
                self.config_error = Some(error);
                self.digest = digest;
            }
            Reading::Absent => {
                self.spec = None;
                self.config_error = None;
                self.hand = Hand::Off;
                self.asked_because = None;
                self.backoff.reset();
            }
        }
    }

    /// A change of policy alone holds at once for the process that is there, also when a stop or
    /// its end comes in the same breath.
    fn apply_policy(&mut self, new: &Arc<ProgramSpec>) {
        let (Phase::Ordered { spec, .. }
        | Phase::Starting(Child { spec, .. })
        | Phase::Running(Child { spec, .. })) = &mut self.phase
        else {
            return;
        };
        if !spec.needs_restart(new) {
            *spec = Arc::clone(new);
        }
    }

    /// A new content wakes what rests on the old one's account.
    fn changed(&mut self, now: Now, old: Option<&ProgramSpec>, new: &ProgramSpec) {
        let another_process = old.is_none_or(|old| old.needs_restart(new));
        // A file that comes back is a word to start what is on its way out.
        if old.is_none() && matches!(self.phase, Phase::Stopping { .. } | Phase::Clearing { .. }) {
            self.at_least = self.generation.next();
        }
        let still_exited = matches!(self.phase, Phase::Idle(Rest::Exited(exit))
            if rests(&new.policy, exit) && !another_process);
        let other_policy = old.is_none_or(|old| old.policy != new.policy);
        if another_process || (other_policy && self.phase == Phase::Idle(Rest::Fatal)) {
            self.backoff.reset();
        }
        match self.phase {
            Phase::Idle(Rest::Exited(_)) if !still_exited => {
                self.wake(now, Cause::Config);
            }
            Phase::Idle(Rest::Fatal) if another_process || other_policy => {
                self.wake(now, Cause::Config);
            }
            Phase::Delayed { .. } if another_process => {
                self.wake(now, Cause::Config);
            }
            Phase::Delayed {
                until, earliest, ..
            } if other_policy => {
                let most = new.policy.delays.most();
                let latest = earliest.max(now.mono.after(most));
                if until > latest {
                    self.delay(now, latest, earliest, most, Cause::Config);
                }
            }
            Phase::Idle(_)
            | Phase::Delayed { .. }
            | Phase::Ordered { .. }
            | Phase::Starting(_)
            | Phase::Running(_)
            | Phase::Stopping { .. }
            | Phase::Clearing { .. } => {}
        }
    }

    /// The start that was ordered has happened.
    pub(crate) fn spawned(
        &mut self,
        now: Now,
        pid: u32,
        identity: Option<ProcessIdentity>,
        at: Mono,
    ) {
        if let Phase::Ordered { spec, .. } = &self.phase {
            let child = Child {
                pid,
                identity,
                started: at,
                started_wall: now.wall,
                spec: Arc::clone(spec),
                adopted: false,
                health: Health::new(at),
            };
            self.starts += 1;
            self.reason = None;
            // A word that came since asks for a later start, and its reason waits for that.
            if self.at_least <= self.generation {
                self.reason = self.asked_because.take().map(sentence::restarted_because);
            }
            self.telling.started(pid, self.reason.as_ref());
            self.enter(now, Phase::Starting(child), self.word);
        }
    }

    /// A process that an earlier monitor started was found alive.
    pub(crate) fn adopted(&mut self, now: Now, pid: u32, identity: Option<ProcessIdentity>) {
        if let Phase::Ordered { asked, .. } = self.phase {
            // Between the order and the process lay nothing but the call that made it.
            self.spawned(now, pid, identity.clone(), asked);
        }
        if let Phase::Starting(child) | Phase::Running(child) | Phase::Stopping { child, .. } =
            &mut self.phase
        {
            child.adopted = true;
            // Nobody has listened to it for a while.
            child.health.since = now.mono;
            child.health.fed = now.mono;
            child.identity = identity;
        }
    }

    /// Nothing is left of a start that an earlier monitor had ordered: it never happened, or its
    /// process has come and gone unseen. Either way the want decides afresh. In case it did happen,
    /// the next one keeps its distance.
    pub(crate) fn never_started(&mut self, now: Now) {
        let Phase::Ordered { spec, asked } = &self.phase else {
            return;
        };
        let earliest = asked.after(START_SPACING);
        if earliest <= now.mono || self.is_superseded(spec) {
            return self.enter(now, Phase::Idle(Rest::Stopped), Cause::Adopted);
        }
        self.reason = Some(sentence::LOST_START.to_owned());
        self.delay(now, earliest, earliest, START_SPACING, Cause::Adopted);
    }

    /// The start that was ordered could not happen.
    pub(crate) fn spawn_failed(&mut self, now: Now, failure: &SpawnFailure, at: Mono) {
        let Phase::Ordered { spec, asked } = &self.phase else {
            return;
        };
        let (spec, asked) = (Arc::clone(spec), *asked);
        if self.is_superseded(&spec) {
            return self.enter(now, Phase::Idle(Rest::Stopped), Cause::Exit);
        }
        if failure.blame == Blame::Machine {
            self.reason = Some(sentence::shortage(failure, SHORTAGE_DELAY));
            let earliest = asked.after(START_SPACING);
            let until = at.after(SHORTAGE_DELAY);
            return self.delay(now, until, earliest, SHORTAGE_DELAY, Cause::Exit);
        }
        if spec.policy.restart == Restart::Never {
            self.reason = Some(sentence::cannot_start(failure));
            return self.enter(now, Phase::Idle(Rest::Fatal), Cause::Exit);
        }
        let verdict = policy::instant_death(&spec.policy, &mut self.backoff, asked, at);
        self.reason = Some(sentence::failed(
            &failure.sentence,
            verdict,
            self.backoff.deaths(),
        ));
        self.follow(now, verdict, asked, Exit::Unknown);
    }

    /// Whether a later start than the present one is asked for, or one of something else: how the
    /// present one comes out then decides nothing.
    pub(super) fn is_superseded(&self, started_with: &ProgramSpec) -> bool {
        let another = |spec: &Arc<ProgramSpec>| started_with.needs_restart(spec);
        self.at_least > self.generation || self.spec.as_ref().is_some_and(another)
    }

    /// Its main process ended.
    pub(crate) fn exited(
        &mut self,
        now: Now,
        exit: Exit,
        group: Group,
        at: Mono,
        out: &mut VecDeque<Effect>,
    ) {
        let Some(child) = self.child().cloned() else {
            return;
        };
        let was_told = if let Phase::Stopping { patience, .. } = self.phase {
            Some(patience)
        } else {
            None
        };
        self.exit = Some(exit);
        self.output = None;
        self.ended = self.generation;
        self.telling.ended();
        let ended = Ended {
            exit,
            started: child.started,
            at,
        };
        let by_itself = was_told.is_none();
        if by_itself || group == Group::Gone {
            self.telling.tell_of_end(child.pid, ended);
        }
        let spec = child.spec;
        if group == Group::Gone {
            let fault = was_told.and_then(|patience| patience.fault);
            return self.conclude(now, ended, (by_itself, fault), &spec);
        }
        let patience = was_told.unwrap_or_else(|| {
            self.ask_to_stop(spec.policy.stop_signal, out);
            // However late the exit was noticed, its members are only asked now.
            Patience::begun(now, &spec.policy)
        });
        if by_itself {
            self.reason = Some(sentence::clearing(&ended));
        }
        self.enter(
            now,
            Phase::Clearing {
                leader: child.pid,
                ended,
                by_itself,
                spec,
                patience,
            },
            Cause::Exit,
        );
    }

    /// The last of its group is gone.
    pub(crate) fn group_gone(&mut self, now: Now) {
        if let Phase::Clearing {
            leader,
            ended,
            by_itself,
            spec,
            patience,
            ..
        } = &self.phase
        {
            let (ended, spec) = (*ended, Arc::clone(spec));
            let cause = (*by_itself, patience.fault);
            // Of what had ended by itself was told when its group began to be cleared.
            if !by_itself {
                self.telling.tell_of_end(*leader, ended);
            }
            self.conclude(now, ended, cause, &spec);
        }
    }

    /// It is gone: by itself, for a fault of its own, or because somebody wanted it so.
    fn conclude(
        &mut self,
        now: Now,
        ended: Ended,
        (by_itself, fault): (bool, Option<Fault>),
        spec: &Arc<ProgramSpec>,
    ) {
        let by_hand = self.hand == Hand::Down;
        let commanded = !by_itself && (fault.is_none() || by_hand);
        if commanded || self.is_superseded(spec) {
            return self.enter(now, Phase::Idle(Rest::Stopped), Cause::Exit);
        }
        if let Some(fault) = fault {
            return self.conclude_fault(now, ended, fault, spec);
        }
        // What its file says now, if it still says anything, is the policy that counts.
        let spec = Arc::clone(self.spec.as_ref().unwrap_or(spec));
        let verdict = policy::judge(&spec.policy, &mut self.backoff, &ended);
        let deaths = self.backoff.deaths();
        self.reason = Some(sentence::ended(&ended, verdict, &spec.policy, deaths));
        self.follow(now, verdict, ended.started, ended.exit);
    }

    /// It had to be stopped: however it ended then, that was no success.
    fn conclude_fault(&mut self, now: Now, ended: Ended, fault: Fault, spec: &Arc<ProgramSpec>) {
        let policy = self.spec.as_ref().unwrap_or(spec).policy.clone();
        let failed = Ended {
            exit: Exit::Unknown,
            ..ended
        };
        let verdict = match (fault, policy.restart) {
            (Fault::NeverReady, Restart::Never) => Verdict::GiveUp,
            (Fault::NeverReady, Restart::Always | Restart::OnFailure) => {
                policy::instant_death(&policy, &mut self.backoff, ended.started, ended.at)
            }
            (Fault::Unwell, _) => policy::judge(&policy, &mut self.backoff, &failed),
        };
        let deaths = self.backoff.deaths();
        let before = self.reason.take();
        self.reason = Some(sentence::faulty(
            before.as_deref(),
            &ended,
            verdict,
            &policy,
            deaths,
        ));
        self.follow(now, verdict, ended.started, ended.exit);
    }

    fn follow(&mut self, now: Now, verdict: Verdict, started: Mono, exit: Exit) {
        match verdict {
            Verdict::StartAt {
                until,
                instant_death,
            } => {
                let earliest = started.after(START_SPACING);
                let wait = instant_death.unwrap_or_default();
                self.delay(now, until, earliest, wait, Cause::Exit);
            }
            Verdict::Exited => {
                self.enter(now, Phase::Idle(Rest::Exited(exit)), Cause::Exit);
            }
            Verdict::GiveUp => self.enter(now, Phase::Idle(Rest::Fatal), Cause::Exit),
        }
    }

    fn delay(&mut self, now: Now, until: Mono, earliest: Mono, wait: Duration, cause: Cause) {
        let next_start = now.wall.after(until.since(now.mono));
        self.enter(
            now,
            Phase::Delayed {
                until,
                earliest,
                wait,
                next_start,
            },
            cause,
        );
    }
}

/// Whether this exit leaves a program at rest under this policy.
fn rests(policy: &Policy, exit: Exit) -> bool {
    let long = Ended {
        exit,
        started: Mono::default(),
        at: Mono::default().after(START_SPACING),
    };
    policy::judge(policy, &mut Backoff::default(), &long) == Verdict::Exited
}
