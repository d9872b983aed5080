//! Restarts programs whose hearts have stopped: which touch the file that they promised to touch
//! no more.
//!
//! A heart is judged by whether its file *changes* while we look, against a monotonic clock of our
//! own. Its time of change is compared with itself and never with a clock: neither a step of the
//! wall clock nor a file server whose clock is another makes a heart old. Time in which we stood
//! still ourselves does not count, because what stopped us may have stopped everybody.

mod hearts;
mod judge;

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Parser;
use ncolony_core::checks::Watched;
use ncolony_core::{Mono, Places, ProgramName};

use crate::beatcheck::hearts::Hearts;
use crate::beatcheck::judge::Judge;
use crate::watching::{self, Asked, Attention, Flags, Patient, Pulse, Requests, Voice, Ward};

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
    let flags = Cli::parse().flags;
    watching::main("ncolony-beatcheck", &flags, |places, voice| {
        Beatcheck::new(places, voice).run(flags.freq)
    })
}

impl Asked for Watched {
    const KEY: &'static str = Self::KEY;

    fn of_file(bytes: &[u8]) -> Result<Option<Self>, String> {
        Self::of_file(bytes).map_err(|error| error.to_string())
    }
}

struct Beatcheck {
    places: Places,
    voice: Voice,
    ward: Ward<Judge>,
    hearts: Hearts,
    requests: Requests,
}

impl Beatcheck {
    fn new(places: Places, voice: Voice) -> Self {
        Self {
            places,
            voice,
            ward: Ward::new(),
            hearts: Hearts::default(),
            requests: Requests::default(),
        }
    }

    fn run(mut self, freq: Duration) -> ! {
        let mut attention = Attention::new();
        let mut pulse = Pulse::of_this_program(&mut self.voice);
        let (mut meant, mut next_look) = (Duration::ZERO, Mono::default());
        loop {
            let (now, missed) = attention.turn(meant);
            for judge in self.ward.patients.values_mut() {
                judge.missed(missed);
            }
            if now >= next_look {
                self.ward.look(now, &self.places, &mut self.voice);
                next_look = now.after(freq);
            }
            self.feel(now);
            self.act(now);
            let next_beat = pulse.beat(now, &mut self.voice);
            let due = self.ward.patients.values().map(Judge::due);
            let moments = [next_look].into_iter().chain(next_beat).chain(due);
            meant = attention.sleep_until(moments, !self.ward.patients.is_empty());
            thread::sleep(meant);
        }
    }

    /// Feels every pulse.
    fn feel(&mut self, now: Mono) {
        self.hearts.turn();
        for (name, judge) in &mut self.ward.patients {
            match self.hearts.feel(judge.asked(), name, &mut self.voice) {
                Some(mark) => judge.felt(now, mark),
                None => judge.cannot_look(now),
            }
        }
    }

    /// Asks for the restarts that have come due.
    fn act(&mut self, now: Mono) {
        let patients = self.ward.patients.iter();
        let silent = patients.filter(|(_, judge)| judge.silence(now).is_some());
        let silent: Vec<ProgramName> = silent.map(|(name, _)| name.clone()).collect();
        for name in silent {
            // It may have been stopped, or started anew, since the last look.
            let (places, voice) = (&self.places, &mut self.voice);
            self.ward.look_at(now, &name, places, voice);
            self.act_on(now, &name);
        }
    }

    fn act_on(&mut self, now: Mono, name: &ProgramName) {
        let Some(judge) = self.ward.patients.get_mut(name) else {
            return;
        };
        let Some(silence) = judge.silence(now) else {
            return;
        };
        let files = judge
            .asked()
            .files(name.family_str(), name.instance_number());
        let file = files.first().map(|path| path.display().to_string());
        let reason = judge::reason(&silence, &file.unwrap_or_default());
        let voice = &mut self.voice;
        self.requests.restart(&self.places, name, reason, voice);
        judge.restarted(now);
    }
}
