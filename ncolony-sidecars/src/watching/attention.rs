//! Time as a watcher lives it. Whoever is stopped, or frozen with the whole machine, has seen
//! nothing meanwhile and must not judge by that time.

use std::time::{Duration, Instant};

use ncolony_core::Mono;

/// The longest that a watcher sleeps at a stretch: how finely it notices that it was stopped.
pub(crate) const STRETCH: Duration = Duration::from_secs(1);

/// A turn that took so much longer than its sleep should have means that the watcher stood still.
const STANDSTILL: Duration = Duration::from_secs(1);

/// A monotonic clock that notices when its owner has stood still. Steps of the wall clock do not
/// touch it.
#[derive(Debug)]
pub(crate) struct Attention {
    zero: Instant,
    last: Mono,
}

impl Attention {
    pub(crate) fn new() -> Self {
        Self {
            zero: Instant::now(),
            last: Mono::default(),
        }
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Mono {
        Mono::default().after(self.zero.elapsed())
    }

    /// A turn of work begins, after a sleep that was meant to last for `meant`. Gives the present
    /// moment and how much of the time since the last turn began was missed: in which the watcher
    /// could not look, and of which it knows nothing.
    pub(crate) fn turn(&mut self, meant: Duration) -> (Mono, Duration) {
        let now = self.now();
        let missed = missed(self.last, now, meant);
        self.last = now;
        (now, missed)
    }

    /// How long to sleep so as to be awake at the first of these moments. Who watches somebody
    /// sleeps no longer than a stretch, and who watches nobody has nothing to notice meanwhile.
    pub(crate) fn sleep_until(
        &self,
        moments: impl IntoIterator<Item = Mono>,
        watches: bool,
    ) -> Duration {
        let now = self.now();
        let next = moments.into_iter().map(|moment| moment.since(now)).min();
        next.filter(|span| !watches || *span < STRETCH)
            .unwrap_or(STRETCH)
    }
}

fn missed(before: Mono, now: Mono, meant: Duration) -> Duration {
    let more = now.since(before).saturating_sub(meant);
    if more > STANDSTILL {
        more
    } else {
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_turn_that_took_far_too_long_is_time_missed() {
        let at = |millis| Mono::default().after(Duration::from_millis(millis));
        let of_a_second = |millis| missed(at(0), at(millis), Duration::from_secs(1));
        assert_eq!(of_a_second(1000), Duration::ZERO);
        assert_eq!(of_a_second(2000), Duration::ZERO);
        assert_eq!(of_a_second(2100), Duration::from_millis(1100));
        assert_eq!(of_a_second(60_000), Duration::from_secs(59));
    }

    #[test]
    fn nobody_sleeps_past_what_is_due_or_for_longer_than_a_stretch() {
        let attention = Attention::new();
        assert_eq!(attention.sleep_until([], true), STRETCH);
        let far = attention.now().after(Duration::from_secs(50));
        assert_eq!(attention.sleep_until([far], true), STRETCH);
        let moments = [far, Mono::default()];
        assert_eq!(attention.sleep_until(moments, true), Duration::ZERO);
    }

    #[test]
    fn who_watches_nobody_sleeps_until_the_next_look() {
        let attention = Attention::new();
        let far = attention.now().after(Duration::from_secs(50));
        let slept = attention.sleep_until([far], false);
        assert!(slept > Duration::from_secs(40), "{slept:?}");
    }
}
