//! Time as integers that can be stored and passed as arguments. Nothing here asks a clock.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point on the monotonic clock, in nanoseconds since some fixed point of this boot. All that
/// is decided is decided on it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Mono(u64);

impl Mono {
    /// The point `nanos` nanoseconds after the clock's zero.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's zero.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this point; zero if `earlier` is the later one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This point moved on by `span`; the end of the clock's range at most.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

/// A point on the wall clock, in milliseconds since 1970. It is shown to people and never
/// decides anything: a step of the clock changes what is printed and nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(i64);

impl Wall {
    /// The point `millis` milliseconds after the start of 1970, UTC.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the start of 1970, UTC.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This point moved on by `span`.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)),
        )
    }
}

/// As RFC 3339 in UTC, with milliseconds.
impl fmt::Display for Wall {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stamp = jiff::Timestamp::from_millisecond(self.0).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        });
        write!(out, "{stamp:.3}")
    }
}

impl std::str::FromStr for Wall {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        Ok(Self(text.parse::<jiff::Timestamp>()?.as_millisecond()))
    }
}

impl Serialize for Wall {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Wall {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The present moment on both clocks, read together by whoever drives the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// What decisions are made on.
    pub mono: Mono,
    /// What people are shown.
    pub wall: Wall,
}

/// The span of this many seconds, if it is one that we count in: not negative, at most a hundred
/// years.
#[must_use]
pub fn seconds_from(seconds: f64) -> Option<Duration> {
    const CENTURY: f64 = 100.0 * 366.0 * 86_400.0;
    (0.0..=CENTURY)
        .contains(&seconds)
        .then(|| Duration::from_secs_f64(seconds))
}

/// A span in words for a sentence: `0.03 s`, `64 s`, `5 min`, `3 d`; rounded down.
#[must_use]
pub fn span_in_words(span: Duration) -> String {
    let whole = span.as_secs();
    if span < Duration::from_millis(10) {
        return if span.is_zero() {
            "0 s".to_owned()
        } else {
            "less than 0.01 s".to_owned()
        };
    }
    match whole {
        0..10 => format!("{} s", trimmed(span.as_secs_f64())),
        10..120 => format!("{whole} s"),
        120..7200 => format!("{} min", whole / 60),
        7200..172_800 => format!("{} h", whole / 3600),
        172_800.. => format!("{} d", whole / 86_400),
    }
}

fn trimmed(seconds: f64) -> String {
    let text = format!("{seconds:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monotonic_time_saturates() {
        let early = Mono::from_nanos(5);
        let late = early.after(Duration::from_nanos(7));
        assert_eq!(late.since(early), Duration::from_nanos(7));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(early.after(Duration::MAX), Mono::from_nanos(u64::MAX));
    }

    #[test]
    fn wall_time_reads_what_it_writes() {
        let wall = Wall::from_millis(1_763_640_000_123);
        assert_eq!(wall.to_string(), "2025-11-20T12:00:00.123Z");
        assert_eq!(wall.to_string().parse::<Wall>().unwrap(), wall);
        assert!(
            Wall::from_millis(i64::MAX)
                .to_string()
                .parse::<Wall>()
                .is_ok()
        );
    }

    #[test]
    fn spans_read_as_a_person_would_say_them() {
        let said = |millis| span_in_words(Duration::from_millis(millis));
        assert_eq!(said(0), "0 s");
        assert_eq!(said(9), "less than 0.01 s");
        assert_eq!(said(30), "0.03 s");
        assert_eq!(said(1000), "1 s");
        assert_eq!(said(2500), "2.5 s");
        assert_eq!(said(64_000), "64 s");
        assert_eq!(said(3_600_000), "60 min");
        assert_eq!(said(7_200_000), "2 h");
        assert_eq!(said(259_200_000), "3 d");
    }
}
