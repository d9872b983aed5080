//! Tells how the monitor fares to those outside who asked to be told: its caller, who waits until
//! it is up, and the service manager that has started it.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::time::Duration;

use ncolony_core::time::Mono;

use crate::sys::errno;
use crate::sys::notifier::Notifier;

/// A message for which there was no room is sent again after so long.
const AGAIN: Duration = Duration::from_millis(100);

/// More messages than this wait for nobody.
const UNSENT_MAX: usize = 16;

/// What is to be done once, when the monitor is up.
pub(crate) struct WhenUp(pub(crate) Box<dyn FnOnce() + Send>);

impl fmt::Debug for WhenUp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("WhenUp")
    }
}

/// What was told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// Nothing, or that something is under way.
    Busy,
    /// That everything is up.
    Ready,
    /// That the monitor ends.
    Stopping,
}

/// Tells them.
#[derive(Debug)]
pub(crate) struct Announcer {
    notifier: Option<Notifier>,
    when_up: Option<WhenUp>,
    told: Told,
    /// Messages for which there was no room.
    unsent: VecDeque<String>,
    /// When the next sign of life is due, where one is expected.
    beat_at: Mono,
}

impl Announcer {
    /// Nothing was told yet. An image that has taken the place of another gives a sign of life at
    /// its first opportunity.
    pub(crate) fn new(notifier: Option<Notifier>) -> Self {
        Self {
            notifier,
            when_up: None,
            told: Told::Busy,
            unsent: VecDeque::new(),
            beat_at: Mono::default(),
        }
    }

    /// Has this be done, once, when the monitor is up.
    pub(crate) fn when_up(&mut self, act: WhenUp) {
        self.when_up = Some(act);
    }

    /// What was to be done is done: all that is wanted was ordered, and the record written.
    pub(crate) fn up(&mut self, programs: usize) {
        if let Some(WhenUp(act)) = self.when_up.take() {
            act();
        }
        if self.told == Told::Busy {
            self.told = Told::Ready;
            let pid = std::process::id();
            let plural = if programs == 1 { "" } else { "s" };
            self.tell(format!(
                "READY=1\nMAINPID={pid}\nSTATUS={programs} program{plural}"
            ));
        }
    }

    /// Everything is looked at anew, because somebody has said so.
    pub(crate) fn looking_anew(&mut self, now: Mono) {
        if self.told == Told::Ready {
            self.told = Told::Busy;
            let micros = now.as_nanos() / 1000;
            self.tell(format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
        }
    }

    /// The monitor ends. Whether this was said for the first time.
    pub(crate) fn stopping(&mut self, status: &str) -> bool {
        let first = self.told != Told::Stopping;
        if first {
            self.told = Told::Stopping;
            self.tell(format!("STOPPING=1\nSTATUS={status}"));
        }
        first
    }

    /// Gives a sign of life if one is due, and sends what there was no room for.
    pub(crate) fn beat(&mut self, now: Mono) {
        if self.period().is_none() || now < self.beat_at {
            return;
        }
        if self.watchdog().is_some() && self.unsent.is_empty() {
            self.tell("WATCHDOG=1".to_owned());
        }
        self.push();
        self.beat_at = now.after(self.period().unwrap_or_default());
    }

    /// When [`Announcer::beat`] is to be called next.
    pub(crate) fn due(&self) -> Option<Mono> {
        self.period().map(|_| self.beat_at)
    }

    /// How often there is something to do. Two signs of life go into the time in which one is
    /// expected.
    fn period(&self) -> Option<Duration> {
        let watchdog = self.watchdog().map(|watchdog| watchdog / 2);
        let unsent = (!self.unsent.is_empty()).then_some(AGAIN);
        watchdog.into_iter().chain(unsent).min()
    }

    fn watchdog(&self) -> Option<Duration> {
        self.notifier.as_ref()?.watchdog
    }

    fn tell(&mut self, message: String) {
        if self.notifier.is_none() {
            return;
        }
        if self.unsent.len() == UNSENT_MAX {
            self.unsent.pop_front();
        }
        self.unsent.push_back(message);
        self.push();
        if !self.unsent.is_empty() {
            self.beat_at = Mono::default();
        }
    }

    fn push(&mut self) {
        let Some(notifier) = &self.notifier else {
            return;
        };
        while let Some(message) = self.unsent.front() {
            match notifier.send(message) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // Who asked may have gone; that is his matter.
                Err(error) => {
                    let why = errno::of(&error);
                    tracing::debug!("whoever has started the monitor cannot be told: {why}");
                }
            }
            self.unsent.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
