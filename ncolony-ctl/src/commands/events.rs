//! `events`: what has happened to programs, and with `-f` what happens.

use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use ncolony_core::Places;
use serde_json::value::RawValue;

use crate::cli::EventsArgs;
use crate::ending::{Ending, Failure};
use crate::history::Happening;
use crate::interruption::Interruption;
use crate::selection::{Existence, Word, choose, stands_for};
use crate::session::Session;
use crate::tail::{Follower, Lines};

/// Between two looks at events that are followed.
const INTERVAL: Duration = Duration::from_millis(100);

/// An event, understood and as written.
struct Entry {
    happening: Happening,
    text: Box<RawValue>,
}

/// The events that are wanted, as they come.
struct Reader {
    path: PathBuf,
    follower: Follower,
    lines: Lines,
    words: Vec<Word>,
    zone: TimeZone,
    last: Option<Happening>,
}

impl Reader {
    fn open(places: &Places, args: &EventsArgs) -> Result<(Self, Vec<Entry>), Failure> {
        let path = places.events();
        // How far back the wanted ones lie is not known before they are read.
        let lines = if args.names.is_empty() {
            args.lines
        } else {
            usize::MAX
        };
        let opened = Follower::open(path.clone(), lines);
        let (follower, bytes) = opened.map_err(|error| Failure::cannot_read(&path, error))?;
        let mut reader = Self {
            path,
            follower,
            lines: Lines::default(),
            words: args.names.clone(),
            zone: TimeZone::system(),
            last: None,
        };
        let entries = reader.take(&bytes);
        Ok((reader, entries))
    }

    /// The wanted events in what was read. What is no event, such as half a line whose writer was
    /// killed, is passed over, and what was read before too: the file may have been cut since.
    fn take(&mut self, bytes: &[u8]) -> Vec<Entry> {
        let whole = self.lines.take(bytes);
        let mut entries = Vec::new();
        for line in whole.split(|byte| *byte == b'\n') {
            let Ok(happening) = serde_json::from_slice::<Happening>(line) else {
                continue;
            };
            let Ok(text) = serde_json::from_slice::<Box<RawValue>>(line) else {
                continue;
            };
            let is_new = |last: &Happening| happening.is_after(last);
            if !self.last.as_ref().is_none_or(is_new) {
                continue;
            }
            self.last = Some(happening.clone());
            if self.is_wanted(&happening.name) {
                entries.push(Entry { happening, text });
            }
        }
        entries
    }

    fn is_wanted(&self, name: &str) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| stands_for(word, name))
    }

    fn show(&self, entries: &[Entry], session: &mut Session<'_>) {
        for Entry { happening, text } in entries {
            session.report.document(text);
            for line in happening.lines(&self.zone) {
                session.report.line(&line);
            }
        }
    }

    fn go_on(&mut self, session: &mut Session<'_>) -> Result<(), Failure> {
        let bytes = self.follower.new_bytes();
        let bytes = bytes.map_err(|error| Failure::cannot_read(&self.path, error))?;
        let entries = self.take(&bytes);
        self.show(&entries, session);
        Ok(())
    }
}

pub(super) fn run(session: &mut Session<'_>, args: &EventsArgs) -> Result<Ending, Failure> {
    let (mut reader, entries) = Reader::open(&session.places, args)?;
    for word in &args.names {
        let is_meant = |entry: &Entry| stands_for(word, &entry.happening.name);
        // A program that is gone has its events still.
        if !entries.iter().any(is_meant) {
            choose(
                &session.places,
                std::slice::from_ref(word),
                Existence::FileOrRecord,
            )?;
        }
    }
    let first = entries.len().saturating_sub(args.lines);
    if !args.follow {
        reader.show(&entries[first..], session);
        return Ok(Ending::Done);
    }
    // Before the first line: whoever has seen one may interrupt.
    let interruption = Interruption::hold_back()?;
    reader.show(&entries[first..], session);
    while session.report.pause(INTERVAL, &interruption) {
        reader.go_on(session)?;
    }
    reader.go_on(session)?;
    session.report.flush();
    interruption.let_act();
    Ok(Ending::Done)
}
