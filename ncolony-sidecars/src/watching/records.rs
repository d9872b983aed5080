//! Whether programs run, from the monitor's records.

use std::collections::BTreeMap;
use std::path::Path;

use ncolony_core::files::{look, read_regular};
use ncolony_core::listing::{EntryKind, Fingerprint};
use ncolony_core::status::WantWord;
use ncolony_core::{Places, ProgramName, ProgramStatus, State, Wall};

use super::Voice;

/// More than any record has.
const RECORD_BYTES_MAX: usize = 64 << 20;

/// What is known of a start of a program: where something else is known, it was started again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// It is this process.
    Process {
        /// Its number.
        pid: u32,
        /// When it was started.
        started: Option<Wall>,
    },
    /// There are no records, as beside the original's monitor: it is taken to run, and to have
    /// been started when its file was changed.
    Unrecorded(Fingerprint),
}

/// Whether there is something to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It runs, since this start.
    Runs(Run),
    /// It is not wanted up, or waits to be started, or stops: that is the monitor's to deal with.
    Rests,
}

/// The records, read again only where they have changed.
#[derive(Debug, Default)]
pub(crate) struct Records {
    known: BTreeMap<ProgramName, (Fingerprint, Life)>,
}

impl Records {
    /// Whether a program, or an instance, runs.
    pub(crate) fn life(&mut self, places: &Places, name: &ProgramName, voice: &mut Voice) -> Life {
        let path = places.program_status(name.as_str());
        let Ok(Some(EntryKind::Regular(fingerprint))) = look(&path) else {
            self.known.remove(name);
            return read(&path, voice).unwrap_or(Life::Rests);
        };
        if let Some((known, life)) = self.known.get(name)
            && *known == fingerprint
        {
            return life.clone();
        }
        let life = read(&path, voice);
        if let Some(life) = &life {
            self.known.insert(name.clone(), (fingerprint, life.clone()));
        } else {
            self.known.remove(name);
        }
        life.unwrap_or(Life::Rests)
    }

    /// Forgets all but these.
    pub(crate) fn keep(&mut self, is_kept: impl Fn(&ProgramName) -> bool) {
        self.known.retain(|name, _| is_kept(name));
    }
}

/// Whether a program runs, by its record. `None`: it cannot be read just now, and says nothing;
/// nobody is restarted for that.
fn read(path: &Path, voice: &mut Voice) -> Option<Life> {
    let subject = path.display().to_string();
    let bytes = match read_regular(path, RECORD_BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(error) if error.is_absent() => return Some(Life::Rests),
        Err(error) => {
            voice.say(&subject, &error.to_string());
            return None;
        }
    };
    match serde_json::from_slice::<ProgramStatus>(&bytes) {
        Ok(record) => {
            voice.is_well(&subject);
            Some(life_of(&record))
        }
        Err(error) => {
            let wrong = format!("it is no record that this version understands: {error}");
            voice.say(&subject, &wrong);
            Some(Life::Rests)
        }
    }
}

fn life_of(record: &ProgramStatus) -> Life {
    let runs = match record.state {
        State::Starting | State::Running => record.want == WantWord::Up,
        State::Stopped | State::Backoff | State::Stopping | State::Exited | State::Fatal => false,
    };
    match record.pid {
        Some(pid) if runs => Life::Runs(Run::Process {
            pid,
            started: record.started,
        }),
        Some(_) | None => Life::Rests,
    }
}
