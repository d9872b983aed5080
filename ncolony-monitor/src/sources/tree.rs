//! The control groups of the programs: a directory for the colony, in it one for each program.
//!
//! They lie below the group that the monitor itself is in, as
//! `ncolony-COLONY/NAME`, where COLONY is the colony's half of its run ids. A program's group is
//! made at its first start, kept over its restarts, and removed when the program is gone. Where
//! that is not possible, for all or for one, programs go without and nothing is said but in the
//! log: what a stop reaches then is what `Strays` can find.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use ncolony_core::ProgramName;

use crate::CgroupMode;
use crate::sys::cgroup::{self, Cgroup, Made};
use crate::sys::errno;
use crate::sys::spawn::Launcher;

/// The control groups of a colony.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The name of the colony's directory, wherever it is.
    name: String,
    /// The colony's directory, if there are groups.
    directory: Option<PathBuf>,
    /// Groups of programs that are gone, which the kernel did not give up yet.
    unremoved: Vec<Cgroup>,
}

/// Somebody is in a program's group although the program has ended; it is being killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Occupied;

impl Tree {
    /// Finds out whether there can be groups, by making one and starting a process into it.
    pub(crate) fn open(mode: CgroupMode, colony: &str, launcher: &mut Launcher) -> Self {
        let name = format!("ncolony-{colony}");
        let directory = match mode {
            CgroupMode::Never => None,
            CgroupMode::Auto => match establish(&name, launcher) {
                Ok(directory) => Some(directory),
                Err(why) => {
                    tracing::debug!("programs get no control groups: {why}");
                    None
                }
            },
        };
        Self {
            name,
            directory,
            unremoved: Vec::new(),
        }
    }

    /// Removes the groups that an earlier monitor has left and that nobody is in.
    pub(crate) fn remove_empty(&self) {
        for abandoned in self.groups() {
            let _occupied = abandoned.remove();
        }
    }

    /// Whether programs have groups, as a rule.
    pub(crate) fn is_used(&self) -> bool {
        self.directory.is_some()
    }

    /// The group for a start of this program, with nobody in it; `None`: it has to go without.
    ///
    /// # Errors
    /// Somebody is in it. All of them were sent KILL; the start has to wait.
    pub(crate) fn prepare(&mut self, name: &ProgramName) -> Result<Option<Cgroup>, Occupied> {
        let Some(directory) = &self.directory else {
            return Ok(None);
        };
        let cgroup = Cgroup::at(directory.join(name.as_str()));
        if let Some(index) = self.unremoved.iter().position(|other| *other == cgroup) {
            // It was killed: nothing can be started in it any more.
            cgroup.remove().map_err(|_| Occupied)?;
            self.unremoved.swap_remove(index);
        }
        let made = cgroup.make().or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                return Err(error);
            }
            // Somebody has removed the colony's own.
            fs::create_dir(directory)?;
            cgroup.make()
        });
        match made {
            Ok(Made::Before) if cgroup.is_populated() => {
                cgroup.kill();
                self.unremoved.push(cgroup);
                Err(Occupied)
            }
            Ok(Made::Now | Made::Before) => Ok(Some(cgroup)),
            Err(error) => {
                tracing::debug!(program = %name, "it gets no control group: {}", errno::of(&error));
                Ok(None)
            }
        }
    }

    /// The program's group of this colony that a process is in, whichever monitor started it. It is
    /// not below our own directory if that monitor was elsewhere than we are. Whoever takes such a
    /// process up holds its tree by this group, and gives it to `remove` when nobody is left in it.
    pub(crate) fn group_of(&self, pid: u32) -> Option<Cgroup> {
        let directory = cgroup::directory_of(pid)?;
        group_of_program(&directory, &self.name).map(Cgroup::at)
    }

    /// A program is gone, and so is its group.
    pub(crate) fn release(&mut self, name: &ProgramName) {
        if let Some(directory) = &self.directory {
            self.remove(Cgroup::at(directory.join(name.as_str())));
        }
        self.remove_again();
    }

    /// Removes a group, now or later.
    pub(crate) fn remove(&mut self, cgroup: Cgroup) {
        if cgroup.remove().is_err() {
            self.unremoved.push(cgroup);
        }
    }

    /// Removes a group that a monitor has made which was elsewhere than we are, and that one's
    /// directory when it was the last. Nothing is started in it any more.
    pub(crate) fn remove_elsewhere(&self, cgroup: &Cgroup) {
        let parent = cgroup.parent();
        if parent.as_ref() != self.directory.as_ref() {
            // What stays is empty, and no harm.
            let _stays = cgroup.remove();
            let _others_are_in_it = parent.map(|parent| Cgroup::at(parent).remove());
        }
    }

    /// Tries again what the kernel did not do before.
    pub(crate) fn remove_again(&mut self) {
        self.unremoved.retain(|cgroup| cgroup.remove().is_err());
    }

    /// All groups of programs there are, those too of programs that are not there any more.
    pub(crate) fn groups(&self) -> Vec<Cgroup> {
        let directory = self.directory.clone().map(Cgroup::at);
        directory.map_or_else(Vec::new, |directory| directory.below())
    }

    /// Everything has ended in order: nothing stays behind.
    pub(crate) fn close(&mut self) {
        self.remove_again();
        if let Some(directory) = self.directory.take() {
            // One that is not empty holds what was never ours to end.
            let _occupied = Cgroup::at(directory).remove();
        }
    }
}

