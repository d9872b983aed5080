//! Putting program files into a directory: all or, where something stands in the way, none.

use std::path::{Path, PathBuf};

use ncolony_core::ctllib::{ProgramFiles, program_files};
use ncolony_core::files::{Durability, make_directory, replace_file};
use ncolony_core::{Places, ProgramName};

use super::translate::Imported;
use crate::ending::Failure;

/// As the library makes it.
const DIRECTORY_MODE: u32 = 0o755;

/// Where the file of each program goes.
///
/// # Errors
/// One of them is there already and may not be replaced.
pub(super) fn paths(
    directory: &Path,
    imported: &[Imported],
    may_replace: bool,
) -> Result<Vec<PathBuf>, Failure> {
    let mut paths = Vec::with_capacity(imported.len());
    let mut there = Vec::new();
    for one in imported {
        let path = match files_of(directory, &one.name)? {
            ProgramFiles::None => directory.join(one.name.as_str()),
            ProgramFiles::One(path) => {
                there.push(path.display().to_string());
                path
            }
            ProgramFiles::Two { plain, json } => {
                let (plain, json) = (plain.display(), json.display());
                let message = format!(
                    "{} has two files, {plain} and {json}; remove one of them",
                    one.name
                );
                return Err(Failure::failed(message));
            }
        };
        paths.push(path);
    }
    if there.is_empty() || may_replace {
        return Ok(paths);
    }
    Err(Failure::failed(format!(
        "{} {} there already, and nothing was written; --force replaces",
        there.join(", "),
        if there.len() == 1 { "is" } else { "are" }
    )))
}

fn files_of(directory: &Path, name: &ProgramName) -> Result<ProgramFiles, Failure> {
    let places = Places {
        config: directory.to_owned(),
        messages: PathBuf::new(),
        status: PathBuf::new(),
        logs: None,
    };
    program_files(&places, name).map_err(Failure::from)
}

/// Writes all files.
///
/// # Errors
/// The first that could not be written, and how many were.
pub(super) fn write(
    directory: &Path,
    paths: &[PathBuf],
    imported: &[Imported],
) -> Result<(), Failure> {
    make_directory(directory, DIRECTORY_MODE)?;
    for (written, (path, one)) in paths.iter().zip(imported).enumerate() {
        replace_file(path, one.file.text().as_bytes(), Durability::Synced).map_err(|error| {
            Failure::failed(format!(
                "{error}; {written} of {} files were written before",
                paths.len()
            ))
        })?;
    }
    Ok(())
}
