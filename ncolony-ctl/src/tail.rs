//! The end of a log: its last lines, and then what is written to it, through every rotation.

mod backups;
mod last_lines;
mod lines;

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use backups::{Backup, Files, id};

pub(crate) use lines::Lines;

/// A log that is read on as it grows, also when it is replaced by a new one.
#[derive(Debug)]
pub(crate) struct Follower {
    path: PathBuf,
    /// The file that was read last, at where reading stopped.
    open: Option<File>,
    /// The file before that: whoever moved it may write to it a little longer.
    retired: Option<File>,
    /// The backups that were there before the first log was.
    known: Vec<File>,
}

impl Follower {
    /// Opens a log and gives the last `lines` lines of what was written to it, looked for in its
    /// backups too. What is written from then on is read by [`Follower::new_bytes`].
    ///
    /// # Errors
    /// A file that is there cannot be read.
    pub(crate) fn open(path: PathBuf, lines: usize) -> io::Result<(Self, Vec<u8>)> {
        let Files {
            mut newest,
            backups,
        } = Files::of(&path)?;
        let mut missing = lines;
        let mut pieces = Vec::new();
        let mut known = Vec::new();
        if let Some(file) = &mut newest {
            pieces.push(last_lines::of_file(file, missing)?);
        }
        for backup in backups {
            if newest.is_none() {
                known.push(backup.file()?);
            }
            let found = pieces.last().map_or(0, |piece| last_lines::count(piece));
            missing = missing.saturating_sub(found);
            if missing > 0 {
                pieces.push(last_lines::of_backup(backup, missing)?);
            } else if newest.is_some() {
                break;
            }
        }
        pieces.reverse();
        let follower = Self {
            path,
            open: newest,
            retired: None,
            known,
        };
        Ok((follower, pieces.concat()))
    }

    /// What was written since.
    ///
    /// # Errors
    /// A file that is there cannot be read.
    pub(crate) fn new_bytes(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if let Some(retired) = &mut self.retired {
            retired.read_to_end(&mut bytes)?;
        }
        // Asked first: what was written to the old file before it was replaced is read below.
        let present = metadata(&self.path)?;
        if let Some(file) = &mut self.open {
            rewind_if_cut(file)?;
            file.read_to_end(&mut bytes)?;
            let seen = file.metadata()?;
            // Without a new one the old one is all that tells where reading stopped.
            if present.is_none_or(|present| id(&present) == id(&seen)) {
                return Ok(bytes);
            }
        }
        let Files { newest, backups } = Files::of(&self.path)?;
        if let Some(mut newest) = newest {
            self.read_between(backups, &mut bytes)?;
            newest.read_to_end(&mut bytes)?;
            self.retired = self.open.replace(newest);
        }
        Ok(bytes)
    }

    /// Reads what was written between the file that was read last and the newest one: the log may
    /// have been rotated more than once since.
    fn read_between(&mut self, backups: Vec<Backup>, bytes: &mut Vec<u8>) -> io::Result<()> {
        let mut between = Vec::new();
        for mut backup in backups {
            if self.was_read(&mut backup)? {
                break;
            }
            between.push(backup);
        }
        for backup in between.into_iter().rev() {
            backup.reader().read_to_end(bytes)?;
        }
        Ok(())
    }

    /// Whether a backup is the file that was read last, or an older one.
    fn was_read(&mut self, backup: &mut Backup) -> io::Result<bool> {
        let Some(last) = &mut self.open else {
            for known in &mut self.known {
                if backup.is(known)? {
                    return Ok(true);
                }
            }
            return Ok(false);
        };
        // Where the file itself is kept nowhere, only the time tells what came before it.
        let is_older = backup.metadata()?.modified()? < last.metadata()?.modified()?;
        Ok(is_older || backup.is(last)?)
    }
}

/// A file that is shorter than what was read of it was emptied in its place, and begins anew.
fn rewind_if_cut(file: &mut File) -> io::Result<()> {
    if file.stream_position()? > file.metadata()?.len() {
        file.rewind()?;
    }
    Ok(())
}

fn metadata(path: &Path) -> io::Result<Option<Metadata>> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
