//! Waiting until the monitor's files show what a command waits for. What they show is judged by
//! [`crate::effect`].

use std::collections::VecDeque;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use ncolony_core::message::{MessageId, Reply};
use ncolony_core::{Descriptor, MonitorStatus, Places, ProgramName};

use crate::effect::{Goal, Judgement, judge, judge_absent};
use crate::ending::{Ending, Failure};
use crate::liveness;
use crate::records::{self, ProgramRecord};
use crate::selection::has_file;
use crate::session::{Deadline, Session};
use crate::staleness;
use crate::waiting_room::WaitingRoom;

/// Between two looks, at first: most effects are there within milliseconds.
const FIRST_INTERVAL: Duration = Duration::from_millis(1);
/// Between two looks, later.
const LAST_INTERVAL: Duration = Duration::from_millis(10);
/// How long the record of a monitor that has answered may take.
const RECORD_PATIENCE: Duration = Duration::from_secs(2);

/// A program, and the effect that is waited for on it.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub(crate) name: ProgramName,
    pub(crate) goal: Goal,
}

/// What came of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The effect is there.
    Done,
    /// It will not come, and this is why.
    Failed(String),
    /// It has not come in time, and this is what is there instead.
    TimedOut(String),
}

/// A program that is waited for no longer.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) name: ProgramName,
    pub(crate) fate: Fate,
    /// Its last record.
    pub(crate) record: Option<ProgramRecord>,
    /// Whether the record's `output` explains why it failed.
    pub(crate) output_explains: bool,
}

/// Looks again and again, with intervals that grow.
struct Pace {
    deadline: Deadline,
    interval: Duration,
}

impl Pace {
    fn new(session: &Session<'_>) -> Self {
        Self {
            deadline: session.deadline,
            interval: FIRST_INTERVAL,
        }
    }

    /// Waits for the next look. `false`: time is up.
    fn next(&mut self) -> bool {
        if self.deadline.is_over() {
            return false;
        }
        thread::sleep(self.deadline.at_most(self.interval));
        self.interval = (self.interval * 2).min(LAST_INTERVAL);
        true
    }
}

/// Waits for the outcome of a message.
///
/// # Errors
/// It did not come in time, or the monitor ended.
pub(crate) fn reply(session: &Session<'_>, id: &MessageId) -> Result<Reply, Failure> {
    answer(session, id, || is_alive(session))?.ok_or_else(monitor_ended)
}

/// Waits for the outcome of an upgrade, which a new image of the monitor writes.
///
/// # Errors
/// It did not come in time, or the monitor ended.
pub(crate) fn upgraded(session: &Session<'_>, id: &MessageId) -> Result<Reply, Failure> {
    let pid = session.monitor.and_then(|monitor| monitor.pid);
    let is_there = || {
        // Between the two images nobody may hold the lock, and the process is there all the same.
        Ok(is_alive(session)? || pid.is_some_and(has_image))
    };
    answer(session, id, is_there)?.ok_or_else(|| {
        let message = "the monitor ended during the upgrade, and its log says why; \
                       the programs go on, and the next monitor that is started takes them up";
        Failure::new(Ending::NoMonitor, message)
    })
}

fn is_alive(session: &Session<'_>) -> Result<bool, Failure> {
    Ok(liveness::monitor(&session.places)?.is_some())
}

/// Whether there is such a process, and it has not ended.
fn has_image(pid: u32) -> bool {
    fs::read_link(format!("/proc/{pid}/exe")).is_ok()
}

