//! The way to a log, as a monitor takes it that is root.
//!
//! Whoever can write a directory decides what stands under each of its names. If root followed a
//! link there, or wrote whatever file it finds, he would have root write, rename or read what he
//! may not himself. So root goes from one directory to the next, holds each, follows no link that
//! others could have put there, and does in the last one what is to be done by its own names.
//! Where nobody but root has a say on the whole way, the path is used as it is. Everybody else's
//! monitor can do no more than its user, and always uses it as it is.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Component, Path, PathBuf};

use ncolony_core::custody::{Exposure, Trust};

use super::rotate;
use super::route::Target;
use crate::sys::hold::{hold, hold_directory, is_of_processes, path_of};
use crate::sys::{account, limits, outlet};

/// So many links one after the other are followed, as the kernel does.
const LINKS_MAX: u32 = 40;

/// Whoever has made a name in a directory with this bit set, he and the directory's owner alone can
/// change it.
const STICKY: u32 = 0o1000;

/// The user who may do everything.
const ROOT: u32 = 0;

/// Where a log stands.
#[derive(Debug)]
pub(super) struct Way {
    /// The path by which it is used; those of its rotated files begin with it.
    path: PathBuf,
    /// The directory, held where the path leads through it.
    _directory: Option<File>,
    /// The same where others than root can write it, as it was found.
    shared: Option<Metadata>,
}

impl Way {
    /// The way to the name of a log: to move it, or what was rotated.
    ///
    /// # Errors
    /// It leads over a link that others than root could have put there, or nowhere.
    pub(super) fn to_name(log: &Path) -> io::Result<Self> {
        Self::find(log, Last::IsName, own_trust())
    }

    /// The way to the file itself, to which the name may be a link.
    fn to_file(log: &Path) -> io::Result<Self> {
        Self::find(log, Last::IsFollowed, own_trust())
    }

    fn find(log: &Path, last: Last, trust: Trust) -> io::Result<Self> {
        match trust {
            Trust::Anything => Ok(Self {
                path: log.to_owned(),
                _directory: None,
                shared: None,
            }),
            Trust::RootsAlone => Walk::begin(log)?.go(log, last),
        }
    }

    /// The path by which it is used.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether others than root can write the directory, so that files there have owners.
    pub(super) fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// Opens one of the rotated files to read it.
    ///
    /// # Errors
    /// It is no regular file, or none that root reads there.
    pub(super) fn open_rotated(&self, number: u32, target: &Target) -> io::Result<File> {
        let path = rotate::backup(&self.path, number);
        let Some(directory) = &self.shared else {
            return outlet::open_regular(File::options().read(true), &path);
        };
        let file = outlet::open_regular_there(&path)?;
        match judge(directory, &file.metadata()?, target) {
            Verdict::Good => Ok(file),
            Verdict::Roots => Err(io::Error::other("it is root's, in another's directory")),
            Verdict::Bad(why) => Err(io::Error::other(why)),
        }
    }

    fn open(&self, target: &Target) -> io::Result<File> {
        let Some(directory) = &self.shared else {
            return outlet::open_log(&self.path);
        };
        match self.open_there(directory, target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.make(directory),
            opened => opened,
        }
    }

    fn open_there(&self, directory: &Metadata, target: &Target) -> io::Result<File> {
        let file = outlet::open_log_there(&self.path)?;
        match judge(directory, &file.metadata()?, target) {
            Verdict::Good => Ok(file),
            Verdict::Bad(why) => Err(io::Error::other(why)),
            // It may be what we made in a directory that was root's then, or any other file of
            // root's with a new name: it makes way, and the log goes on in a file of its own.
            Verdict::Roots => {
                rotate::rotate(&self.path, target.rotation.backups.max(1))?;
                Err(io::ErrorKind::NotFound.into())
            }
        }
    }

    /// Makes the log, for whoever the directory belongs to.
    fn make(&self, directory: &Metadata) -> io::Result<File> {
        let file = outlet::make_log(&self.path)?;
        if directory.uid() != ROOT
            && account::is_of_this_namespace(directory.uid())
            && let Err(error) = fchown(&file, Some(directory.uid()), None)
        {
            // Else the next one to open it would move it out of the way.
            fs::remove_file(&self.path)?;
            return Err(error);
        }
        Ok(file)
    }
}

