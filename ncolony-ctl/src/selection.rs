//! From the words of the command line to programs that exist.

mod instances;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use glob::Pattern;
use ncolony_core::ctllib::{ProgramFiles, program_files};
use ncolony_core::files::{list, look};
use ncolony_core::name::{FileRole, config_role};
use ncolony_core::{Places, ProgramName};

use crate::ending::{Ending, Failure};

pub(crate) use instances::{by_number, numbered, processes};

/// A word that stands for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// One program, or one instance.
    Name(ProgramName),
    /// Those that it matches.
    Pattern(Pattern),
    /// The word "all".
    All,
}

impl FromStr for Word {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        if text.contains(['*', '?', '[']) {
            let pattern = Pattern::new(text);
            return pattern
                .map(Self::Pattern)
                .map_err(|error| format!("not a shell pattern: {error}"));
        }
        let name = ProgramName::parse(text);
        name.map(Self::Name).map_err(|error| error.to_string())
    }
}

impl fmt::Display for Word {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(out),
            Self::Pattern(pattern) => write!(out, "{pattern}"),
            Self::All => out.write_str("all"),
        }
    }
}

/// What makes a program exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existence {
    /// Its file, or a record of it.
    FileOrRecord,
    /// Its file: without a monitor a record is only a memory.
    File,
}

impl Existence {
    /// What counts where a monitor is alive or not.
    pub(crate) fn under(monitor: Option<crate::liveness::Monitor>) -> Self {
        if monitor.is_some() {
            Self::FileOrRecord
        } else {
            Self::File
        }
    }
}

/// The programs that the words stand for, in order of name. Instances are among them where a word
/// names them, or is a pattern with a colon; where that has all instances of a program, it is the
/// program that is meant.
///
/// # Errors
/// A word stands for no program that exists: then none of the others counts either.
pub(crate) fn choose(
    places: &Places,
    words: &[Word],
    existence: Existence,
) -> Result<Vec<ProgramName>, Failure> {
    let mut chosen = BTreeSet::new();
    let mut known = None;
    for word in words {
        if let Word::Name(name) = word {
            if !exists(places, name, existence)? {
                return Err(no_such_program(places, name, existence));
            }
            chosen.insert(name.clone());
            continue;
        }
        let names = match &known {
            Some(names) => names,
            None => known.insert(all(places, existence)?),
        };
        let matching = match word {
            Word::Pattern(pattern) if pattern.as_str().contains(':') => {
                let instances = instances::of_all(places, names, existence)?;
                whole_programs(pattern, &instances)
            }
            Word::Pattern(_) | Word::Name(_) | Word::All => {
                let matching = names.iter().filter(|name| stands_for(word, name.as_str()));
                matching.cloned().collect()
            }
        };
        if matching.is_empty() && *word != Word::All {
            return Err(nothing_matches(word));
        }
        chosen.extend(matching);
    }
    Ok(chosen.into_iter().collect())
}

/// The instances that match, with the program in the place of all of its own.
fn whole_programs(pattern: &Pattern, instances: &BTreeSet<ProgramName>) -> BTreeSet<ProgramName> {
    let mut others = BTreeSet::new();
    let mut matching = BTreeSet::new();
    for instance in instances {
        if pattern.matches(instance.as_str()) {
            matching.insert(instance.clone());
        } else {
            others.insert(instance.family());
        }
    }
    let whole = |name: ProgramName| {
        let family = name.family();
        if others.contains(&family) {
            name
        } else {
            family
        }
    };
    matching.into_iter().map(whole).collect()
}

/// Whether a word stands for what has this name, be it there or not.
pub(crate) fn stands_for(word: &Word, name: &str) -> bool {
    let program = name.split_once(':').map_or(name, |(program, _)| program);
    match word {
        Word::Name(wanted) => [name, program].contains(&wanted.as_str()),
        Word::Pattern(pattern) if pattern.as_str().contains(':') => pattern.matches(name),
        Word::Pattern(pattern) => pattern.matches(program),
        Word::All => true,
    }
}

fn nothing_matches(word: &Word) -> Failure {
    let message = format!("no program matches \"{word}\"; nothing was done");
    Failure::new(Ending::NoSuchProgram, message)
}

fn no_such_program(places: &Places, name: &ProgramName, existence: Existence) -> Failure {
    let config = places.config.display();
    let message = match (instances::those_there_are(places, name), existence) {
        (Some(there_are), _) => format!("there is no instance {name}: {there_are}"),
        (None, Existence::FileOrRecord) => {
            format!("there is no program {name}: no file in {config} and no record of it")
        }
        (None, Existence::File) => format!("there is no program {name} in {config}"),
    };
    Failure::new(Ending::NoSuchProgram, message)
}

/// Whether there is such a program.
pub(crate) fn exists(
    places: &Places,
    name: &ProgramName,
    existence: Existence,
) -> Result<bool, Failure> {
    if has_file(places, name)? {
        return Ok(true);
    }
    Ok(match existence {
        Existence::File => false,
        Existence::FileOrRecord => {
            look(&places.program_status(name.as_str()))?.is_some()
                || instances::recorded(places)?
                    .iter()
                    .any(|it| it.family() == *name)
        }
    })
}

/// Whether a program has a file, good or bad; of an instance, whether that file asks for it.
pub(crate) fn has_file(places: &Places, name: &ProgramName) -> Result<bool, Failure> {
    if name.is_instance() {
        return Ok(instances::is_asked_for(places, name));
    }
    Ok(program_files(places, name)? != ProgramFiles::None)
}

/// Every program that exists.
fn all(places: &Places, existence: Existence) -> Result<BTreeSet<ProgramName>, Failure> {
    let mut names = BTreeSet::new();
    match list(&places.config) {
        Ok(listing) => {
            names.extend(listing.entries.iter().filter_map(|entry| {
                match config_role(&entry.file) {
                    FileRole::Program(name) => Some(name),
                    FileRole::Hidden | FileRole::Ignored(_) => None,
                }
            }));
        }
        Err(error) if error.is_absent() => {}
        Err(error) => return Err(error.into()),
    }
    if existence == Existence::FileOrRecord {
        names.extend(instances::recorded(places)?.iter().map(ProgramName::family));
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
