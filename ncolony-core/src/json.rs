//! JSON read with positions: every value knows where in the text it stands, so that an error can
//! name line, column and key.
//!
//! The text is checked once as a whole (syntax, duplicate keys at any depth, nesting), then taken
//! apart without copying: a [`Value`] is a slice of the text and the path that leads to it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigError {
    /// What is wrong, in words.
    pub message: String,
    /// The line, counted from 1, where there is one.
    pub line: Option<usize>,
    /// The column in characters, counted from 1, where there is one.
    pub column: Option<usize>,
    /// The key that holds it (`args[1]`, `env.PATH`), where there is one.
    pub key: Option<String>,
}

impl ConfigError {
    /// An error about a file as a whole.
    #[must_use]
    pub fn whole(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            line: None,
            column: None,
            key: None,
        }
    }

    fn at(message: String, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before[line_start..].chars().count() + 1;
        let line = before.matches('\n').count() + 1;
        Self {
            message,
            line: Some(line),
            column: Some(column),
            key: None,
        }
    }
}

/// As one line: `line 3, column 9, key "args": …`.
impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(out, "line {line}, column {column}")?;
            out.write_str(if self.key.is_some() { ", " } else { ": " })?;
        }
        if let Some(key) = &self.key {
            write!(out, "key {key:?}: ")?;
        }
        out.write_str(&self.message)
    }
}

impl std::error::Error for ConfigError {}

/// A value in a text: where it stands, and the keys that lead to it.
#[derive(Clone, Debug)]
pub(crate) struct Value<'a> {
    text: &'a str,
    raw: &'a str,
    path: String,
}

/// The members of an object, in the order of the text.
pub(crate) type Members<'a> = Vec<(String, Value<'a>)>;

/// Reads `bytes` as one JSON object without duplicate keys.
pub(crate) fn parse_object(bytes: &[u8]) -> Result<(&str, Members<'_>), ConfigError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        // The bytes before `valid_up_to` were just found to be good.
        let good = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
        ConfigError::at(
            "the text is not UTF-8 from here on".to_owned(),
            good,
            good.len(),
        )
    })?;
    let Some(first) = text.find(|c: char| !c.is_ascii_whitespace()) else {
        return Err(ConfigError::whole(
            "the file is empty, a JSON object is needed",
        ));
    };
    if text.starts_with('\u{feff}') {
        let message = "the file begins with a byte order mark, which JSON does not have";
        return Err(ConfigError::at(message.to_owned(), text, 0));
    }
    check_whole(text)?;
    let value = Value {
        text,
        raw: &text[first..],
        path: String::new(),
    };
    let members = value.members()?;
    Ok((text, members))
}

fn check_whole(text: &str) -> Result<(), ConfigError> {
    let mut input = serde_json::Deserializer::from_str(text);
    let mut path = Vec::new();
    let checked = Strict { path: &mut path }
        .deserialize(&mut input)
        .and_then(|()| input.end());
    checked.map_err(|error| {
        let said = error.to_string();
        let message = said.split(" at line ").next().unwrap_or(&said).to_owned();
        let duplicate = message.starts_with("duplicate key");
        let hint = if message.contains("hex escape") {
            " (an escape such as \\ud800 is half of a character and needs its other half)"
        } else {
            ""
        };
        ConfigError {
            message: format!("{message}{hint}"),
            line: Some(error.line().max(1)),
            column: Some(error.column().max(1)),
            key: duplicate.then(|| path.join(".")),
        }
    })
}

impl<'a> Value<'a> {
    /// An error at this value.
    pub(crate) fn error(&self, message: impl Into<String>) -> ConfigError {
        let offset = self.raw.as_ptr() as usize - self.text.as_ptr() as usize;
        let mut error = ConfigError::at(message.into(), self.text, offset);
        error.key = (!self.path.is_empty()).then(|| self.path.clone());
        error
    }

    fn mismatch(&self, wanted: &str) -> ConfigError {
        self.error(format!("must be {wanted}, not {}", self.kind()))
    }

