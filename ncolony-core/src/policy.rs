//! When a program that ended is started again: arithmetic only.

use std::time::Duration;

use crate::descriptor::Restart;
use crate::exit::Exit;
use crate::spec::Policy;
use crate::time::Mono;

/// Starts that nobody commanded are never closer than this.
pub const START_SPACING: Duration = Duration::from_millis(100);

/// How long we wait before trying a start again that the machine had no room for.
pub const SHORTAGE_DELAY: Duration = Duration::from_secs(1);

/// The range of a program's restart delays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delays {
    least: Duration,
    most: Duration,
}

impl Delays {
    /// Delays that double from `least` to `most`; `None` if `least` is the longer.
    #[must_use]
    pub fn new(least: Duration, most: Duration) -> Option<Self> {
        (least <= most).then_some(Self { least, most })
    }

    /// The delay after the first instant death.
    #[must_use]
    pub fn least(self) -> Duration {
        self.least
    }

    /// The longest delay.
    #[must_use]
    pub fn most(self) -> Duration {
        self.most
    }
}

/// How often in a row a program died young, and what that costs it the next time. Each death
/// doubles the delay; a long life, or a word of the user, takes it all back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    deaths: u32,
}

impl Backoff {
    /// A back-off that has seen so many instant deaths in a row.
    #[must_use]
    pub fn after_deaths(deaths: u32) -> Self {
        Self { deaths }
    }

    /// Instant deaths in a row so far.
    #[must_use]
    pub fn deaths(self) -> u32 {
        self.deaths
    }

    /// The wait that the next instant death will bring.
    #[must_use]
    pub fn next_delay(self, delays: Delays) -> Duration {
        // From 2^63 on any delay but zero is beyond every longest one.
        let factor = 1_u64 << self.deaths.min(63);
        let nanos = delays.least.as_nanos().saturating_mul(u128::from(factor));
        if nanos >= delays.most.as_nanos() {
            return delays.most;
        }
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Counts an instant death and gives the wait that it brings.
    pub fn died(&mut self, delays: Delays) -> Duration {
        let delay = self.next_delay(delays);
        self.deaths = self.deaths.saturating_add(1);
        delay
    }

    /// Forgets all deaths.
    pub fn reset(&mut self) {
        self.deaths = 0;
    }
}

/// A process that ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub exit: Exit,
    /// When it had been started.
    pub started: Mono,
    /// When it ended.
    pub at: Mono,
}

impl Ended {
    /// How long it lived.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.at.since(self.started)
    }
}

/// What an end leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Start it again, not before this point.
    StartAt {
        /// The earliest point.
        until: Mono,
        /// The wait, where this was an instant death.
        instant_death: Option<Duration>,
    },
    /// It exited, and its policy leaves it at that.
    Exited,
    /// It died young too many times in a row.
    GiveUp,
}

/// Whether an end is a success. What nobody knows is none.
#[must_use]
pub fn is_success(policy: &Policy, exit: Exit) -> bool {
    matches!(exit, Exit::Code(code) if policy.exit_codes.contains(&code))
}

/// Judges the end of a process that nobody had asked to stop.
pub fn judge(policy: &Policy, backoff: &mut Backoff, ended: &Ended) -> Verdict {
    let rests = match policy.restart {
        Restart::Always => false,
        Restart::OnFailure => is_success(policy, ended.exit),
        Restart::Never => true,
    };
    if rests {
        backoff.reset();
        return Verdict::Exited;
    }
    if ended.lifetime() >= policy.threshold {
        backoff.reset();
        let until = ended.at.max(ended.started.after(START_SPACING));
        return Verdict::StartAt {
            until,
            instant_death: None,
        };
    }
    instant_death(policy, backoff, ended.started, ended.at)
}

