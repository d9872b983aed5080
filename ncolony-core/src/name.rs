//! The name of a program, and what a file's name in a watched directory means.
//!
//! A name is checked once, here, at the border; behind it every [`ProgramName`] is good.

mod instance;

use std::borrow::Borrow;
use std::ffi::OsStr;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::instance::INSTANCES_MAX;

/// The longest name of a program, in bytes.
pub const NAME_BYTES_MAX: usize = 128;

/// Endings of files that editors, package tools and half-done writers leave behind.
const IGNORED_ENDINGS: [&str; 12] = [
    "~",
    "#",
    ".new",
    ".bak",
    ".backup",
    ".old",
    ".orig",
    ".save",
    ".swp",
    ".tmp",
    ".rej",
    ".disabled",
];

/// What package tools put in the middle of a name.
const IGNORED_PARTS: [&str; 5] = [".dpkg-", ".ucf-", ".rpmnew", ".rpmsave", ".rpmorig"];

/// The checked name of a program: `[A-Za-z0-9_][A-Za-z0-9_.@+-]*`, at most 128 bytes, not `all`,
/// nothing that a watched directory would ignore, and not ending in `.json`. Or that of one of its
/// instances, `NAME:K`, which no file can have ([`ProgramName::parse`], [`ProgramName::instance`]).
///
/// ```
/// use ncolony_core::ProgramName;
/// assert!(ProgramName::new("web-1").is_ok());
/// assert!(ProgramName::new("../etc/passwd").is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProgramName(Arc<str>);

/// Why a text is not the name of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError {
    name: String,
    reason: String,
}

impl fmt::Display for NameError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{:?} cannot be a program's name: {}",
            self.name, self.reason
        )
    }
}

impl std::error::Error for NameError {}

impl ProgramName {
    /// Checks `name` against the rule.
    ///
    /// # Errors
    /// Says which part of the rule the name breaks.
    pub fn new(name: &str) -> Result<Self, NameError> {
        match name_fault(name) {
            None => Ok(Self(name.into())),
            Some(reason) => Err(NameError {
                name: name.to_owned(),
                reason,
            }),
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn name_fault(name: &str) -> Option<String> {
    if name.len() > NAME_BYTES_MAX {
        return Some(format!(
            "it has {} bytes, {NAME_BYTES_MAX} are allowed",
            name.len()
        ));
    }
    if let Some(rule) = ignored_because(name) {
        return Some(format!("files of that name are ignored ({rule})"));
    }
    if let Some(bad) = name
        .chars()
        .find(|c| !c.is_ascii_alphanumeric() && !"_.@+-".contains(*c))
    {
        return Some(format!(
            "the character {bad:?} is not among A-Z a-z 0-9 _ . @ + -"
        ));
    }
    if name.starts_with(|first: char| !first.is_ascii_alphanumeric() && first != '_') {
        return Some("it must begin with a letter, a digit or an underscore".to_owned());
    }
    if name == "all" {
        return Some("\"all\" stands for every program".to_owned());
    }
    name.ends_with(".json")
        .then(|| "it must not end in .json".to_owned())
}

fn ignored_because(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("it is empty".to_owned());
    }
    if let Some(first) = name.chars().next().filter(|c| *c == '.' || *c == '#') {
        return Some(format!("the name begins with {first:?}"));
    }
    if let Some(ending) = IGNORED_ENDINGS
        .iter()
        .find(|ending| name.ends_with(**ending))
    {
        return Some(format!("the name ends in {ending:?}"));
    }
    let part = IGNORED_PARTS.iter().find(|part| name.contains(**part))?;
    Some(format!("the name contains {part:?}"))
}

/// What a file's name says about its part in a watched directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileRole {
    /// The file describes this program.
    Program(ProgramName),
    /// It begins with a dot: passed over in silence.
    Hidden,
    /// It is passed over, and listed with this reason.
    Ignored(String),
}

/// The part that a file of this name has in the config directory.
///
/// ```
/// use ncolony_core::name::{FileRole, config_role};
/// assert!(matches!(config_role("web.json".as_ref()), FileRole::Program(name) if name.as_str() == "web"));
/// assert!(matches!(config_role("web~".as_ref()), FileRole::Ignored(_)));
/// ```
#[must_use]
pub fn config_role(file: &OsStr) -> FileRole {
    let Some(name) = file.to_str() else {
        return FileRole::Ignored("the name is not UTF-8".to_owned());
    };
    if name.starts_with('.') {
        return FileRole::Hidden;
    }
    if let Some(reason) = ignored_because(name) {
        return FileRole::Ignored(reason);
    }
    match ProgramName::new(name.strip_suffix(".json").unwrap_or(name)) {
        Ok(name) => FileRole::Program(name),
        Err(error) => FileRole::Ignored(error.to_string()),
    }
}

/// Whether a file of this name in the messages directory is a message: every name is, but for
/// those that a half-done writer or an editor leaves behind.
#[must_use]
pub fn is_message_file(file: &OsStr) -> bool {
    ignored_because(&file.to_string_lossy()).is_none()
}

impl fmt::Display for ProgramName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&self.0)
    }
}

