//! `signal`, and what `reload` shares with it: something is sent to what runs.

use ncolony_core::{ProgramName, Request, Target};

use crate::act::{Answers, Patience, ask, leave, need_monitor, print_records, targets};
use crate::cli::{SignalArgs, TargetArgs};
use crate::ending::{Ending, Failure};
use crate::records::{self, ProgramRecord};
use crate::selection::processes;
use crate::session::Session;

pub(super) fn run(session: &mut Session<'_>, args: &SignalArgs) -> Result<Ending, Failure> {
    let signal = args.signal;
    let what = signal.to_string();
    let request = |target| Request::Signal(target, signal);
    send(session, "signal", &what, &args.target, request)
}

/// Sends to every target that runs. Who does not run is named, and makes the command end so.
pub(super) fn send(
    session: &mut Session<'_>,
    command: &str,
    what: &str,
    args: &TargetArgs,
    request: impl Fn(Target) -> Request,
) -> Result<Ending, Failure> {
    need_monitor(session, command)?;
    let targets = targets(session, args)?;
    let (running, mut resting) = running(session, targets)?;
    if Patience::from(args.wait) == Patience::DoesNotWait {
        leave(session, &running, request)?;
        return Ok(conclude(session, what, &[], &resting, Vec::new()));
    }
    let Answers { programs, refusals } = ask(session, &running, request)?;
    let mut errors = Vec::new();
    for refusal in refusals {
        match &refusal.target {
            // It ended between our look and the monitor's.
            Target::Name(name) if record_of_running(session, name)?.is_none() => {
                resting.push(name.clone());
            }
            Target::Name(name) => errors.push(format!("{name}: {}", refusal.error)),
            Target::Group(_) | Target::All => errors.push(refusal.error),
        }
    }
    if programs.is_empty() && resting.is_empty() && errors.is_empty() {
        let message = format!("none of them is running; {what} was sent to nobody");
        return Err(Failure::new(Ending::NotRunning, message));
    }
    let mut records = Vec::new();
    for name in programs.keys() {
        session.report.line(&format!("{name}: {what} was sent"));
        records.extend(records::program(&session.places, name.as_str())?);
    }
    Ok(conclude(session, what, &errors, &resting, records))
}

fn conclude(
    session: &mut Session<'_>,
    what: &str,
    errors: &[String],
    resting: &[ProgramName],
    records: Vec<ProgramRecord>,
) -> Ending {
    let rests = |name: &ProgramName| format!("{name} is not running; {what} was not sent to it");
    let all: Vec<String> = errors
        .iter()
        .cloned()
        .chain(resting.iter().map(rests))
        .collect();
    for error in &all {
        session.report.talk(&format!("ncolony-ctl: {error}"));
    }
    print_records(session, &all, records.iter());
    match (errors, resting) {
        ([], []) => Ending::Done,
        ([], [_, ..]) => Ending::NotRunning,
        ([_, ..], _) => Ending::Failed,
    }
}

/// Parts the targets into those to send to and the names of those that do not run.
fn running(
    session: &Session<'_>,
    targets: Vec<Target>,
) -> Result<(Vec<Target>, Vec<ProgramName>), Failure> {
    let (mut running, mut resting) = (Vec::new(), Vec::new());
    for target in targets {
        match &target {
            Target::Name(name) if record_of_running(session, name)?.is_none() => {
                resting.push(name.clone());
            }
            Target::Name(_) | Target::Group(_) | Target::All => running.push(target),
        }
    }
    Ok((running, resting))
}

/// The record of what runs of a program; of the first of its instances that does.
fn record_of_running(
    session: &Session<'_>,
    name: &ProgramName,
) -> Result<Option<ProgramRecord>, Failure> {
    for process in processes(&session.places, std::slice::from_ref(name))? {
        let record = records::program(&session.places, process.as_str())?;
        if let Some(running) = record.filter(|record| record.status.pid.is_some()) {
            return Ok(Some(running));
        }
    }
    Ok(None)
}
