//! Who could change what a monitor obeys.
//!
//! Whoever can write a program file or a message, or the directory that it stands in, has a monitor
//! do what he likes. Where that monitor is root, he would be root: so it obeys only what nobody but
//! root can write. Everybody else's monitor can do no more than its user, and obeys whatever it
//! can read.

use std::fmt;
use std::path::{Path, PathBuf};

/// The user who may do everything.
const ROOT: u32 = 0;

/// The bits of a mode that let somebody write who is not the owner: the group, and everybody.
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

/// What a monitor obeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Whatever it can read.
    Anything,
    /// What nobody but root can write.
    RootsAlone,
}

impl Trust {
    /// That of a monitor of this effective user.
    #[must_use]
    pub const fn of_user(user: u32) -> Self {
        if user == ROOT {
            Self::RootsAlone
        } else {
            Self::Anything
        }
    }
}

/// A file or directory that somebody other than root can change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// Where it stands.
    pub path: PathBuf,
    /// Whether it is a directory, so that what stands in it can be replaced.
    pub is_directory: bool,
    /// The number of the user that it belongs to.
    pub owner: u32,
    /// Its permissions, the last twelve bits of its mode.
    pub mode: u32,
}

impl Exposure {
    /// Judges a file or directory by its owner and mode. `None`: only root can change it. An entry
    /// of an access control list that lets somebody write shows in the bits of the group.
    #[must_use]
    pub fn of(path: &Path, is_directory: bool, owner: u32, mode: u32) -> Option<Self> {
        let is_exposed = owner != ROOT || mode & (GROUP_WRITES | OTHERS_WRITE) != 0;
        is_exposed.then(|| Self {
            path: path.to_owned(),
            is_directory,
            owner,
            mode: mode & 0o7777,
        })
    }

    /// Who can change it.
    fn who(&self) -> String {
        let by_mode = match (self.mode & GROUP_WRITES != 0, self.mode & OTHERS_WRITE != 0) {
            (false, false) => None,
            (true, false) => Some("can be written by its group"),
            (false, true) => Some("can be written by everybody"),
            (true, true) => Some("can be written by its group and by everybody"),
        };
        let by_owner = (self.owner != ROOT).then_some("does not belong to root");
        let all: Vec<&str> = by_owner.into_iter().chain(by_mode).collect();
        all.join(" and ")
    }

    /// The command that mends it.
    #[must_use]
    pub fn remedy(&self) -> String {
        let path = quoted(&self.path);
        let own = (self.owner != ROOT).then(|| format!("chown root {path}"));
        let open = self.mode & (GROUP_WRITES | OTHERS_WRITE) != 0;
        let close = open.then(|| format!("chmod go-w {path}"));
        let all: Vec<String> = own.into_iter().chain(close).collect();
        all.join(" && ")
    }
}

/// As a sentence without its end: `/c/web can be written by everybody (owner 0, mode 0666), …`.
impl fmt::Display for Exposure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_directory {
            "the directory "
        } else {
            ""
        };
        write!(
            out,
            "{kind}{} {} (owner {}, mode {:04o}), and a monitor that is root obeys only what root alone can write; `{}` mends it",
            self.path.display(),
            self.who(),
            self.owner,
            self.mode,
            self.remedy()
        )
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+@:,=".contains(c);
    if text.chars().all(is_plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(owner: u32, mode: u32) -> Option<String> {
        Exposure::of(Path::new("/c/web"), false, owner, mode).map(|it| it.to_string())
    }

    #[test]
    fn what_root_alone_can_write_is_well() {
        for mode in [0o100_644, 0o100_600, 0o444, 0o755, 0o755 | 0o2000, 0o1755] {
            assert_eq!(judged(0, mode), None, "{mode:o}");
        }
    }

    #[test]
    fn who_else_can_is_said_with_the_command_that_mends_it() {
        for (owner, mode, who, remedy) in [
            (
                5,
                0o600,
                "does not belong to root (owner 5, mode 0600)",
                "`chown root /c/web`",
            ),
            (
                0,
                0o664,
                "by its group (owner 0, mode 0664)",
                "`chmod go-w /c/web`",
            ),
            (0, 0o602, "by everybody (owner 0", "`chmod go-w /c/web`"),
            (
                0,
                0o1777,
                "by its group and by everybody (owner 0, mode 1777)",
                "`chmod go-w",
            ),
            (
                5,
                0o666,
                "root and can be written",
                "`chown root /c/web && chmod go-w /c/web`",
            ),
        ] {
            let said = judged(owner, mode).unwrap();
            assert!(said.contains(who) && said.contains(remedy), "{said}");
        }
    }

    #[test]
    fn the_command_can_be_pasted_into_a_shell() {
        let path = Path::new("/c/it's $HOME");
        let exposure = Exposure::of(path, true, 0, 0o777).unwrap();
        assert_eq!(exposure.remedy(), r"chmod go-w '/c/it'\''s $HOME'");
        assert!(exposure.to_string().starts_with("the directory /c/it's"));
    }

    #[test]
    fn only_a_monitor_that_is_root_is_choosy() {
        assert_eq!(Trust::of_user(0), Trust::RootsAlone);
        assert_eq!(Trust::of_user(1000), Trust::Anything);
    }
}
