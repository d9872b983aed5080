//! The dialect of INI that supervisord reads: Python's `RawConfigParser` with `;` and `#` as signs
//! of comments in a line, and without a word against duplicates.

use std::path::Path;
use std::rc::Rc;

use super::origin::{Origin, Refusal};
use super::python::{is_space, strip, strip_end, with_line_feeds};

/// The section whose options all others have too, unless they have them themselves.
const DEFAULT: &str = "DEFAULT";

/// What stands behind an option's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    /// The option, in lower case.
    pub(super) option: String,
    /// Its text, with a line feed before each continuation.
    pub(super) text: String,
    /// The line that it begins on.
    pub(super) origin: Origin,
}

/// A section, with all that was said in any file under its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// What stands between the brackets, as it is written.
    pub(super) name: String,
    /// Where its name stands first.
    pub(super) origin: Origin,
    /// In the order of their first mention.
    pub(super) settings: Vec<Setting>,
}

impl Section {
    fn new(name: &str, origin: Origin) -> Self {
        Self {
            name: name.to_owned(),
            origin,
            settings: Vec::new(),
        }
    }

    fn find(&self, option: &str) -> Option<&Setting> {
        self.settings
            .iter()
            .find(|setting| setting.option == option)
    }

    fn set(&mut self, new: Setting) {
        match self
            .settings
            .iter_mut()
            .find(|old| old.option == new.option)
        {
            Some(old) => *old = new,
            None => self.settings.push(new),
        }
    }
}

/// All sections of one or several files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ini {
    defaults: Section,
    sections: Vec<Section>,
}

/// Which section the reader is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Nowhere,
    Defaults,
    Section(usize),
}

/// What one file is read with.
struct Reader<'a> {
    ini: &'a mut Ini,
    file: Rc<Path>,
    place: Place,
    /// The option that a continuation belongs to.
    option: Option<String>,
    indent: usize,
    first_fault: Option<Refusal>,
}

impl Ini {
    /// One that says nothing.
    pub(super) fn new(file: &Rc<Path>) -> Self {
        Self {
            defaults: Section::new(DEFAULT, Origin::whole(file)),
            sections: Vec::new(),
        }
    }

    /// The sections in the order of their first mention.
    pub(super) fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The section of this name.
    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// What a section says, or the defaults say for it.
    pub(super) fn setting(&self, section: &str, option: &str) -> Option<&Setting> {
        let own = self.section(section)?.find(option);
        own.or_else(|| self.defaults.find(option))
    }

    /// Every option that a section has, its own or by default.
    pub(super) fn settings<'a>(
        &'a self,
        section: &'a Section,
    ) -> impl Iterator<Item = &'a Setting> {
        let inherited = self.defaults.settings.iter();
        let inherited = inherited.filter(|setting| section.find(&setting.option).is_none());
        section.settings.iter().chain(inherited)
    }

    /// Writes a directory wherever `%(here)s` stands, as supervisord does after each file when
    /// there is something to include.
    pub(super) fn put_here(&mut self, here: &str) {
        const FORMAT: &str = "%(here)s";
        let defaults = self.defaults.clone();
        for section in &mut self.sections {
            let inherited: Vec<Setting> = defaults
                .settings
                .iter()
                .filter(|setting| section.find(&setting.option).is_none())
                .filter(|setting| setting.text.contains(FORMAT))
                .cloned()
                .collect();
            section.settings.extend(inherited);
            for setting in &mut section.settings {
                setting.text = setting.text.replace(FORMAT, here);
            }
        }
    }

    /// Reads a file over what was read before.
    ///
    /// # Errors
    /// The first line that is none of an option, a section or a continuation.
    pub(super) fn read(&mut self, file: &Rc<Path>, text: &str) -> Result<(), Refusal> {
        let mut reader = Reader {
            ini: self,
            file: Rc::clone(file),
            place: Place::Nowhere,
            option: None,
            indent: 0,
            first_fault: None,
        };
        let text = with_line_feeds(text);
        for (index, line) in text.split_inclusive('\n').enumerate() {
            reader.line(index + 1, line)?;
        }
        if let Some(fault) = reader.first_fault {
            return Err(fault);
        }
        let sections = self.sections.iter_mut().chain([&mut self.defaults]);
        for setting in sections.flat_map(|section| &mut section.settings) {
            if setting.origin.file == *file {
                setting.text.truncate(strip_end(&setting.text).len());
            }
        }
        Ok(())
    }
}

