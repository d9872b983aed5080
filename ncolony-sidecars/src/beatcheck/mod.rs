//! Restarts programs whose hearts have stopped: which touch the file that they promised to touch
//! no more.
//!
//! A heart is judged by whether its file *changes* while we look, against a monotonic clock of our
//! own. Its time of change is compared with itself and never with a clock: neither a step of the
//! wall clock nor a file server whose clock is another makes a heart old. Time in which we stood
//! still ourselves does not count, because what stopped us may have stopped everybody.

mod judge;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Parser;
use ncolony_core::files::touched;
use ncolony_core::heart::{EXTRA, Watched};
use ncolony_core::{Mono, Places, ProgramName};

use crate::beatcheck::judge::{Judge, Mark, Verdict};
use crate::watching::{Attention, Flags, Programs, Pulse, Requests, Seen, Voice};

/// Restarts programs whose hearts have stopped
#[derive(Debug, Parser)]
#[command(name = "ncolony-beatcheck", version)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
}

/// The program: runs until it is ended.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut voice = Voice::new("ncolony-beatcheck");
    match cli.flags.places() {
        Ok(places) => Beatcheck::new(places, voice).run(cli.flags.freq),
        Err(wrong) => {
            voice.say("places", &wrong);
            ExitCode::from(2)
        }
    }
}

/// A program that is watched.
#[derive(Debug)]
struct Patient {
    judge: Judge,
    files: Vec<PathBuf>,
}

struct Beatcheck {
    places: Places,
    voice: Voice,
    programs: Programs,
    patients: BTreeMap<ProgramName, Patient>,
    requests: Requests,
}

impl Beatcheck {
    fn new(places: Places, voice: Voice) -> Self {
        Self {
            places,
            voice,
            programs: Programs::with_key(EXTRA),
            patients: BTreeMap::new(),
            requests: Requests::default(),
        }
    }

    fn run(mut self, freq: Duration) -> ! {
        let mut attention = Attention::new();
        let mut pulse = Pulse::of_this_program(&mut self.voice);
        let (mut meant, mut next_look) = (Duration::ZERO, Mono::default());
        loop {
            let (now, missed) = attention.turn(meant);
            for patient in self.patients.values_mut() {
                patient.judge.missed(missed);
            }
            self.feel(now);
            if now >= next_look {
                self.look(now);
                self.act(now);
                next_look = now.after(freq);
            }
            let next_beat = pulse.beat(now, &mut self.voice);
            meant = attention.sleep_until([next_look].into_iter().chain(next_beat));
            thread::sleep(meant);
        }
    }

    /// Looks at program files and records.
    fn look(&mut self, now: Mono) {
        let Some(seen) = self.programs.look(&self.places, &mut self.voice) else {
            return;
        };
        self.patients.retain(|name, _| seen.contains_key(name));
        for (name, seen) in seen {
            self.admit(now, &name, &seen);
        }
    }

    fn admit(&mut self, now: Mono, name: &ProgramName, seen: &Seen) {
        let subject = format!("{name}: the check of its heart");
        let Some((watched, run)) = seen.to_check(&subject, Watched::parse, &mut self.voice) else {
            self.patients.remove(name);
            return;
        };
        let files = watched.files(name.family_str(), name.instance_number());
        match self.patients.get_mut(name) {
            Some(patient) if patient.judge.is_about(&watched, run.as_ref()) => {
                patient.files = files;
            }
            Some(_) | None => {
                let judge = Judge::new(watched, run, now);
                let patient = Patient { judge, files };
                self.patients.insert(name.clone(), patient);
            }
        }
        self.feel_one(now, name);
    }

    /// Feels every pulse.
    fn feel(&mut self, now: Mono) {
        let names: Vec<ProgramName> = self.patients.keys().cloned().collect();
        for name in names {
            self.feel_one(now, &name);
        }
    }

    fn feel_one(&mut self, now: Mono, name: &ProgramName) {
        let Some(patient) = self.patients.get_mut(name) else {
            return;
        };
        let subject = format!("{name}: the check of its heart");
        match mark(&patient.files) {
            Ok(mark) => {
                self.voice.is_well(&subject);
                patient.judge.felt(now, mark);
            }
            Err(wrong) => {
                patient.judge.cannot_look(now);
                self.voice.say(&subject, &wrong);
            }
        }
    }

    /// Asks for the restarts that have come due.
    fn act(&mut self, now: Mono) {
        for (name, patient) in &mut self.patients {
            match patient.judge.verdict(now) {
                Verdict::Alive | Verdict::Grace => {}
                Verdict::Silent(silence) => {
                    let file = patient.files.first().map(|path| path.display().to_string());
                    let reason = judge::reason(&silence, &file.unwrap_or_default());
                    let voice = &mut self.voice;
                    self.requests.restart(&self.places, name, reason, voice);
                    patient.judge.restarted(now);
                }
            }
        }
    }
}

/// What the heart's file looks like: the first of those that it may be.
fn mark(files: &[PathBuf]) -> Result<Option<Mark>, String> {
    for file in files {
        match touched(file) {
            Ok(None) => {}
            Ok(Some(mark)) => return Ok(Some(mark)),
            Err(error) => return Err(format!("{error}; nobody is restarted for that")),
        }
    }
    Ok(None)
}
