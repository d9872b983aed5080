//! What the monitor says is so: the records in the status directory.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::exit::Exit;
use crate::json::ConfigError;
use crate::name::ProgramName;
use crate::spec::Defaults;
use crate::time::Wall;

/// The version of the records' shape.
pub const SCHEMA: u32 = 1;

/// The state of a program, under Supervisor's names and codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// It does not run, and nobody wants it to, or it waits for another.
    Stopped,
    /// Its process runs and does not count as up yet: what its file calls ready does not hold, or
    /// without that it has not lived for its threshold.
    Starting,
    /// It runs.
    Running,
    /// It died young; the next start waits.
    Backoff,
    /// It was told to stop and has not gone yet.
    Stopping,
    /// It ended, and its policy leaves it at that.
    Exited,
    /// It died young too many times in a row.
    Fatal,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Stopped,
        Self::Starting,
        Self::Running,
        Self::Backoff,
        Self::Stopping,
        Self::Exited,
        Self::Fatal,
    ];

    /// Supervisor's number for it.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Stopped => 0,
            Self::Starting => 10,
            Self::Running => 20,
            Self::Backoff => 30,
            Self::Stopping => 40,
            Self::Exited => 100,
            Self::Fatal => 200,
        }
    }

    /// Its name, in capitals.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stopped => "STOPPED",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Backoff => "BACKOFF",
            Self::Stopping => "STOPPING",
            Self::Exited => "EXITED",
            Self::Fatal => "FATAL",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

impl std::str::FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL
            .into_iter()
            .find(|state| state.as_str().eq_ignore_ascii_case(text));
        known.ok_or_else(|| {
            let all: Vec<&str> = Self::ALL.iter().map(|state| state.as_str()).collect();
            format!("{text:?} is not a state; the states are {}", all.join(", "))
        })
    }
}

/// What is wanted of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WantWord {
    /// It should run.
    Up,
    /// It should not.
    Down,
}

/// That a process is to be replaced, and that others come first: instances of the same program, or
/// programs that have to be gone before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TurnWord {
    /// Its turn comes by itself.
    Waits,
    /// An instance that comes first has failed, and its turn comes when that one is RUNNING; or it
    /// is in a ring of programs that wait for each other.
    Held,
}

/// What tells one process from every other that had or will have its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// When it was started, in clock ticks since boot (field 22 of `/proc/PID/stat`). It is read
    /// only where the kernel gives no inode.
    #[serde(default)]
    pub start_time: Option<u64>,
    /// The boot that this was in.
    pub boot_id: String,
    /// The inode of its pidfd, which the kernel never gives to another process of this boot
    /// (Linux 6.9 and later).
    #[serde(default)]
    pub pidfd_inode: Option<u64>,
}

/// The record of one program: `status/programs/NAME.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProgramStatus {
    /// The version of this record's shape.
    pub schema: u32,
    /// The program.
    pub name: ProgramName,
    /// What is so.
    pub state: State,
    /// What is wanted.
    pub want: WantWord,
    /// The main process, while there is one.
    pub pid: Option<u32>,
    /// Since when it is in this state.
    pub since: Wall,
    /// How often it was started since the monitor took it up.
    pub starts: u64,
    /// How its last process ended.
    pub exit: Option<Exit>,
    /// The last lines that this process printed.
    pub output: Option<Vec<String>>,
    /// Seconds: the wait that it is in, or the one that its next instant death would bring.
    pub delay: f64,
    /// When it is started again, where that is known.
    pub next_start: Option<Wall>,
    /// Whether it counts as ready.
    pub ready: bool,
    /// What the program says of itself.
    pub note: Option<String>,
    /// Whether its process waits until it can be replaced.
    #[serde(default)]
    pub turn: Option<TurnWord>,
    /// A sentence for a person: why it is in this state.
    pub reason: Option<String>,
    /// What is wrong with its file.
    pub config_error: Option<ConfigError>,
    /// The groups that it belongs to.
    pub groups: Vec<String>,
    /// Where its standard output is kept, where that is a file.
    pub log: Option<PathBuf>,
    /// Whether an earlier monitor started this very process.
    pub adopted: bool,
    /// The digest of the file's content that was last seen, good or bad.
    pub config_digest: Option<String>,
    /// What proves that `pid` is still this process.
    pub process: Option<ProcessIdentity>,
    /// When the present process was started.
    #[serde(default)]
    pub started: Option<Wall>,
    /// The number of the last start that was ordered, one that failed included. It only grows
    /// while a monitor lives, also when the program is removed and comes back.
    #[serde(default)]
    pub generation: u64,
    /// The number of the start whose process ended last: whose `exit` and `output` these are.
    #[serde(default)]
    pub ended: u64,
    /// How many messages the monitor had heard when this was so: a record with the number of a
    /// message's reply, or a higher one, is from after that message.
    #[serde(default)]
    pub heard: u64,
}

