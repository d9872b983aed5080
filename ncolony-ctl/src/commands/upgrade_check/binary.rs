//! "New binary" and "Program files": does what would be started read what is there?

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ncolony_core::errno;
use ncolony_core::name::{FileRole, config_role};
use ncolony_core::{Places, ProgramName};
use serde::Deserialize;

use super::child::{self, Answer, NoAnswer};
use super::subject::{ProgramFile, Subject};
use super::verdict::{Finding, Verdict, counted};

/// How long a new binary may take to say that it reads the state: as long as the monitor gives it.
pub(super) const LIMIT: Duration = Duration::from_secs(10);
/// The version of the answer's shape.
const SCHEMA: u32 = 1;

/// What a new binary says of a program file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct FileReading {
    /// The file's name.
    file: String,
    /// What is wrong with it.
    error: Option<String>,
}

/// What a new binary says of the state and the files that it was shown.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Reading {
    schema: u32,
    version: String,
    programs: usize,
    files: Vec<FileReading>,
}

/// A new binary, and what it answered or why it did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    path: PathBuf,
    reading: Result<Reading, String>,
}

/// The path of the binary that would be started: the one that was named, or else the one that the
/// monitor was started from.
pub(super) fn path(subject: &Subject, named: Option<&Path>) -> Option<PathBuf> {
    let executable = || subject.record.as_ref()?.executable.clone();
    named.map(Path::to_owned).or_else(executable)
}

impl Candidate {
    /// Asks a new binary whether it reads the state.
    pub(super) fn ask(path: PathBuf, places: &Places, limit: Duration) -> Self {
        let reading = ask(&path, places, limit);
        Self { path, reading }
    }
}

fn ask(path: &Path, places: &Places, limit: Duration) -> Result<Reading, String> {
    check_file(path)?;
    let mut command = Command::new(path);
    command
        .arg("--read-state")
        .arg(places.status.join(".journal"))
        .arg("--config")
        .arg(&places.config)
        .arg("--messages")
        .arg(&places.messages)
        .arg("--status")
        .arg(&places.status);
    if let Some(logs) = &places.logs {
        command.arg("--logs").arg(logs);
    }
    match child::ask(&mut command, limit) {
        Ok(answer) => understand(&answer),
        Err(NoAnswer::NotStarted(error)) => {
            Err(format!("it cannot be started: {}", errno::in_words(&error)))
        }
        Err(NoAnswer::TooLate) => Err(format!(
            "it has not answered within {} s",
            limit.as_secs_f64()
        )),
    }
}

fn check_file(path: &Path) -> Result<(), String> {
    let unusable = |error| format!("it cannot be used: {}", errno::in_words(&error));
    let metadata = fs::metadata(path).map_err(unusable)?;
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    if metadata.permissions().mode() & 0o111 == 0 {
        return Err("it is not executable; chmod +x makes it so".to_owned());
    }
    Ok(())
}

fn understand(answer: &Answer) -> Result<Reading, String> {
    if !answer.status.success() {
        let said = String::from_utf8_lossy(&answer.stderr);
        let said = said.trim();
        return Err(if said.is_empty() {
            format!(
                "it cannot read this state, and does not say why ({})",
                answer.status
            )
        } else {
            format!("it cannot read this state ({}): {said}", answer.status)
        });
    }
    let reading: Reading = serde_json::from_slice(answer.stdout.trim_ascii()).map_err(|error| {
        format!("its answer makes no sense ({error}); is it an ncolony-monitor that can do this?")
    })?;
    if reading.schema != SCHEMA {
        return Err(format!(
            "its answer has the shape {}, and this ncolony-ctl knows {SCHEMA}; use the one that came with it",
            reading.schema
        ));
    }
    Ok(reading)
}

/// "New binary"
pub(super) fn new_binary(subject: &Subject, candidate: Option<&Candidate>) -> Verdict {
    let Some(Candidate { path, reading }) = candidate else {
        return unknown(subject);
    };
    let path = path.display();
    match reading {
        Err(why) => Verdict::failure(format!("{path}: {why}")),
        Ok(reading) => {
            let old = subject.record.as_ref().map(|record| &record.version);
            let versions = match old {
                Some(old) if *old == reading.version => format!("version {old}, as now"),
                Some(old) => format!("version {old} → {}", reading.version),
                None => format!("version {}", reading.version),
            };
            Verdict::success(format!(
                "{versions}; it reads the state of {}: {path}",
                counted(reading.programs, "program")
            ))
        }
    }
}

fn unknown(subject: &Subject) -> Verdict {
    if subject.is_alive && subject.record.is_some() {
        let why = "the monitor does not say which file it was started from: it is part of another \
                   program, or too old; upgrade cannot replace it";
        return Verdict::failure(why);
    }
    Verdict::warning("which binary is meant is not known; name it with --binary PATH")
}

/// "Program files"
pub(super) fn program_files(subject: &Subject, candidate: Option<&Candidate>) -> Verdict {
    let own = match &subject.files {
        Ok(files) => files,
        Err(why) => return Verdict::failure(why),
    };
    let judged = |faults: Vec<(ProgramName, String)>| judge(faults, &subject.known_faults);
    match candidate.and_then(|candidate| candidate.reading.as_ref().ok()) {
        Some(reading) => {
            let files = counted(reading.files.len(), "file");
            Verdict::of_or(judged(faults_of(reading)), format!("{files}, valid for it"))
        }
        None => {
            let mut findings = judged(own_faults(own));
            let why =
                "what the new binary makes of them is not known; this is what ncolony-ctl says";
            findings.push(Finding::warning(why));
            Verdict::of(findings)
        }
    }
}

fn faults_of(reading: &Reading) -> Vec<(ProgramName, String)> {
    let fault = |file: &FileReading| {
        let name = match config_role(std::ffi::OsStr::from_bytes(file.file.as_bytes())) {
            FileRole::Program(name) => name,
            FileRole::Hidden | FileRole::Ignored(_) => return None,
        };
        let error = file.error.as_ref()?;
        Some((name, format!("{}: {error}", file.file)))
    };
    reading.files.iter().filter_map(fault).collect()
}

fn own_faults(files: &[ProgramFile]) -> Vec<(ProgramName, String)> {
    let fault = |file: &ProgramFile| {
        let error = file.descriptor.as_ref().err()?;
        Some((file.name.clone(), format!("{}: {error}", file.file)))
    };
    files.iter().filter_map(fault).collect()
}

/// A file that has an error already changes nothing by having it tomorrow; a good one that has one
/// then stops being obeyed.
fn judge(faults: Vec<(ProgramName, String)>, known: &BTreeSet<ProgramName>) -> Vec<Finding> {
    faults
        .into_iter()
        .map(|(name, sentence)| {
            if known.contains(&name) {
                Finding::warning(format!("{sentence} (as it is now)"))
            } else {
                Finding::failure(sentence)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
