//! `check`: are program files valid? It works on any path, also on one that is not yet in its
//! place.

mod others;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ncolony_core::custody::Trust;
use ncolony_core::descriptor::FILE_BYTES_MAX;
use ncolony_core::files::{Entry, EntryKind, list, read_trusted};
use ncolony_core::name::{FileRole, config_role};
use ncolony_core::status::SCHEMA;
use ncolony_core::{ConfigError, Defaults, ProgramName, ProgramSpec};
use serde::Serialize;

use crate::cli::{CheckArgs, Global};
use crate::diagnosis::{self, Severity};
use crate::doubts;
use crate::ending::{Ending, Failure};
use crate::liveness;
use crate::records;
use crate::report::Report;
use crate::session::places;

use others::Others;

/// What was found in a file.
#[derive(Debug, Serialize)]
struct Findings {
    file: PathBuf,
    ok: bool,
    errors: Vec<ConfigError>,
    warnings: Vec<ConfigError>,
    notes: Vec<ConfigError>,
    /// Its content, where it could be read.
    #[serde(skip)]
    text: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    files: &'a [Findings],
}

impl Findings {
    fn new(file: PathBuf, text: Option<String>, error: Option<ConfigError>) -> Self {
        let warnings = text.as_deref().map(doubts::about).unwrap_or_default();
        Self {
            file,
            ok: error.is_none(),
            errors: error.into_iter().collect(),
            warnings,
            notes: Vec::new(),
            text,
        }
    }

    fn unusable(file: PathBuf, why: String) -> Self {
        Self::new(file, None, Some(ConfigError::whole(why)))
    }

    fn ignored(file: PathBuf, reason: &str) -> Self {
        let mut findings = Self::new(file, None, None);
        let message = format!("the monitor passes over this file: {reason}");
        findings.warnings.push(ConfigError::whole(message));
        findings
    }
}

pub(super) fn run(
    global: &Global,
    args: &CheckArgs,
    report: &mut Report,
) -> Result<Ending, Failure> {
    let places = places(global);
    // What the monitor's flags say matters only where a file overrides half of them.
    let monitor = places
        .as_ref()
        .ok()
        .and_then(|places| records::monitor(places).ok().flatten());
    let defaults = monitor.map_or_else(Defaults::default, |record| record.status.defaults);
    let config = places.as_ref().ok().map(|places| places.config.clone());
    let trust = places.as_ref().map_or(Trust::Anything, liveness::trust);
    let trust_in = |directory: Option<&Path>| {
        let is_obeyed = is_same(directory, config.as_deref());
        if is_obeyed { trust } else { Trust::Anything }
    };
    let paths = if args.paths.is_empty() {
        vec![places?.config]
    } else {
        args.paths.clone()
    };
    let mut files = Vec::new();
    let mut others = Others::default();
    for path in paths {
        if path.is_dir() {
            others.are_in(&path);
            let trust = trust_in(Some(&path));
            files.extend(check_directory(&path, &defaults, trust));
        } else {
            others.may_be_beside(&path, config.as_deref());
            let trust = trust_in(path.parent());
            files.push(check_file(path, &defaults, trust));
        }
    }
    others.remark_on(&mut files);
    show(report, &files);
    let passes =
        |findings: &Findings| findings.ok && (!args.strict || findings.warnings.is_empty());
    Ok(if files.iter().all(passes) {
        Ending::Done
    } else {
        Ending::Failed
    })
}

/// Whether this is the directory whose files the monitor obeys. A file elsewhere may be written by
/// whoever checks it: who may write it matters where it is put.
fn is_same(directory: Option<&Path>, config: Option<&Path>) -> bool {
    let found = |path: Option<&Path>| {
        let path = path?;
        let is_here = path.as_os_str().is_empty();
        let path = if is_here { Path::new(".") } else { path };
        path.canonicalize().ok()
    };
    found(directory).is_some() && found(directory) == found(config)
}

fn check_directory(directory: &Path, defaults: &Defaults, trust: Trust) -> Vec<Findings> {
    let listing = match list(directory) {
        Ok(listing) => listing,
        Err(error) => return vec![Findings::unusable(directory.to_owned(), error.to_string())],
    };
    let mut names: BTreeMap<ProgramName, Vec<String>> = BTreeMap::new();
    for entry in &listing.entries {
        if let FileRole::Program(name) = config_role(&entry.file) {
            let file = entry.file.to_string_lossy().into_owned();
            names.entry(name).or_default().push(file);
        }
    }
    let findings = |entry: &Entry| {
        let path = directory.join(&entry.file);
        match config_role(&entry.file) {
            FileRole::Hidden => None,
            FileRole::Ignored(reason) => Some(Findings::ignored(path, &reason)),
            FileRole::Program(name) => {
                let files = names.get(&name).map(Vec::as_slice).unwrap_or_default();
                Some(check_entry(path, entry.kind, files, defaults, trust))
            }
        }
    };
    listing.entries.iter().filter_map(findings).collect()
}

/// Checks what stands under a program's name; `files` are all that stand under it.
fn check_entry(
    path: PathBuf,
    kind: EntryKind,
    files: &[String],
    defaults: &Defaults,
    trust: Trust,
) -> Findings {
    let mut findings = match kind {
        EntryKind::Regular(_) => check_file(path, defaults, trust),
        EntryKind::Directory => {
            Findings::unusable(path, "it is a directory, not a file".to_owned())
        }
        EntryKind::Other(what) => {
            Findings::unusable(path, format!("it is {what}, not a regular file"))
        }
    };
    if let [_, _, ..] = files {
        let both = files.join(" and ");
        let message = format!("this program has two files, {both}; remove one of them");
        findings.errors.push(ConfigError::whole(message));
        findings.ok = false;
    }
    findings
}

fn check_file(path: PathBuf, defaults: &Defaults, trust: Trust) -> Findings {
    let bytes = match read_trusted(&path, FILE_BYTES_MAX, trust) {
        Ok(bytes) => bytes,
        Err(error) => return Findings::unusable(path, error.to_string()),
    };
    let error = ncolony_core::Descriptor::parse(&bytes)
        .and_then(|descriptor| {
            if let FileRole::Program(own) = config_role(path.file_name().unwrap_or_default()) {
                descriptor.order.check(&own)?;
            }
            // Otherwise the name has no part in whether a file is valid: it may be a temporary one.
            let name = ProgramName::new("program")
                .map_err(|error| ConfigError::whole(error.to_string()))?;
            ProgramSpec::resolve(name, descriptor, defaults)
        })
        .err();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Findings::new(path, Some(text), error)
}

fn show(report: &mut Report, files: &[Findings]) {
    report.document(&Document {
        schema: SCHEMA,
        files,
    });
    for findings in files {
        let errors = findings.errors.iter().map(|error| (Severity::Error, error));
        let warnings = findings
            .warnings
            .iter()
            .map(|warning| (Severity::Warning, warning));
        let notes = findings.notes.iter().map(|note| (Severity::Note, note));
        for (severity, finding) in errors.chain(warnings).chain(notes) {
            let text = findings.text.as_deref();
            for line in diagnosis::lines(severity, &findings.file, text, finding) {
                report.line(&line);
            }
        }
    }
    let bad = files.iter().filter(|findings| !findings.ok).count();
    let all = files.len();
    report.talk(&match (bad, all) {
        (0, 0) => "there are no program files".to_owned(),
        (0, 1) => "1 file, valid".to_owned(),
        (0, _) => format!("{all} files, all valid"),
        (_, _) => format!("{bad} of {all} files not valid"),
    });
}
