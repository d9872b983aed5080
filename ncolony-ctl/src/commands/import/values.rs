//! The kinds of values that supervisord's options have.

use ncolony_core::Signal;

use super::machine::Machine;
use super::python::{integer, octal, strip};

/// What supervisord does when a process exits that was RUNNING.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AutoRestart {
    Always,
    Unexpected,
    Never,
}

/// Where supervisord puts what a process prints.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LogFile {
    /// Into a temporary file.
    Auto,
    /// Nowhere.
    None,
    /// To the machine's log: an old spelling of another option.
    Syslog,
    /// Into this file.
    Path(String),
}

/// A whole number.
pub(super) fn number(text: &str) -> Result<i64, String> {
    integer(text).ok_or_else(|| format!("{text:?} is not a whole number"))
}

/// Octal digits.
pub(super) fn mask(text: &str) -> Result<i64, String> {
    octal(text).ok_or_else(|| format!("{text:?} is not an octal number"))
}

/// Yes or no.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "yes" | "true" | "on" | "1" => Ok(true),
        "no" | "false" | "off" | "0" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

/// A number of bytes, with KB, MB or GB behind it or nothing.
pub(super) fn bytes(text: &str) -> Result<i64, String> {
    let lower = text.to_lowercase();
    let units = [("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30)];
    let (digits, unit) = units
        .iter()
        .find_map(|(suffix, unit)| Some((lower.strip_suffix(suffix)?, *unit)))
        .unwrap_or((&lower, 1));
    integer(digits)
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| {
            format!("{text:?} is not a number of bytes; KB, MB and GB may stand behind it")
        })
}

/// Exit codes with commas between.
pub(super) fn exit_codes(text: &str) -> Result<Vec<u8>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let code = |part: &str| {
        let code = integer(part).and_then(|code| u8::try_from(code).ok());
        code.ok_or_else(|| format!("{text:?} is not a list of exit codes from 0 to 255"))
    };
    text.split(',').map(code).collect()
}

/// Words with commas between.
pub(super) fn words(text: &str) -> Vec<&str> {
    if text.is_empty() {
        return Vec::new();
    }
    text.split(',').map(strip).collect()
}

/// A signal by name or number; those that Python has no name for are none.
pub(super) fn signal(text: &str) -> Result<Signal, String> {
    let wrong = || format!("{text:?} is not a signal");
    if let Some(number) = integer(text) {
        let has_name = (1..=31).contains(&number) || number == 34 || number == 64;
        return Signal::from_number(number)
            .filter(|_| has_name)
            .ok_or_else(wrong);
    }
    let name = strip(text).to_uppercase();
    // With an offset it is none of Python's names.
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric());
    Signal::parse(&name).filter(|_| plain).ok_or_else(wrong)
}

/// When a process is started again.
pub(super) fn auto_restart(text: &str) -> Result<AutoRestart, String> {
    if text.to_lowercase() == "unexpected" {
        return Ok(AutoRestart::Unexpected);
    }
    match boolean(text) {
        Ok(true) => Ok(AutoRestart::Always),
        Ok(false) => Ok(AutoRestart::Never),
        Err(_) => Err(format!("{text:?} is neither true, false nor unexpected")),
    }
}

/// The name of a program, process or group.
pub(super) fn name(text: &str) -> Result<String, String> {
    let name = strip(text);
    match name.chars().find(|c| " :/".contains(*c)) {
        Some(bad) => Err(format!("the name {name:?} has the character {bad:?} in it")),
        None => Ok(name.to_owned()),
    }
}

/// A directory that is there.
pub(super) fn directory(machine: &Machine, text: &str) -> Result<String, String> {
    let path = machine.expand_home(text);
    if machine.is_directory(path.as_ref()) {
        return Ok(path);
    }
    Err(format!("{text} is not a directory that is there"))
}

/// A path in a directory that is there.
pub(super) fn path(machine: &Machine, text: &str) -> Result<String, String> {
    let path = machine.expand_home(text);
    let directory = match path.rfind('/') {
        None => return Ok(path),
        // All slashes at its end go, unless it is made of nothing else.
        Some(at) => path.get(..=at).unwrap_or_default(),
    };
    if machine.is_directory(directory.as_ref()) {
        return Ok(path);
    }
    Err(format!("the directory of the path {text} is not there"))
}

/// A log's path, or one of the words that stand for one.
pub(super) fn log_file(machine: &Machine, text: &str) -> Result<LogFile, String> {
    match text.to_lowercase().as_str() {
        "none" | "off" => Ok(LogFile::None),
        "auto" => Ok(LogFile::Auto),
        "syslog" => Ok(LogFile::Syslog),
        _ => path(machine, text).map(LogFile::Path),
    }
}

/// `USER` or `USER:GROUP`.
pub(super) fn owner(machine: &Machine, text: &str) -> Result<(), String> {
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    machine.user(user)?;
    match group {
        Some(group) if !machine.has_group(group) => {
            Err(format!("the group {group} is not on this machine"))
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_bytes() {
        for (text, wanted) in [
            ("0", 0),
            ("50MB", 50 << 20),
            ("1 kb", 1024),
            ("2Gb", 2 << 30),
            ("-1", -1),
        ] {
            assert_eq!(bytes(text), Ok(wanted));
        }
        for text in ["", "MB", "1M", "1TB", "1.5MB", "9999999999GB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn words_for_yes_and_no() {
        assert_eq!((boolean("YES"), boolean("0")), (Ok(true), Ok(false)));
        assert!(boolean("y").is_err() && boolean(" true").is_err());
        assert_eq!(auto_restart("Unexpected"), Ok(AutoRestart::Unexpected));
        assert_eq!(auto_restart("on"), Ok(AutoRestart::Always));
        assert!(auto_restart("maybe").is_err());
    }

    #[test]
    fn signals() {
        for (text, number) in [
            ("TERM", 15),
            ("sigint", 2),
            (" 9 ", 9),
            ("CLD", 17),
            ("RTMIN", 34),
            ("SIGRTMAX", 64),
        ] {
            assert_eq!(signal(text).map(Signal::number), Ok(number));
        }
        for text in ["", "0", "40", "65", "RTMIN+1", "KILLL"] {
            assert!(signal(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lists_and_names() {
        assert_eq!(exit_codes("0, 2,255"), Ok(vec![0, 2, 255]));
        assert_eq!(exit_codes(""), Ok(vec![]));
        assert!(exit_codes("0,").is_err() && exit_codes("256").is_err());
        assert_eq!(words("a, b,"), ["a", "b", ""]);
        assert_eq!(name(" web "), Ok("web".to_owned()));
        assert!(name("a b").is_err() && name("a:b").is_err() && name("a/b").is_err());
    }

    #[test]
    fn places_that_must_be_there() {
        let machine = Machine::here().unwrap();
        assert!(directory(&machine, "/").is_ok() && directory(&machine, "/no-such").is_err());
        assert!(path(&machine, "/x").is_ok() && path(&machine, "x").is_ok());
        assert!(path(&machine, "/no-such/x").is_err());
        assert_eq!(log_file(&machine, "Off"), Ok(LogFile::None));
        assert!(owner(&machine, "root:0").is_ok() && owner(&machine, "root:no-such").is_err());
    }
}
