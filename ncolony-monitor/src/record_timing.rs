//! When changed records are written.
//!
//! A few are written at once. When many programs change together (a cold start, a shutdown) the
//! records wait until the changes come to rest, because most would be out of date before anybody
//! could read them; but they never wait for long.

use std::time::Duration;

use ncolony_core::time::Mono;

/// So many are written at once.
const FEW: usize = 32;
/// The changes have come to rest when nothing has happened for so long.
const REST: Duration = Duration::from_millis(2);
/// Records are never held back for longer.
const PATIENCE: Duration = Duration::from_millis(100);

/// Knows how long records have been held back.
#[derive(Debug, Default)]
pub(crate) struct RecordTiming {
    last_act: Mono,
    /// When the present run of changes began.
    run_began: Mono,
}

impl RecordTiming {
    /// Something has happened or was done.
    pub(crate) fn acted(&mut self, now: Mono) {
        if now.since(self.last_act) >= REST {
            self.run_began = now;
        }
        self.last_act = now;
    }

    /// When records are to be written, of which `waiting` have changed; `None` if none has.
    pub(crate) fn due(&self, waiting: usize) -> Option<Mono> {
        match waiting {
            0 => None,
            1..=FEW => Some(Mono::default()),
            _ => Some(
                self.last_act
                    .after(REST)
                    .min(self.run_began.after(PATIENCE)),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Mono {
        Mono::default().after(Duration::from_millis(millis))
    }

    #[test]
    fn a_few_are_written_at_once() {
        let mut timing = RecordTiming::default();
        timing.acted(at(1000));
        assert_eq!(
            (timing.due(0), timing.due(FEW)),
            (None, Some(Mono::default()))
        );
    }

    #[test]
    fn many_wait_for_rest_but_not_for_long() {
        let mut timing = RecordTiming::default();
        timing.acted(at(1000));
        assert_eq!(timing.due(FEW + 1), Some(at(1002)));
        for millis in 1001..1150 {
            timing.acted(at(millis));
        }
        assert_eq!(timing.due(FEW + 1), Some(at(1100)));
        timing.acted(at(2000));
        assert_eq!(timing.due(FEW + 1), Some(at(2002)));
    }
}
