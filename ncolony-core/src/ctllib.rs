//! The library that every program may drive a colony with: it writes program files and messages,
//! and does nothing else. `ncolony-ctl` is made of it; so can be your own program.
//!
//! ```
//! use ncolony_core::ctllib::{self, Program};
//! use ncolony_core::{Places, ProgramName};
//! # let dir = tempfile::tempdir()?;
//! let root = dir.path();
//! let places = Places {
//!     config: root.join("config"),
//!     messages: root.join("messages"),
//!     status: root.join("status"),
//!     logs: None,
//! };
//! let name = ProgramName::new("my-cat")?;
//! ctllib::add(&places, &name, &Program::new("cat"))?;
//! ctllib::restart(&places, &name)?;
//! ctllib::remove(&places, &name)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crate::descriptor::{ConfigError, Descriptor};
use crate::files::{Durability, FileError, look, make_directory, remove_file, replace_file};
use crate::message::{Message, MessageId, Request, Target};
use crate::name::ProgramName;

pub use crate::places::Places;

/// Directories that hold requests and state are their owner's alone.
const PRIVATE_DIRECTORY: u32 = 0o700;
/// The config directory may be read by others.
const CONFIG_DIRECTORY: u32 = 0o755;

/// A program to be added: its file, key by key.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    keys: Map<String, Value>,
}

impl Program {
    /// A program that runs `command`.
    #[must_use]
    pub fn new(command: impl Into<String>) -> Self {
        let mut keys = Map::new();
        keys.insert("args".to_owned(), json!([command.into()]));
        Self { keys }
    }

    /// Adds an argument behind those that are there.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.append("args", arg.into());
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let env = self.keys.entry("env").or_insert_with(|| json!({}));
        if let Value::Object(env) = env {
            env.insert(name.into(), Value::String(value.into()));
        }
        self
    }

    /// Takes a variable from the monitor's environment.
    #[must_use]
    pub fn env_inherit(mut self, name: impl Into<String>) -> Self {
        self.append("env_inherit", name.into());
        self
    }

    /// Makes it a member of a logical group.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.append("group", group.into());
        self
    }

    /// Sets any key of the file: one of ours or an extra, replacing what was there.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: Value) -> Self {
        self.keys.insert(key.into(), value);
        self
    }

    /// The text of its file.
    #[must_use]
    pub fn to_json(&self) -> String {
        Value::Object(self.keys.clone()).to_string()
    }

    fn append(&mut self, key: &str, value: String) {
        if let Value::Array(list) = self.keys.entry(key).or_insert_with(|| json!([])) {
            list.push(Value::String(value));
        }
    }
}

/// Why a file was not written.
#[derive(Debug)]
pub enum CtlError {
    /// The program's file would not be good.
    Invalid(ConfigError),
    /// The disk said no.
    File(FileError),
    /// There is no file of this program.
    NoSuchProgram {
        /// The program.
        name: ProgramName,
        /// Where its file would be.
        config: PathBuf,
    },
    /// It is one instance of a program: the file is the program's.
    OneInstance {
        /// The instance.
        name: ProgramName,
    },
    /// It has two files, and nobody can say which is meant.
    TwoFiles {
        /// The program.
        name: ProgramName,
        /// The file without an ending.
        plain: PathBuf,
        /// The file with one.
        json: PathBuf,
    },
}

impl fmt::Display for CtlError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(error) => write!(out, "the program's file would not be valid: {error}"),
            Self::File(error) => error.fmt(out),
            Self::NoSuchProgram { name, config } => {
                write!(out, "there is no program {name} in {}", config.display())
            }
            Self::OneInstance { name } => write!(
                out,
                "{name} has no file of its own; the file is that of {}",
                name.family_str()
            ),
            Self::TwoFiles { name, plain, json } => write!(
                out,
                "{name} has two files, {} and {}; remove one of them",
                plain.display(),
                json.display()
            ),
        }
    }
}

impl std::error::Error for CtlError {}

impl From<FileError> for CtlError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

/// Writes the file of a program, new or changed. It is on the disk when this returns.
///
/// # Errors
/// The file would not be good, or could not be written; what was there is then untouched.
pub fn add(places: &Places, name: &ProgramName, program: &Program) -> Result<PathBuf, CtlError> {
    refuse_instance(name)?;
    let text = program.to_json();
    let descriptor = Descriptor::parse(text.as_bytes()).map_err(CtlError::Invalid)?;
    descriptor.order.check(name).map_err(CtlError::Invalid)?;
    make_directory(&places.config, CONFIG_DIRECTORY)?;
    let path = match program_files(places, name)? {
        ProgramFiles::None => places.config.join(name.as_str()),
        ProgramFiles::One(path) => path,
        ProgramFiles::Two { plain, json } => {
            return Err(CtlError::TwoFiles {
                name: name.clone(),
                plain,
                json,
            });
        }
    };
    replace_file(&path, text.as_bytes(), Durability::Synced)?;
    Ok(path)
}

