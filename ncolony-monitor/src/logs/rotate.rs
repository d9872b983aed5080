//! Rotated files: `NAME.log.1` is the newest, and each may be compressed.
//!
//! Files move up from the oldest to the newest, one rename after the other, into a gap. Whenever we
//! are killed, every file is still there under one of its names, and the next rotation closes the
//! gap that was left.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::crash_point;

/// So many that are too many are removed in one rotation. In a directory of somebody else more can
/// be made than removed, and the logs of all others wait meanwhile.
const REMOVED_MAX: u32 = 1000;

/// The name of a rotated file; 1 is the newest.
pub(super) fn backup(log: &Path, number: u32) -> PathBuf {
    with_ending(log, &format!(".{number}"))
}

/// The name of the same, compressed.
pub(super) fn compressed(log: &Path, number: u32) -> PathBuf {
    with_ending(log, &format!(".{number}.gz"))
}

/// The name of one that is being compressed.
pub(super) fn unfinished(log: &Path) -> PathBuf {
    with_ending(log, ".gz.new")
}

fn with_ending(log: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(log);
    name.push(ending);
    name.into()
}

/// Whether a rotated file of this number is there.
pub(super) fn is_there(log: &Path, number: u32) -> bool {
    [backup(log, number), compressed(log, number)]
        .iter()
        .any(|path| fs::symlink_metadata(path).is_ok())
}

/// Moves `log` away, to become the newest of at most `keep` rotated files.
///
/// # Errors
/// A file could not be moved or removed. Nothing is lost; it may be tried again.
pub(super) fn rotate(log: &Path, keep: u32) -> io::Result<()> {
    crash_point::reach("before a rotation");
    remove_from(log, keep.max(1).saturating_add(1))?;
    if keep == 0 {
        remove_from(log, 1)?;
        return gone(fs::remove_file(log));
    }
    let gap = (1..=keep).find(|number| !is_there(log, *number));
    let gap = match gap {
        Some(gap) => gap,
        None => {
            remove(log, keep)?;
            keep
        }
    };
    for number in (1..gap).rev() {
        remove_source(log, number)?;
        crash_point::reach("before a rotated file moves up");
        gone(fs::rename(
            compressed(log, number),
            compressed(log, number + 1),
        ))?;
        gone(fs::rename(backup(log, number), backup(log, number + 1)))?;
    }
    crash_point::reach("before a log becomes the newest rotated file");
    fs::rename(log, backup(log, 1))?;
    crash_point::reach("after a log became the newest rotated file");
    Ok(())
}

/// Removes what a compressed file was made of, if both are there: the compressed one gets its name
/// when it is whole.
pub(super) fn remove_source(log: &Path, number: u32) -> io::Result<()> {
    if fs::symlink_metadata(compressed(log, number)).is_ok() {
        gone(fs::remove_file(backup(log, number)))?;
    }
    Ok(())
}

/// Removes those that are too many, from this number on; what is beyond the most that are removed
/// at once stays.
fn remove_from(log: &Path, first: u32) -> io::Result<()> {
    let numbers = first..first.saturating_add(REMOVED_MAX);
    for number in numbers.take_while(|number| is_there(log, *number)) {
        remove(log, number)?;
    }
    Ok(())
}

fn remove(log: &Path, number: u32) -> io::Result<()> {
    gone(fs::remove_file(backup(log, number)))?;
    gone(fs::remove_file(compressed(log, number)))
}

/// What is not there need be neither moved nor removed.
fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(directory: &Path) -> Vec<(String, String)> {
        let mut all: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, fs::read_to_string(path).unwrap())
            })
            .collect();
        all.sort();
        all
    }

    fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
        let pair = |(name, content): &(&str, &str)| ((*name).to_owned(), (*content).to_owned());
        all.iter().map(pair).collect()
    }

    #[test]
    fn the_newest_is_1_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("l");
        for content in ["a", "b", "c", "d"] {
            fs::write(&log, content).unwrap();
            rotate(&log, 2).unwrap();
        }
        assert_eq!(files(dir.path()), pairs(&[("l.1", "d"), ("l.2", "c")]));
        fs::write(&log, "e").unwrap();
        rotate(&log, 0).unwrap();
        assert!(files(dir.path()).is_empty());
    }

    #[test]
    fn fewer_are_kept_when_fewer_are_wanted() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("l");
        for content in ["a", "b", "c", "d"] {
            fs::write(&log, content).unwrap();
            rotate(&log, 9).unwrap();
        }
        fs::rename(dir.path().join("l.2"), dir.path().join("l.2.gz")).unwrap();
        fs::write(&log, "e").unwrap();
        rotate(&log, 2).unwrap();
        assert_eq!(files(dir.path()), pairs(&[("l.1", "e"), ("l.2", "d")]));
    }

    /// Whoever makes them faster than they are removed keeps no other log waiting.
    #[test]
    fn a_rotation_ends_however_many_are_too_many() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("l");
        fs::write(&log, "new").unwrap();
        let too_many = REMOVED_MAX + 7;
        for number in 3..3 + too_many {
            fs::write(backup(&log, number), "").unwrap();
        }
        rotate(&log, 2).unwrap();
        assert_eq!(fs::read_to_string(backup(&log, 1)).unwrap(), "new");
        assert_eq!(files(dir.path()).len(), 1 + 7);
    }

    #[test]
    fn compressed_ones_move_up_too() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("l");
        for name in ["l.1.gz", "l.2.gz", "l"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        rotate(&log, 3).unwrap();
        let wanted = [("l.1", "l"), ("l.2.gz", "l.1.gz"), ("l.3.gz", "l.2.gz")];
        assert_eq!(files(dir.path()), pairs(&wanted));
    }

    /// Killed after any of its renames, a rotation has lost nothing, and the next one closes the
    /// gap: what an interrupted one leaves is a gap at every possible number.
    #[test]
    fn a_rotation_that_was_cut_short_loses_nothing() {
        for gap in 1..=4 {
            let dir = tempfile::tempdir().unwrap();
            let log = dir.path().join("l");
            fs::write(&log, "new").unwrap();
            for number in (1..=4_u32).filter(|number| *number != gap) {
                fs::write(backup(&log, number), number.to_string()).unwrap();
            }
            rotate(&log, 4).unwrap();
            let contents: Vec<String> = files(dir.path())
                .into_iter()
                .map(|(_, content)| content)
                .collect();
            let older = (1..=4_u32).filter(|number| *number != gap);
            let wanted: Vec<String> = std::iter::once("new".to_owned())
                .chain(older.map(|number| number.to_string()))
                .collect();
            assert_eq!(contents, wanted, "gap {gap}");
        }
    }
}
