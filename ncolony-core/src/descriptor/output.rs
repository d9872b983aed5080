//! Where a program's output goes: the keys `stdout` and `stderr`.

use std::path::PathBuf;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::values::absolute;
use crate::json::{ConfigError, Value};

/// A log is rotated before it grows beyond this, unless its program's file says another size.
const MAX_BYTES: u64 = 50 * 1024 * 1024;

/// So many rotated files are kept, unless the program's file says another number.
const BACKUPS: u32 = 10;

/// Where one stream of a program goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Into a log; without a place for logs and without a path of its own, to the monitor's output
    /// line by line.
    Log(LogFile),
    /// Nowhere.
    Null,
    /// To the machine's log.
    Syslog,
    /// To the monitor's own descriptor of the same number, as the program writes it.
    Inherit,
}

/// Where standard error goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorOutput {
    /// To wherever standard output goes.
    Stdout,
    /// To a place of its own.
    Apart(Output),
}

/// A log file, and how it is rotated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// Its absolute path; `None` is `NAME.log` in the logs place.
    pub file: Option<PathBuf>,
    /// How it is rotated.
    pub rotation: Rotation,
}

/// How a log is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The log does not grow beyond so many bytes, unless a single line does; at least 1.
    pub max_bytes: u64,
    /// So many rotated files are kept.
    pub backups: u32,
    /// Whether rotated files are compressed.
    pub compress: bool,
}

impl Default for Rotation {
    fn default() -> Self {
        Self {
            max_bytes: MAX_BYTES,
            backups: BACKUPS,
            compress: false,
        }
    }
}

impl Default for Output {
    fn default() -> Self {
        Self::Log(LogFile {
            file: None,
            rotation: Rotation::default(),
        })
    }
}

impl Output {
    /// The file that a program of this name writes with it, if it writes one: absolute, or to be
    /// looked for in the logs place.
    #[must_use]
    pub fn log_file(&self, name: &str) -> Option<PathBuf> {
        match self {
            Self::Log(log) => {
                let own = || PathBuf::from(format!("{name}.log"));
                Some(log.file.clone().unwrap_or_else(own))
            }
            Self::Null | Self::Syslog | Self::Inherit => None,
        }
    }
}

/// The key `stdout`.
pub(super) fn standard(value: &Value<'_>) -> Result<Output, ConfigError> {
    output(
        value,
        "\"log\", \"null\", \"syslog\", \"inherit\" or an object",
    )
}

/// The key `stderr`.
pub(super) fn error(value: &Value<'_>) -> Result<ErrorOutput, ConfigError> {
    if value.string().is_ok_and(|word| word == "stdout") {
        return Ok(ErrorOutput::Stdout);
    }
    let wanted = "\"stdout\", \"log\", \"null\", \"syslog\", \"inherit\" or an object";
    output(value, wanted).map(ErrorOutput::Apart)
}

fn output(value: &Value<'_>, wanted: &str) -> Result<Output, ConfigError> {
    if value.is_object() {
        return log(value).map(Output::Log);
    }
    let word = value.string().map_err(|_| {
        value.error(format!(
            "must be {wanted} such as {{\"max_bytes\": 1000000}}"
        ))
    })?;
    match word.as_str() {
        "log" => Ok(Output::default()),
        "null" => Ok(Output::Null),
        "syslog" => Ok(Output::Syslog),
        "inherit" => Ok(Output::Inherit),
        other => Err(value.error(format!("must be {wanted}, not {other:?}"))),
    }
}

fn log(value: &Value<'_>) -> Result<LogFile, ConfigError> {
    let mut log = LogFile {
        file: None,
        rotation: Rotation::default(),
    };
    for (key, value) in &value.members_as("an object")? {
        match key.as_str() {
            "file" => log.file = Some(absolute(value)?),
            "max_bytes" => {
                log.rotation.max_bytes = value.integer(1, i64::MAX)?.unsigned_abs();
            }
            "backups" => {
                let backups = value.integer(0, i64::from(u32::MAX))?;
                log.rotation.backups =
                    u32::try_from(backups).map_err(|_| value.error("is out of range"))?;
            }
            "compress" => log.rotation.compress = value.boolean()?,
            other => {
                return Err(value.error(format!(
                    "{other:?} is not a key of a log; the keys are \"file\", \"max_bytes\", \
                     \"backups\" and \"compress\""
                )));
            }
        }
    }
    Ok(log)
}

