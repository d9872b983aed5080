//! The flags that every check takes: those of the original, and the other ways to name places.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use ncolony_core::Places;
use ncolony_core::checks::TIME_MIN;
use ncolony_core::custody::Trust;
use ncolony_core::places::{Caller, PlaceFlags, Surroundings};
use ncolony_core::time::seconds_from;

use crate::sys::user;

/// Where to look, and how often.
#[derive(Clone, Debug, Args)]
pub(crate) struct Flags {
    /// The directory of program files
    #[arg(long, value_name = "DIR", allow_hyphen_values = true)]
    config: Option<PathBuf>,
    /// The directory that messages are put into
    #[arg(long, value_name = "DIR", allow_hyphen_values = true)]
    messages: Option<PathBuf>,
    /// The directory of the monitor's records; "status" beside messages if it is not named
    #[arg(long, value_name = "DIR", allow_hyphen_values = true)]
    status: Option<PathBuf>,
    /// Short for DIR/config, DIR/messages and DIR/status
    #[arg(long, value_name = "DIR", allow_hyphen_values = true)]
    root: Option<PathBuf>,
    /// Seconds from one look at program files and records to the next
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = some_time)]
    pub(crate) freq: Duration,
}

fn some_time(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(seconds_from);
    seconds
        .filter(|span| *span >= TIME_MIN)
        .ok_or_else(|| "must be a number of seconds, 0.001 or more".to_owned())
}

impl Flags {
    /// The places that the flags and the environment name.
    ///
    /// # Errors
    /// A sentence: they cannot be found.
    pub(crate) fn places(&self) -> Result<Places, String> {
        let current_dir = env::current_dir()
            .map_err(|error| format!("the current directory cannot be found: {error}"))?;
        let around = Surroundings {
            variable: &|name| env::var_os(name),
            caller: if user::own() == 0 {
                Caller::Root
            } else {
                Caller::User
            },
            current_dir,
        };
        let flags = PlaceFlags {
            config: self.config.clone(),
            messages: self.messages.clone(),
            status: self.status.clone(),
            logs: None,
            root: self.root.clone(),
        };
        Places::resolve(&flags, &around).map_err(|error| error.to_string())
    }
}

/// Whose program files are obeyed: those that a monitor of the same user would obey.
pub(crate) fn trust() -> Trust {
    Trust::of_user(user::own())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_looks_again_and_again_lets_some_time_go_by() {
        for time in ["0", "1e-9", "-1", "nan", "x", ""] {
            assert!(some_time(time).is_err(), "{time:?}");
        }
        assert_eq!(some_time("0.001"), Ok(TIME_MIN));
    }
}
