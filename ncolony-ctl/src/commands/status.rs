//! `status`: what runs, and what does not and why.

use std::collections::{BTreeMap, BTreeSet};

use anstyle::{AnsiColor, Style};
use ncolony_core::status::{SCHEMA, WantWord};
use ncolony_core::{MonitorStatus, ProgramName, ProgramStatus, State, Wall};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::cli::StatusArgs;
use crate::ending::{Ending, Failure};
use crate::note::{note, now, one_line, uptime};
use crate::records::{self, ProgramRecord};
use crate::selection::{Existence, Word, by_number, choose, processes};
use crate::session::Session;
use crate::staleness;
use crate::table::{Cell, Table};

mod guarantees;

use guarantees::Detail;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    monitor: Option<&'a RawValue>,
    programs: Vec<&'a RawValue>,
}

pub(super) fn run(session: &mut Session<'_>, args: &StatusArgs) -> Result<Ending, Failure> {
    let records = records::programs(&session.places)?;
    let chosen: Option<BTreeSet<ProgramName>> = if args.names.is_empty() {
        None
    } else {
        let names = choose(&session.places, &args.names, Existence::FileOrRecord)?;
        let names = processes(&session.places, &names)?;
        Some(names.into_iter().collect())
    };
    let mut by_name = records.by_name;
    let unread = match &chosen {
        None => Vec::new(),
        Some(chosen) => {
            by_name.retain(|name, _| chosen.contains(name));
            chosen
                .iter()
                .filter(|name| !by_name.contains_key(*name))
                .cloned()
                .collect()
        }
    };
    let monitor = match session.monitor {
        Some(_) => records::monitor(&session.places)?,
        None => None,
    };
    session.report.document(&Document {
        schema: SCHEMA,
        monitor: monitor.as_ref().map(|record| &*record.text),
        programs: in_order(&by_name).map(|record| &*record.text).collect(),
    });
    // Headings over nothing say nothing, where there is more to say below.
    let is_bare = session.monitor.is_none() && by_name.is_empty() && unread.is_empty();
    if !session.report.is_json() && !is_bare {
        session.report.table(&table(&by_name, &unread, now()));
    }
    for problem in records.unreadable {
        session.report.talk(&format!("ncolony-ctl: {problem}"));
    }
    let detail = if args.verbose {
        Detail::All
    } else {
        Detail::Important
    };
    let monitor = monitor.as_ref().map(|record| &record.status);
    Ok(conclude(session, monitor, detail, &by_name, &unread))
}

fn conclude(
    session: &mut Session<'_>,
    monitor: Option<&MonitorStatus>,
    detail: Detail,
    programs: &BTreeMap<ProgramName, ProgramRecord>,
    unread: &[ProgramName],
) -> Ending {
    if session.monitor.is_none() {
        let status = session.places.status.display();
        let text = if programs.is_empty() && unread.is_empty() {
            format!(
                "no monitor is alive on {status}, and there are no records{}",
                waiting(session)
            )
        } else {
            format!("no monitor is alive on {status}; these are the last records there")
        };
        session.report.talk(&text);
        return Ending::NoMonitor;
    }
    if let Some(line) = staleness::of_records(&session.places) {
        session.report.talk(&line);
    }
    for line in monitor
        .map(|monitor| footer(monitor, detail))
        .unwrap_or_default()
    {
        session.report.talk(&line);
    }
    if unread.is_empty() && programs.values().all(|record| is_as_wanted(&record.status)) {
        Ending::Done
    } else {
        Ending::NotRunning
    }
}

/// What the first monitor will find.
fn waiting(session: &Session<'_>) -> String {
    let places = &session.places;
    let config = places.config.display();
    let files = choose(places, &[Word::All], Existence::File).map_or(0, |names| names.len());
    match files {
        0 => format!("; there are no program files in {config} either"),
        1 => format!("; 1 program file in {config} waits for ncolony-monitor to be started"),
        _ => format!("; {files} program files in {config} wait for ncolony-monitor to be started"),
    }
}

/// A program that never ran because its file was never good is not as somebody wanted it, although
/// the monitor, which cannot know what was meant, wants nothing of it.
fn is_as_wanted(record: &ProgramStatus) -> bool {
    let never_good = record.config_error.is_some() && record.starts == 0;
    let rests = record.want == WantWord::Down && !never_good;
    rests || matches!(record.state, State::Running | State::Exited)
}

fn table(
    programs: &BTreeMap<ProgramName, ProgramRecord>,
    unread: &[ProgramName],
    now: Wall,
) -> Table<6> {
    let mut rows: Vec<(&ProgramName, [Cell; 6])> = Vec::new();
    for (name, record) in programs {
        rows.push((name, row(&record.status, now)));
    }
    for name in unread {
        let note = "the monitor has not read its file yet";
        let nothing = || "-".into();
        let row = [
            name.as_str().into(),
            nothing(),
            nothing(),
            nothing(),
            nothing(),
            note.into(),
        ];
        rows.push((name, row));
    }
    rows.sort_by(|(one, _), (other, _)| by_number(one, other));
    let mut table = Table::new(["NAME", "STATE", "PID", "UPTIME", "STARTS", "NOTE"]);
    for (_, row) in rows {
        table.push(row);
    }
    table
}

/// Records by name, instances by number.
fn in_order(
    programs: &BTreeMap<ProgramName, ProgramRecord>,
) -> impl Iterator<Item = &ProgramRecord> {
    let mut records: Vec<_> = programs.iter().collect();
    records.sort_by(|(one, _), (other, _)| by_number(one, other));
    records.into_iter().map(|(_, record)| record)
}

fn row(record: &ProgramStatus, now: Wall) -> [Cell; 6] {
    [
        record.name.as_str().into(),
        Cell::styled(record.state.as_str(), style(record)),
        record
            .pid
            .map_or_else(|| "-".to_owned(), |pid| pid.to_string())
            .into(),
        uptime(record, now).into(),
        record.starts.to_string().into(),
        note(record, now).into(),
    ]
}

/// The colour adds nothing that the words do not say.
fn style(record: &ProgramStatus) -> Style {
    let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
    match record.state {
        State::Running => color(AnsiColor::Green),
        State::Starting => color(AnsiColor::Cyan),
        State::Backoff | State::Stopping => color(AnsiColor::Yellow),
        State::Fatal => color(AnsiColor::Red),
        State::Stopped if record.config_error.is_some() => color(AnsiColor::Red),
        State::Stopped | State::Exited => Style::new().dimmed(),
    }
}

/// What is wrong with the monitor's own world, in a few lines.
fn footer(monitor: &MonitorStatus, detail: Detail) -> Vec<String> {
    let mut lines = Vec::new();
    if monitor.config_state != "ok" {
        let config = monitor.places.config.display();
        let state = one_line(&monitor.config_state);
        lines.push(format!(
            "{config} is {state}; nothing is stopped on that account"
        ));
    }
    lines.extend(
        monitor
            .problems
            .iter()
            .map(|problem| format!("problem: {}", one_line(problem))),
    );
    lines.extend(guarantees::line(monitor, detail));
    match monitor.ignored.as_slice() {
        [] => {}
        [one] => lines.push(format!(
            "ignored file: {}: {}",
            one_line(&one.file),
            one.reason
        )),
        [first, others @ ..] => lines.push(format!(
            "ignored files: {} and {} more; \"ncolony-ctl check\" lists them",
            one_line(&first.file),
            others.len()
        )),
    }
    lines
}
