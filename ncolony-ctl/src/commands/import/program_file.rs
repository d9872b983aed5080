//! A program file as a person would write it.

use serde_json::Value;

/// A line that is longer is broken.
const WIDTH: usize = 100;
const INDENT: &str = "    ";

/// The order of keys: what is run, as what and where, among which others, when, with which output.
const ORDER: [&str; 21] = [
    "args",
    "env",
    "env_inherit",
    "user",
    "cwd",
    "umask",
    "rlimits",
    "group",
    "priority",
    "instances",
    "enabled",
    "restart",
    "exit_codes",
    "threshold",
    "give_up_after",
    "minrestartdelay",
    "maxrestartdelay",
    "stop_signal",
    "killtime",
    "stdout",
    "stderr",
];

/// The keys of a program file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ProgramFile {
    keys: Vec<(&'static str, Value)>,
}

impl ProgramFile {
    /// Adds a key behind those that are there.
    pub(super) fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        self.keys.push((key, value.into()));
    }

    /// Adds a key, unless what it says is so anyway.
    pub(super) fn set_unless(
        &mut self,
        key: &'static str,
        value: impl Into<Value>,
        default: impl Into<Value>,
    ) {
        let value = value.into();
        if value != default.into() {
            self.set(key, value);
        }
    }

    /// The same file with another value of one key, which stays in its place.
    pub(super) fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        match self.keys.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = value,
            None => self.keys.push((key, value)),
        }
        self
    }

    /// The same file without a key.
    pub(super) fn without(mut self, key: &str) -> Self {
        self.keys.retain(|(known, _)| *known != key);
        self
    }

    /// The file as one value.
    pub(super) fn value(&self) -> Value {
        let members = self
            .keys
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()));
        Value::Object(members.collect())
    }

    /// The text of the file.
    pub(super) fn text(&self) -> String {
        let mut keys: Vec<_> = self.keys.iter().map(|(key, value)| (*key, value)).collect();
        let place = |key: &str| ORDER.iter().position(|known| *known == key);
        keys.sort_by_key(|(key, _)| place(key).unwrap_or(ORDER.len()));
        format!("{}\n", object(keys.into_iter(), 0))
    }
}

fn object<'a>(members: impl Iterator<Item = (&'a str, &'a Value)>, depth: usize) -> String {
    let lines = members.map(|(key, value)| {
        let key = Value::from(key);
        let room = key.to_string().len() + 2;
        format!("{key}: {}", broken(value, depth + 1, room))
    });
    enclosed('{', lines.collect(), '}', depth)
}

/// A value on one line where that is short, else one line for each of its parts.
fn broken(value: &Value, depth: usize, room: usize) -> String {
    let line = one_line(value);
    if INDENT.len() * depth + room + line.len() < WIDTH {
        return line;
    }
    match value {
        Value::Object(members) if !members.is_empty() => object(
            members.iter().map(|(key, value)| (key.as_str(), value)),
            depth,
        ),
        Value::Array(elements) if !elements.is_empty() => {
            let lines = elements.iter().map(|element| broken(element, depth + 1, 0));
            enclosed('[', lines.collect(), ']', depth)
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => line,
    }
}

fn enclosed(open: char, lines: Vec<String>, close: char, depth: usize) -> String {
    let (inner, outer) = (INDENT.repeat(depth + 1), INDENT.repeat(depth));
    format!(
        "{open}\n{inner}{}\n{outer}{close}",
        lines.join(&format!(",\n{inner}"))
    )
}

fn one_line(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(key, value)| format!("{}: {}", Value::from(key.as_str()), one_line(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Array(elements) => {
            let elements = elements.iter().map(one_line);
            format!("[{}]", elements.collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_is_written_for_people_and_reads_back() {
        let mut file = ProgramFile::default();
        file.set("args", json!(["sh", "-c", "x".repeat(90)]));
        file.set("env", json!({"A": "1"}));
        file.set_unless("enabled", true, true);
        let text = file.text();
        let wanted = format!(
            "{{\n    \"args\": [\n        \"sh\",\n        \"-c\",\n        \"{}\"\n    ],\n    \"env\": {{\"A\": \"1\"}}\n}}\n",
            "x".repeat(90)
        );
        assert_eq!(text, wanted);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), file.value());
        let changed = file
            .with("stdout", "null")
            .with("args", json!(["cat"]))
            .with("group", json!([]));
        assert!(
            changed
                .text()
                .ends_with("\"group\": [],\n    \"stdout\": \"null\"\n}\n")
        );
        assert!(changed.text().starts_with("{\n    \"args\": [\"cat\"],"));
    }
}