/// Opens a log, to be written at its end and read back; it is made if it is not there.
///
/// # Errors
/// It cannot be opened, or is none that root writes.
pub(super) fn open(target: &Target) -> io::Result<File> {
    Way::to_file(&target.path)?.open(target)
}

fn own_trust() -> Trust {
    Trust::of_user(limits::own_user())
}

/// What is to be done about a link that the last name of a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    /// It is what is meant.
    IsName,
    /// It is followed.
    IsFollowed,
}

/// A walk from one directory to the next.
#[derive(Debug)]
struct Walk {
    /// Where we are.
    at: File,
    /// What the same was called on the way here, for people.
    shown: PathBuf,
    /// The names that are left, the next one last.
    rest: Vec<OsString>,
    /// Whether others than root could have changed a name on the way.
    is_shared: bool,
    links: u32,
}

impl Walk {
    fn begin(path: &Path) -> io::Result<Self> {
        let mut walk = Self {
            at: hold_directory(Path::new("/"))?,
            shown: PathBuf::from("/"),
            rest: Vec::new(),
            is_shared: false,
            links: 0,
        };
        walk.add(path)?;
        Ok(walk)
    }

    /// Puts the names of a path before those that are left.
    fn add(&mut self, path: &Path) -> io::Result<()> {
        if path.is_absolute() {
            self.at = hold_directory(Path::new("/"))?;
            self.shown = PathBuf::from("/");
        }
        let names = path.components().filter_map(|part| match part {
            Component::Normal(_) | Component::ParentDir => Some(part.as_os_str().to_owned()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        });
        let names: Vec<OsString> = names.collect();
        self.rest.extend(names.into_iter().rev());
        Ok(())
    }

    fn go(mut self, log: &Path, last: Last) -> io::Result<Way> {
        while let Some(name) = self.rest.pop() {
            let is_last = self.rest.is_empty();
            if is_last && last == Last::IsName {
                return self.arrive(log, &name);
            }
            let here = path_of(&self.at).join(&name);
            let step = match hold(&here) {
                Err(error) if is_last && error.kind() == io::ErrorKind::NotFound => {
                    return self.arrive(log, &name);
                }
                step => step?,
            };
            let found = step.metadata()?;
            let is_roots = is_roots_name(&self.at.metadata()?, &found);
            let is_link = found.is_symlink();
            if is_link && !is_roots {
                return Err(self.not_followed(&name));
            }
            if is_link && !is_of_processes(&self.at) {
                self.follow(&here)?;
                continue;
            }
            self.is_shared |= !is_roots;
            if is_last {
                return self.arrive(log, &name);
            }
            self.at = if is_link {
                hold_directory(&here)?
            } else {
                step
            };
            self.shown.push(&name);
        }
        Err(io::ErrorKind::IsADirectory.into())
    }

    fn follow(&mut self, link: &Path) -> io::Result<()> {
        self.links += 1;
        if self.links > LINKS_MAX {
            return Err(io::Error::other("too many links, one after the other"));
        }
        self.add(&fs::read_link(link)?)
    }

    fn not_followed(&self, name: &OsStr) -> io::Error {
        let link = self.shown.join(name);
        let directory = self.shown.display();
        io::Error::other(format!(
            "{} is a link, and others than root can write {directory}: a monitor that is root \
             does not follow it; name in the program's file where it leads",
            link.display()
        ))
    }

    fn arrive(self, log: &Path, name: &OsStr) -> io::Result<Way> {
        let directory = self.at.metadata()?;
        let is_shared = can_others_write(&directory);
        let is_held = self.is_shared || is_shared;
        let path = if is_held {
            path_of(&self.at).join(name)
        } else {
            log.to_owned()
        };
        Ok(Way {
            path,
            _directory: is_held.then_some(self.at),
            shared: is_shared.then_some(directory),
        })
    }
}

/// Whether somebody other than root can put what he likes under the names of a directory.
fn can_others_write(directory: &Metadata) -> bool {
    Exposure::of(Path::new(""), true, directory.uid(), directory.mode()).is_some()
}

/// Whether nobody but root could have put under its name what was found in a directory: others
/// cannot write it, or it is sticky and the thing is root's. A second name of a file of root's may
/// be made by others.
fn is_roots_name(directory: &Metadata, found: &Metadata) -> bool {
    let is_sticky = directory.uid() == ROOT && directory.mode() & STICKY != 0;
    let has_one_name = found.is_dir() || found.nlink() == 1;
    !can_others_write(directory) || (is_sticky && found.uid() == ROOT && has_one_name)
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
