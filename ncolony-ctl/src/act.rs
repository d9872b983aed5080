//! The road that all requests take: to whom, written, answered, seen.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ncolony_core::message::MessageId;
use ncolony_core::{Message, ProgramName, Request, Target, ctllib};

use crate::cli::TargetArgs;
use crate::effect::{Goal, Promise};
use crate::ending::{Ending, Failure};
use crate::note::{next_start, now, one_line};
use crate::records::{self, ProgramRecord};
use crate::report::Acted;
use crate::selection::{Existence, Word, choose};
use crate::session::Session;
use crate::staleness;
use crate::watch::{self, Fate, Outcome, Watched};

/// Whether a command waits for its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Until its effect has been seen.
    Waits,
    /// Until its files are written.
    DoesNotWait,
}

impl From<crate::cli::NoWaitArgs> for Patience {
    fn from(args: crate::cli::NoWaitArgs) -> Self {
        if args.no_wait {
            Self::DoesNotWait
        } else {
            Self::Waits
        }
    }
}

/// What was answered to a request.
pub(crate) struct Answers {
    /// The programs that the requests were about, and what each can expect.
    pub(crate) programs: BTreeMap<ProgramName, Promise>,
    /// Why some of them were refused.
    pub(crate) refusals: Vec<Refusal>,
}

/// A request that was refused.
pub(crate) struct Refusal {
    pub(crate) target: Target,
    pub(crate) error: String,
}

/// Refuses to go on without a monitor.
pub(crate) fn need_monitor(session: &Session<'_>, for_what: &str) -> Result<(), Failure> {
    if session.monitor.is_some() {
        return Ok(());
    }
    let message = format!(
        "no monitor is alive on {}, and {for_what} needs one; nothing was done",
        session.places.status.display()
    );
    Err(Failure::new(Ending::NoMonitor, message))
}

/// Whom a command line means.
///
/// # Errors
/// One of them does not exist; then nobody is meant.
pub(crate) fn targets(session: &Session<'_>, args: &TargetArgs) -> Result<Vec<Target>, Failure> {
    if !args.groups.is_empty() {
        return groups(session, &args.groups);
    }
    if args.names.contains(&Word::All) {
        if args.names.len() > 1 {
            return Err(Failure::usage("\"all\" already stands for every program"));
        }
        return Ok(vec![Target::All]);
    }
    let existence = Existence::under(session.monitor);
    let names = choose(&session.places, &args.names, existence)?;
    Ok(names.into_iter().map(Target::Name).collect())
}

/// Groups as targets. With a living monitor each must have a member; without one, who is a member
/// is decided when there is one.
pub(crate) fn groups(session: &Session<'_>, groups: &[String]) -> Result<Vec<Target>, Failure> {
    if session.monitor.is_some() {
        let records = records::programs(&session.places)?.by_name;
        for group in groups {
            if !records
                .values()
                .any(|record| record.status.groups.contains(group))
            {
                let message = format!("no program is in group {group:?}; nothing was done");
                return Err(Failure::new(Ending::NoSuchProgram, message));
            }
        }
    }
    Ok(groups.iter().cloned().map(Target::Group).collect())
}

/// Asks a living monitor for something, and waits until it is so. `goal` makes of what was promised
/// the effect that is waited for.
pub(crate) fn carry_out(
    session: &mut Session<'_>,
    targets: &[Target],
    patience: Patience,
    request: impl Fn(Target) -> Request,
    goal: impl Fn(Promise) -> Goal,
) -> Result<Ending, Failure> {
    if patience == Patience::DoesNotWait {
        leave(session, targets, request)?;
        print_records(session, &[], std::iter::empty());
        return Ok(Ending::Done);
    }
    await_known(session, targets)?;
    let Answers { programs, refusals } = ask(session, targets, request)?;
    let watched = programs.into_iter().map(|(name, promise)| Watched {
        name,
        goal: goal(promise),
    });
    let outcomes = watch::effects(session, watched.collect())?;
    Ok(conclude(session, &refusals, &outcomes))
}

/// Waits until the monitor knows every program that is named, so that no request about one is
/// refused because the monitor has not read its file yet.
fn await_known(session: &Session<'_>, targets: &[Target]) -> Result<(), Failure> {
    for target in targets {
        if let Target::Name(name) = target {
            watch::known(session, name)?;
        }
    }
    Ok(())
}

/// Writes a request per target and waits for all answers.
pub(crate) fn ask(
    session: &Session<'_>,
    targets: &[Target],
    request: impl Fn(Target) -> Request,
) -> Result<Answers, Failure> {
    let mut asked = Vec::with_capacity(targets.len());
    for target in targets {
        let id = message_id()?;
        let message = Message {
            id: Some(id.clone()),
            ..Message::new(request(target.clone()))
        };
        ctllib::send(&session.places, &message)?;
        asked.push((target, id));
    }
    let mut answers = Answers {
        programs: BTreeMap::new(),
        refusals: Vec::new(),
    };
    for (target, id) in asked {
        let reply = watch::reply(session, &id)?;
        for name in &reply.programs {
            let promise = answers.programs.entry(name.clone()).or_default();
            *promise = promise.and(Promise::of(&reply, name));
        }
        if !reply.ok {
            let target = target.clone();
            let error = reply
                .error
                .unwrap_or_else(|| "no reason is given".to_owned());
            answers.refusals.push(Refusal { target, error });
        }
    }
    Ok(answers)
}

