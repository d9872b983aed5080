//! A program with everything resolved: the file's words and the monitor's settings together.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::descriptor::output::{ErrorOutput, Output};
use crate::descriptor::{
    Condition, ConfigError, Descriptor, Identity, Limits, Order, Ready, Restart, SocketSpec, Stdin,
};
use crate::name::ProgramName;
use crate::policy::Delays;
use crate::signal::Signal;

/// What the monitor's flags say for programs that do not say it themselves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Defaults {
    /// A process that lives shorter died an instant death, in seconds.
    #[serde(with = "seconds")]
    pub threshold: Duration,
    /// How long a stop waits before KILL, in seconds.
    #[serde(with = "seconds")]
    pub killtime: Duration,
    /// The delay after the first instant death, in seconds.
    #[serde(with = "seconds")]
    pub minrestartdelay: Duration,
    /// The longest delay, in seconds.
    #[serde(with = "seconds")]
    pub maxrestartdelay: Duration,
}

/// NColony's defaults: 1, 5, 1 and 3600 seconds.
impl Default for Defaults {
    fn default() -> Self {
        Self {
            threshold: Duration::from_secs(1),
            killtime: Duration::from_secs(5),
            minrestartdelay: Duration::from_secs(1),
            maxrestartdelay: Duration::from_secs(3600),
        }
    }
}

mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(span: &Duration, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_f64(span.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
        crate::time::seconds_from(f64::deserialize(input)?)
            .ok_or_else(|| serde::de::Error::custom("not a number of seconds"))
    }
}

/// All that a process is started with. If any of it changes, the process is out of date.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessSpec {
    /// The argument vector; never empty.
    pub args: Vec<String>,
    /// The environment that the file gives.
    pub env: BTreeMap<String, String>,
    /// Names taken from the monitor's environment.
    pub env_inherit: Vec<String>,
    /// Whom it runs as.
    pub identity: Identity,
    /// The working directory; `None` is the monitor's.
    pub cwd: Option<PathBuf>,
    /// The mask for new files' modes; `None` is the monitor's.
    pub umask: Option<u32>,
    /// What the kernel grants it; what is not said is the monitor's.
    pub limits: Limits,
    /// Standard input.
    pub stdin: Stdin,
    /// What the monitor listens on for it.
    pub sockets: Vec<SocketSpec>,
    /// Whether it is to say by itself when it is ready.
    pub notifies: bool,
    /// How often it has to say that it is well.
    pub watchdog: Option<Duration>,
    /// Where standard output goes.
    pub stdout: Output,
    /// Where standard error goes.
    pub stderr: ErrorOutput,
    /// Keys for others; the program can read them in `NCOLONY_CONFIG`.
    pub extras: serde_json::Map<String, serde_json::Value>,
}

/// How a program is treated. It may change while the process runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// A process that lives shorter died an instant death.
    pub threshold: Duration,
    /// How long a stop waits before KILL.
    pub killtime: Duration,
    /// The delays between instant deaths.
    pub delays: Delays,
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
    /// When it counts as up; `None`: when it has lived for its threshold.
    pub ready: Option<Ready>,
    /// Before and after whom it is started and stopped.
    pub order: Order,
}

/// A program, resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct ProgramSpec {
    /// Its name.
    pub name: ProgramName,
    /// The file as written.
    pub source: Arc<str>,
    /// What its process is started with.
    pub process: ProcessSpec,
    /// How it is treated.
    pub policy: Policy,
    /// Logical groups that it belongs to.
    pub groups: Vec<String>,
    /// How many processes of the file there are; more than one are instances.
    pub instances: u32,
    /// Whether it is wanted at all.
    pub enabled: bool,
}

impl ProgramSpec {
    /// Resolves what a file says with what the monitor says.
    ///
    /// # Errors
    /// Values that are good one by one and cannot hold together.
    pub fn resolve(
        name: ProgramName,
        descriptor: Descriptor,
        defaults: &Defaults,
    ) -> Result<Self, ConfigError> {
        let delays = delays(&descriptor, defaults)?;
        let when = descriptor.ready.as_ref().map(|ready| &ready.when);
        let notifies = when == Some(&Condition::Notify);
        Ok(Self {
            name,
            policy: Policy {
                threshold: descriptor.threshold.unwrap_or(defaults.threshold),
                killtime: descriptor.killtime.unwrap_or(defaults.killtime),
                delays,
                restart: descriptor.restart,
                exit_codes: descriptor.exit_codes,
                give_up_after: descriptor.give_up_after,
                stop_signal: descriptor.stop_signal,
                reload_signal: descriptor.reload_signal,
                ready: descriptor.ready,
                order: descriptor.order,
            },
            process: ProcessSpec {
                args: descriptor.args,
                env: descriptor.env,
                env_inherit: descriptor.env_inherit,
                identity: descriptor.identity,
                cwd: descriptor.cwd,
                umask: descriptor.umask,
                limits: descriptor.limits,
                stdin: descriptor.stdin,
                sockets: descriptor.sockets,
                notifies,
                watchdog: descriptor.watchdog,
                stdout: descriptor.stdout,
                stderr: descriptor.stderr,
                extras: descriptor.extras,
            },
            source: descriptor.source,
            groups: descriptor.groups,
            instances: descriptor.instances,
            enabled: descriptor.enabled,
        })
    }

    /// Reads the bytes of a program file and resolves them.
    ///
    /// # Errors
    /// The first thing that is wrong with the file.
    pub fn parse(
        name: ProgramName,
        bytes: &[u8],
        defaults: &Defaults,
    ) -> Result<Self, ConfigError> {
        let descriptor = Descriptor::parse(bytes)?;
        descriptor.order.check(&name.family())?;
        Self::resolve(name, descriptor, defaults)
    }

