//! What a companion says to people: on standard error, and each thing once.

use std::collections::BTreeMap;
use std::io::{self, Write};

/// Says things, and does not repeat itself.
#[derive(Debug)]
pub(crate) struct Voice {
    speaker: &'static str,
    said: BTreeMap<String, String>,
}

impl Voice {
    /// The voice of a program of this name.
    pub(crate) fn new(speaker: &'static str) -> Self {
        Self {
            speaker,
            said: BTreeMap::new(),
        }
    }

    /// Tells what has happened.
    pub(crate) fn tell(&self, what: &str) {
        let line = on_one_line(what);
        // Where nobody can be told, there is nobody to tell that either.
        drop(writeln!(io::stderr().lock(), "{}: {line}", self.speaker));
    }

    /// Says what is wrong with `subject`, unless that was the last thing said of it.
    pub(crate) fn say(&mut self, subject: &str, wrong: &str) {
        if self.said.get(subject).is_some_and(|said| said == wrong) {
            return;
        }
        self.tell(&format!("{subject}: {wrong}"));
        self.said.insert(subject.to_owned(), wrong.to_owned());
    }

    /// Nothing is wrong with `subject` (any more): the next fault is said again.
    pub(crate) fn is_well(&mut self, subject: &str) {
        if self.said.remove(subject).is_some() {
            self.tell(&format!("{subject}: all is well again"));
        }
    }
}

/// What is told may name a path with any character in it, and is one line of a log, which people
/// look at in terminals.
fn on_one_line(text: &str) -> String {
    let told = |character: char| {
        if character.is_control() {
            character.escape_default().collect()
        } else {
            String::from(character)
        }
    };
    text.chars().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_one_line_and_does_nothing_to_a_terminal() {
        let told = on_one_line("there is no /a\nweb: all is well\u{1b}[31m é");
        assert_eq!(told, "there is no /a\\nweb: all is well\\u{1b}[31m é");
    }
}
