//! How a command ends: its exit status, and what is said when it did not do what was asked.

use std::fmt;
use std::io;
use std::path::Path;

use ncolony_core::ctllib::CtlError;
use ncolony_core::files::FileError;

/// The exit statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// What was asked is so.
    Done,
    /// It was tried, and is not so.
    Failed,
    /// The command makes no sense; nothing was done.
    Usage,
    /// The program does not run.
    NotRunning,
    /// There is no such program; nothing was done.
    NoSuchProgram,
    /// There is no monitor, and one is needed.
    NoMonitor,
    /// It was not so in time, and may yet be.
    Timeout,
    /// Of `upgrade check`: somebody should look at something first.
    UpgradeNeedsLook,
    /// Of `upgrade check`: it would fail.
    UpgradeWouldFail,
    /// Of `upgrade check`: the command makes no sense.
    UpgradeCheckUsage,
    /// Of `upgrade check`: it could not be made.
    Unexpected,
}

impl Ending {
    /// The number that the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotRunning => 3,
            Self::NoSuchProgram => 4,
            Self::NoMonitor => 5,
            Self::Timeout => 6,
            Self::UpgradeNeedsLook => 1,
            Self::UpgradeWouldFail => 2,
            Self::UpgradeCheckUsage => 64,
            Self::Unexpected => 255,
        }
    }
}

/// Why a command ended early.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit status.
    pub(crate) ending: Ending,
    /// What was wrong, where, and what to do next.
    pub(crate) message: String,
}

impl Failure {
    /// An end with this exit status, and what is said of it.
    pub(crate) fn new(ending: Ending, message: impl Into<String>) -> Self {
        Self {
            ending,
            message: message.into(),
        }
    }

    /// It was tried, and is not so.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Ending::Failed, message)
    }

    /// The command makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Ending::Usage, message)
    }

    /// A file that is there and cannot be read.
    pub(crate) fn cannot_read(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        let error = FileError {
            what: "read",
            path,
            source,
        };
        error.into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<CtlError> for Failure {
    fn from(error: CtlError) -> Self {
        let ending = match &error {
            CtlError::Invalid(_) | CtlError::OneInstance { .. } => Ending::Usage,
            CtlError::File(_) | CtlError::TwoFiles { .. } => Ending::Failed,
            CtlError::NoSuchProgram { .. } => Ending::NoSuchProgram,
        };
        Self::new(ending, error.to_string())
    }
}