impl Reader<'_> {
    fn line(&mut self, number: usize, line: &str) -> Result<(), Refusal> {
        let comment = comment_start(line);
        let value = strip(line.get(..comment.unwrap_or(line.len())).unwrap_or(line));
        if value.is_empty() {
            // An empty line is part of a value; a comment is not.
            if comment.is_none() {
                self.continue_value("");
            }
            return Ok(());
        }
        let indent = line.chars().take_while(|c| is_space(*c)).count();
        if self.option.is_some() && indent > self.indent {
            self.continue_value(value);
            return Ok(());
        }
        self.indent = indent;
        let origin = Origin {
            file: Rc::clone(&self.file),
            line: number,
        };
        if let Some(name) = section_name(value) {
            self.enter(name, origin);
            return Ok(());
        }
        if self.place == Place::Nowhere {
            return Err(Refusal::new(
                &origin,
                format!("{value:?} stands before any [section]"),
            ));
        }
        self.take_option(value, origin);
        Ok(())
    }

    fn enter(&mut self, name: &str, origin: Origin) {
        self.option = None;
        let known = self
            .ini
            .sections
            .iter()
            .position(|section| section.name == name);
        self.place = match known {
            Some(index) => Place::Section(index),
            None if name == DEFAULT => Place::Defaults,
            None => {
                self.ini.sections.push(Section::new(name, origin));
                Place::Section(self.ini.sections.len() - 1)
            }
        };
    }

    fn take_option(&mut self, line: &str, origin: Origin) {
        let (option, text) = match line.split_once(['=', ':']) {
            Some((option, text)) if !strip(option).is_empty() => (strip(option), strip(text)),
            Some(_) | None => {
                let message = format!("{line:?} is neither OPTION=VALUE nor a [section]");
                self.first_fault
                    .get_or_insert_with(|| Refusal::new(&origin, message));
                return;
            }
        };
        let option = option.to_lowercase();
        self.option = Some(option.clone());
        let text = text.to_owned();
        if let Some(section) = self.section() {
            section.set(Setting {
                option,
                text,
                origin,
            });
        }
    }

    fn continue_value(&mut self, line: &str) {
        let Some(option) = self.option.clone() else {
            return;
        };
        let settings = self.section().map(|section| &mut section.settings);
        let setting = settings
            .into_iter()
            .flatten()
            .find(|setting| setting.option == option);
        if let Some(setting) = setting {
            setting.text.push('\n');
            setting.text.push_str(line);
        }
    }

    fn section(&mut self) -> Option<&mut Section> {
        match self.place {
            Place::Nowhere => None,
            Place::Defaults => Some(&mut self.ini.defaults),
            Place::Section(index) => self.ini.sections.get_mut(index),
        }
    }
}

/// What stands between the first bracket and the last one, where a line begins with one.
fn section_name(line: &str) -> Option<&str> {
    let inner = line.strip_prefix('[')?;
    let end = inner.rfind(']')?;
    inner.get(..end).filter(|name| !name.is_empty())
}

/// Where a line's comment begins, if it has one. Python looks at the first `;` and the first `#`
/// together, then at the second ones, and so on; it stops at the round that has found one.
fn comment_start(line: &str) -> Option<usize> {
    if strip(line).starts_with(['#', ';']) {
        return Some(0);
    }
    let places =
        |sign: char| -> Vec<usize> { line.match_indices(sign).map(|(at, _)| at).collect() };
    let (semicolons, hashes) = (places(';'), places('#'));
    let begins = |at: &usize| {
        let before = line
            .get(..*at)
            .and_then(|before| before.chars().next_back());
        before.is_none_or(is_space)
    };
    (0..semicolons.len().max(hashes.len())).find_map(|round| {
        let found = [semicolons.get(round), hashes.get(round)];
        found.into_iter().flatten().copied().filter(begins).min()
    })
}

#[cfg(test)]
mod tests;
