//! Values of single keys, checked.

use std::path::PathBuf;

use super::{Account, Restart, Stdin};
use crate::json::{ConfigError, Value};
use crate::signal::Signal;

/// An argument vector, not empty.
pub(super) fn args(value: &Value<'_>) -> Result<Vec<String>, ConfigError> {
    let args = value.strings()?;
    match args.first() {
        None => Err(value.error("must have at least one element, the program")),
        Some(program) if program.is_empty() => Err(value.error("the program's name is empty")),
        Some(_) => Ok(args),
    }
}

/// Names of variables of the environment.
pub(super) fn inherited(value: &Value<'_>) -> Result<Vec<String>, ConfigError> {
    let names = value.strings()?;
    for name in &names {
        value.check_variable_name(name)?;
    }
    Ok(names)
}

/// A user or group by its number, or by its name.
pub(super) fn account_id(value: &Value<'_>) -> Result<Account, ConfigError> {
    // The largest number means "no change" to the kernel, so it is nobody's.
    let id = value.integer(0, i64::from(u32::MAX) - 1)?;
    u32::try_from(id)
        .map(Account::Id)
        .map_err(|_| value.error("is out of range"))
}

/// A user or group by name; what is a number is one.
pub(super) fn account(text: &str) -> Account {
    text.parse()
        .map_or_else(|_| Account::Name(text.to_owned()), Account::Id)
}

/// What an exit leads to.
pub(super) fn restart(value: &Value<'_>) -> Result<Restart, ConfigError> {
    match value.string()?.as_str() {
        "always" => Ok(Restart::Always),
        "on-failure" => Ok(Restart::OnFailure),
        "never" => Ok(Restart::Never),
        other => Err(value.error(format!(
            "must be \"always\", \"on-failure\" or \"never\", not {other:?}"
        ))),
    }
}

/// Codes that are a success.
pub(super) fn exit_codes(value: &Value<'_>) -> Result<Vec<u8>, ConfigError> {
    let code = |element: &Value<'_>| {
        let code = element.integer(0, 255)?;
        u8::try_from(code).map_err(|_| element.error("is out of range"))
    };
    value
        .elements("an array of exit codes")?
        .iter()
        .map(code)
        .collect()
}

/// A number from 1 to `most`.
pub(super) fn positive(value: &Value<'_>, most: u32) -> Result<u32, ConfigError> {
    let number = value.integer(1, i64::from(most))?;
    u32::try_from(number).map_err(|_| value.error("is out of range"))
}

/// A signal by name or number.
pub(super) fn signal(value: &Value<'_>) -> Result<Signal, ConfigError> {
    if let Ok(number) = value.integer(1, 64) {
        return Signal::from_number(number).ok_or_else(|| value.error("is not a signal"));
    }
    let text = value.string()?;
    Signal::parse(&text).ok_or_else(|| value.error(format!("{text:?} is not a signal")))
}

/// A path that begins at the root.
pub(super) fn absolute(value: &Value<'_>) -> Result<PathBuf, ConfigError> {
    let path = PathBuf::from(value.string()?);
    if path.is_absolute() {
        Ok(path)
    } else {
        Err(value.error("must be an absolute path"))
    }
}

/// Bits of a file's mode in octal digits, as in `example`.
pub(super) fn octal(value: &Value<'_>, example: &str) -> Result<u32, ConfigError> {
    let text = value.string()?;
    let digits = !text.is_empty() && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    let mask = u32::from_str_radix(&text, 8)
        .ok()
        .filter(|mask| digits && *mask <= 0o777);
    mask.ok_or_else(|| {
        value.error(format!(
            "must be an octal string like {example:?}, not {text:?}"
        ))
    })
}

/// What a program finds as its standard input.
pub(super) fn stdin(value: &Value<'_>) -> Result<Stdin, ConfigError> {
    match value.string()?.as_str() {
        "open" => Ok(Stdin::Open),
        "null" => Ok(Stdin::Null),
        other => Err(value.error(format!("must be \"open\" or \"null\", not {other:?}"))),
    }
}
