//! The loop: waits, tells the machine what has happened, and does what it orders.

use std::ffi::OsString;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::time::Duration;

use ncolony_core::Mono;

use super::machine::{Machine, Order, Reading, Settings};
use super::output;
use super::run::{Run, Seen};
use super::timetable::Point;
use crate::sys::alarm::Alarm;
use crate::sys::signals::{Signals, Told};
use crate::sys::{clock, errno, terminal, waiting};
use crate::watching::{Pulse, Voice};

/// A machine with its hands.
pub(crate) struct Driver {
    machine: Machine,
    command: Vec<OsString>,
    /// Shows the time that the timetable goes by.
    clock: fn() -> Point,
    /// Follows the wall clock, where the timetable does.
    alarm: Option<Alarm>,
    signals: Signals,
    /// Our own heart, and how it is said that it cannot beat.
    pulse: Pulse,
    voice: Voice,
    run: Option<Run>,
    /// Whether HUP would mean that our terminal has gone.
    has_terminal: bool,
}

impl Driver {
    /// Takes over the signals of this process.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(crate) fn new(
        settings: Settings,
        clock: fn() -> Point,
        command: Vec<OsString>,
    ) -> io::Result<Self> {
        let mut voice = Voice::new("ncolony-scheduler");
        let is_calendar = settings.timetable.is_calendar();
        Ok(Self {
            machine: Machine::new(settings, reading(clock)),
            command,
            clock,
            alarm: is_calendar.then(Alarm::new).transpose()?,
            signals: Signals::take_over()?,
            pulse: Pulse::of_this_program(&mut voice),
            voice,
            run: None,
            has_terminal: terminal::is_ours(),
        })
    }

    /// Runs the command until this process is told to stop, and then leaves nothing of it behind.
    ///
    /// # Errors
    /// The kernel refuses to let us wait.
    pub(crate) fn run(mut self) -> io::Result<()> {
        if let Some(words) = self.machine.next_in_words() {
            output::say(&words);
        }
        loop {
            let beat = self.pulse.beat(clock::mono(), &mut self.voice);
            let orders = self.machine.time_passes(reading(self.clock));
            self.obey(orders);
            if self.machine.is_over() {
                return Ok(());
            }
            self.wait(beat)?;
            if let Some(run) = &mut self.run {
                run.print();
            }
            self.hear();
            self.look();
        }
    }

    fn obey(&mut self, orders: Vec<Order>) {
        for order in orders {
            match order {
                Order::Say(words) => output::say(&words),
                Order::Signal(signal) => {
                    if let Some(run) = &mut self.run {
                        run.signal(signal);
                    }
                }
                Order::Start => self.start(),
            }
        }
    }

    fn start(&mut self) {
        match Run::start(&self.command, &self.signals) {
            Ok(run) => {
                self.run = Some(run);
                self.machine.started(clock::mono());
            }
            Err(error) => {
                let name = self.command.first().map(|name| name.to_string_lossy());
                let why = format!("{}: {}", name.unwrap_or_default(), errno::of(&error));
                let orders = self.machine.start_failed(&why);
                self.obey(orders);
            }
        }
    }

    /// Returns when something has happened, or may have.
    fn wait(&mut self, beat: Option<Mono>) -> io::Result<()> {
        let start = self.machine.next_start().map(Point::as_nanos);
        if let Some(alarm) = &mut self.alarm
            && alarm.set(start)?
        {
            return Ok(());
        }
        let alarm = self.alarm.as_ref().map(Alarm::as_fd);
        let pipes = self.run.iter().flat_map(Run::ends);
        let ends: Vec<_> = pipes.chain([self.signals.as_fd()]).chain(alarm).collect();
        waiting::wait(&ends, self.patience(beat))
    }

    /// How long nothing has to be done of our own accord; the heart beats next at `beat`.
    fn patience(&self, beat: Option<Mono>) -> Option<Duration> {
        let now = clock::mono();
        let look = self.run.as_ref().and_then(Run::look_at);
        let deadlines = [self.machine.next_deadline(), look, beat];
        let start = self.machine.next_start().filter(|_| self.alarm.is_none());
        let until_start = start.map(|start| start.since((self.clock)()));
        deadlines
            .into_iter()
            .flatten()
            .map(|at| at.since(now))
            .chain(until_start)
            .min()
    }

    fn hear(&mut self) {
        while let Some(told) = self.signals.next() {
            match told {
                Told::HangUp if !self.has_terminal => output::say(
                    "told to read its settings again by SIGHUP: they are its command line, and nothing changes",
                ),
                Told::Stop | Told::HangUp => {
                    let orders = self.machine.stop(clock::mono());
                    self.obey(orders);
                }
                Told::Child => {}
            }
        }
    }

    fn look(&mut self) {
        let now = clock::mono();
        let Some(run) = &mut self.run else { return };
        let orders = match run.look(now) {
            Seen::Running => Vec::new(),
            Seen::Leaderless(exit) => self.machine.command_ended(exit),
            Seen::Ended(exit) => {
                self.run = None;
                self.machine.ended(exit, now)
            }
        };
        self.obey(orders);
    }
}

fn reading(clock: fn() -> Point) -> Reading {
    // The hasher's keys are random, which is all that is wanted here.
    let random = RandomState::new().hash_one(0_u8) >> 32;
    Reading {
        mono: clock::mono(),
        clock: clock(),
        chance: f64::from(u32::try_from(random).unwrap_or(u32::MAX)) / f64::from(u32::MAX),
    }
}
