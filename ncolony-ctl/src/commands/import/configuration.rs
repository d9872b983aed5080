//! A configuration as supervisord reads it: the file, what it includes, and what its values expand
//! to.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use ncolony_core::errno;

use super::ini::{Ini, Section, Setting};
use super::machine::Machine;
use super::note::Notes;
use super::origin::{Origin, Refusal};
use super::pattern;
use super::percent::{self, Field, Fields};

/// More than any configuration has.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The name that the directory of the configuration's file goes by in expansions.
const HERE: &str = "here";

/// Everything that was said, and what it is said on.
pub(super) struct Configuration<'m> {
    /// The machine that it is read on.
    pub(super) machine: &'m Machine,
    /// The main file.
    pub(super) file: Rc<Path>,
    ini: Ini,
    here: String,
    /// What every option can be expanded with: the variables of the environment.
    environment: Fields,
    /// What is to be told of it.
    pub(super) notes: Notes,
}

impl<'m> Configuration<'m> {
    /// Reads the file and what it includes.
    ///
    /// # Errors
    /// What supervisord would refuse to start with.
    pub(super) fn read(machine: &'m Machine, file: &Path) -> Result<Self, Refusal> {
        let file: Rc<Path> = file.into();
        let directory = normal(&machine.absolute(&file));
        let here = directory.parent().unwrap_or(Path::new("/"));
        let here = text_of(here, &file)?;
        let environment = machine
            .environment
            .iter()
            .map(|(name, value)| (format!("ENV_{name}"), Field::Text(value.clone())));
        let mut configuration = Self {
            machine,
            file: Rc::clone(&file),
            ini: Ini::new(&file),
            here,
            environment: environment.collect(),
            notes: Notes::default(),
        };
        let text = contents(&file)?;
        configuration.ini.read(&file, &text)?;
        configuration.include()?;
        Ok(configuration)
    }

    fn include(&mut self) -> Result<(), Refusal> {
        let Some(section) = self.ini.section("include") else {
            return Ok(());
        };
        let origin = section.origin.clone();
        self.ini.put_here(&self.here);
        let Some(setting) = self.ini.setting("include", "files").cloned() else {
            return Err(Refusal::new(&origin, "[include] says no files="));
        };
        let mut fields = self.environment.clone();
        fields.extend(self.common_fields());
        let files = percent::expand(&setting.text, &fields)
            .map_err(|why| refusal("include", &setting, &why))?;
        for pattern in files
            .split(super::python::is_space)
            .filter(|word| !word.is_empty())
        {
            self.include_pattern(pattern, &setting)?;
        }
        Ok(())
    }

    fn include_pattern(&mut self, pattern: &str, setting: &Setting) -> Result<(), Refusal> {
        let whole = join(&self.here, pattern);
        let files = pattern::matches(&whole);
        if files.is_empty() {
            let message = format!("no file is named by {whole}; supervisord passes over that too");
            self.notes.add(setting, "include", &message);
        }
        for path in files {
            let file: Rc<Path> = path.as_path().into();
            // What cannot be opened is passed over, as supervisord does.
            let Ok(opened) = open(&file) else {
                let message = format!(
                    "{} cannot be read; supervisord passes over it too",
                    path.display()
                );
                self.notes.add(setting, "include", &message);
                continue;
            };
            let text = decoded(&file, opened)?;
            self.ini.read(&file, &text)?;
            let absolute = normal(&self.machine.absolute(&path));
            let here = text_of(absolute.parent().unwrap_or(Path::new("/")), &file)?;
            self.ini.put_here(&here);
        }
        Ok(())
    }

    /// The sections, in order.
    pub(super) fn sections(&self) -> &[Section] {
        self.ini.sections()
    }

    /// The section of this name.
    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.ini.section(name)
    }

    /// Every option of a section.
    pub(super) fn settings<'a>(
        &'a self,
        section: &'a Section,
    ) -> impl Iterator<Item = &'a Setting> {
        self.ini.settings(section)
    }

    /// An option as it is written.
    pub(super) fn setting(&self, section: &str, option: &str) -> Option<&Setting> {
        self.ini.setting(section, option)
    }

    /// What every option of a program or process can be expanded with beside the environment.
    pub(super) fn common_fields(&self) -> Fields {
        let fields = [(HERE, &self.here), ("host_node_name", &self.machine.host)];
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Field::Text(value.clone())))
            .collect()
    }

    /// The directory of the main file alone: what options of `[supervisord]` and of groups have.
    pub(super) fn here_field(&self) -> Fields {
        [(HERE.to_owned(), Field::Text(self.here.clone()))].into()
    }

    /// The environment's fields.
    pub(super) fn environment(&self) -> &Fields {
        &self.environment
    }

    /// Makes variables known to every expansion from here on.
    pub(super) fn extend_environment(&mut self, variables: &BTreeMap<String, String>) {
        for (name, value) in variables {
            self.environment
                .insert(format!("ENV_{name}"), Field::Text(value.clone()));
        }
    }

    /// An option with its expansions, if it is there.
    pub(super) fn text(
        &self,
        section: &str,
        option: &str,
        fields: &Fields,
    ) -> Result<Option<String>, Refusal> {
        let Some(setting) = self.setting(section, option) else {
            return Ok(None);
        };
        if !setting.text.contains('%') {
            return Ok(Some(setting.text.clone()));
        }
        let mut all = self.environment.clone();
        all.extend(fields.clone());
        percent::expand(&setting.text, &all)
            .map(Some)
            .map_err(|why| refusal(section, setting, &why))
    }

    /// An option as what it means, if it is there.
    pub(super) fn value<T>(
        &self,
        section: &str,
        option: &str,
        fields: &Fields,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Refusal> {
        let Some(text) = self.text(section, option, fields)? else {
            return Ok(None);
        };
        read(&text)
            .map(Some)
            .map_err(|why| self.refuse(section, option, &why))
    }

    /// Why an option is not good.
    pub(super) fn refuse(&self, section: &str, option: &str, why: &str) -> Refusal {
        match (self.setting(section, option), self.section(section)) {
            (Some(setting), _) => refusal(section, setting, why),
            (None, Some(found)) => {
                Refusal::new(&found.origin, format!("[{section}] {option}: {why}"))
            }
            (None, None) => Refusal::new(&Origin::whole(&self.file), why),
        }
    }
}

fn refusal(section: &str, setting: &Setting, why: &str) -> Refusal {
    Refusal::new(
        &setting.origin,
        format!("[{section}] {}: {why}", setting.option),
    )
}

fn open(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?
        .take(FILE_BYTES_MAX)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn contents(file: &Rc<Path>) -> Result<String, Refusal> {
    let bytes = open(file).map_err(|error| {
        let why = errno::in_words(&error);
        Refusal::new(&Origin::whole(file), format!("cannot be read: {why}"))
    })?;
    decoded(file, bytes)
}

fn decoded(file: &Rc<Path>, bytes: Vec<u8>) -> Result<String, Refusal> {
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..good).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        let origin = Origin {
            file: Rc::clone(file),
            line,
        };
        Refusal::new(&origin, "the text is not UTF-8 from here on")
    })
}

fn text_of(path: &Path, file: &Rc<Path>) -> Result<String, Refusal> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        Refusal::new(
            &Origin::whole(file),
            "the name of its directory is not UTF-8",
        )
    })
}

/// `os.path.join`.
fn join(directory: &str, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    format!("{}/{path}", directory.trim_end_matches('/'))
}

/// An absolute path without `.` and `..`, as `os.path.abspath` makes it: links are not looked at.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => normal.push(name),
            Component::ParentDir => {
                normal.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    normal
}