/// As it is written in a program file.
impl Serialize for Output {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Log(_) if *self == Self::default() => out.serialize_str("log"),
            Self::Log(log) => log.serialize(out),
            Self::Null => out.serialize_str("null"),
            Self::Syslog => out.serialize_str("syslog"),
            Self::Inherit => out.serialize_str("inherit"),
        }
    }
}

/// As it is written in a program file, with what it leaves out.
impl Serialize for LogFile {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        if let Some(file) = &self.file {
            map.serialize_entry("file", file)?;
        }
        map.serialize_entry("max_bytes", &self.rotation.max_bytes)?;
        map.serialize_entry("backups", &self.rotation.backups)?;
        map.serialize_entry("compress", &self.rotation.compress)?;
        map.end()
    }
}

/// As it is written in a program file.
impl Serialize for ErrorOutput {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Stdout => out.serialize_str("stdout"),
            Self::Apart(output) => output.serialize(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Descriptor;
    use super::*;

    fn read(keys: &str) -> Result<Descriptor, ConfigError> {
        Descriptor::parse(format!(r#"{{"args": ["x"]{keys}}}"#).as_bytes())
    }

    #[test]
    fn what_is_not_said_is_a_log_for_both() {
        let read = read("").unwrap();
        assert_eq!(read.stdout, Output::default());
        assert_eq!(read.stderr, ErrorOutput::Stdout);
        assert_eq!(read.stdout.log_file("web"), Some("web.log".into()));
        let Output::Log(log) = read.stdout else {
            panic!()
        };
        assert_eq!(
            (log.rotation.max_bytes, log.rotation.backups),
            (52_428_800, 10)
        );
    }

    #[test]
    fn every_form_is_taken_and_shown_as_it_is_written() {
        let forms = [
            json!("log"),
            json!("null"),
            json!("syslog"),
            json!("inherit"),
            json!({"file": "/l/x", "max_bytes": 1, "backups": 0, "compress": true}),
        ];
        for form in forms {
            let read = read(&format!(r#", "stdout": {form}, "stderr": {form}"#)).unwrap();
            assert_eq!(json!(read.stdout), form);
            assert_eq!(json!(read.stderr), form);
        }
        let read = read(r#", "stdout": {"backups": 3}, "stderr": "stdout""#).unwrap();
        assert_eq!(
            json!(read.stdout),
            json!({"max_bytes": 52_428_800, "backups": 3, "compress": false})
        );
        assert_eq!(json!(read.stderr), "stdout");
    }

    #[test]
    fn an_error_names_what_is_wrong() {
        let cases = [
            (r#""stdout": "stdout""#, "stdout", "not \"stdout\""),
            (r#""stdout": 1"#, "stdout", "or an object"),
            (r#""stderr": "nul""#, "stderr", "\"stdout\", \"log\""),
            (
                r#""stdout": {"max_bytes": 0}"#,
                "stdout.max_bytes",
                "from 1 to",
            ),
            (r#""stdout": {"max_bytes": "1M"}"#, "stdout.max_bytes", ""),
            (
                r#""stdout": {"backups": -1}"#,
                "stdout.backups",
                "from 0 to",
            ),
            (r#""stderr": {"compress": 1}"#, "stderr.compress", "true"),
            (
                r#""stdout": {"file": "x.log"}"#,
                "stdout.file",
                "an absolute path",
            ),
            (
                r#""stdout": {"maxbytes": 1}"#,
                "stdout.maxbytes",
                "not a key of a log",
            ),
        ];
        for (text, key, message) in cases {
            let error = read(&format!(", {text}")).expect_err(text);
            assert_eq!(error.key.as_deref(), Some(key), "{text}");
            assert!(error.message.contains(message), "{text}: {error}");
            assert!(error.line.is_some() && error.column.is_some());
        }
    }
}
