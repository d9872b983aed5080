//! The keys `nice`, `oom_score_adj` and `rlimits`: what the kernel grants a process, and what it
//! takes from it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::json::{ConfigError, Value};

/// What the kernel is to grant a process. What is `None`, or not named, stays the monitor's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// How far it gives way to others: from -20, hardly, to 19.
    pub nice: Option<i32>,
    /// How readily it is killed when memory ends: from -1000, never, to 1000.
    pub oom_score_adj: Option<i32>,
    /// Its limits of resources.
    pub resources: BTreeMap<Resource, ResourceLimit>,
}

/// A resource that `setrlimit(2)` limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// `as`: address space, in bytes.
    AddressSpace,
    /// `core`: the size of a core file, in bytes.
    Core,
    /// `cpu`: time on a processor, in seconds.
    Cpu,
    /// `data`: the data segment, in bytes.
    Data,
    /// `fsize`: the size of a file that it writes, in bytes.
    FileSize,
    /// `locks`: file locks.
    Locks,
    /// `memlock`: locked memory, in bytes.
    LockedMemory,
    /// `msgqueue`: POSIX message queues, in bytes.
    MessageQueues,
    /// `nice`: 20 less the lowest nice value that it may take.
    Nice,
    /// `nofile`: one more than the highest number of a descriptor.
    OpenFiles,
    /// `nproc`: processes and threads of its user.
    Processes,
    /// `rss`: resident memory, in bytes; Linux keeps it and does nothing with it.
    ResidentMemory,
    /// `rtprio`: the highest real-time priority.
    RealTimePriority,
    /// `rttime`: time on a processor without a blocking call under real-time scheduling, in
    /// microseconds.
    RealTimeTime,
    /// `sigpending`: signals that wait for processes of its user.
    PendingSignals,
    /// `stack`: the stack of its first thread, in bytes.
    Stack,
}

impl Resource {
    /// All of them, in order of name.
    const ALL: [Self; 16] = [
        Self::AddressSpace,
        Self::Core,
        Self::Cpu,
        Self::Data,
        Self::FileSize,
        Self::Locks,
        Self::LockedMemory,
        Self::MessageQueues,
        Self::Nice,
        Self::OpenFiles,
        Self::Processes,
        Self::ResidentMemory,
        Self::RealTimePriority,
        Self::RealTimeTime,
        Self::PendingSignals,
        Self::Stack,
    ];

    /// Its name in a program file: that of `setrlimit(2)` in lower case, without `RLIMIT_`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AddressSpace => "as",
            Self::Core => "core",
            Self::Cpu => "cpu",
            Self::Data => "data",
            Self::FileSize => "fsize",
            Self::Locks => "locks",
            Self::LockedMemory => "memlock",
            Self::MessageQueues => "msgqueue",
            Self::Nice => "nice",
            Self::OpenFiles => "nofile",
            Self::Processes => "nproc",
            Self::ResidentMemory => "rss",
            Self::RealTimePriority => "rtprio",
            Self::RealTimeTime => "rttime",
            Self::PendingSignals => "sigpending",
            Self::Stack => "stack",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

/// By its name in a program file.
impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.name())
    }
}

/// What is in force, and how far the process itself may raise that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ResourceLimit(
    /// The soft limit.
    pub Amount,
    /// The hard limit, never below the soft one.
    pub Amount,
);

/// As an error says it: `10` for both, `10 (hard 20)`.
impl fmt::Display for ResourceLimit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(soft, hard) = self;
        if soft == hard {
            write!(out, "{soft}")
        } else {
            write!(out, "{soft} (hard {hard})")
        }
    }
}

/// So much of a resource, in its own unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Amount {
    /// So much.
    Number(u64),
    /// As much as there is.
    Infinity,
}

impl fmt::Display for Amount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(out),
            Self::Infinity => out.write_str("infinity"),
        }
    }
}

/// As it is written in a file.
impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => out.serialize_u64(*number),
            Self::Infinity => out.serialize_str("infinity"),
        }
    }
}

/// Reads `nice`.
pub(super) fn nice(value: &Value<'_>) -> Result<i32, ConfigError> {
    small(value, -20, 19)
}

/// Reads `oom_score_adj`.
pub(super) fn oom_score_adj(value: &Value<'_>) -> Result<i32, ConfigError> {
    small(value, -1000, 1000)
}

fn small(value: &Value<'_>, least: i32, most: i32) -> Result<i32, ConfigError> {
    let number = value.integer(least.into(), most.into())?;
    i32::try_from(number).map_err(|_| value.error("is out of range"))
}

/// Reads `rlimits`.
pub(super) fn rlimits(value: &Value<'_>) -> Result<BTreeMap<Resource, ResourceLimit>, ConfigError> {
    let mut all = BTreeMap::new();
    for (name, inner) in value.members_as("an object such as {\"nofile\": 65536}")? {
        let Some(resource) = Resource::from_name(&name) else {
            let names = Resource::ALL.map(Resource::name).join(", ");
            return Err(inner.error(format!(
                "there is no such resource; there are {names} (as in setrlimit(2), in lower case and without RLIMIT_)"
            )));
        };
        all.insert(resource, limit(&inner)?);
    }
    Ok(all)
}

fn limit(value: &Value<'_>) -> Result<ResourceLimit, ConfigError> {
    const WANTED: &str = "a whole number, \"infinity\", or an array of the soft and the hard limit";
    if !value.is_array() {
        let both = amount(value, WANTED)?;
        return Ok(ResourceLimit(both, both));
    }
    let elements = value.elements(WANTED)?;
    let [soft, hard] = elements.as_slice() else {
        let count = elements.len();
        return Err(value.error(format!(
            "an array has two elements, the soft and the hard limit, not {count}"
        )));
    };
    const ONE: &str = "a whole number or \"infinity\"";
    let limit = ResourceLimit(amount(soft, ONE)?, amount(hard, ONE)?);
    if limit.0 > limit.1 {
        return Err(value.error(format!(
            "the soft limit {} is above the hard limit {}",
            limit.0, limit.1
        )));
    }
    Ok(limit)
}

fn amount(value: &Value<'_>, wanted: &str) -> Result<Amount, ConfigError> {
    if let Ok(word) = value.string() {
        return match word.as_str() {
            "infinity" | "unlimited" => Ok(Amount::Infinity),
            other => Err(value.error(format!("must be {wanted}, not {other:?}"))),
        };
    }
    let number = value.integer(0, i64::MAX).ok();
    let number = number.and_then(|number| u64::try_from(number).ok());
    let error = || {
        value.error(format!(
            "must be {wanted}; numbers go from 0 to {}",
            i64::MAX
        ))
    };
    number.map(Amount::Number).ok_or_else(error)
}

#[cfg(test)]
mod tests;
