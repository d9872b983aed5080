//! What words do to a program: they edit what is wanted. What follows is decided in
//! [`super::program`].

use super::phase::Phase;
use super::program::{Hand, Program};
use crate::event::Cause;
use crate::time::Now;

impl Program {
    /// RESTART: stop what runs, then start; what waits or rests starts now. An instance that is
    /// named itself does not wait for its turn.
    pub(crate) fn restart(&mut self, now: Now, because: Option<&str>, at_once: bool) {
        self.at_once = at_once;
        self.asked_because = because.map(str::to_owned);
        self.release_hand();
        self.at_least = self.generation.next();
        self.hurry(now);
    }

    /// START: what waits or rests starts now; what runs is left alone.
    pub(crate) fn start(&mut self, now: Now, because: Option<&str>) {
        if self.hand == Hand::Down {
            self.asked_because = None;
        }
        self.release_hand();
        if matches!(
            self.phase,
            Phase::Ordered { .. } | Phase::Starting(_) | Phase::Running(_)
        ) {
            return;
        }
        self.asked_because = because.map(str::to_owned);
        self.at_least = self.generation.next();
        self.hurry(now);
    }

    /// STOP: takes back a restart that has not begun, and holds until START, RESTART or a fresh
    /// monitor.
    pub(crate) fn stop(&mut self, because: Option<&str>) {
        self.hand = Hand::Down;
        self.at_least = self.at_least.min(self.generation);
        self.at_once = false;
        self.asked_because = because.map(str::to_owned);
        self.backoff.reset();
    }

    fn release_hand(&mut self) {
        let enabled = self.spec.as_ref().is_some_and(|spec| spec.enabled);
        self.hand = if enabled { Hand::Off } else { Hand::Up };
    }

    fn hurry(&mut self, now: Now) {
        self.backoff.reset();
        self.word = Cause::Message;
        if self.is_idle() {
            self.wake(now, Cause::Message);
        }
    }
}
