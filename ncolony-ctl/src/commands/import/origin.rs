//! Where something stands in the files of a configuration, and why one is refused.

use std::fmt;
use std::path::Path;
use std::rc::Rc;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    /// The file, as it was opened.
    pub(super) file: Rc<Path>,
    /// The line, counted from 1; 0 is the file as a whole.
    pub(super) line: usize,
}

impl Origin {
    /// A file as a whole.
    pub(super) fn whole(file: &Rc<Path>) -> Self {
        Self {
            file: Rc::clone(file),
            line: 0,
        }
    }
}

/// `FILE:LINE`, as compilers write it.
impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(out, "{}", self.file.display()),
            line => write!(out, "{}:{line}", self.file.display()),
        }
    }
}

/// Why supervisord would not start with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Where.
    pub(super) origin: Origin,
    /// Why.
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(origin: &Origin, message: impl Into<String>) -> Self {
        Self {
            origin: origin.clone(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.origin, self.message)
    }
}