/// Counts an instant death at `at` of what was started at `started`.
pub fn instant_death(policy: &Policy, backoff: &mut Backoff, started: Mono, at: Mono) -> Verdict {
    let delay = backoff.died(policy.delays);
    if policy
        .give_up_after
        .is_some_and(|most| backoff.deaths() >= most)
    {
        return Verdict::GiveUp;
    }
    let until = at.after(delay).max(started.after(START_SPACING));
    Verdict::StartAt {
        until,
        instant_death: Some(delay),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::ProgramName;
    use crate::spec::{Defaults, ProgramSpec};

    fn policy(keys: &str) -> Policy {
        let text = format!(r#"{{"args": ["x"]{keys}}}"#);
        let name = ProgramName::new("x").unwrap();
        ProgramSpec::parse(name, text.as_bytes(), &Defaults::default())
            .unwrap()
            .policy
    }

    fn ended(exit: Exit, lifetime_ms: u64) -> Ended {
        let started = Mono::from_nanos(1_000_000_000);
        Ended {
            exit,
            started,
            at: started.after(Duration::from_millis(lifetime_ms)),
        }
    }

    #[test]
    fn delays_double_up_to_the_longest() {
        let delays = Delays::new(Duration::from_secs(1), Duration::from_secs(10)).unwrap();
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..6).map(|_| backoff.died(delays).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
        backoff.reset();
        assert_eq!(backoff.died(delays).as_secs(), 1);
    }

    #[test]
    fn a_delay_never_overflows() {
        let century = Duration::from_secs(3_000_000_000);
        let delays = Delays::new(Duration::from_nanos(1), century).unwrap();
        let mut backoff = Backoff { deaths: u32::MAX };
        assert_eq!(backoff.died(delays), century);
        let none = Delays::new(Duration::ZERO, century).unwrap();
        assert_eq!(backoff.died(none), Duration::ZERO);
    }

    #[test]
    fn a_long_life_is_followed_by_a_start_at_once() {
        let mut backoff = Backoff { deaths: 3 };
        let end = ended(Exit::Code(1), 1000);
        let verdict = judge(&policy(""), &mut backoff, &end);
        assert_eq!(
            verdict,
            Verdict::StartAt {
                until: end.at,
                instant_death: None
            }
        );
        assert_eq!(backoff.deaths(), 0);
    }

    #[test]
    fn a_short_life_waits() {
        let mut backoff = Backoff::default();
        let end = ended(Exit::Code(0), 999);
        let wait = Duration::from_secs(1);
        let verdict = judge(&policy(""), &mut backoff, &end);
        let until = end.at.after(wait);
        assert_eq!(
            verdict,
            Verdict::StartAt {
                until,
                instant_death: Some(wait)
            }
        );
    }

    #[test]
    fn starts_are_never_closer_than_the_spacing() {
        let policy = policy(r#", "threshold": 0, "minrestartdelay": 0"#);
        let end = ended(Exit::Code(0), 1);
        let Verdict::StartAt { until, .. } = judge(&policy, &mut Backoff::default(), &end) else {
            panic!("it is started again");
        };
        assert_eq!(until, end.started.after(START_SPACING));
    }

    #[test]
    fn what_an_exit_leads_to() {
        let mut backoff = Backoff::default();
        let mut rests = |keys: &str, exit| {
            judge(&policy(keys), &mut backoff, &ended(exit, 5000)) == Verdict::Exited
        };
        assert!(rests(r#", "restart": "never""#, Exit::Code(1)));
        assert!(rests(r#", "restart": "on-failure""#, Exit::Code(0)));
        assert!(rests(
            r#", "restart": "on-failure", "exit_codes": [3]"#,
            Exit::Code(3)
        ));
        assert!(!rests(
            r#", "restart": "on-failure", "exit_codes": [3]"#,
            Exit::Code(0)
        ));
        assert!(!rests(r#", "restart": "on-failure""#, Exit::Unknown));
        assert!(!rests("", Exit::Code(0)));
    }

    #[test]
    fn it_gives_up_when_it_was_told_to() {
        let policy = policy(r#", "give_up_after": 2"#);
        let mut backoff = Backoff::default();
        let end = ended(Exit::Code(1), 0);
        assert!(matches!(
            judge(&policy, &mut backoff, &end),
            Verdict::StartAt { .. }
        ));
        assert_eq!(judge(&policy, &mut backoff, &end), Verdict::GiveUp);
    }
}
