//! The truth about the config directory: what is there, read where it may have changed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ncolony_core::colony::diff::{Catalogue, Diff, Emptiness, Found, Known};
use ncolony_core::colony::{Observation, Reading};
use ncolony_core::custody::{Exposure, Trust};
use ncolony_core::descriptor::FILE_BYTES_MAX;
use ncolony_core::files::{
    DirectoryId, FileError, directory_id, exposure_of_directory, list, look, read_trusted,
};
use ncolony_core::status::{IgnoredFile, content_digest};
use ncolony_core::{ConfigError, Defaults, ProgramName, ProgramSpec};

use crate::sys::{clock, errno, limits};

/// Reads the config directory.
#[derive(Debug)]
pub(crate) struct Scanner {
    path: PathBuf,
    defaults: Defaults,
    catalogue: Catalogue,
    trust: Trust,
    /// Who else could change the directory, so that nothing in it is obeyed.
    exposure: Option<Exposure>,
    pub(crate) files_read: u64,
    pub(crate) looks: u64,
}

impl Scanner {
    /// Reads the directory at `path`, of which `catalogue` is what is known so far.
    pub(crate) fn new(path: &Path, defaults: Defaults, catalogue: Catalogue) -> Self {
        Self {
            path: path.to_owned(),
            defaults,
            catalogue,
            trust: Trust::of_user(limits::own_user()),
            exposure: None,
            files_read: 0,
            looks: 0,
        }
    }

    /// Looks at everything.
    pub(crate) fn whole(&mut self, emptiness: Emptiness) -> Vec<Observation> {
        self.looks += 1;
        self.look_at_custody();
        let diff = match list(&self.path) {
            Ok(listing) => self.catalogue.look(listing, emptiness, clock::wall()),
            Err(error) => {
                self.catalogue.unknown(in_words(&error));
                Diff::default()
            }
        };
        self.read_all(diff)
    }

    /// Looks who could change the directory. When that changes, every file is read again.
    fn look_at_custody(&mut self) {
        let exposure = exposure_of_directory(&self.path, self.trust);
        if exposure != self.exposure {
            self.catalogue.doubt_all();
            self.exposure = exposure;
        }
    }

    /// Why no file is obeyed, while it is so.
    pub(crate) fn problem(&self) -> Option<String> {
        let exposure = self.exposure.as_ref()?;
        Some(format!("every program file is refused: {exposure}"))
    }

    /// Looks at some entries; at everything, if it is not certain that the directory is the one
    /// that was looked at before.
    pub(crate) fn glance(&mut self, names: impl IntoIterator<Item = OsString>) -> Vec<Observation> {
        let same = self.catalogue.directory().is_some()
            && directory_id(&self.path).ok() == self.catalogue.directory()
            && *self.catalogue.known() == Known::Yes
            && exposure_of_directory(&self.path, self.trust) == self.exposure;
        if !same {
            return self.whole(Emptiness::Doubted);
        }
        let mut looks = Vec::new();
        for name in names {
            match look(&self.path.join(&name)) {
                Ok(kind) => looks.push((name, kind)),
                Err(_) => return self.whole(Emptiness::Doubted),
            }
        }
        let diff = self.catalogue.glance(looks, clock::wall());
        self.read_all(diff)
    }

    /// The directory as it was last found.
    pub(crate) fn directory(&self) -> Option<DirectoryId> {
        directory_id(&self.path).ok()
    }

    /// The directory that was last believed.
    pub(crate) fn believed(&self) -> Option<DirectoryId> {
        self.catalogue.directory()
    }

    /// Files that are passed over.
    pub(crate) fn ignored(&self) -> Vec<IgnoredFile> {
        self.catalogue.ignored()
    }

    /// Whether other files are passed over than when this was last asked.
    pub(crate) fn take_ignored_changed(&mut self) -> bool {
        self.catalogue.take_ignored_changed()
    }

    /// `ok`, or why nothing is known.
    pub(crate) fn state(&self) -> String {
        match self.catalogue.known() {
            Known::Yes => "ok".to_owned(),
            Known::No(why) => format!("unknown: {why}"),
        }
    }

    fn read_all(&mut self, diff: Diff) -> Vec<Observation> {
        let mut observations = Vec::with_capacity(diff.changes.len());
        for (name, found) in diff.changes {
            let reading = match found {
                Found::Nothing => Reading::Absent,
                Found::Unusable(why) => Reading::Bad {
                    error: ConfigError::whole(why),
                    digest: None,
                },
                Found::File(file) => self.read(&name, &file),
            };
            observations.push(Observation::Config { name, reading });
        }
        observations
    }

    fn read(&mut self, name: &ProgramName, file: &OsString) -> Reading {
        self.files_read += 1;
        let bytes = match read_trusted(&self.path.join(file), FILE_BYTES_MAX, self.trust) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.catalogue.doubt(name);
                let error = ConfigError::whole(in_words(&error));
                return Reading::Bad {
                    error,
                    digest: None,
                };
            }
        };
        match ProgramSpec::parse(name.clone(), &bytes, &self.defaults) {
            Ok(spec) => Reading::Good(Arc::new(spec)),
            Err(error) => Reading::Bad {
                error,
                digest: Some(content_digest(&bytes)),
            },
        }
    }
}

fn in_words(error: &FileError) -> String {
    format!(
        "cannot {} {}: {}",
        error.what,
        error.path.display(),
        errno::of(&error.source)
    )
}
