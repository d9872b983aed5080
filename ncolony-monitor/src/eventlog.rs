//! What has happened, in `status/events.jsonl`: one line for each change of a program's state.
//!
//! Lines are appended, a batch at a time, and nothing is synchronized to the disk. Events that
//! cannot be written are lost, and said to be; nothing waits for them.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

use ncolony_core::Event;
use serde::Deserialize;

use crate::sys::{errno, outlet};

/// A file that would become longer than this is put aside as `events.jsonl.1`.
const BYTES_MAX: u64 = 10 * 1024 * 1024;

/// So much of the end of a file is read to find its last line, and more if that is not enough.
const TAIL: u64 = 64 * 1024;

/// The file of events.
#[derive(Debug)]
pub(crate) struct EventLog {
    path: PathBuf,
    /// What it becomes when it is full.
    previous: PathBuf,
    file: Option<File>,
    /// Which file that is.
    id: (u64, u64),
    /// How long it is.
    length: u64,
    /// How many events could not be written since the last that could.
    lost: u64,
    problem: Option<String>,
    /// How many events were written.
    pub(crate) written: u64,
}

/// What of an event tells where it stands in the row.
#[derive(Deserialize)]
struct Place {
    serial: u64,
}

/// The end of a file of events.
struct End {
    /// The serial number of the last event in it; 0 if there is none.
    serial: u64,
    /// How many bytes its whole lines have: what follows is a line that its writer did not live to
    /// finish.
    whole: u64,
}

impl End {
    fn of(file: &File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let mut span = TAIL.min(length);
        loop {
            let mut tail = vec![0; usize::try_from(span).unwrap_or_default()];
            file.read_exact_at(&mut tail, length - span)?;
            let last_end = tail.iter().rposition(|byte| *byte == b'\n');
            let whole = last_end.map_or(0, |end| end + 1);
            let serial = last_serial_in(&tail[..whole], span == length);
            if serial.is_some() || span == length {
                return Ok(Self {
                    serial: serial.unwrap_or_default(),
                    whole: length - (tail.len() - whole) as u64,
                });
            }
            span = (span * 4).min(length);
        }
    }
}

/// The serial number in the last line that has one. The first line of a text that is not whole may
/// be half of one.
fn last_serial_in(text: &[u8], is_whole: bool) -> Option<u64> {
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    if !is_whole {
        lines.remove(0);
    }
    let serial = |line: &&[u8]| serde_json::from_slice::<Place>(line).ok();
    lines
        .iter()
        .rev()
        .find_map(serial)
        .map(|place| place.serial)
}

impl EventLog {
    /// Nothing is made or looked at yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        let mut previous = path.clone().into_os_string();
        previous.push(".1");
        Self {
            path,
            previous: previous.into(),
            file: None,
            id: (0, 0),
            length: 0,
            lost: 0,
            problem: None,
            written: 0,
        }
    }

    /// The serial number of the last event that was kept, by whomever; 0 if there is none.
    pub(crate) fn kept(&self) -> u64 {
        let kept = |path: &PathBuf| {
            let file = outlet::open_regular(File::options().read(true), path);
            file.and_then(|file| End::of(&file))
        };
        let serials = [&self.path, &self.previous].map(kept);
        let serials = serials.into_iter().flatten().map(|end| end.serial);
        serials.max().unwrap_or_default()
    }

    /// Appends events, all in one piece.
    pub(crate) fn append(&mut self, events: &[Event]) {
        let mut text = Vec::with_capacity(events.len() * 256);
        for event in events {
            // Text and numbers: there is nothing in them that JSON cannot say.
            let _written = serde_json::to_writer(&mut text, event);
            text.push(b'\n');
        }
        let count = events.len() as u64;
        match self.write(&text) {
            Ok(()) => {
                self.written += count;
                self.is_well();
            }
            Err(error) => self.lose(count, &error),
        }
    }

    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        let more = text.len() as u64;
        if !self.is_there() {
            self.open()?;
        }
        if self.length > 0 && self.length + more > BYTES_MAX {
            self.file = None;
            fs::rename(&self.path, &self.previous)?;
            self.open()?;
        }
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        if let Err(error) = file.write_all(text) {
            // What was written of it is cut off now, or when the file is opened again.
            let _cut = file.set_len(self.length);
            self.file = None;
            return Err(error);
        }
        self.length += more;
        Ok(())
    }

    /// Whether the file under this name is the one that we have open.
    fn is_there(&self) -> bool {
        let there = || fs::metadata(&self.path).ok().map(|it| which(&it));
        self.file.is_some() && there() == Some(self.id)
    }

    fn open(&mut self) -> io::Result<()> {
        self.file = None;
        let mut options = File::options();
        let options = options.read(true).append(true).create(true);
        let file = outlet::open_regular(options, &self.path)?;
        let End { serial: _, whole } = End::of(&file)?;
        let metadata = file.metadata()?;
        self.id = which(&metadata);
        if metadata.len() > whole {
            // Half a line must not spoil the next one. Its event was never counted as kept.
            file.set_len(whole)?;
        }
        self.length = whole;
        self.file = Some(file);
        Ok(())
    }

    fn lose(&mut self, count: u64, error: &io::Error) {
        let (path, why) = (self.path.display(), errno::of(error));
        let begins = self.lost == 0;
        self.lost += count;
        let sentence = format!(
            "cannot write {path}: {why}; {} not written so far",
            in_words(self.lost)
        );
        if begins {
            tracing::warn!("{sentence}");
        }
        self.problem = Some(sentence);
    }

    fn is_well(&mut self) {
        if self.problem.take().is_some() {
            let path = self.path.display();
            tracing::warn!(
                "{path} is written again; {} not written",
                in_words(self.lost)
            );
            self.lost = 0;
        }
    }

    /// Why events are lost, while it is so.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }
}

/// What tells a file from every other that is there.
fn which(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn in_words(events: u64) -> String {
    match events {
        1 => "1 event was".to_owned(),
        more => format!("{more} events were"),
    }
}

#[cfg(test)]
mod tests;
