//! Where a program's output goes: supervisord's logs as the keys `stdout` and `stderr`.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::process::{BACKUPS, MAX_BYTES, Process, Stream};
use super::values::LogFile;

/// The size of a log that is never rotated: the largest number that every reader of JSON keeps.
const NEVER_ROTATED: i64 = (1 << 53) - 1;

/// What a stream becomes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Translated {
    /// The key `stdout`.
    pub(super) stdout: Value,
    /// The key `stderr`.
    pub(super) stderr: Value,
    /// What is not the same, with the option that it is about.
    pub(super) notes: Vec<(String, String)>,
}

/// A path that stands for a descriptor of supervisord itself.
fn descriptor(path: &str) -> Option<u8> {
    match path {
        "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1" => Some(1),
        "/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2" => Some(2),
        _ => None,
    }
}

/// Translates both streams of a process; relative paths are in `directory`.
pub(super) fn translate(process: &Process, directory: &Path) -> Translated {
    let mut notes = Vec::new();
    let stdout = stream(&process.stdout, 1, directory, "stdout", &mut notes);
    if process.redirect_stderr {
        if let LogFile::Path(path) = &process.stderr.log {
            let message = format!(
                "redirect_stderr=true sends this to standard output; supervisord does not write {path} either"
            );
            notes.push(("stderr_logfile".to_owned(), message));
        }
        let stderr = json!("stdout");
        return Translated {
            stdout,
            stderr,
            notes,
        };
    }
    let mut stderr = stream(&process.stderr, 2, directory, "stderr", &mut notes);
    let goes_to_stdout =
        matches!(&process.stderr.log, LogFile::Path(path) if descriptor(path) == Some(1));
    let is_auto = |stream: &Stream| stream.log == LogFile::Auto && !stream.syslog;
    if goes_to_stdout && stdout == json!("inherit") {
        stderr = json!("stdout");
        notes.retain(|(option, _)| option != "stderr_logfile");
    }
    // Both have a temporary file of their own under supervisord; here they share the program's log.
    let share = is_auto(&process.stdout) && is_auto(&process.stderr);
    if share || file_of(&stdout).is_some() && file_of(&stdout) == file_of(&stderr) {
        stderr = json!("stdout");
    }
    Translated {
        stdout,
        stderr,
        notes,
    }
}

fn file_of(value: &Value) -> Option<&Value> {
    value.get("file")
}

fn stream(
    stream: &Stream,
    own: u8,
    directory: &Path,
    name: &str,
    notes: &mut Vec<(String, String)>,
) -> Value {
    let mut note = |end: &str, message: String| notes.push((format!("{name}_{end}"), message));
    if stream.syslog {
        match &stream.log {
            LogFile::Path(path) => note(
                "syslog",
                format!(
                    "the output goes to one place: the machine's log is left out, and {path} is written"
                ),
            ),
            LogFile::Auto | LogFile::None | LogFile::Syslog => return json!("syslog"),
        }
    }
    let path = match &stream.log {
        LogFile::Auto => return log(None, stream),
        LogFile::None | LogFile::Syslog => return json!("null"),
        LogFile::Path(path) => path,
    };
    if path == "/dev/null" {
        return json!("null");
    }
    if let Some(number) = descriptor(path) {
        if number != own {
            let message =
                format!("the output goes to the monitor's own descriptor {own}, not to {number}");
            note("logfile", message);
        }
        return json!("inherit");
    }
    let whole: PathBuf = directory.join(path);
    if whole.as_path() != Path::new(path) {
        let message = format!(
            "{path} is relative to the directory that supervisord is in, taken to be {}",
            directory.display()
        );
        note("logfile", message);
    }
    log(whole.to_str(), stream)
}

fn log(file: Option<&str>, stream: &Stream) -> Value {
    let mut log = Map::new();
    if let Some(file) = file {
        log.insert("file".to_owned(), json!(file));
    }
    match stream.max_bytes {
        MAX_BYTES => {}
        ..=0 => {
            log.insert("max_bytes".to_owned(), json!(NEVER_ROTATED));
        }
        size => {
            log.insert("max_bytes".to_owned(), json!(size));
        }
    }
    if stream.backups != BACKUPS && stream.max_bytes > 0 {
        let kept = stream.backups.clamp(0, i64::from(u32::MAX));
        log.insert("backups".to_owned(), json!(kept));
    }
    if log.is_empty() {
        return json!("log");
    }
    Value::Object(log)
}
