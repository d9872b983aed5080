//! Values of options, read from their words.

use std::time::Duration;

use ncolony_core::time::seconds_from;
use ncolony_core::{Signal, State};
use serde_json::Value;

use crate::effect::Aim;

/// A span of time in seconds.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text
        .parse()
        .map_err(|_| "not a number of seconds".to_owned())?;
    seconds_from(number).ok_or_else(|| "must be 0 or more, and at most 100 years".to_owned())
}

/// A variable and its value.
pub(super) fn assignment(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} has no \"=\"; give a variable as NAME=VALUE"))?;
    Ok((key.to_owned(), value.to_owned()))
}

/// A key and its JSON value.
pub(super) fn setting(text: &str) -> Result<(String, Value), String> {
    let (key, json) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} has no \"=\"; give a key as KEY=JSON"))?;
    let value = serde_json::from_str(json).map_err(|error| {
        format!("{json:?} is not JSON ({error}); a string needs quotes, as in '{key}=\"{json}\"'")
    })?;
    Ok((key.to_owned(), value))
}

/// A signal by name or number.
pub(super) fn signal(text: &str) -> Result<Signal, String> {
    Signal::parse(text).ok_or_else(|| "no signal has this name or number".to_owned())
}

/// A state that is waited for, or readiness.
pub(super) fn aim(text: &str) -> Result<Aim, String> {
    if text.eq_ignore_ascii_case("ready") {
        return Ok(Aim::Ready);
    }
    text.parse::<State>().map(Aim::State)
}