/// Writes a request per target for whoever will act on it.
pub(crate) fn leave(
    session: &Session<'_>,
    targets: &[Target],
    request: impl Fn(Target) -> Request,
) -> Result<(), Failure> {
    for target in targets {
        ctllib::send(&session.places, &Message::new(request(target.clone())))?;
    }
    Ok(())
}

/// An `id` that no other sender uses.
pub(crate) fn message_id() -> Result<MessageId, Failure> {
    static SENT: AtomicU32 = AtomicU32::new(0);
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let counter = SENT.fetch_add(1, Ordering::Relaxed);
    let id = format!(
        "ctl-{}-{}-{counter}",
        since_1970.as_nanos(),
        std::process::id()
    );
    MessageId::new(&id).map_err(|error| Failure::failed(error.to_string()))
}

/// Says what came of each program, and how the command ends.
pub(crate) fn conclude(
    session: &mut Session<'_>,
    refusals: &[Refusal],
    outcomes: &[Outcome],
) -> Ending {
    let mut ending = Ending::Done;
    let mut errors = Vec::new();
    for Refusal { target, error } in refusals {
        ending = Ending::Failed;
        errors.push(match target {
            Target::Name(name) if !error.contains(name.as_str()) => format!("{name}: {error}"),
            Target::Name(_) | Target::Group(_) | Target::All => error.clone(),
        });
    }
    for outcome in outcomes {
        let name = &outcome.name;
        match &outcome.fate {
            Fate::Done => {
                session.report.line(&done(outcome));
                if let Some(warning) = old_content(outcome) {
                    session.report.talk(&format!("ncolony-ctl: {warning}"));
                }
            }
            Fate::Failed(why) => {
                ending = Ending::Failed;
                errors.push(format!("{name}: {why}{}{}", wait(outcome), output(outcome)));
            }
            Fate::TimedOut(what) => {
                if ending == Ending::Done {
                    ending = Ending::Timeout;
                }
                let span = session.deadline.span.as_secs_f64();
                let why = staleness::behind(&session.places);
                errors.push(format!("{name}: not there after {span} s: {what}{why}"));
            }
        }
    }
    errors.extend(how_far(outcomes));
    for error in &errors {
        session.report.talk(&format!("ncolony-ctl: {error}"));
    }
    let records = outcomes
        .iter()
        .filter_map(|outcome| outcome.record.as_ref());
    print_records(session, &errors, records);
    ending
}

/// Prints the JSON document of a command that acts.
pub(crate) fn print_records<'a>(
    session: &mut Session<'_>,
    errors: &[String],
    records: impl Iterator<Item = &'a ProgramRecord>,
) {
    let error = (!errors.is_empty()).then(|| errors.join("\n"));
    let programs = records.map(|record| &*record.text).collect();
    session
        .report
        .document(&Acted::new(error.as_deref(), programs));
}

/// How many instances of a program are through, where not all are: they take turns.
fn how_far(outcomes: &[Outcome]) -> Vec<String> {
    let mut counts: BTreeMap<ProgramName, (usize, usize)> = BTreeMap::new();
    for outcome in outcomes.iter().filter(|it| it.name.is_instance()) {
        let (through, all) = counts.entry(outcome.name.family()).or_default();
        *through += usize::from(outcome.fate == Fate::Done);
        *all += 1;
    }
    let partly = counts.iter().filter(|(_, (through, all))| through < all);
    partly
        .map(|(name, (through, all))| format!("{name}: {through} of {all} instances are done"))
        .collect()
}

fn done(outcome: &Outcome) -> String {
    let name = &outcome.name;
    let Some(ProgramRecord { status, .. }) = &outcome.record else {
        return format!("{name}: removed");
    };
    match (status.pid, &status.reason) {
        (Some(pid), _) => format!("{name}: {}, pid {pid}", status.state),
        (None, Some(reason)) => format!("{name}: {}: {}", status.state, one_line(reason)),
        (None, None) => format!("{name}: {}", status.state),
    }
}

/// A program that was started from an older content than its file has now.
fn old_content(outcome: &Outcome) -> Option<String> {
    let status = &outcome.record.as_ref()?.status;
    let error = status
        .config_error
        .as_ref()
        .filter(|_| status.pid.is_some())?;
    let name = &outcome.name;
    Some(format!(
        "{name}: its file has an error, so it runs with what the file said before: {error}"
    ))
}

/// When a failed program is started again, where its reason does not say it: a wait that has only
/// begun is told there.
fn wait(outcome: &Outcome) -> String {
    let status = outcome.record.as_ref().map(|record| &record.status);
    let begun = |status: &&ncolony_core::ProgramStatus| {
        let delay = Duration::try_from_secs_f64(status.delay).unwrap_or_default();
        now() > status.since.after(delay / 10 + Duration::from_secs(1))
    };
    let next = status
        .filter(begun)
        .and_then(|status| next_start(status, now()));
    next.map_or_else(String::new, |next| format!("; {next}"))
}

/// The last lines that a failed program printed, each on a line of its own.
fn output(outcome: &Outcome) -> String {
    let lines = match &outcome.record {
        Some(record) if outcome.output_explains => record.status.output.as_deref(),
        Some(_) | None => None,
    };
    let line = |line: &String| format!("\n  | {}", one_line(line));
    lines.unwrap_or_default().iter().map(line).collect()
}
