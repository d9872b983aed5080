//! Where hearts are: whether there is one, and what it looks like.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ncolony_core::ProgramName;
use ncolony_core::checks::Watched;
use ncolony_core::files::{is_directory, touched};

use super::judge::Mark;
use crate::watching::Voice;

/// What a status path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A directory of hearts.
    Directory,
    /// One heart.
    File(Mark),
    /// Nothing, so far.
    Nothing,
}

/// What is known of a status path.
#[derive(Debug)]
struct Known {
    /// Whether it was a directory when something was first seen there. `None`: never yet.
    was_directory: Option<bool>,
    /// What it is in this turn. `None`: nobody has looked yet.
    present: Option<Result<Place, String>>,
}

/// The status paths of all hearts. Each is looked at once a turn, however many hearts are in it.
///
/// What it was tells a heart that has never beaten from one that nobody can see any more: where a
/// directory of hearts is gone, or has become something else, it is not the programs that have
/// changed, and nobody is restarted for that.
#[derive(Debug, Default)]
pub(crate) struct Hearts {
    known: BTreeMap<PathBuf, Known>,
}

impl Hearts {
    /// A turn begins: everything is looked at again. What nobody asked for in the last one is
    /// forgotten.
    pub(crate) fn turn(&mut self) {
        self.known.retain(|_, known| known.present.take().is_some());
    }

    /// What a heart looks like. The outer `None`: that cannot be said; why not, is.
    pub(crate) fn feel(
        &mut self,
        watched: &Watched,
        name: &ProgramName,
        voice: &mut Voice,
    ) -> Option<Option<Mark>> {
        let status = &watched.status;
        let place = self.place(status, voice)?;
        let found = match place {
            Place::Directory => {
                let files = watched.files_within(name.family_str(), name.instance_number());
                self.mark_within(status, &files)
            }
            Place::File(mark) => Ok(Some(mark)),
            Place::Nothing => Ok(None),
        };
        let subject = format!("{name}: its heart");
        match found {
            Ok(mark) => {
                voice.is_well(&subject);
                Some(mark)
            }
            Err(wrong) => {
                say(voice, &subject, &wrong);
                None
            }
        }
    }

    /// What stands at a status path. `None`: that cannot be said, or it is not what it was.
    fn place(&mut self, status: &Path, voice: &mut Voice) -> Option<Place> {
        if !self.known.contains_key(status) {
            let known = Known {
                was_directory: None,
                present: None,
            };
            self.known.insert(status.to_owned(), known);
        }
        let known = self.known.get_mut(status)?;
        if known.present.is_none() {
            let present = look(status).and_then(|place| known.compare(place));
            let subject = format!("the hearts at {}", status.display());
            match &present {
                Ok(_) => voice.is_well(&subject),
                Err(wrong) => say(voice, &subject, wrong),
            }
            known.present = Some(present);
        }
        known.present.as_ref()?.as_ref().ok().copied()
    }

    /// The first of those files in a directory that is there.
    fn mark_within(&self, status: &Path, files: &[PathBuf]) -> Result<Option<Mark>, String> {
        for file in files {
            if let Some(mark) = touched(file).map_err(|error| error.to_string())? {
                return Ok(Some(mark));
            }
        }
        let known = self.known.get(status);
        if known.is_some_and(|known| known.was_directory == Some(false)) {
            let status = status.display();
            return Err(format!(
                "{status} was a file and is a directory now, in which it has no heart"
            ));
        }
        Ok(None)
    }
}

impl Known {
    /// Whether what is there can be what it was.
    fn compare(&mut self, place: Place) -> Result<Place, String> {
        match (self.was_directory, place) {
            (Some(true), Place::Nothing) => {
                Err("it was a directory of hearts, and is gone; make it again".to_owned())
            }
            (Some(true), Place::File(_)) => {
                Err("it was a directory of hearts, and is none now; make it one again".to_owned())
            }
            (None, Place::Directory | Place::File(_)) => {
                self.was_directory = Some(place == Place::Directory);
                Ok(place)
            }
            (Some(true), Place::Directory)
            | (Some(false), Place::Directory | Place::File(_) | Place::Nothing)
            | (None, Place::Nothing) => Ok(place),
        }
    }
}

fn look(status: &Path) -> Result<Place, String> {
    match touched(status).map_err(|error| error.to_string())? {
        None => Ok(Place::Nothing),
        Some(_) if is_directory(status) => Ok(Place::Directory),
        Some(mark) => Ok(Place::File(mark)),
    }
}

fn say(voice: &mut Voice, subject: &str, wrong: &str) {
    voice.say(subject, &format!("{wrong}; nobody is restarted for that"));
}

#[cfg(test)]
mod tests;