    /// The descriptions of all processes that the file asks for: of the program itself, or of each
    /// of its instances, in the order of their numbers.
    #[must_use]
    pub fn expanded(self: &Arc<Self>) -> Vec<Arc<Self>> {
        if self.instances <= 1 {
            return vec![Arc::clone(self)];
        }
        let of_instance = |number| {
            let name = self.name.instance(number);
            Arc::new(Self {
                name,
                ..Self::clone(self)
            })
        };
        (0..self.instances).map(of_instance).collect()
    }

    /// Whether the monitor listens on something for it.
    #[must_use]
    pub fn listens(&self) -> bool {
        !self.process.sockets.is_empty()
    }

    /// Whether it can speak to the monitor: it is to say when it is ready, or that it is well.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.process.notifies || self.process.watchdog.is_some()
    }

    /// Whether a process that was started by `self` is out of date under `new`.
    #[must_use]
    pub fn needs_restart(&self, new: &Self) -> bool {
        self.process != new.process
    }
}

fn delays(descriptor: &Descriptor, defaults: &Defaults) -> Result<Delays, ConfigError> {
    let least = descriptor
        .minrestartdelay
        .unwrap_or(defaults.minrestartdelay);
    let most = descriptor
        .maxrestartdelay
        .unwrap_or(defaults.maxrestartdelay);
    Delays::new(least, most).ok_or_else(|| {
        let by_file = descriptor.maxrestartdelay.is_some();
        let key = if by_file { "maxrestartdelay" } else { "minrestartdelay" };
        let mut error = ConfigError::whole(format!(
            "minrestartdelay is {} s and maxrestartdelay {} s: the least delay is longer than the longest",
            least.as_secs_f64(),
            most.as_secs_f64()
        ));
        error.key = Some(key.to_owned());
        error
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> ProgramSpec {
        let name = ProgramName::new("web").unwrap();
        ProgramSpec::parse(name, text.as_bytes(), &Defaults::default()).unwrap()
    }

    #[test]
    fn a_file_overrides_the_monitor() {
        let plain = spec(r#"{"args": ["x"]}"#);
        assert_eq!(plain.policy.killtime, Duration::from_secs(5));
        assert_eq!(
            spec(r#"{"args": ["x"], "killtime": 0}"#).policy.killtime,
            Duration::ZERO
        );
    }

    #[test]
    fn what_a_process_is_started_with_makes_it_out_of_date() {
        let old = spec(r#"{"args": ["x"], "note": 1}"#);
        for new in [
            r#"{"args": ["y"], "note": 1}"#,
            r#"{"args": ["x"], "note": 2}"#,
            r#"{"args": ["x"], "note": 1, "umask": "077"}"#,
            r#"{"args": ["x"], "note": 1, "nice": 0}"#,
            r#"{"args": ["x"], "note": 1, "oom_score_adj": 0}"#,
            r#"{"args": ["x"], "note": 1, "rlimits": {"core": 0}}"#,
            r#"{"args": ["x"], "note": 1, "env": {"A": ""}}"#,
            r#"{"args": ["x"], "note": 1, "sockets": [{"name": "a", "listen": "unix:///a"}]}"#,
            r#"{"args": ["x"], "note": 1, "stdout": {"backups": 3}}"#,
            r#"{"args": ["x"], "note": 1, "watchdog": 3}"#,
            r#"{"args": ["x"], "note": 1, "ready": {"notify": true}}"#,
            r#"{"args": ["x"], "note": 1, "stderr": "log"}"#,
        ] {
            assert!(old.needs_restart(&spec(new)), "{new}");
        }
        for new in [
            r#"{ "note":1,  "args": ["x"] }"#,
            r#"{"args": ["x"], "note": 1, "ready": {"tcp": "localhost:80", "timeout": 3}}"#,
            r#"{"args": ["x"], "note": 1, "killtime": 9, "group": ["a"], "stop_signal": "INT"}"#,
            r#"{"args": ["x"], "note": 1, "instances": 4}"#,
            r#"{"args": ["x"], "note": 1, "priority": 1, "after": ["a"], "requires": ["b"]}"#,
        ] {
            assert!(!old.needs_restart(&spec(new)), "{new}");
        }
    }

    #[test]
    fn a_file_stands_for_one_program_or_for_all_its_instances() {
        let names = |text: &str| -> Vec<String> {
            let all = Arc::new(spec(text)).expanded();
            all.iter().map(|spec| spec.name.to_string()).collect()
        };
        assert_eq!(names(r#"{"args": ["x"]}"#), ["web"]);
        assert_eq!(names(r#"{"args": ["x"], "instances": 1}"#), ["web"]);
        let three = r#"{"args": ["x"], "instances": 3}"#;
        assert_eq!(names(three), ["web:0", "web:1", "web:2"]);
    }

    #[test]
    fn a_program_cannot_wait_for_itself() {
        let name = || ProgramName::new("web").unwrap();
        for key in ["after", "requires"] {
            let text = format!(r#"{{"args": ["x"], "{key}": ["db", "web"]}}"#);
            let error = ProgramSpec::parse(name(), text.as_bytes(), &Defaults::default());
            assert_eq!(error.unwrap_err().key.as_deref(), Some(key));
        }
    }

    #[test]
    fn delays_that_cannot_hold_together_are_an_error() {
        let name = ProgramName::new("web").unwrap();
        let text = br#"{"args": ["x"], "maxrestartdelay": 0.5}"#;
        let error = ProgramSpec::parse(name, text, &Defaults::default()).unwrap_err();
        assert_eq!(error.key.as_deref(), Some("maxrestartdelay"));
    }
}
