//! A program file as it was written: its keys, checked, and the extras that belong to others.
//!
//! What the words mean together with the monitor's own settings is [`crate::spec`]'s matter.

mod limits;
mod order;
pub mod output;
mod ready;
mod sockets;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::output::{ErrorOutput, Output};
use self::values::{
    absolute, account, account_id, args, exit_codes, inherited, octal, positive, restart, signal,
    stdin,
};
use crate::json::{Members, Value, parse_object};
use crate::name::INSTANCES_MAX;
use crate::signal::Signal;

pub use self::limits::{Amount, Limits, Resource, ResourceLimit};
pub use self::order::{DEFAULT_PRIORITY, Named, Order, named};
pub use self::ready::{Condition, Endpoint, Page, Pattern, Ready};
pub use self::sockets::{Address, DEFAULT_MODE, Host, SocketSpec};
pub use crate::json::ConfigError;

/// The largest program file: the kernel's limit for one environment string, which it becomes as
/// `NCOLONY_CONFIG`.
pub const FILE_BYTES_MAX: usize = 131_000;

/// The keys that have a meaning to the monitor.
pub const KEYS: [&str; 32] = [
    "args",
    "env",
    "env_inherit",
    "uid",
    "gid",
    "group",
    "threshold",
    "killtime",
    "minrestartdelay",
    "maxrestartdelay",
    "enabled",
    "restart",
    "exit_codes",
    "give_up_after",
    "stop_signal",
    "reload_signal",
    "user",
    "cwd",
    "umask",
    "nice",
    "oom_score_adj",
    "rlimits",
    "priority",
    "after",
    "requires",
    "stdin",
    "instances",
    "sockets",
    "ready",
    "watchdog",
    "stdout",
    "stderr",
];

/// What an exit leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// It is started again, whatever the exit was.
    Always,
    /// It is started again unless it exited with one of its `exit_codes`.
    OnFailure,
    /// It stays where it is.
    Never,
}

/// What a program finds as its standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stdin {
    /// A FIFO that nobody writes to and that never ends: a program that reads it waits.
    Open,
    /// `/dev/null`: a program that reads it is at the end at once.
    Null,
}

/// A user or group, by name or number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Account {
    /// By number; it need not have an entry in the account database.
    Id(u32),
    /// By name, looked up at each start.
    Name(String),
}

/// Whom a program runs as, as the file says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The user; `None` is the monitor's.
    pub user: Option<Account>,
    /// The group; `None` is the user's primary group, or the monitor's where there is no user.
    pub group: Option<Account>,
    /// Which key said it, for errors.
    pub key: Option<String>,
}

/// A program file, read and checked. `None` is a key that is not there.
#[derive(Clone, Debug, PartialEq)]
pub struct Descriptor {
    /// The file as written: what the program gets as `NCOLONY_CONFIG`.
    pub source: Arc<str>,
    /// The argument vector; never empty.
    pub args: Vec<String>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// Names taken from the monitor's own environment.
    pub env_inherit: Vec<String>,
    /// Whom it runs as.
    pub identity: Identity,
    /// Logical groups that it belongs to.
    pub groups: Vec<String>,
    /// A process that lives shorter died an instant death.
    pub threshold: Option<Duration>,
    /// How long a stop waits before KILL.
    pub killtime: Option<Duration>,
    /// The delay after the first instant death.
    pub minrestartdelay: Option<Duration>,
    /// The longest delay.
    pub maxrestartdelay: Option<Duration>,
    /// Whether it is wanted at all.
    pub enabled: bool,
    /// What an exit leads to.
    pub restart: Restart,
    /// The codes that are a success.
    pub exit_codes: Vec<u8>,
    /// FATAL at that many instant deaths in a row.
    pub give_up_after: Option<u32>,
    /// What a stop sends first.
    pub stop_signal: Signal,
    /// What RELOAD sends.
    pub reload_signal: Signal,
    /// The working directory.
    pub cwd: Option<PathBuf>,
    /// The mask for new files' modes.
    pub umask: Option<u32>,
    /// What the kernel grants it.
    pub limits: Limits,
    /// Before and after whom it is started and stopped.
    pub order: Order,
    /// Standard input.
    pub stdin: Stdin,
    /// How many processes it has; more than one are instances, with names of their own.
    pub instances: u32,
    /// What the monitor listens on for it, in the order in which it is given them.
    pub sockets: Vec<SocketSpec>,
    /// When it counts as up; `None`: when it has lived for its threshold.
    pub ready: Option<Ready>,
    /// How often it has to say that it is well.
    pub watchdog: Option<Duration>,
    /// Where standard output goes.
    pub stdout: Output,
    /// Where standard error goes.
    pub stderr: ErrorOutput,
    /// Keys that are not ours, kept for the program and its companions.
    pub extras: serde_json::Map<String, serde_json::Value>,
}

