//! What somebody has to know who replaces supervisord by what was imported.

use std::path::PathBuf;

use serde::Serialize;

use super::ini::{Section, Setting};
use super::origin::Origin;

/// Something that is not the same, or that has no equivalent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Note {
    /// The file that it is about.
    file: PathBuf,
    /// The line, counted from 1; null is the whole of it.
    line: Option<usize>,
    /// The section, without its brackets.
    section: Option<String>,
    /// The option; null is the section as a whole.
    option: Option<String>,
    /// What is not the same, and what to do instead.
    message: String,
}

/// All notes, each once.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    notes: Vec<Note>,
}

impl Note {
    /// The note as a line of talk.
    pub(super) fn line(&self) -> String {
        let place = match self.line {
            Some(line) => format!("{}:{line}", self.file.display()),
            None => self.file.display().to_string(),
        };
        let what = match (&self.section, &self.option) {
            (Some(section), Some(option)) => format!(" [{section}] {option}:"),
            (Some(section), None) => format!(" [{section}]:"),
            (None, _) => String::new(),
        };
        format!("{place}:{what} {}", self.message)
    }
}

impl Notes {
    /// Notes something about an option.
    pub(super) fn add(&mut self, setting: &Setting, section: &str, message: &str) {
        self.push(
            &setting.origin,
            Some(section),
            Some(&setting.option),
            message,
        );
    }

    /// Notes something about a section.
    pub(super) fn of_section(&mut self, section: &Section, message: &str) {
        self.push(&section.origin, Some(&section.name), None, message);
    }

    /// Notes something about the whole.
    pub(super) fn of_all(&mut self, origin: &Origin, message: &str) {
        self.push(origin, None, None, message);
    }

    fn push(
        &mut self,
        origin: &Origin,
        section: Option<&str>,
        option: Option<&str>,
        message: &str,
    ) {
        let note = Note {
            file: origin.file.to_path_buf(),
            line: (origin.line > 0).then_some(origin.line),
            section: section.map(str::to_owned),
            option: option.map(str::to_owned),
            message: message.to_owned(),
        };
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// In the order of the files and their lines; what is about the whole comes last.
    pub(super) fn sorted(self) -> Vec<Note> {
        let mut notes = self.notes;
        notes.sort_by_key(|note| note.line.is_none());
        notes
    }
}
