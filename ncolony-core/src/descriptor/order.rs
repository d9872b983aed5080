//! The keys `priority`, `after` and `requires`: when a program is started and stopped, compared
//! with others.

use super::ConfigError;
use crate::json::{Value, parse_object};
use crate::name::ProgramName;

/// The priority of a program whose file names none.
pub const DEFAULT_PRIORITY: i32 = 999;

/// Before and after whom a program is started and stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Where nothing else decides, a lower one is started first and stopped last.
    pub priority: i32,
    /// Programs that have started before it is started.
    pub after: Vec<ProgramName>,
    /// Programs without which it is not to run.
    pub requires: Vec<ProgramName>,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            priority: DEFAULT_PRIORITY,
            after: Vec::new(),
            requires: Vec::new(),
        }
    }
}

impl Order {
    /// Whether it names other programs.
    #[must_use]
    pub fn names_others(&self) -> bool {
        !self.after.is_empty() || !self.requires.is_empty()
    }

    /// Checks what no key can check without the program's own name.
    ///
    /// # Errors
    /// A program that names itself would wait for itself for ever.
    pub fn check(&self, own: &ProgramName) -> Result<(), ConfigError> {
        for (key, names) in [("after", &self.after), ("requires", &self.requires)] {
            if names.contains(own) {
                let mut error = ConfigError::whole(format!(
                    "{own} names itself here, and cannot wait for itself; leave it out"
                ));
                error.key = Some(key.to_owned());
                return Err(error);
            }
        }
        Ok(())
    }
}

/// A name of another program in a program file, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The other program.
    pub other: ProgramName,
    /// Whether it stands in `requires`; else in `after`.
    pub requires: bool,
    /// What an error at this place looks like, without its message.
    place: ConfigError,
}

impl Named {
    /// What there is to be said at this place.
    #[must_use]
    pub fn finding(&self, message: String) -> ConfigError {
        ConfigError {
            message,
            ..self.place.clone()
        }
    }
}

/// All names of other programs in a program file, in the order of its text. What is no good program
/// file names none.
#[must_use]
pub fn named(bytes: &[u8]) -> Vec<Named> {
    let Ok((_, members)) = parse_object(bytes) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for (key, value) in members {
        let requires = key == "requires";
        if !requires && key != "after" {
            continue;
        }
        for element in value.elements("").unwrap_or_default() {
            let other = element.string().ok().map(|text| ProgramName::new(&text));
            if let Some(Ok(other)) = other {
                let place = element.error("");
                all.push(Named {
                    other,
                    requires,
                    place,
                });
            }
        }
    }
    all
}

/// A priority.
pub(super) fn priority(value: &Value<'_>) -> Result<i32, ConfigError> {
    let number = value.integer(i64::from(i32::MIN), i64::from(i32::MAX))?;
    i32::try_from(number).map_err(|_| value.error("is out of range"))
}

/// An array of programs' names.
pub(super) fn names(value: &Value<'_>) -> Result<Vec<ProgramName>, ConfigError> {
    let name = |element: &Value<'_>| {
        let text = element.string()?;
        ProgramName::new(&text).map_err(|error| element.error(error.to_string()))
    };
    let elements = value.elements("an array of programs' names")?;
    elements.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_where_they_stand() {
        let text = "{\"args\": [\"x\"], \"requires\": [\"db\",\n \"cache\"], \"after\": [\"net\"]}";
        let all = named(text.as_bytes());
        let shown = |it: &Named| (it.finding("m".to_owned()).to_string(), it.requires);
        assert_eq!(
            all.iter().map(shown).collect::<Vec<_>>(),
            [
                ("line 1, column 30, key \"requires[0]\": m".to_owned(), true),
                ("line 2, column 2, key \"requires[1]\": m".to_owned(), true),
                ("line 2, column 22, key \"after[0]\": m".to_owned(), false),
            ]
        );
        for text in ["", "{\"after\": 5}", "{\"after\": [5, \":\"]}"] {
            assert_eq!(named(text.as_bytes()), []);
        }
    }
}
