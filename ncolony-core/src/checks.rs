//! What a program file asks of the companions that watch programs: its keys `ncolony.beatcheck`
//! ([`Watched`]) and `ncolony.httpcheck` ([`HttpCheck`]).
//!
//! To the monitor both are extras like any other, and it does not care what stands there. Who does
//! are the companions, which check nothing by a key that makes no sense, and whoever checks files
//! before they are put into their place: [`warnings`].

mod heart;
mod server;

use std::path::Path;
use std::time::Duration;

use crate::json::{ConfigError, Members, Value, parse_object};
use crate::time::seconds_from;

pub use self::heart::Watched;
pub use self::server::HttpCheck;

/// What is wrong with the keys of the companions in a program file, and which keys in them have no
/// meaning. A file that is no JSON object has none.
#[must_use]
pub fn warnings(bytes: &[u8]) -> Vec<ConfigError> {
    let Ok((_, members)) = parse_object(bytes) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (key, value) in &members {
        let (parsed, known, who) = match key.as_str() {
            Watched::KEY => (Watched::read(value).err(), heart::KEYS, "ncolony-beatcheck"),
            HttpCheck::KEY => (
                HttpCheck::read(value).err(),
                server::KEYS,
                "ncolony-httpcheck",
            ),
            _ => continue,
        };
        found.extend(match parsed {
            Some(error) => Some(told_by(error, who)),
            None => doubtful(key, value),
        });
        found.extend(unknown(value, known, who));
    }
    found
}

/// What makes sense, and hardly the sense that was meant.
fn doubtful(key: &str, value: &Value<'_>) -> Option<ConfigError> {
    let keys = Keys::of(value).ok()?;
    if key == Watched::KEY {
        let status = keys.get("status")?;
        let is_relative = Path::new(&status.string().ok()?).is_relative();
        let words = "is looked for from the directory that ncolony-beatcheck runs in, \
                     and touched from that of the program; an absolute path is the same for both";
        return is_relative.then(|| status.error(words));
    }
    let (timeout, period) = (keys.get("timeout")?, keys.get("period")?);
    let is_longer = timeout.seconds().ok()? > period.seconds().ok()?;
    is_longer.then(|| timeout.error("is longer than the period; a check takes no longer than that"))
}

/// What is wrong, and whom it concerns: the monitor takes the file as it is.
fn told_by(mut error: ConfigError, who: &str) -> ConfigError {
    error.message = format!("{}; {who} does not check this program", error.message);
    error
}

/// The keys of this object that its reader passes over.
fn unknown(value: &Value<'_>, known: &[&str], who: &str) -> Vec<ConfigError> {
    let members = value.members().unwrap_or_default();
    let strange = members
        .iter()
        .filter(|(key, _)| !known.contains(&key.as_str()));
    let words = |(_, value): &(String, Value<'_>)| {
        value.error(format!(
            "{who} passes over this key; it knows {}",
            known.join(", ")
        ))
    };
    strange.map(words).collect()
}

/// Reads the value of one key of a program file. `None`: the key is not there.
fn of_file<T>(
    bytes: &[u8],
    key: &str,
    read: impl FnOnce(&Value<'_>) -> Result<T, ConfigError>,
) -> Result<Option<T>, ConfigError> {
    let (_, members) = parse_object(bytes)?;
    let found = members.iter().find(|(name, _)| name == key);
    found.map(|(_, value)| read(value)).transpose()
}

/// The keys of an object, of which those that are null count as missing.
struct Keys<'v, 'a> {
    whole: &'v Value<'a>,
    members: Members<'a>,
}

impl<'v, 'a> Keys<'v, 'a> {
    fn of(whole: &'v Value<'a>) -> Result<Self, ConfigError> {
        let mut members = whole.members()?;
        members.retain(|(_, value)| !value.is_null());
        Ok(Self { whole, members })
    }

    fn get(&self, key: &str) -> Option<&Value<'a>> {
        let member = self.members.iter().find(|(name, _)| name == key);
        member.map(|(_, value)| value)
    }

    /// A key that has to be there; `meaning` goes on from "it is".
    fn needed(&self, key: &str, meaning: &str) -> Result<&Value<'a>, ConfigError> {
        self.get(key).ok_or_else(|| {
            let message = format!("the key {key:?} is missing: it is {meaning}");
            self.whole.error(message)
        })
    }
}

/// Who checks more often than this, or beats, or looks, does nothing else.
pub const TIME_MIN: Duration = Duration::from_millis(1);

/// A number of seconds that something takes.
fn some_time(value: &Value<'_>) -> Result<Duration, ConfigError> {
    let time = value.seconds()?;
    if time < TIME_MIN {
        return Err(value.error("must be 0.001 seconds or more"));
    }
    Ok(time)
}

/// So many periods, as the time that they take.
fn periods(value: &Value<'_>, period: Duration) -> Result<Duration, ConfigError> {
    const WANTED: &str = "a number of periods, 0 or more";
    let count = value.number(WANTED)?;
    let time = seconds_from(count * period.as_secs_f64());
    time.ok_or_else(|| {
        value.error(format!(
            "must be {WANTED} and 100 years at most together, not {count}"
        ))
    })
}

#[cfg(test)]
mod tests;
