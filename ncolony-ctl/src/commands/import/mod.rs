//! `import supervisord`: program files of what a supervisord would run.
//!
//! # Theory of operation
//!
//! The configuration is read as supervisord reads it: [`ini`] is Python's reader of INI files,
//! [`percent`] its expansions, [`shlex`] its words, [`values`] the kinds of supervisord's options.
//! [`configuration`] joins the files, [`global`], [`groups`] and [`others`] go through the
//! sections, and what supervisord would refuse they refuse, with the line. Up to there nothing is
//! known of ncolony. [`translate`] turns each [`process`] into a program file, and [`mod@write`]
//! puts all of them into a directory, or none.

mod configuration;
mod global;
mod groups;
mod ini;
mod instances;
mod machine;
mod names;
mod note;
mod order;
mod origin;
mod others;
mod output;
mod pattern;
mod percent;
mod process;
mod program_file;
mod python;
mod remarks;
mod shlex;
mod translate;
mod values;
mod write;

use std::path::{Path, PathBuf};

use ncolony_core::Descriptor;
use ncolony_core::status::SCHEMA;
use serde::Serialize;
use serde_json::Value;

use self::configuration::Configuration;
use self::global::Global;
use self::machine::Machine;
use self::note::Note;
use self::origin::Refusal;
use self::translate::Imported;
use crate::cli::{Global as Flags, ImportArgs};
use crate::ending::{Ending, Failure};
use crate::report::Report;
use crate::session::places;

/// What is printed as JSON.
#[derive(Debug, Serialize)]
struct Document {
    schema: u32,
    ok: bool,
    error: Option<String>,
    files: Vec<FileReport>,
    notes: Vec<Note>,
}

/// A program file in the document.
#[derive(Debug, Serialize)]
struct FileReport {
    file: PathBuf,
    program: String,
    section: String,
    processes: Vec<String>,
    written: bool,
    content: Value,
}

/// What was made of a configuration.
struct Translation {
    imported: Vec<Imported>,
    notes: Vec<Note>,
}

pub(super) fn run(
    flags: &Flags,
    args: &ImportArgs,
    report: &mut Report,
) -> Result<Ending, Failure> {
    let directory = match &args.output {
        Some(directory) => directory.clone(),
        None => places(flags)?.config,
    };
    let machine = Machine::here()?;
    let Translation { imported, notes } = read(&machine, &args.file)
        .map_err(|refusal| Failure::failed(format!("{refusal}; nothing was written")))?;
    check(&imported)?;
    let paths = write::paths(&directory, &imported, args.force || args.dry_run)?;
    if !args.dry_run {
        write::write(&directory, &paths, &imported)?;
    }
    show(report, args, &paths, &imported, notes);
    Ok(Ending::Done)
}

fn read(machine: &Machine, file: &Path) -> Result<Translation, Refusal> {
    let mut configuration = Configuration::read(machine, file)?;
    let global = Global::read(&mut configuration)?;
    others::read(&mut configuration)?;
    let groups = groups::groups(&mut configuration)?;
    others::note_options(&mut configuration);
    let imported = translate::translate(&mut configuration, &global, &groups);
    remarks::add(&mut configuration, &groups);
    let notes = configuration.notes.sorted();
    Ok(Translation { imported, notes })
}

/// Nothing that the monitor would not take is written.
fn check(imported: &[Imported]) -> Result<(), Failure> {
    for one in imported {
        if let Err(error) = Descriptor::parse(one.file.text().as_bytes()) {
            let message = format!(
                "the file of {} ([{}]) would not be valid: {error}; nothing was written",
                one.name, one.section
            );
            return Err(Failure::failed(message));
        }
    }
    Ok(())
}

fn show(
    report: &mut Report,
    args: &ImportArgs,
    paths: &[PathBuf],
    imported: &[Imported],
    notes: Vec<Note>,
) {
    for (path, one) in paths.iter().zip(imported) {
        if args.dry_run {
            report.line(&format!("==> {} <==", path.display()));
            report.line(&one.file.text());
        } else {
            report.line(&path.display().to_string());
        }
    }
    for note in &notes {
        report.talk(&note.line());
    }
    let count = match imported.len() {
        1 => "1 program file".to_owned(),
        count => format!("{count} program files"),
    };
    let done = if args.dry_run {
        "would be written"
    } else {
        "written"
    };
    let noted = match notes.len() {
        1 => "1 note".to_owned(),
        noted => format!("{noted} notes"),
    };
    report.talk(&format!("{count} {done}, {noted}"));
    let files = paths.iter().zip(imported).map(|(path, one)| FileReport {
        file: path.clone(),
        program: one.name.to_string(),
        section: one.section.clone(),
        processes: one.processes.clone(),
        written: !args.dry_run,
        content: one.file.value(),
    });
    let files = files.collect();
    let document = Document {
        schema: SCHEMA,
        ok: true,
        error: None,
        files,
        notes,
    };
    report.document(&document);
}

#[cfg(test)]
mod tests;
