//! The keys `priority`, `after` and `requires`: when a program is started and stopped, compared
//! with others.

use super::ConfigError;
use crate::json::Value;
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
