//! `logs`: what programs have printed, and with `-f` what they print.

use std::path::PathBuf;
use std::time::Duration;

use ncolony_core::{Places, ProgramName};
use serde::Serialize;

use crate::cli::LogsArgs;
use crate::ending::{Ending, Failure};
use crate::interruption::Interruption;
use crate::records;
use crate::report::Report;
use crate::selection::{Existence, choose, processes};
use crate::session::Session;
use crate::tail::{Follower, Lines};

/// Between two looks at logs that are followed.
const INTERVAL: Duration = Duration::from_millis(100);

/// A line, where data is wanted as JSON.
#[derive(Serialize)]
struct Line<'a> {
    schema: u32,
    name: &'a ProgramName,
    line: &'a str,
}

/// How output is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Byte for byte, as it comes: it is one program's.
    Bytes,
    /// Line by line, each with its program's name.
    Lines,
}

/// The log of a program that is read.
struct Log {
    name: ProgramName,
    path: PathBuf,
    follower: Follower,
    lines: Lines,
    /// The process that ran when the line that has begun was first seen.
    writer: Option<u32>,
}

impl Log {
    /// Opens a log and shows its last lines.
    fn open(name: ProgramName, path: PathBuf, args: &LogsArgs) -> Result<(Self, Vec<u8>), Failure> {
        let (follower, bytes) = Follower::open(path.clone(), args.lines)
            .map_err(|error| Failure::cannot_read(&path, error))?;
        let log = Self {
            name,
            path,
            follower,
            lines: Lines::default(),
            writer: None,
        };
        Ok((log, bytes))
    }

    /// Shows bytes of it in the shape that is wanted.
    fn show(&mut self, bytes: &[u8], shape: Shape, report: &mut Report) {
        match shape {
            Shape::Bytes => report.bytes(bytes),
            Shape::Lines => {
                let whole = self.lines.take(bytes);
                self.print(&whole, report);
            }
        }
    }

    fn print(&self, lines: &[u8], report: &mut Report) {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            report.bytes(&[format!("[{}] ", self.name).as_bytes(), line, b"\n"].concat());
            if report.is_json() {
                report.document(&Line {
                    schema: ncolony_core::status::SCHEMA,
                    name: &self.name,
                    line: &String::from_utf8_lossy(line),
                });
            }
        }
    }

    /// Shows a line that has begun and will not end.
    fn give_up(&mut self, report: &mut Report) {
        let begun = self.lines.give_up();
        self.print(&begun, report);
    }

    /// Shows what is new. A line that has begun is held back until it ends, or its program does.
    fn go_on(&mut self, shape: Shape, session: &mut Session<'_>) -> Result<(), Failure> {
        // Asked first: what a process printed is in its log before it is known to have ended.
        let had_begun = self.lines.has_begun();
        let writer = if had_begun {
            process(&session.places, &self.name)?
        } else {
            None
        };
        let bytes = self.follower.new_bytes();
        let bytes = bytes.map_err(|error| Failure::cannot_read(&self.path, error))?;
        let is_quiet = bytes.is_empty();
        self.show(&bytes, shape, session.report);
        if !had_begun {
            self.writer = None;
        } else if is_quiet {
            let has_changed = self.writer.is_some() && self.writer != writer;
            if writer.is_none() || has_changed {
                self.give_up(session.report);
            }
            self.writer = writer;
        }
        Ok(())
    }
}

pub(super) fn run(session: &mut Session<'_>, args: &LogsArgs) -> Result<Ending, Failure> {
    let names = choose(&session.places, &args.names, Existence::FileOrRecord)?;
    let names = processes(&session.places, &names)?;
    let shape = if names.len() > 1 || session.report.is_json() {
        Shape::Lines
    } else {
        Shape::Bytes
    };
    let mut without = Vec::new();
    let mut logs = Vec::new();
    for name in names {
        match path(&session.places, &name)? {
            Some(path) => logs.push(Log::open(name, path, args)?),
            None => without.push(name),
        }
    }
    let mut ending = Ending::Done;
    for name in without {
        ending = Ending::Failed;
        session.report.talk(&format!(
            "ncolony-ctl: the output of {name} is not kept in a file of its own"
        ));
    }
    if !args.follow || logs.is_empty() {
        let mut logs = show_last(session, logs, shape);
        end(session, &mut logs);
        return Ok(ending);
    }
    // Before the first line: whoever has seen one may interrupt.
    let interruption = Interruption::hold_back()?;
    let mut logs = show_last(session, logs, shape);
    follow(session, &mut logs, shape, &interruption)?;
    interruption.let_act();
    Ok(ending)
}

/// Goes on until there is no reader, or somebody interrupts.
fn follow(
    session: &mut Session<'_>,
    logs: &mut [Log],
    shape: Shape,
    interruption: &Interruption,
) -> Result<(), Failure> {
    let mut goes_on = true;
    while goes_on {
        goes_on = session.report.pause(INTERVAL, interruption);
        for log in &mut *logs {
            log.go_on(shape, session)?;
        }
    }
    end(session, logs);
    Ok(())
}

/// Shows the lines that have begun: nobody waits for their ends any more.
fn end(session: &mut Session<'_>, logs: &mut [Log]) {
    for log in logs {
        log.give_up(session.report);
    }
    session.report.flush();
}

/// Shows what was read of each log when it was opened.
fn show_last(session: &mut Session<'_>, logs: Vec<(Log, Vec<u8>)>, shape: Shape) -> Vec<Log> {
    let show = |(mut log, bytes): (Log, Vec<u8>)| {
        log.show(&bytes, shape, session.report);
        log
    };
    logs.into_iter().map(show).collect()
}

/// Where a program's output is kept, if it is: its record knows best.
fn path(places: &Places, name: &ProgramName) -> Result<Option<PathBuf>, Failure> {
    Ok(match records::program(places, name.as_str())? {
        Some(record) => record.status.log,
        None => places.program_log(name.as_str()),
    })
}

/// The process of a program, while it has one.
fn process(places: &Places, name: &ProgramName) -> Result<Option<u32>, Failure> {
    let record = records::program(places, name.as_str())?;
    Ok(record.and_then(|record| record.status.pid))
}
