//! Restarts programs whose servers do not answer, or not as they should.
//!
//! One loop decides: when a check is due (`schedule`), and what its outcome means. Checks are
//! made by threads (`crew`), at most `CHECKS_AT_ONCE` at a time, each no longer than its timeout: a
//! server that hangs holds up nobody else's.

mod ask;
mod crew;
mod schedule;

use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use clap::Parser;
use ncolony_core::checks::HttpCheck;
use ncolony_core::{Mono, Places, ProgramName};

use crate::httpcheck::ask::{Client, Outcome};
use crate::httpcheck::crew::Crew;
use crate::httpcheck::schedule::{Schedule, Ticket};
use crate::watching::{self, Asked, Attention, Flags, Patient, Pulse, Requests, Voice, Ward};

/// The most checks that are made at the same time; a further one waits for the end of another.
const CHECKS_AT_ONCE: usize = 64;

/// Restarts programs whose servers do not answer
#[derive(Debug, Parser)]
#[command(name = "ncolony-httpcheck", version)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
}

/// The program: runs until it is ended.
#[must_use]
pub fn main() -> ExitCode {
    let flags = Cli::parse().flags;
    watching::main("ncolony-httpcheck", &flags, |places, voice| {
        Httpcheck::new(places, voice).run(flags.freq)
    })
}

impl Asked for HttpCheck {
    const KEY: &'static str = Self::KEY;

    fn of_file(bytes: &[u8]) -> Result<Option<Self>, String> {
        let check = Self::of_file(bytes).map_err(|error| error.to_string())?;
        if let Some(check) = &check {
            ask::request(check).map_err(|error| format!("{}: {error}", Self::KEY))?;
        }
        Ok(check)
    }
}

/// What a check has found, for the loop.
struct Report {
    name: ProgramName,
    ticket: Ticket,
    outcome: Outcome,
}

struct Httpcheck {
    places: Places,
    voice: Voice,
    ward: Ward<Schedule>,
    requests: Requests,
    client: Client,
    crew: Crew,
    /// Who was due when last everybody was asked, the one that has waited longest first.
    line: VecDeque<ProgramName>,
    tickets: u64,
    reporting: Sender<Report>,
    reports: Receiver<Report>,
}

impl Httpcheck {
    fn new(places: Places, voice: Voice) -> Self {
        let (reporting, reports) = channel();
        Self {
            places,
            voice,
            ward: Ward::new(),
            requests: Requests::default(),
            client: Client::new(),
            crew: Crew::of_at_most(CHECKS_AT_ONCE),
            line: VecDeque::new(),
            tickets: 0,
            reporting,
            reports,
        }
    }

    fn run(mut self, freq: Duration) -> ! {
        let mut attention = Attention::new();
        let mut pulse = Pulse::of_this_program(&mut self.voice);
        let (mut meant, mut next_look) = (Duration::ZERO, Mono::default());
        let mut report = None;
        loop {
            let (now, missed) = attention.turn(meant);
            if !missed.is_zero() {
                for schedule in self.ward.patients.values_mut() {
                    schedule.missed(missed);
                }
            }
            let waiting: Vec<Report> = report
                .take()
                .into_iter()
                .chain(self.reports.try_iter())
                .collect();
            for report in waiting {
                self.hear(now, &report);
            }
            if now >= next_look {
                self.ward.look(now, &self.places, &mut self.voice);
                next_look = now.after(freq);
            }
            self.begin_what_is_due(now);
            let next_beat = pulse.beat(now, &mut self.voice);
            let moments = [next_look]
                .into_iter()
                .chain(next_beat)
                .chain(self.next_due());
            meant = attention.sleep_until(moments, !self.ward.patients.is_empty());
            // Nothing came in time, which is no error.
            report = self.reports.recv_timeout(meant).ok();
        }
    }

    /// When the next check is due that can be begun.
    fn next_due(&self) -> Option<Mono> {
        if self.crew.free() == 0 {
            return None;
        }
        self.ward.patients.values().filter_map(Schedule::due).min()
    }

    /// Begins the checks that are due, the one that has waited longest first.
    fn begin_what_is_due(&mut self, now: Mono) {
        while self.crew.free() > 0 {
            if self.line.is_empty() {
                self.line_up(now);
            }
            let Some(name) = self.line.pop_front() else {
                return;
            };
            if !self.begin(now, name) {
                return;
            }
        }
    }

    /// Puts those in line who are due. All others are due later than any of them.
    fn line_up(&mut self, now: Mono) {
        let patients = self.ward.patients.iter();
        let mut due: Vec<(Mono, &ProgramName)> = patients
            .filter_map(|(name, schedule)| Some((schedule.due()?, name)))
            .filter(|(due, _)| *due <= now)
            .collect();
        due.sort();
        self.line = due.into_iter().map(|(_, name)| name.clone()).collect();
    }

    /// Begins a check, if it is still due. Whether further ones can be begun.
    fn begin(&mut self, now: Mono, name: ProgramName) -> bool {
        let schedule = self.ward.patients.get_mut(&name);
        let is_due = |schedule: &&mut Schedule| schedule.due().is_some_and(|due| due <= now);
        let Some(schedule) = schedule.filter(is_due) else {
            return true;
        };
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        schedule.begun(now, ticket);
        let (client, reporting) = (self.client.clone(), self.reporting.clone());
        let settings = schedule.asked().clone();
        let check = move || {
            let outcome = client.ask(&settings);
            let report = Report {
                name,
                ticket,
                outcome,
            };
            // Nobody hears it any more only where the program has ended.
            drop(reporting.send(report));
        };
        match self.crew.work(check) {
            Ok(()) => {
                self.voice.is_well("threads");
                true
            }
            Err(error) => {
                let wrong = format!("a check could not be begun: {error}");
                self.voice.say("threads", &wrong);
                schedule.not_made(ticket);
                false
            }
        }
    }

    /// Acts on what a check has found.
    fn hear(&mut self, now: Mono, report: &Report) {
        self.crew.is_done();
        if report.outcome != Outcome::Well {
            // Before a failure counts: is it still the same process?
            let (name, places) = (&report.name, &self.places);
            self.ward.look_at(now, name, places, &mut self.voice);
        }
        let Some(schedule) = self.ward.patients.get_mut(&report.name) else {
            return;
        };
        let subject = format!("{}: the check of its server", report.name);
        let wrong = match &report.outcome {
            Outcome::Well => None,
            Outcome::Bad(wrong) => Some(wrong.as_str()),
            Outcome::Unmade(why) => {
                let why = format!("it could not be made: {why}; nobody is restarted for that");
                self.voice.say(&subject, &why);
                return schedule.not_made(report.ticket);
            }
        };
        self.voice.is_well(&subject);
        if schedule.ended(now, report.ticket, wrong.is_some()) {
            let failures = schedule.failures_before_a_restart();
            let reason = schedule::reason(schedule.asked(), failures, wrong.unwrap_or_default());
            let voice = &mut self.voice;
            self.requests
                .restart(&self.places, &report.name, reason, voice);
        }
    }
}
