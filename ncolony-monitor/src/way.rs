//! The way to a file that a program's file names, as a monitor takes it that is root.
//!
//! Whoever can write a directory decides what stands under each of its names. If root followed a
//! link there, he would have root write, rename or remove what he may not himself. So root goes
//! from one directory to the next, holds each, follows no link that others could have put there,
//! and does in the last one what is to be done by its own names. Where nobody but root has a say on
//! the whole way, the path is used as it is. Everybody else's monitor can do no more than its user,
//! and always uses it as it is.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use ncolony_core::custody::{Exposure, Trust};

use crate::sys::hold::{hold, hold_directory, hold_root, is_of_processes, path_of, read_link};
use crate::sys::limits;

/// So many links one after the other are followed, as the kernel does.
const LINKS_MAX: u32 = 40;

/// Whoever has made a name in a directory with this bit set, he and the directory's owner alone can
/// change it.
const STICKY: u32 = 0o1000;

/// The user who may do everything.
pub(crate) const ROOT: u32 = 0;

/// Where a file stands.
#[derive(Debug)]
pub(crate) struct Way {
    /// The path by which it is used.
    path: PathBuf,
    /// The directory, held where the path leads through it.
    _directory: Option<File>,
    /// The same where others than root can write it, as it was found.
    shared: Option<Metadata>,
}

impl Way {
    /// The way to the name of a file: to make, move or remove it, or others beside it.
    ///
    /// # Errors
    /// It leads over a link that others than root could have put there, or nowhere.
    pub(crate) fn to_name(path: &Path) -> io::Result<Self> {
        Self::find(path, Last::IsName, own_trust())
    }

    /// The way to the file itself, to which the name may be a link of root's own.
    ///
    /// # Errors
    /// As for [`Way::to_name`].
    pub(crate) fn to_file(path: &Path) -> io::Result<Self> {
        Self::find(path, Last::IsFollowed, own_trust())
    }

    fn find(path: &Path, last: Last, trust: Trust) -> io::Result<Self> {
        match trust {
            Trust::Anything => Ok(Self {
                path: path.to_owned(),
                _directory: None,
                shared: None,
            }),
            Trust::RootsAlone => Walk::begin(path)?.go(path, last),
        }
    }

    /// The path by which it is used.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory as it was found, where others than root can write it.
    pub(crate) fn shared(&self) -> Option<&Metadata> {
        self.shared.as_ref()
    }
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
    /// Who can write there.
    about: Metadata,
    /// What the same was called on the way here, for people.
    shown: PathBuf,
    /// The names that are left, the next one last.
    rest: Vec<OsString>,
    /// Whether others than root could have changed a name on the way.
    is_shared: bool,
    links: u32,
}

impl Walk {
    /// At the root, to go where this leads.
    fn begin(path: &Path) -> io::Result<Self> {
        let at = hold_root()?;
        let mut walk = Self {
            about: at.metadata()?,
            at,
            shown: PathBuf::from("/"),
            rest: Vec::new(),
            is_shared: false,
            links: 0,
        };
        walk.add(path)?;
        Ok(walk)
    }

    fn enter(&mut self, directory: File, shown: PathBuf) -> io::Result<()> {
        self.about = directory.metadata()?;
        (self.at, self.shown) = (directory, shown);
        Ok(())
    }

    /// Puts the names of a path before those that are left.
    fn add(&mut self, path: &Path) -> io::Result<()> {
        if path.is_absolute() {
            self.enter(hold_root()?, PathBuf::from("/"))?;
        }
        let names = path.components().filter_map(|part| match part {
            Component::Normal(_) | Component::ParentDir => Some(part.as_os_str().to_owned()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        });
        let names: Vec<OsString> = names.collect();
        self.rest.extend(names.into_iter().rev());
        Ok(())
    }

    fn go(mut self, path: &Path, last: Last) -> io::Result<Way> {
        while let Some(name) = self.rest.pop() {
            let is_last = self.rest.is_empty();
            if is_last && last == Last::IsName {
                return Ok(self.arrive(path, &name));
            }
            let step = match hold(&self.at, &name) {
                Err(error) if is_last && error.kind() == io::ErrorKind::NotFound => {
                    return Ok(self.arrive(path, &name));
                }
                step => step?,
            };
            let found = step.metadata()?;
            let is_roots = is_roots_name(&self.about, &found);
            let is_link = found.is_symlink();
            if is_link && !is_roots {
                return Err(self.not_followed(&name));
            }
            if is_link && !is_of_processes(&self.at) {
                self.follow(&name)?;
                continue;
            }
            self.is_shared |= !is_roots;
            if is_last {
                return Ok(self.arrive(path, &name));
            }
            let step = if is_link {
                hold_directory(&self.at, &name)?
            } else {
                step
            };
            self.enter(step, self.shown.join(&name))?;
        }
        Err(io::ErrorKind::IsADirectory.into())
    }

    fn follow(&mut self, link: &OsStr) -> io::Result<()> {
        self.links += 1;
        if self.links > LINKS_MAX {
            return Err(io::Error::other("too many links, one after the other"));
        }
        self.add(&read_link(&self.at, link)?)
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

    fn arrive(self, path: &Path, name: &OsStr) -> Way {
        let is_shared = can_others_write(&self.about);
        let is_held = self.is_shared || is_shared;
        let used = if is_held {
            path_of(&self.at).join(name)
        } else {
            path.to_owned()
        };
        Way {
            path: used,
            _directory: is_held.then_some(self.at),
            shared: is_shared.then_some(self.about),
        }
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn where_root_alone_has_a_say_the_path_is_used_as_it_is() {
        if own_trust() == Trust::Anything {
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("file"), "").unwrap();
        symlink("file", at("link")).unwrap();
        for path in [
            &at("link"),
            &at("nothing"),
            Path::new("/dev/stdout"),
            Path::new("/dev/null"),
            Path::new("/proc/self/fd/1"),
            Path::new("/dev/fd/2"),
        ] {
            assert_eq!(Way::to_file(path).unwrap().path(), path);
        }
    }

    #[test]
    fn in_a_directory_of_others_it_is_used_by_what_is_held_and_links_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir(at("all")).unwrap();
        fs::set_permissions(at("all"), fs::Permissions::from_mode(0o777)).unwrap();
        symlink("..", at("all/link")).unwrap();
        let find = |name: &str, trust| Way::find(&at(name), Last::IsName, trust);
        let held = find("all/file", Trust::RootsAlone).unwrap();
        assert!(held.path().starts_with("/proc/self/fd") && held.shared().is_some());
        fs::write(held.path(), "").unwrap();
        assert!(at("all/file").exists());
        let refused = find("all/link/file", Trust::RootsAlone).unwrap_err();
        assert!(
            refused.to_string().contains("all/link is a link"),
            "{refused}"
        );
        // Who is not root can do no more than his user.
        let plain = find("all/link/file", Trust::Anything).unwrap();
        assert_eq!(plain.path(), at("all/link/file"));
    }
}
