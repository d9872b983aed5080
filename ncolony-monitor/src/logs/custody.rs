//! Which files root writes and reads as logs, in directories that others than root can write.
//!
//! By a name of such a directory its owner can have any file of his found, or with a second name any
//! file at all. So root writes and reads only what has one name and belongs to the directory's
//! owner or to the program's user, and gives what it makes there to the directory's owner.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};

use super::rotate;
use super::route::Target;
use crate::sys::{account, outlet};
use crate::way::{ROOT, Way};

/// Opens a log, to be written at its end and read back; it is made if it is not there.
///
/// # Errors
/// It cannot be opened, or is none that root writes.
pub(super) fn open(target: &Target) -> io::Result<File> {
    let way = Way::to_file(&target.path)?;
    let Some(directory) = way.shared() else {
        return outlet::open_log(way.path());
    };
    match open_there(&way, directory, target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(&way, directory),
        opened => opened,
    }
}

/// Opens one of the rotated files of a log to read it.
///
/// # Errors
/// It is no regular file, or none that root reads there.
pub(super) fn open_rotated(way: &Way, number: u32, target: &Target) -> io::Result<File> {
    let path = rotate::backup(way.path(), number);
    let Some(directory) = way.shared() else {
        return outlet::open_regular(File::options().read(true), &path);
    };
    let file = outlet::open_regular_there(&path)?;
    match judge(directory, &file.metadata()?, target) {
        Verdict::Good => Ok(file),
        Verdict::Roots => Err(io::Error::other("it is root's, in another's directory")),
        Verdict::Bad(why) => Err(io::Error::other(why)),
    }
}

fn open_there(way: &Way, directory: &Metadata, target: &Target) -> io::Result<File> {
    let file = outlet::open_log_there(way.path())?;
    match judge(directory, &file.metadata()?, target) {
        Verdict::Good => Ok(file),
        Verdict::Bad(why) => Err(io::Error::other(why)),
        // It may be what we made in a directory that was root's then, or any other file of
        // root's with a new name: it makes way, and the log goes on in a file of its own.
        Verdict::Roots => {
            rotate::rotate(way.path(), target.rotation.backups.max(1))?;
            Err(io::ErrorKind::NotFound.into())
        }
    }
}

/// Makes the log, for whoever the directory belongs to.
fn make(way: &Way, directory: &Metadata) -> io::Result<File> {
    let file = outlet::make_log(way.path())?;
    if directory.uid() != ROOT
        && account::is_of_this_namespace(directory.uid())
        && let Err(error) = fchown(&file, Some(directory.uid()), None)
    {
        // Else the next one to open it would move it out of the way.
        fs::remove_file(way.path())?;
        return Err(error);
    }
    Ok(file)
}

/// What is to be done with a file that stands where a log is to be, in a directory that others than
/// root can write.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It is written, or read.
    Good,
    /// It is a file of root's in the directory of somebody else.
    Roots,
    /// It is left alone, for this reason.
    Bad(String),
}

fn judge(directory: &Metadata, found: &Metadata, target: &Target) -> Verdict {
    let owner = found.uid();
    if found.nlink() > 1 {
        return Verdict::Bad(
            "it has a second name elsewhere, and others than root can write its directory, so it \
             may be another's file; give the log a name of its own"
                .to_owned(),
        );
    }
    if owner == directory.uid() || (owner != ROOT && is_programs_user(owner, target)) {
        return Verdict::Good;
    }
    if owner == ROOT && found.is_file() {
        // To whom nothing can be given, nothing was given.
        return if account::is_of_this_namespace(directory.uid()) {
            Verdict::Roots
        } else {
            Verdict::Good
        };
    }
    Verdict::Bad(format!(
        "it belongs to user {owner}, who is neither the program's user nor the owner of its \
         directory (user {}), and others than root can write that directory; give it to one of \
         them, or remove it",
        directory.uid()
    ))
}

fn is_programs_user(owner: u32, target: &Target) -> bool {
    account::resolve(&target.identity).is_ok_and(|resolved| resolved.uid == Some(owner))
}

#[cfg(test)]
mod tests;