    fn kind(&self) -> &'static str {
        match self.raw.as_bytes().first() {
            Some(b'{') => "an object",
            Some(b'[') => "an array",
            Some(b'"') => "a string",
            Some(b't' | b'f') => "true or false",
            Some(b'n') => "null",
            Some(_) | None => "a number",
        }
    }

    /// Whether the value is `null`.
    pub(crate) fn is_null(&self) -> bool {
        self.raw == "null"
    }

    fn inner(&self, raw: &'a RawValue, step: &str) -> Self {
        Value {
            text: self.text,
            raw: raw.get(),
            path: format!("{}{step}", self.path),
        }
    }

    /// Whether the value is an object.
    pub(crate) fn is_object(&self) -> bool {
        self.raw.starts_with('{')
    }

    /// Whether the value is an array.
    pub(crate) fn is_array(&self) -> bool {
        self.raw.starts_with('[')
    }

    /// The members of an object, in the order of the text.
    pub(crate) fn members(&self) -> Result<Members<'a>, ConfigError> {
        self.members_as("an object")
    }

    /// The members of an object; `wanted` says what the whole should have been.
    pub(crate) fn members_as(&self, wanted: &str) -> Result<Members<'a>, ConfigError> {
        let RawMembers(members) =
            serde_json::from_str(self.raw).map_err(|_| self.mismatch(wanted))?;
        let dot = if self.path.is_empty() { "" } else { "." };
        let value = |key: String, raw| {
            let inner = self.inner(raw, &format!("{dot}{key}"));
            (key, inner)
        };
        Ok(members
            .into_iter()
            .map(|(key, raw)| value(key, raw))
            .collect())
    }

    /// The elements of an array; `wanted` says what the whole should have been.
    pub(crate) fn elements(&self, wanted: &str) -> Result<Vec<Self>, ConfigError> {
        let elements: Vec<&RawValue> =
            serde_json::from_str(self.raw).map_err(|_| self.mismatch(wanted))?;
        let element = |(index, raw)| self.inner(raw, &format!("[{index}]"));
        Ok(elements.into_iter().enumerate().map(element).collect())
    }

    /// A string that can be handed to the kernel: without a NUL byte.
    pub(crate) fn string(&self) -> Result<String, ConfigError> {
        let text: String = serde_json::from_str(self.raw).map_err(|_| self.mismatch("a string"))?;
        if text.contains('\0') {
            return Err(self.error("must not contain a NUL character"));
        }
        Ok(text)
    }

    /// An array of strings.
    pub(crate) fn strings(&self) -> Result<Vec<String>, ConfigError> {
        self.elements("an array of strings")?
            .iter()
            .map(Value::string)
            .collect()
    }

    /// An object of strings whose keys are names of environment variables.
    pub(crate) fn environment(&self) -> Result<BTreeMap<String, String>, ConfigError> {
        let mut all = BTreeMap::new();
        for (name, value) in self
            .members()
            .map_err(|_| self.mismatch("an object of strings"))?
        {
            value.check_variable_name(&name)?;
            all.insert(name, value.string()?);
        }
        Ok(all)
    }

    /// Refuses what cannot be the name of an environment variable.
    pub(crate) fn check_variable_name(&self, name: &str) -> Result<(), ConfigError> {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(self.error(format!("{name:?} cannot name an environment variable")));
        }
        Ok(())
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&self) -> Result<bool, ConfigError> {
        serde_json::from_str(self.raw).map_err(|_| self.mismatch("true or false"))
    }

    /// A whole number between `least` and `most`.
    pub(crate) fn integer(&self, least: i64, most: i64) -> Result<i64, ConfigError> {
        let wanted = format!("a whole number from {least} to {most}");
        let number: serde_json::Number =
            serde_json::from_str(self.raw).map_err(|_| self.mismatch(&wanted))?;
        let whole = number
            .as_i64()
            .filter(|whole| (least..=most).contains(whole));
        whole.ok_or_else(|| self.error(format!("must be {wanted}, not {number}")))
    }

    /// A number; `wanted` says what it should have been.
    pub(crate) fn number(&self, wanted: &str) -> Result<f64, ConfigError> {
        serde_json::from_str(self.raw).map_err(|_| self.mismatch(wanted))
    }

    /// A number of seconds, fractions allowed, not negative and at most a hundred years.
    pub(crate) fn seconds(&self) -> Result<std::time::Duration, ConfigError> {
        const WANTED: &str = "a number of seconds, 0 or more";
        let seconds = self.number(WANTED)?;
        crate::time::seconds_from(seconds).ok_or_else(|| {
            self.error(format!(
                "must be {WANTED} and at most 100 years, not {seconds}"
            ))
        })
    }

    /// The value as it is, for keys that are not ours.
    pub(crate) fn any(&self) -> Result<serde_json::Value, ConfigError> {
        serde_json::from_str(self.raw).map_err(|error| self.error(error.to_string()))
    }
}

struct RawMembers<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for RawMembers<'a> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(members)
            }
        }
        input.deserialize_map(Members).map(RawMembers)
    }
}

/// Walks a whole document for what serde_json lets pass: keys that stand twice.
struct Strict<'p> {
    path: &'p mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list
            .next_element_seed(Strict {
                path: &mut *self.path,
            })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            self.path.push(key.clone());
            if seen.contains(&key) {
                return Err(A::Error::custom(format_args!("duplicate key {key:?}")));
            }
            seen.insert(key);
            map.next_value_seed(Strict {
                path: &mut *self.path,
            })?;
            self.path.pop();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
