//! What a binary answers that is asked, before it takes over, whether it can.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use ncolony_core::ProgramSpec;
use ncolony_core::custody::Trust;
use ncolony_core::descriptor::FILE_BYTES_MAX;
use ncolony_core::files::{list, read_trusted};
use ncolony_core::name::{FileRole, config_role};
use serde::{Deserialize, Serialize};

use crate::sys::{errno, limits};
use crate::{Settings, journal, state};

/// What stands for standard input.
const ASKED: &str = "-";

/// The answer, one line of JSON on standard output.
#[derive(Debug, Deserialize, Serialize)]
struct Answer {
    schema: u32,
    version: String,
    /// How many programs the state knows.
    programs: usize,
    /// The program files. A monitor that asks before it is replaced, through standard input, asks
    /// about its state alone: what is in its files it reads again in any case.
    files: Vec<FileAnswer>,
}

/// A program file.
#[derive(Debug, Deserialize, Serialize)]
struct FileAnswer {
    file: String,
    error: Option<String>,
}

/// Reads the state in `path`, and says what this version makes of it and of the program files. A
/// monitor's journal that is not there is the state of one that has stopped everything: nothing.
///
/// # Errors
/// A sentence: the state cannot be read or understood.
pub fn read_state(path: &Path, settings: &Settings) -> Result<String, String> {
    let shown = path.display();
    let text = read(path).map_err(|error| format!("cannot read {shown}: {}", errno::of(&error)))?;
    let programs = text.map_or(Ok(0), |text| {
        let state = state::read(&text).map_err(|error| format!("cannot use {shown}: {error}"))?;
        if path == ASKED && state.unreadable > 0 {
            return Err(format!("cannot use {shown}: it is not whole"));
        }
        Ok(state.snapshot.programs.len())
    })?;
    let files = if path == ASKED {
        Vec::new()
    } else {
        files(settings)
    };
    let answer = Answer {
        schema: 1,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        programs,
        files,
    };
    serde_json::to_string(&answer).map_err(|error| error.to_string())
}

/// Whether this is the answer of a monitor that has read a state of so many programs. What else it
/// said stands around it.
pub(crate) fn is_understood(said: &str, programs: usize) -> bool {
    let answers = said
        .lines()
        .filter_map(|line| serde_json::from_str::<Answer>(line).ok());
    let mut answers = answers.map(|answer| answer.programs);
    answers.any(|read| read == programs)
}

/// `None`: there is no journal.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    if path == ASKED {
        let mut text = Vec::new();
        io::stdin().read_to_end(&mut text)?;
        return Ok(Some(text));
    }
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if is_absent_journal(path, &error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_absent_journal(path: &Path, error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound && path.file_name() == Some(journal::FILE.as_ref())
}

fn files(settings: &Settings) -> Vec<FileAnswer> {
    let directory = &settings.places.config;
    let Ok(listing) = list(directory) else {
        return Vec::new();
    };
    let trust = Trust::of_user(limits::own_user());
    let one = |entry: ncolony_core::listing::Entry| {
        let FileRole::Program(name) = config_role(&entry.file) else {
            return None;
        };
        let read = read_trusted(&directory.join(&entry.file), FILE_BYTES_MAX, trust);
        let error = match read {
            Ok(bytes) => ProgramSpec::parse(name, &bytes, &settings.defaults)
                .err()
                .map(|error| error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        Some(FileAnswer {
            file: entry.file.to_string_lossy().into_owned(),
            error,
        })
    };
    listing.entries.into_iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_that_is_not_there_is_an_empty_state_and_no_other_file_is() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings::at_root(dir.path());
        let answer = read_state(&dir.path().join(journal::FILE), &settings).unwrap();
        assert!(is_understood(&answer, 0), "{answer}");
        let why = read_state(&dir.path().join("elsewhere"), &settings).unwrap_err();
        assert!(why.contains("elsewhere: No such file"), "{why}");
        fs::create_dir(dir.path().join(journal::FILE)).unwrap();
        let why = read_state(&dir.path().join(journal::FILE), &settings).unwrap_err();
        assert!(why.contains("EISDIR"), "{why}");
    }

    #[test]
    fn only_a_monitor_that_counts_the_same_programs_has_understood() {
        let said = r#"{"schema": 2, "version": "9", "programs": 3, "files": [], "more": 1}"#;
        assert!(is_understood(&format!("a warning\n{said}\n"), 3));
        assert!(!is_understood(said, 2));
        for nonsense in ["", "yes", "{}", r#"{"programs": 3}"#, "3"] {
            assert!(!is_understood(nonsense, 3), "{nonsense}");
        }
    }
}
