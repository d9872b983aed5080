//! What a binary answers that is asked, before it takes over, whether it can.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use ncolony_core::ProgramSpec;
use ncolony_core::descriptor::FILE_BYTES_MAX;
use ncolony_core::files::{list, read_regular};
use ncolony_core::name::{FileRole, config_role};
use serde::Serialize;

use crate::Settings;
use crate::state;
use crate::sys::errno;

/// The answer, one line of JSON on standard output.
#[derive(Debug, Serialize)]
struct Answer {
    schema: u32,
    version: &'static str,
    /// How many programs the state knows.
    programs: usize,
    files: Vec<FileAnswer>,
}

/// A program file.
#[derive(Debug, Serialize)]
struct FileAnswer {
    file: String,
    error: Option<String>,
}

/// Reads the state in `path`, and says what this version makes of it and of the program files.
///
/// # Errors
/// A sentence: the state cannot be read or understood.
pub fn read_state(path: &Path, settings: &Settings) -> Result<String, String> {
    let shown = path.display();
    let text = read(path).map_err(|error| format!("cannot read {shown}: {}", errno::of(&error)))?;
    let state = state::read(&text).map_err(|error| format!("cannot use {shown}: {error}"))?;
    let answer = Answer {
        schema: 1,
        version: env!("CARGO_PKG_VERSION"),
        programs: state.snapshot.programs.len(),
        files: files(settings),
    };
    serde_json::to_string(&answer).map_err(|error| error.to_string())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if path != "-" {
        return fs::read(path);
    }
    let mut text = Vec::new();
    io::stdin().read_to_end(&mut text)?;
    Ok(text)
}

fn files(settings: &Settings) -> Vec<FileAnswer> {
    let directory = &settings.places.config;
    let Ok(listing) = list(directory) else {
        return Vec::new();
    };
    let one = |entry: ncolony_core::listing::Entry| {
        let FileRole::Program(name) = config_role(&entry.file) else {
            return None;
        };
        let read = read_regular(&directory.join(&entry.file), FILE_BYTES_MAX);
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
