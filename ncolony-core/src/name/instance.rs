//! The names of instances: `NAME:0`, `NAME:1`, … A program with more than one process has one of
//! these for each; no file can have such a name.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::{NameError, ProgramName};

/// The most instances that a program may have.
pub const INSTANCES_MAX: u32 = 10_000;

/// What parts the name of an instance; no program's own name can have it.
const SEPARATOR: char = ':';

impl ProgramName {
    /// Checks `text`, which may be a program's name or that of one instance, `NAME:K`.
    ///
    /// ```
    /// use ncolony_core::ProgramName;
    /// let name = ProgramName::parse("web:2")?;
    /// assert_eq!((name.family().as_str(), name.instance_number()), ("web", Some(2)));
    /// assert!(ProgramName::new("web:2").is_err());
    /// # Ok::<(), ncolony_core::name::NameError>(())
    /// ```
    ///
    /// # Errors
    /// Says which part of the rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let Some((family, number)) = text.split_once(SEPARATOR) else {
            return Self::new(text);
        };
        let fault = |reason: String| NameError {
            name: text.to_owned(),
            reason,
        };
        let family = Self::new(family).map_err(|error| fault(error.reason))?;
        let instance = number.parse().ok().filter(|number| *number < INSTANCES_MAX);
        let instance = instance.map(|number| family.instance(number));
        instance
            .filter(|name| name.as_str() == text)
            .ok_or_else(|| {
                let last = INSTANCES_MAX - 1;
                fault(format!(
                    "behind the colon stands the number of an instance, 0 to {last}"
                ))
            })
    }

    /// The name of the instance of this number, of the program that this is a name of.
    #[must_use]
    pub fn instance(&self, number: u32) -> Self {
        Self(format!("{}{SEPARATOR}{number}", self.family_str()).into())
    }

    /// The name of the program, which is the name of its file; of an instance what stands before
    /// the colon.
    #[must_use]
    pub fn family(&self) -> Self {
        if self.is_instance() {
            Self(self.family_str().into())
        } else {
            self.clone()
        }
    }

    /// The same, as text.
    #[must_use]
    pub fn family_str(&self) -> &str {
        let text = self.as_str();
        text.split_once(SEPARATOR)
            .map_or(text, |(family, _)| family)
    }

    /// The number of the instance; `None`: it is the name of a program.
    #[must_use]
    pub fn instance_number(&self) -> Option<u32> {
        let (_, number) = self.as_str().split_once(SEPARATOR)?;
        number.parse().ok()
    }

    /// Whether it is the name of an instance.
    #[must_use]
    pub fn is_instance(&self) -> bool {
        self.as_str().contains(SEPARATOR)
    }

    /// What there is in a map of all its instances, in the order of names.
    pub fn instances_in<'m, T>(
        &self,
        map: &'m BTreeMap<Self, T>,
    ) -> impl Iterator<Item = (&'m Self, &'m T)> + use<'m, T> {
        let family = self.family_str();
        // The semicolon is the character after the colon.
        let (from, to) = (format!("{family}:"), format!("{family};"));
        let bounds = (Bound::Excluded(from.as_str()), Bound::Excluded(to.as_str()));
        map.range::<str, _>(bounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_known_by_its_program_and_its_number() {
        let web = ProgramName::new("web").unwrap();
        assert_eq!((web.family(), web.instance_number()), (web.clone(), None));
        let last = web.instance(9999);
        assert_eq!(last.as_str(), "web:9999");
        assert_eq!(last.instance(3).as_str(), "web:3");
        assert_eq!(
            (last.family(), last.instance_number()),
            (web.clone(), Some(9999))
        );
        assert!(last.is_instance() && !web.is_instance());
        for text in ["web", "web:0", "web:9999"] {
            assert_eq!(ProgramName::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_is_no_instances_name_is_refused() {
        for text in [
            "web:",
            "web:00",
            "web:+1",
            "web:10000",
            "web:-1",
            "web:x",
            ":0",
            "all:0",
            "web:1:2",
            "web:err",
            ".a:0",
        ] {
            assert!(ProgramName::parse(text).is_err(), "{text}");
        }
        let error = ProgramName::parse("web:x").unwrap_err().to_string();
        assert!(error.contains("web:x") && error.contains("9999"), "{error}");
    }

    #[test]
    fn all_instances_of_a_program_and_nothing_else_lie_in_its_range() {
        let texts = [
            "web", "web-1", "web:0", "web:10", "web:2", "web@a", "weba", "wea:1", "we:1",
        ];
        let names = texts.map(|text| ProgramName::parse(text).unwrap());
        let names: BTreeMap<ProgramName, ()> = names.map(|name| (name, ())).into();
        let web = ProgramName::new("web").unwrap();
        let found: Vec<&str> = web
            .instances_in(&names)
            .map(|(name, ())| name.as_str())
            .collect();
        assert_eq!(found, ["web:0", "web:10", "web:2"]);
    }

    #[test]
    fn the_names_of_instances_are_read_from_records() {
        let name: ProgramName = serde_json::from_str("\"web:1\"").unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), "\"web:1\"");
        assert!(serde_json::from_str::<ProgramName>("\"web:x\"").is_err());
    }
}