/// Makes the colony's directory, and tries it out.
fn establish(name: &str, launcher: &mut Launcher) -> Result<PathBuf, String> {
    let place = cgroup::directory_of(std::process::id()).ok_or("this machine shows none to us")?;
    if let Some(why) = cgroup::unfit(&place) {
        return Err(format!("{}: {why}", place.display()));
    }
    let directory = place.join(name);
    let refused = |error: &io::Error| format!("{}: {}", directory.display(), errno::of(error));
    let colony = Cgroup::at(directory.clone());
    let made = colony.make().map_err(|error| refused(&error))?;
    let tried = try_out(&directory, launcher);
    if tried.is_err() && made == Made::Now {
        let _nobody_is_in_it = colony.remove();
    }
    tried.map_err(|error| refused(&error))?;
    Ok(directory)
}

fn try_out(directory: &Path, launcher: &mut Launcher) -> io::Result<()> {
    // No program has a name that begins with a dot.
    let trial = Cgroup::at(directory.join(".trial"));
    trial.make()?;
    let opened = trial.open();
    let entered = opened.is_ok_and(|group| launcher.can_enter(group.as_fd()));
    let _removed_at_the_next_start = trial.remove();
    if entered {
        Ok(())
    } else {
        Err(io::Error::other("no process can be started in it"))
    }
}

/// The part of a path that ends in `COLONY/NAME`.
fn group_of_program(path: &Path, colony: &str) -> Option<PathBuf> {
    let is_it = |part: &&Path| {
        let parent = part.parent().and_then(Path::file_name);
        parent.is_some_and(|last| last == colony)
    };
    path.ancestors().find(is_it).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_programs_group_is_found_in_the_path_of_its_process() {
        let found = |path: &str| group_of_program(Path::new(path), "ncolony-1");
        let group = Some(PathBuf::from("/c/x/ncolony-1/web"));
        assert_eq!(found("/c/x/ncolony-1/web"), group);
        assert_eq!(found("/c/x/ncolony-1/web/below"), group);
        for other in ["/c/x/ncolony-2/web", "/c/ncolony-1", "/ncolony-1", "/"] {
            assert_eq!(found(other), None, "{other}");
        }
    }

    #[test]
    fn where_there_are_no_groups_programs_go_without() {
        let mut launcher = Launcher::new().unwrap();
        let mut tree = Tree::open(CgroupMode::Never, "0123456789abcdef", &mut launcher);
        let name = ProgramName::new("web").unwrap();
        assert!(!tree.is_used() && tree.groups().is_empty());
        assert_eq!(tree.prepare(&name), Ok(None));
        tree.release(&name);
        tree.close();
    }
}