/// The reason in the record of a program whose file was never good; `config_error` says more.
pub const FILE_NEVER_GOOD: &str = "its file has an error";

/// A file that the monitor passes over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IgnoredFile {
    /// Its name.
    pub file: String,
    /// Why.
    pub reason: String,
}

/// How the monitor learns of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Watch {
    /// The kernel tells it.
    Inotify,
    /// It looks every `frequency` seconds.
    Poll,
}

/// How exactly the end of a process that an earlier monitor started is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExitCodes {
    /// By the kernel.
    Exact,
    /// Not at all.
    Unknown,
}

/// How much of a program's tree a stop reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TreeKill {
    /// All of it.
    Cgroup,
    /// Its process group; what leaves the group comes to the monitor when its parent dies.
    Subreaper,
    /// Its process group.
    Group,
}

/// Which guarantees hold on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guarantees {
    /// Whether programs outlive the monitor.
    pub adoption: bool,
    /// How exactly their ends are then known.
    pub exit_codes: ExitCodes,
    /// How much of a tree a stop reaches.
    pub tree_kill: TreeKill,
}

/// The four places, as the monitor resolved them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacesRecord {
    /// What should run.
    pub config: PathBuf,
    /// What is asked.
    pub messages: PathBuf,
    /// What is so.
    pub status: PathBuf,
    /// What the programs print.
    pub logs: Option<PathBuf>,
}

/// The monitor's own record: `status/monitor.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MonitorStatus {
    /// The version of this record's shape.
    pub schema: u32,
    /// The monitor's process.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// The path that it was started from: what an upgrade puts in its place. `None` where a monitor
    /// is embedded in another program.
    #[serde(default)]
    pub executable: Option<PathBuf>,
    /// When it was started, or upgraded.
    pub started: Wall,
    /// Where it works.
    pub places: PlacesRecord,
    /// How it learns of changes.
    pub watch: Watch,
    /// Seconds between two full scans.
    pub frequency: f64,
    /// What its flags say for programs that do not say it themselves.
    pub defaults: Defaults,
    /// How many programs it knows.
    pub programs: usize,
    /// Files in the config directory that it passes over.
    pub ignored: Vec<IgnoredFile>,
    /// `ok`, or `unknown: ` and why the config directory could not be read.
    pub config_state: String,
    /// Which guarantees hold on this machine.
    pub guarantees: Guarantees,
    /// What is wrong with the monitor's own world.
    pub problems: Vec<String>,
    /// What it has done since it was started, by name: files read, processes spawned, ….
    pub counters: BTreeMap<String, u64>,
}

/// A short fingerprint of a file's content: sixteen hexadecimal digits (FNV-1a, 64 bits). It tells
/// a waiting command that the monitor has seen what it wrote; it protects against nothing.
#[must_use]
pub fn content_digest(bytes: &[u8]) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_the_names_and_codes_of_supervisor() {
        let codes: Vec<u16> = State::ALL.iter().map(|state| state.code()).collect();
        assert_eq!(codes, [0, 10, 20, 30, 40, 100, 200]);
        assert_eq!(
            serde_json::to_string(&State::Backoff).unwrap(),
            r#""BACKOFF""#
        );
        for state in State::ALL {
            assert_eq!(state.as_str().to_lowercase().parse(), Ok(state));
        }
        assert!("SLEEPING".parse::<State>().is_err());
    }

    #[test]
    fn the_digest_is_fnv_1a() {
        assert_eq!(content_digest(b""), "cbf29ce484222325");
        assert_eq!(content_digest(b"foobar"), "85944171f73967e8");
    }

    #[test]
    fn a_record_of_an_earlier_monitor_reads() {
        let record: ProgramStatus = serde_json::from_str(
            r#"{"schema": 1, "name": "web", "state": "RUNNING", "want": "up", "pid": 7,
                "since": "2026-01-01T00:00:00Z", "starts": 1, "exit": null, "output": null,
                "delay": 1.0, "next_start": null, "ready": true, "note": null, "reason": null,
                "config_error": null, "groups": [], "log": null, "adopted": false,
                "config_digest": null, "process": null}"#,
        )
        .unwrap();
        assert_eq!((record.generation, record.ended, record.heard), (0, 0, 0));
        assert_eq!(record.started, None);
    }
}