/// The outcome of a message; `None`: whoever is to tell it is not there any more.
fn answer(
    session: &Session<'_>,
    id: &MessageId,
    is_there: impl Fn() -> Result<bool, Failure>,
) -> Result<Option<Reply>, Failure> {
    let mut pace = Pace::new(session);
    loop {
        // Asked before the look: a monitor that answers and ends has answered.
        let is_there = is_there()?;
        if let Some(reply) = records::reply(&session.places, id.as_str())? {
            return Ok(Some(reply));
        }
        if !is_there {
            return Ok(None);
        }
        if !pace.next() {
            let pid = session.monitor.and_then(|monitor| monitor.pid);
            let who = pid.map_or_else(String::new, |pid| format!(" (pid {pid})"));
            let span = session.deadline.span.as_secs_f64();
            let why = staleness::behind(&session.places);
            let problems = problems(session)?;
            let message =
                format!("the monitor{who} has not answered within {span} s{why}{problems}");
            return Err(Failure::new(Ending::Timeout, message));
        }
    }
}

/// What the monitor says is wrong with its own world, to be put behind what did not come in time.
fn problems(session: &Session<'_>) -> Result<String, Failure> {
    let record = records::monitor(&session.places)?;
    let problems = record.map(|record| record.status.problems);
    let problems = problems.unwrap_or_default();
    Ok(problems
        .iter()
        .map(|problem| format!("; {problem}"))
        .collect())
}

/// Waits until the monitor has a record of a program whose file it may not have read yet, or of its
/// first instance.
///
/// # Errors
/// It has none when time is up, or it ended.
pub(crate) fn known(session: &Session<'_>, name: &ProgramName) -> Result<(), Failure> {
    let mut pace = Pace::new(session);
    loop {
        let first = name.instance(name.instance_number().unwrap_or_default());
        for name in [name, &first] {
            if records::program(&session.places, name.as_str())?.is_some() {
                return Ok(());
            }
        }
        if liveness::monitor(&session.places)?.is_none() {
            return Err(monitor_ended());
        }
        if !pace.next() {
            let span = session.deadline.span.as_secs_f64();
            let message = format!("the monitor has not read the file of {name} within {span} s");
            return Err(Failure::new(Ending::Timeout, message));
        }
    }
}

