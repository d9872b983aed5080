//! The key `ncolony.beatcheck`: the file that a program touches while it is well.

use std::path::PathBuf;
use std::time::Duration;

use super::{Keys, of_file, periods, some_time};
use crate::json::{ConfigError, Value};

/// The keys that have a meaning in it.
pub(super) const KEYS: &[&str] = &["period", "grace", "status"];

/// How a program's heart is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// The longest that a heart may be silent.
    pub period: Duration,
    /// How long after a start nobody looks: `grace` periods.
    pub grace: Duration,
    /// The file that is touched; or a directory, in which the file has the program's name.
    pub status: PathBuf,
}

impl Watched {
    /// The key of a program's file that says how its heart is watched.
    pub const KEY: &str = "ncolony.beatcheck";

    /// What a program file says of its heart. `None`: nobody watches it.
    ///
    /// # Errors
    /// The file is no JSON object, or what it says of a heart makes no sense.
    pub fn of_file(bytes: &[u8]) -> Result<Option<Self>, ConfigError> {
        of_file(bytes, Self::KEY, Self::read)
    }

    pub(super) fn read(value: &Value<'_>) -> Result<Self, ConfigError> {
        let keys = Keys::of(value)?;
        let period = keys.needed("period", "how many seconds the heart may be silent")?;
        let period = some_time(period)?;
        let grace = keys.needed("grace", "how many periods after a start nobody looks")?;
        let status = keys.needed("status", "the file that is touched, or its directory")?;
        let path = status.string()?;
        if path.is_empty() {
            return Err(status.error("must be the path of a file or of a directory"));
        }
        Ok(Self {
            period,
            grace: periods(grace, period)?,
            status: path.into(),
        })
    }
}
