//! The four directories, and how they are found. The monitor and every command use this one
//! function, so they meet.

use std::ffi::OsString;
use std::fmt;
use std::path::{Component, Path, PathBuf};

/// Places as a command line names them; `None` is a flag that was not given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlaceFlags {
    /// `--config`
    pub config: Option<PathBuf>,
    /// `--messages`
    pub messages: Option<PathBuf>,
    /// `--status`
    pub status: Option<PathBuf>,
    /// `--logs`
    pub logs: Option<PathBuf>,
    /// `--root`
    pub root: Option<PathBuf>,
}

/// The four places of a colony.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// What should run: one file per program.
    pub config: PathBuf,
    /// What is asked: one file per request.
    pub messages: PathBuf,
    /// What is so: written by the monitor alone.
    pub status: PathBuf,
    /// What the programs print; `None` sends it to the monitor's own output.
    pub logs: Option<PathBuf>,
}

/// Whose defaults hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The machine's colony, under `/etc`, `/run` and `/var/log`.
    Root,
    /// A user's own colony, under the XDG directories.
    User,
}

/// Why the places could not be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacesError(String);

impl fmt::Display for PlacesError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for PlacesError {}

/// What places are resolved from, besides the flags.
pub struct Surroundings<'a> {
    /// Looks a variable up in the environment.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// Whose defaults hold.
    pub caller: Caller,
    /// What relative paths start from.
    pub current_dir: PathBuf,
}

impl Surroundings<'_> {
    fn path(&self, variable: &str) -> Option<PathBuf> {
        (self.variable)(variable)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    }

    /// An XDG directory, or its stand-in under the home directory. Relative values do not count.
    fn xdg(&self, variable: &str, under_home: &str) -> Result<PathBuf, PlacesError> {
        if let Some(path) = self.path(variable).filter(|path| path.is_absolute()) {
            return Ok(path);
        }
        let home = self
            .path("HOME")
            .filter(|path| path.is_absolute())
            .ok_or_else(|| {
                let text = format!(
                    "neither {variable} nor HOME is set; name the places, as with --root DIR"
                );
                PlacesError(text)
            })?;
        Ok(home.join(under_home))
    }

    fn default_config(&self) -> Result<PathBuf, PlacesError> {
        match self.caller {
            Caller::Root => Ok("/etc/ncolony/programs".into()),
            Caller::User => Ok(self
                .xdg("XDG_CONFIG_HOME", ".config")?
                .join("ncolony/programs")),
        }
    }

    fn default_messages(&self) -> Result<PathBuf, PlacesError> {
        match self.caller {
            Caller::Root => Ok("/run/ncolony/messages".into()),
            Caller::User => {
                let runtime = self
                    .path("XDG_RUNTIME_DIR")
                    .filter(|path| path.is_absolute());
                let base =
                    runtime.map_or_else(|| self.xdg("XDG_STATE_HOME", ".local/state"), Ok)?;
                Ok(base.join("ncolony/messages"))
            }
        }
    }

    fn default_logs(&self) -> Result<PathBuf, PlacesError> {
        match self.caller {
            Caller::Root => Ok("/var/log/ncolony".into()),
            Caller::User => Ok(self
                .xdg("XDG_STATE_HOME", ".local/state")?
                .join("ncolony/logs")),
        }
    }
}

impl Places {
    /// Finds the four places. Strongest first, place by place: flag, environment, root, default.
    ///
    /// # Errors
    /// A default is needed and the home directory is not known.
    pub fn resolve(flags: &PlaceFlags, around: &Surroundings<'_>) -> Result<Self, PlacesError> {
        let named =
            |flag: &Option<PathBuf>, variable| flag.clone().or_else(|| around.path(variable));
        let config = named(&flags.config, "NCOLONY_CONFIG_DIR");
        let messages = named(&flags.messages, "NCOLONY_MESSAGES_DIR");
        let status = named(&flags.status, "NCOLONY_STATUS_DIR");
        let logs = named(&flags.logs, "NCOLONY_LOGS_DIR");
        let root = named(&flags.root, "NCOLONY_ROOT");

        let as_the_original = config.is_some()
            && messages.is_some()
            && status.is_none()
            && logs.is_none()
            && root.is_none();
        let messages_named = messages.is_some();
        let below = |name: &str| root.as_ref().map(|root| root.join(name));
        let or_default =
            |found: Option<PathBuf>, default: &dyn Fn() -> Result<PathBuf, PlacesError>| {
                found
                    .map_or_else(default, Ok)
                    .map(|path| absolute(&around.current_dir, &path))
            };

        let config = or_default(config.or_else(|| below("config")), &|| {
            around.default_config()
        })?;
        let messages = or_default(messages.or_else(|| below("messages")), &|| {
            around.default_messages()
        })?;
        let below_status = || {
            if messages_named {
                None
            } else {
                below("status")
            }
        };
        let status = or_default(status.or_else(below_status), &|| {
            Ok(beside(&messages, "status"))
        })?;
        let logs = if as_the_original {
            None
        } else {
            Some(or_default(logs.or_else(|| below("logs")), &|| {
                around.default_logs()
            })?)
        };
        Ok(Self {
            config,
            messages,
            status,
            logs,
        })
    }

    /// The record of a program.
    #[must_use]
    pub fn program_status(&self, name: &str) -> PathBuf {
        self.program_statuses().join(format!("{name}.json"))
    }

    /// The directory of the programs' records.
    #[must_use]
    pub fn program_statuses(&self) -> PathBuf {
        self.status.join("programs")
    }

    /// The monitor's own record.
    #[must_use]
    pub fn monitor_status(&self) -> PathBuf {
        self.status.join("monitor.json")
    }

    /// What has happened, one line for each change of a program's state.
    #[must_use]
    pub fn events(&self) -> PathBuf {
        self.status.join("events.jsonl")
    }

    /// The file that a living monitor holds a lock on.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.status.join(".lock")
    }

    /// The directory of the outcomes of messages.
    #[must_use]
    pub fn replies(&self) -> PathBuf {
        self.status.join("replies")
    }

    /// The outcome of the message with this `id`.
    #[must_use]
    pub fn reply(&self, id: &str) -> PathBuf {
        self.replies().join(format!("{id}.json"))
    }

    /// The directory of messages that could not be acted on.
    #[must_use]
    pub fn rejected(&self) -> PathBuf {
        self.status.join("rejected")
    }

    /// The directory of the FIFOs that the programs print into.
    #[must_use]
    pub fn outputs(&self) -> PathBuf {
        self.status.join("output")
    }

    /// The directory of the sockets that the programs say something of themselves to.
    #[must_use]
    pub fn notices(&self) -> PathBuf {
        self.status.join("notify")
    }

    /// The log of a program, where there is a place for logs.
    #[must_use]
    pub fn program_log(&self, name: &str) -> Option<PathBuf> {
        self.logs
            .as_ref()
            .map(|logs| logs.join(format!("{name}.log")))
    }
}

/// `path` from `current`, without `.` and without touching the disk (`..` stays: it may lead
/// through a symlink).
fn absolute(current: &Path, path: &Path) -> PathBuf {
    let joined = current.join(path);
    joined
        .components()
        .filter(|part| !matches!(part, Component::CurDir))
        .collect()
}

fn beside(path: &Path, name: &str) -> PathBuf {
    match path.parent() {
        Some(parent) => parent.join(name),
        None => path.join(name),
    }
}

#[cfg(test)]
mod tests;