/// Waits for all effects, and says what a program waits for in its turn.
///
/// # Errors
/// A record could not be read, or the monitor ended.
pub(crate) fn effects(
    session: &mut Session<'_>,
    watched: Vec<Watched>,
) -> Result<Vec<Outcome>, Failure> {
    let mut waiting: VecDeque<(usize, Watched)> = watched.into_iter().enumerate().collect();
    let mut outcomes = Vec::with_capacity(waiting.len());
    // Those that another instance holds up come last: what comes of that one decides.
    let mut held = VecDeque::new();
    let mut pace = Pace::new(session);
    let mut waiting_room = WaitingRoom::default();
    // One program is looked at until it is through: all are waited for, so the order is all the
    // same, and a thousand cost no more looks than one.
    while let Some((_, first)) = waiting.front() {
        let alive = liveness::monitor(&session.places)?.is_some();
        let (judgement, record) = look(&session.places, first)?;
        let fate = match judgement {
            Judgement::Seen => Fate::Done,
            Judgement::Failed(why) => Fate::Failed(why),
            Judgement::Held(why) if has_failed(&outcomes, &first.name) => Fate::Failed(why),
            Judgement::Pending | Judgement::Held(_) if !alive => return Err(monitor_ended()),
            Judgement::Held(_) if waiting.len() > 1 => {
                held.extend(waiting.pop_front());
                continue;
            }
            Judgement::Pending | Judgement::Held(_) if pace.next() => {
                if let Some(news) = waiting_room.news(first, record.as_ref()) {
                    session.report.talk(&news);
                }
                waiting.append(&mut held);
                continue;
            }
            Judgement::Pending | Judgement::Held(_) => {
                Fate::TimedOut(what_is_there(record.as_ref()))
            }
        };
        if let Some((place, first)) = waiting.pop_front() {
            outcomes.push((place, conclude(first, fate, record)));
        }
        if waiting.is_empty() {
            waiting.append(&mut held);
        }
    }
    outcomes.sort_by_key(|(place, _)| *place);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

/// Whether another instance of the same program has failed.
fn has_failed(outcomes: &[(usize, Outcome)], name: &ProgramName) -> bool {
    let outcomes = outcomes.iter().map(|(_, outcome)| outcome);
    let mut failed = outcomes.filter(|outcome| matches!(outcome.fate, Fate::Failed(_)));
    failed.any(|outcome| outcome.name.family() == name.family())
}

fn look(places: &Places, watched: &Watched) -> Result<(Judgement, Option<ProgramRecord>), Failure> {
    let mut record = records::program(places, watched.name.as_str())?;
    if record.is_none() && watched.name.is_instance() {
        // What is wrong with a file that was never good is said under the program's name.
        let of_file = records::program(places, watched.name.family_str())?;
        record = of_file.filter(|record| record.status.config_error.is_some());
    }
    let judgement = match &record {
        Some(ProgramRecord { status, .. }) => {
            judge(&watched.goal, status, &|| exit_codes(places, &watched.name))
        }
        None => judge_absent(&watched.goal, has_file(places, &watched.name)?),
    };
    Ok((judgement, record))
}

fn conclude(watched: Watched, fate: Fate, record: Option<ProgramRecord>) -> Outcome {
    let output_explains = record
        .as_ref()
        .is_some_and(|record| watched.goal.is_explained_by_output(&record.status));
    Outcome {
        name: watched.name,
        fate,
        record,
        output_explains,
    }
}

/// The codes that a program's file calls a success.
fn exit_codes(places: &Places, name: &ProgramName) -> Vec<u8> {
    let read = crate::commands::read_descriptor(places, name);
    // A file that cannot be read now has been in force once; what it said then is not known.
    let descriptor: Option<Descriptor> = read.ok().and_then(|(_, descriptor)| descriptor.ok());
    descriptor.map_or_else(|| vec![0], |descriptor| descriptor.exit_codes)
}

fn what_is_there(record: Option<&ProgramRecord>) -> String {
    let Some(ProgramRecord { status, .. }) = record else {
        return "the monitor has no record of it".to_owned();
    };
    match (&status.config_error, &status.reason) {
        (Some(error), _) => format!("{}; its file has an error: {error}", status.state),
        (None, Some(reason)) => format!("{}: {reason}", status.state),
        (None, None) => status.state.to_string(),
    }
}

fn monitor_ended() -> Failure {
    let message = "the monitor ended before the effect was seen";
    Failure::new(Ending::NoMonitor, message)
}

/// Waits until the monitor has ended because of this message; `hint` says why that may take long.
///
/// # Errors
/// It refused, or is still there when time is up.
pub(crate) fn ended(session: &Session<'_>, id: &MessageId, hint: &str) -> Result<(), Failure> {
    let mut pace = Pace::new(session);
    while liveness::monitor(&session.places)?.is_some() {
        if let Some(reply) = records::reply(&session.places, id.as_str())?
            && !reply.ok
        {
            let error = reply
                .error
                .unwrap_or_else(|| "no reason is given".to_owned());
            return Err(Failure::failed(format!("the monitor refused: {error}")));
        }
        if !pace.next() {
            let span = session.deadline.span.as_secs_f64();
            let message = format!("the monitor is still there after {span} s{hint}");
            return Err(Failure::new(Ending::Timeout, message));
        }
    }
    Ok(())
}

/// Waits for the record that a new image of the monitor writes, and gives it. It comes with the
/// answer or soon after: where it does not come, the old one is given.
///
/// # Errors
/// The record cannot be read.
pub(crate) fn new_record(
    session: &Session<'_>,
    old: Option<&MonitorStatus>,
) -> Result<Option<MonitorStatus>, Failure> {
    let begun = Instant::now();
    let mut pace = Pace::new(session);
    loop {
        let record = records::monitor(&session.places)?.map(|record| record.status);
        let is_new = match (&record, old) {
            (Some(record), Some(old)) => record.started != old.started,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if is_new || begun.elapsed() >= RECORD_PATIENCE || !pace.next() {
            return Ok(record);
        }
    }
}