impl fmt::Debug for ProgramName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, out)
    }
}

impl Borrow<str> for ProgramName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ProgramName {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        Self::parse(&name)
    }
}

impl From<ProgramName> for String {
    fn from(name: ProgramName) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl std::str::FromStr for ProgramName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::new(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn names_that_are_good() {
        let long = "x".repeat(NAME_BYTES_MAX);
        for name in [
            "web",
            "_",
            "0",
            "my-cat",
            "a.b@c+d-e_f",
            "new",
            "4913",
            long.as_str(),
        ] {
            assert!(ProgramName::new(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn names_that_are_refused() {
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        let names = [
            "",
            "all",
            ".web",
            "-web",
            "a b",
            "a/b",
            "..",
            "web.json",
            "web.new",
            "web~",
            "#web",
            "web#",
            "a.dpkg-old",
            "web:0",
            "wéb",
            "a\0b",
            "@web",
            long.as_str(),
        ];
        for name in names {
            assert!(ProgramName::new(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn every_part_of_the_ignore_rule_ignores() {
        for ending in IGNORED_ENDINGS {
            let role = config_role(OsStr::new(&format!("web{ending}")));
            assert!(matches!(role, FileRole::Ignored(_)), "{ending}");
        }
        for part in IGNORED_PARTS {
            let role = config_role(OsStr::new(&format!("web{part}x")));
            assert!(matches!(role, FileRole::Ignored(_)), "{part}");
        }
    }

    #[test]
    fn roles_of_file_names() {
        assert_eq!(config_role(OsStr::new("..data")), FileRole::Hidden);
        assert!(matches!(
            config_role(OsStr::new("web.json")),
            FileRole::Program(_)
        ));
        assert!(matches!(
            config_role(OsStr::new("web.json.json")),
            FileRole::Ignored(_)
        ));
        assert!(matches!(
            config_role(OsStr::new("all.json")),
            FileRole::Ignored(_)
        ));
        assert!(matches!(
            config_role(OsStr::from_bytes(b"we\xffb")),
            FileRole::Ignored(_)
        ));
    }

    #[test]
    fn a_message_may_have_any_name_outside_the_ignore_rule() {
        assert!(is_message_file(OsStr::new("000Message.17")));
        assert!(is_message_file(OsStr::new("a message: with spaces")));
        assert!(!is_message_file(OsStr::new(".x")));
        assert!(!is_message_file(OsStr::new("x.new")));
    }

    #[test]
    fn the_error_names_the_character() {
        let error = ProgramName::new("a b").unwrap_err();
        assert!(error.to_string().contains("' '"), "{error}");
    }
}
