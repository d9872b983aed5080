//! What a configuration means depends on where it is read: on the environment, the accounts, the
//! directories that are there.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use ncolony_core::errno;
use nix::unistd::{Gid, Group, Uid, User, geteuid};

use crate::ending::Failure;

/// The surroundings that supervisord would be started in: those of this command.
pub(super) struct Machine {
    /// The environment, as far as it is text.
    pub(super) environment: BTreeMap<String, String>,
    /// The names of all variables, also of those whose values are no text.
    pub(super) variables: BTreeSet<String>,
    /// The working directory.
    pub(super) current_dir: PathBuf,
    /// The machine's name.
    pub(super) host: String,
    /// The user.
    pub(super) uid: u32,
    /// How many files a process may have open: the soft limit and the hard one.
    pub(super) open_files: Limit,
    /// How many processes the user may have.
    pub(super) processes: Limit,
}

/// A soft limit and a hard one; `None` is unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) soft: Option<i64>,
    pub(super) hard: Option<i64>,
}

impl Machine {
    /// This one.
    pub(super) fn here() -> Result<Self, Failure> {
        let variables = env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let current_dir = env::current_dir().map_err(|error| {
            let why = errno::in_words(&error);
            Failure::failed(format!("the current directory cannot be found: {why}"))
        })?;
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        Ok(Self {
            environment: variables.collect(),
            variables: names.collect(),
            current_dir,
            host: host.trim_end().to_owned(),
            uid: geteuid().as_raw(),
            open_files: limit(&limits, "Max open files"),
            processes: limit(&limits, "Max processes"),
        })
    }

    /// The path with this command's directory before it, where it is relative.
    pub(super) fn absolute(&self, path: &Path) -> PathBuf {
        self.current_dir.join(path)
    }

    /// Whether there is a directory.
    pub(super) fn is_directory(&self, path: &Path) -> bool {
        self.absolute(path).is_dir()
    }

    /// A path whose first part is `~` or `~USER`, with that home in its place.
    pub(super) fn expand_home(&self, path: &str) -> String {
        let Some(rest) = path.strip_prefix('~') else {
            return path.to_owned();
        };
        let (name, below) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let home = if name.is_empty() {
            let account = || User::from_uid(Uid::from_raw(self.uid)).ok().flatten();
            let own = self.environment.get("HOME").map(PathBuf::from);
            own.or_else(|| account().map(|user| user.dir))
        } else {
            User::from_name(name).ok().flatten().map(|user| user.dir)
        };
        match home.as_deref().and_then(Path::to_str) {
            Some(home) => {
                let whole = format!("{}{below}", home.trim_end_matches('/'));
                if whole.is_empty() {
                    "/".to_owned()
                } else {
                    whole
                }
            }
            None => path.to_owned(),
        }
    }

    /// The number of a user, who must have an account.
    pub(super) fn user(&self, name: &str) -> Result<u32, String> {
        let (found, what) = match super::python::integer(name) {
            Some(number) => {
                let uid = u32::try_from(number).ok().map(Uid::from_raw);
                let user = uid.and_then(|uid| User::from_uid(uid).ok().flatten());
                (user, "the user id")
            }
            None => (User::from_name(name).ok().flatten(), "the user"),
        };
        let unknown = || format!("{what} {name} has no account on this machine");
        found.map(|user| user.uid.as_raw()).ok_or_else(unknown)
    }

    /// Whether there is a group of this name or number.
    pub(super) fn has_group(&self, name: &str) -> bool {
        let found = match super::python::integer(name) {
            Some(number) => u32::try_from(number)
                .ok()
                .and_then(|gid| Group::from_gid(Gid::from_raw(gid)).ok().flatten()),
            None => Group::from_name(name).ok().flatten(),
        };
        found.is_some()
    }
}

/// A line of `/proc/PID/limits`.
fn limit(limits: &str, name: &str) -> Limit {
    let line = limits.lines().find_map(|line| line.strip_prefix(name));
    let mut words = line.unwrap_or_default().split_whitespace();
    let mut next = || words.next().and_then(|word| word.parse().ok());
    let soft = next();
    Limit { soft, hard: next() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        let text = "Limit  Soft Limit  Hard Limit  Units\n\
                    Max processes             unlimited            96    processes\n\
                    Max open files            1024                 4096                 files\n";
        let open_files = Limit {
            soft: Some(1024),
            hard: Some(4096),
        };
        assert_eq!(limit(text, "Max open files"), open_files);
        assert_eq!(
            limit(text, "Max processes"),
            Limit {
                soft: None,
                hard: Some(96)
            }
        );
    }

    #[test]
    fn homes() {
        let mut machine = Machine::here().unwrap();
        machine
            .environment
            .insert("HOME".to_owned(), "/h/".to_owned());
        for (path, wanted) in [
            ("~", "/h"),
            ("~/x", "/h/x"),
            ("/~", "/~"),
            ("~nobody-at-all/x", "~nobody-at-all/x"),
        ] {
            assert_eq!(machine.expand_home(path), wanted);
        }
        assert_eq!(machine.expand_home("~root/x"), "/root/x");
    }

    #[test]
    fn accounts() {
        let machine = Machine::here().unwrap();
        assert_eq!(machine.user("root"), Ok(0));
        assert_eq!(machine.user(" 0 "), Ok(0));
        assert!(machine.user("nobody-at-all").is_err());
        assert!(machine.has_group("0") && !machine.has_group("nobody-at-all"));
    }
}