/// Removes the file of a program (both, if it has two).
///
/// # Errors
/// There is none, or it could not be removed.
pub fn remove(places: &Places, name: &ProgramName) -> Result<(), CtlError> {
    refuse_instance(name)?;
    match program_files(places, name)? {
        ProgramFiles::None => {
            let config = places.config.clone();
            return Err(CtlError::NoSuchProgram {
                name: name.clone(),
                config,
            });
        }
        ProgramFiles::One(path) => remove_file(&path)?,
        ProgramFiles::Two { plain, json } => {
            remove_file(&plain)?;
            remove_file(&json)?;
        }
    }
    Ok(())
}

fn refuse_instance(name: &ProgramName) -> Result<(), CtlError> {
    if name.is_instance() {
        let name = name.clone();
        return Err(CtlError::OneInstance { name });
    }
    Ok(())
}

/// The files that describe a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProgramFiles {
    /// There is none.
    None,
    /// This one.
    One(PathBuf),
    /// Both, which is an error.
    Two {
        /// `NAME`
        plain: PathBuf,
        /// `NAME.json`
        json: PathBuf,
    },
}

/// Finds the files that describe a program; of an instance, those of its program.
///
/// # Errors
/// It cannot be said whether they are there.
pub fn program_files(places: &Places, name: &ProgramName) -> Result<ProgramFiles, FileError> {
    let name = name.family_str();
    let plain = places.config.join(name);
    let json = places.config.join(format!("{name}.json"));
    Ok(match (look(&plain)?, look(&json)?) {
        (None, None) => ProgramFiles::None,
        (Some(_), None) => ProgramFiles::One(plain),
        (None, Some(_)) => ProgramFiles::One(json),
        (Some(_), Some(_)) => ProgramFiles::Two { plain, json },
    })
}

/// Asks the monitor to restart a program: one instance after the other where it has some. Or one
/// instance, at once.
///
/// # Errors
/// The message could not be written.
pub fn restart(places: &Places, name: &ProgramName) -> Result<PathBuf, CtlError> {
    send(
        places,
        &Message::new(Request::Restart(Target::Name(name.clone()))),
    )
}

/// Asks the monitor to restart every program that should run.
///
/// # Errors
/// The message could not be written.
pub fn restart_all(places: &Places) -> Result<PathBuf, CtlError> {
    send(places, &Message::new(Request::Restart(Target::All)))
}

/// Asks the monitor to restart the members of a group.
///
/// # Errors
/// The message could not be written.
pub fn restart_group(places: &Places, group: &str) -> Result<PathBuf, CtlError> {
    send(
        places,
        &Message::new(Request::Restart(Target::Group(group.to_owned()))),
    )
}

/// Asks the monitor to stop every program and exit. The outcome is written under `id`, where one
/// is given.
///
/// # Errors
/// The message could not be written.
pub fn shutdown(places: &Places, id: Option<MessageId>) -> Result<PathBuf, CtlError> {
    send_with_id(places, Request::Shutdown, id)
}

/// Asks the monitor to exit and to leave the programs running; the next monitor takes them over.
/// The outcome is written under `id`, where one is given.
///
/// # Errors
/// The message could not be written.
pub fn detach(places: &Places, id: Option<MessageId>) -> Result<PathBuf, CtlError> {
    send_with_id(places, Request::Detach, id)
}

/// Asks the monitor to replace itself in place by the binary that stands now at the path that it
/// was started from; programs run on. The outcome is written under `id`, where one is given: by the
/// new monitor, or by the old one when it goes on.
///
/// # Errors
/// The message could not be written.
pub fn upgrade(places: &Places, id: Option<MessageId>) -> Result<PathBuf, CtlError> {
    send_with_id(places, Request::Upgrade, id)
}

fn send_with_id(
    places: &Places,
    request: Request,
    id: Option<MessageId>,
) -> Result<PathBuf, CtlError> {
    let message = Message {
        id,
        ..Message::new(request)
    };
    send(places, &message)
}

/// Writes any message; gives the path of its file, which is gone when the monitor has acted on it.
///
/// # Errors
/// The message could not be written.
pub fn send(places: &Places, message: &Message) -> Result<PathBuf, CtlError> {
    make_directory(&places.messages, PRIVATE_DIRECTORY)?;
    let path = places.messages.join(message_file_name());
    replace_file(&path, message.to_json().as_bytes(), Durability::Synced)?;
    Ok(path)
}

/// A name that no other sender uses, in the order of sending: messages are acted on in the order
/// of their names.
fn message_file_name() -> String {
    static SENT: AtomicU32 = AtomicU32::new(0);
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let counter = SENT.fetch_add(1, Ordering::Relaxed);
    format!(
        "{:020}.{:010}.{}",
        since_1970.as_nanos(),
        counter,
        std::process::id()
    )
}

#[cfg(test)]
mod tests;
