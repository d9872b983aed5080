//! `logs`: what programs have printed, and with `-f` what they print.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ncolony_core::ProgramName;
use ncolony_core::files::FileError;
use serde::Serialize;

use crate::cli::LogsArgs;
use crate::ending::{Ending, Failure};
use crate::records;
use crate::report::Report;
use crate::selection::{Existence, choose};
use crate::session::Session;
use crate::tail::Follower;

/// Between two looks at logs that are followed.
const INTERVAL: Duration = Duration::from_millis(100);

/// A line, where data is wanted as JSON.
#[derive(Serialize)]
struct Line<'a> {
    schema: u32,
    name: &'a ProgramName,
    line: &'a str,
}

/// Prints lines, and with several programs whose they are.
struct Printer<'r> {
    report: &'r mut Report,
    last: Option<ProgramName>,
    several: bool,
}

impl Printer<'_> {
    fn print(&mut self, name: &ProgramName, lines: &[u8]) {
        if lines.is_empty() {
            return;
        }
        if self.several && self.last.as_ref() != Some(name) {
            let gap = if self.last.is_some() { "\n" } else { "" };
            self.report.line(&format!("{gap}==> {name} <=="));
            self.last = Some(name.clone());
        }
        self.report.bytes(lines);
        if self.report.is_json() {
            for line in lines.split_inclusive(|byte| *byte == b'\n') {
                let line = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(line));
                self.report.document(&Line {
                    schema: ncolony_core::status::SCHEMA,
                    name,
                    line: &line,
                });
            }
        }
    }
}

pub(super) fn run(session: &mut Session<'_>, args: &LogsArgs) -> Result<Ending, Failure> {
    let names = choose(&session.places, &args.names, Existence::FileOrRecord)?;
    let mut logs = Vec::with_capacity(names.len());
    for name in names {
        let path = log_of(session, &name)?;
        logs.push((name, path));
    }
    let mut printer = Printer {
        report: session.report,
        last: None,
        several: logs.len() > 1,
    };
    let mut followers = Vec::new();
    for (name, path) in logs {
        let (follower, lines) =
            Follower::open(path.clone(), args.lines).map_err(|error| cannot_read(&path, error))?;
        printer.print(&name, &lines);
        followers.push((name, path, follower));
    }
    if !args.follow {
        return Ok(Ending::Done);
    }
    while printer.report.pause(INTERVAL) {
        for (name, path, follower) in &mut followers {
            let lines = follower
                .new_lines()
                .map_err(|error| cannot_read(path, error))?;
            printer.print(name, &lines);
        }
    }
    Ok(Ending::Done)
}

/// Where a program's output is kept: its record knows best.
fn log_of(session: &Session<'_>, name: &ProgramName) -> Result<PathBuf, Failure> {
    let record = records::program(&session.places, name.as_str())?;
    let path = match record {
        Some(record) => record.status.log,
        None => session.places.program_log(name.as_str()),
    };
    path.ok_or_else(|| {
        let text = format!("{name} has no log of its own: its lines go to the monitor's output");
        Failure::failed(text)
    })
}

fn cannot_read(path: &Path, source: io::Error) -> Failure {
    let path = path.to_owned();
    FileError {
        what: "read",
        path,
        source,
    }
    .into()
}
