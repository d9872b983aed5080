//! What the checks look at: the monitor that is to be replaced, and what it keeps running.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ncolony_core::custody::Trust;
use ncolony_core::descriptor::FILE_BYTES_MAX;
use ncolony_core::files::{EntryKind, list, read_trusted};
use ncolony_core::name::{FileRole, config_role};
use ncolony_core::{Defaults, Descriptor, MonitorStatus, Places, ProgramName, ProgramSpec};

use super::process::Process;
use crate::ending::Failure;
use crate::liveness;
use crate::records;

/// A program file, as this command reads it.
#[derive(Debug)]
pub(super) struct ProgramFile {
    pub(super) name: ProgramName,
    /// The file's own name.
    pub(super) file: String,
    /// What it says, or what is wrong with it.
    pub(super) descriptor: Result<Descriptor, String>,
}

/// All that the checks look at.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) places: Places,
    /// Whether a monitor is alive.
    pub(super) is_alive: bool,
    /// Its process, as far as it can be seen from here.
    pub(super) process: Option<Process>,
    /// Its record, or the last one that there was.
    pub(super) record: Option<MonitorStatus>,
    /// Why the record could not be read.
    pub(super) record_fault: Option<String>,
    /// The program files, or why they could not be listed.
    pub(super) files: Result<Vec<ProgramFile>, String>,
    /// The programs whose files have an error in the eyes of the running monitor.
    pub(super) known_faults: BTreeSet<ProgramName>,
}

impl Subject {
    /// Looks at everything once.
    ///
    /// # Errors
    /// It cannot be said whether a monitor is alive.
    pub(super) fn gather(places: Places) -> Result<Self, Failure> {
        let alive = liveness::monitor(&places)?;
        let process = alive.and_then(|alive| alive.pid).and_then(Process::look);
        let (record, record_fault) = match records::monitor(&places) {
            Ok(record) => (record.map(|record| record.status), None),
            Err(failure) => (None, Some(failure.message)),
        };
        let defaults = record.as_ref().map(|record| record.defaults);
        let files = program_files(
            &places.config,
            &defaults.unwrap_or_default(),
            liveness::trust(&places),
        );
        let known_faults = match records::programs(&places) {
            Ok(programs) => programs.by_name,
            Err(_) => BTreeMap::new(),
        };
        let known_faults = known_faults
            .into_iter()
            .filter(|(_, record)| record.status.config_error.is_some())
            .map(|(name, _)| name.family())
            .collect();
        Ok(Self {
            places,
            is_alive: alive.is_some(),
            process,
            record,
            record_fault,
            files,
            known_faults,
        })
    }

    /// The programs whose files are good.
    pub(super) fn programs(&self) -> impl Iterator<Item = (&ProgramName, &Descriptor)> {
        let files = self.files.as_deref().unwrap_or_default();
        files.iter().filter_map(|file| {
            let descriptor = file.descriptor.as_ref().ok()?;
            Some((&file.name, descriptor))
        })
    }

    /// How many programs there are, each instance counted: those of the monitor, or of the files
    /// where they are more.
    pub(super) fn program_count(&self) -> usize {
        let of_record = self.record.as_ref().map_or(0, |record| record.programs);
        let instances = |file: &ProgramFile| {
            let asked_for = file.descriptor.as_ref().map_or(1, |it| it.instances);
            usize::try_from(asked_for).unwrap_or(usize::MAX)
        };
        let files = self.files.as_deref().unwrap_or_default();
        of_record.max(files.iter().map(instances).sum())
    }
}

fn program_files(
    config: &Path,
    defaults: &Defaults,
    trust: Trust,
) -> Result<Vec<ProgramFile>, String> {
    let listing = match list(config) {
        Ok(listing) => listing,
        // Whether it may be missing is said of the directories.
        Err(error) if error.is_absent() => return Ok(Vec::new()),
        Err(error) => return Err(error.to_string()),
    };
    let mut files: Vec<ProgramFile> = Vec::new();
    for entry in listing.entries {
        let FileRole::Program(name) = config_role(&entry.file) else {
            continue;
        };
        let descriptor = match entry.kind {
            EntryKind::Regular(_) => read(&config.join(&entry.file), &name, defaults, trust),
            EntryKind::Directory => Err("it is a directory, not a file".to_owned()),
            EntryKind::Other(what) => Err(format!("it is {what}, not a regular file")),
        };
        files.push(ProgramFile {
            name,
            file: entry.file.to_string_lossy().into_owned(),
            descriptor,
        });
    }
    refuse_doubles(&mut files);
    Ok(files)
}

fn read(
    path: &Path,
    name: &ProgramName,
    defaults: &Defaults,
    trust: Trust,
) -> Result<Descriptor, String> {
    let bytes = read_trusted(path, FILE_BYTES_MAX, trust).map_err(|error| error.to_string())?;
    let descriptor = Descriptor::parse(&bytes).map_err(|error| error.to_string())?;
    let resolved = ProgramSpec::resolve(name.clone(), descriptor.clone(), defaults);
    resolved
        .map(|_| descriptor)
        .map_err(|error| error.to_string())
}

/// A program with two files has none that counts.
fn refuse_doubles(files: &mut [ProgramFile]) {
    let mut seen: BTreeMap<ProgramName, usize> = BTreeMap::new();
    for file in files.iter() {
        *seen.entry(file.name.clone()).or_default() += 1;
    }
    for file in files.iter_mut().filter(|file| seen[&file.name] > 1) {
        file.descriptor = Err("the program has two files; remove one of them".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn every_program_file_is_read_and_what_is_wrong_is_said() {
        let dir = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("good", r#"{"args": ["x"]}"#),
            ("bad", "{"),
            ("two", r#"{"args": ["x"]}"#),
            ("two.json", r#"{"args": ["x"]}"#),
            ("passed.bak", "{"),
        ] {
            fs::write(dir.path().join(file), text).unwrap();
        }
        fs::create_dir(dir.path().join("folder")).unwrap();
        let files = program_files(dir.path(), &Defaults::default(), Trust::Anything).unwrap();
        let shown: Vec<(&str, bool)> = files
            .iter()
            .map(|file| (file.file.as_str(), file.descriptor.is_ok()))
            .collect();
        let wanted = [
            ("bad", false),
            ("folder", false),
            ("good", true),
            ("two", false),
            ("two.json", false),
        ];
        assert_eq!(shown, wanted);
    }

    #[test]
    fn what_is_no_directory_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let absent = program_files(
            &dir.path().join("none"),
            &Defaults::default(),
            Trust::Anything,
        )
        .unwrap();
        assert!(absent.is_empty());
        let loops = dir.path().join("loops");
        std::os::unix::fs::symlink(&loops, &loops).unwrap();
        let error = program_files(&loops, &Defaults::default(), Trust::Anything).unwrap_err();
        assert!(error.contains("loops"), "{error}");
    }
}
