//! How a process ended.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::signal::Signal;

/// How a process ended, as its record shows it: `{"code": 3}`, `{"signal": "SIGKILL"}` or
/// `"unknown"` where the kernel could not tell us. Unknown is neither success nor a named failure:
/// it is in nobody's `exit_codes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// It returned this code.
    Code(u8),
    /// This signal ended it.
    Signal(Signal),
    /// It is gone, and nobody can say how.
    Unknown,
}

impl fmt::Display for Exit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(out, "exited with code {code}"),
            Self::Signal(signal) => write!(out, "was ended by {signal}"),
            Self::Unknown => out.write_str("ended, and how is not known"),
        }
    }
}

impl Serialize for Exit {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Code(code) => out.collect_map([("code", code)]),
            Self::Signal(signal) => out.collect_map([("signal", signal)]),
            Self::Unknown => out.serialize_str("unknown"),
        }
    }
}

impl<'de> Deserialize<'de> for Exit {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(ExitVisitor)
    }
}

struct ExitVisitor;

impl<'de> Visitor<'de> for ExitVisitor {
    type Value = Exit;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(r#"{"code": N}, {"signal": NAME} or "unknown""#)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Exit, E> {
        if text == "unknown" {
            Ok(Exit::Unknown)
        } else {
            Err(E::custom("not an exit"))
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Exit, A::Error> {
        match map.next_key::<String>()?.as_deref() {
            Some("code") => Ok(Exit::Code(map.next_value()?)),
            Some("signal") => Ok(Exit::Signal(map.next_value()?)),
            Some(_) | None => Err(A::Error::custom("an exit has a code or a signal")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_of_an_exit_reads_back() {
        let cases = [
            (Exit::Code(3), r#"{"code":3}"#),
            (Exit::Signal(Signal::KILL), r#"{"signal":"SIGKILL"}"#),
            (Exit::Unknown, r#""unknown""#),
        ];
        for (exit, text) in cases {
            assert_eq!(serde_json::to_string(&exit).unwrap(), text);
            assert_eq!(serde_json::from_str::<Exit>(text).unwrap(), exit);
        }
        assert!(serde_json::from_str::<Exit>(r#"{"code":300}"#).is_err());
        assert!(serde_json::from_str::<Exit>("{}").is_err());
    }
}