impl Descriptor {
    /// Reads the bytes of a program file.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line, column and key.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(ConfigError::whole(format!(
                "the file is larger than {FILE_BYTES_MAX} bytes, the most that a program file may have"
            )));
        }
        let (source, members) = parse_object(bytes)?;
        let mut descriptor = Self::empty(source);
        for (key, value) in &members {
            descriptor.take(key, value)?;
        }
        descriptor.check_together(&members)?;
        Ok(descriptor)
    }

    fn empty(source: &str) -> Self {
        Self {
            source: source.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            env_inherit: Vec::new(),
            identity: Identity::default(),
            groups: Vec::new(),
            threshold: None,
            killtime: None,
            minrestartdelay: None,
            maxrestartdelay: None,
            enabled: true,
            restart: Restart::Always,
            exit_codes: vec![0],
            give_up_after: None,
            stop_signal: Signal::TERM,
            reload_signal: Signal::HUP,
            cwd: None,
            umask: None,
            limits: Limits::default(),
            order: Order::default(),
            stdin: Stdin::Open,
            instances: 1,
            sockets: Vec::new(),
            ready: None,
            watchdog: None,
            stdout: Output::default(),
            stderr: ErrorOutput::Stdout,
            extras: serde_json::Map::new(),
        }
    }

    fn take(&mut self, key: &str, value: &Value<'_>) -> Result<(), ConfigError> {
        match key {
            "args" => self.args = args(value)?,
            "env" => self.env = value.environment()?,
            "env_inherit" => self.env_inherit = inherited(value)?,
            "uid" if !value.is_null() => self.identity.user = Some(account_id(value)?),
            "gid" if !value.is_null() => self.identity.group = Some(account_id(value)?),
            "uid" | "gid" => {}
            "user" => self.take_user(value)?,
            "group" => self.groups = value.strings()?,
            "threshold" => self.threshold = Some(value.seconds()?),
            "killtime" => self.killtime = Some(value.seconds()?),
            "minrestartdelay" => self.minrestartdelay = Some(value.seconds()?),
            "maxrestartdelay" => self.maxrestartdelay = Some(value.seconds()?),
            "enabled" => self.enabled = value.boolean()?,
            "restart" => self.restart = restart(value)?,
            "exit_codes" => self.exit_codes = exit_codes(value)?,
            "give_up_after" if value.is_null() => self.give_up_after = None,
            "give_up_after" => self.give_up_after = Some(positive(value, u32::MAX)?),
            "stop_signal" => self.stop_signal = signal(value)?,
            "reload_signal" => self.reload_signal = signal(value)?,
            "cwd" => self.cwd = Some(absolute(value)?),
            "umask" => self.umask = Some(octal(value, "022")?),
            "nice" => self.limits.nice = Some(limits::nice(value)?),
            "oom_score_adj" => self.limits.oom_score_adj = Some(limits::oom_score_adj(value)?),
            "rlimits" => self.limits.resources = limits::rlimits(value)?,
            "priority" => self.order.priority = order::priority(value)?,
            "after" => self.order.after = order::names(value)?,
            "requires" => self.order.requires = order::names(value)?,
            "stdin" => self.stdin = stdin(value)?,
            "sockets" => self.sockets = sockets::sockets(value)?,
            "ready" => self.ready = Some(ready::ready(value)?),
            "watchdog" => self.watchdog = Some(ready::some_time(value)?),
            "stdout" => self.stdout = output::standard(value)?,
            "stderr" => self.stderr = output::error(value)?,
            "instances" => self.instances = positive(value, INSTANCES_MAX)?,
            other => {
                self.extras.insert(other.to_owned(), value.any()?);
            }
        }
        Ok(())
    }

    fn take_user(&mut self, value: &Value<'_>) -> Result<(), ConfigError> {
        let text = value.string()?;
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text.as_str(), None),
        };
        if user.is_empty() || group == Some("") {
            return Err(value.error("must be a user, or USER:GROUP"));
        }
        self.identity.user = Some(account(user));
        self.identity.group = group.map(account);
        Ok(())
    }

    /// Checks what no single key can break.
    fn check_together(&mut self, members: &Members<'_>) -> Result<(), ConfigError> {
        let find = |wanted: &str| members.iter().find(|(key, _)| key == wanted);
        if self.args.is_empty() {
            let mut error = ConfigError::whole(
                "the key is missing; it says what to run, as in {\"args\": [\"cat\"]}",
            );
            error.key = Some("args".to_owned());
            return Err(error);
        }
        let by_number = find("uid")
            .or(find("gid"))
            .filter(|(_, value)| !value.is_null());
        if let (Some((_, user)), Some((key, _))) = (find("user"), by_number) {
            return Err(user.error(format!("{key:?} says it too; give only one of them")));
        }
        let key = find("user").or(find("uid")).or(find("gid"));
        self.identity.key = key.map(|(key, _)| key.clone());
        let outputs = (&self.stdout, &self.stderr);
        ready::check_together(self.ready.as_ref(), &self.sockets, outputs, members)
    }
}

#[cfg(test)]
mod tests;
