//! When runs are due: arithmetic only.

use std::time::Duration;

use croner::Cron;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A point on the clock that a timetable goes by, in nanoseconds: since a fixed point of this boot
/// for a period, since 1970 for a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point(u64);

impl Point {
    /// The point `nanos` nanoseconds after the clock's zero.
    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's zero.
    pub(crate) const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this point; zero if `earlier` is the later one.
    pub(crate) const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This point moved on by `span`.
    pub(crate) fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanos(span)))
    }

    /// This point moved back by `span`.
    pub(crate) fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(span)))
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// The points at which runs are due.
#[derive(Clone, Debug)]
pub(crate) enum Timetable {
    /// At `first`, and then at every multiple of `period` after it, however long runs take.
    Every {
        /// The first.
        first: Point,
        /// More than zero.
        period: Duration,
    },
    /// Whenever a wall clock in this zone matches the expression.
    Calendar {
        /// The expression.
        cron: Box<Cron>,
        /// Whose local time it means.
        zone: TimeZone,
    },
}

/// So many runs of a calendar are looked at to find out how close they come.
const LOOKED_AT: usize = 100;

/// How many runs of a calendar are counted one by one; more are "at least" as many.
pub(crate) const COUNTED_MAX: u64 = 1000;

impl Timetable {
    /// The first due point later than `point`; none if there is no more.
    pub(crate) fn next(&self, point: Point) -> Option<Point> {
        match self {
            Self::Every { first, period } => {
                if point < *first {
                    return Some(*first);
                }
                let periods = periods_between(*first, point, *period);
                Some(at(*first, *period, periods.saturating_add(1)))
            }
            Self::Calendar { cron, zone } => {
                let from = timestamp(point)?.to_zoned(zone.clone());
                let found = cron.find_next_occurrence(&from, false).ok()?;
                from_timestamp(found.timestamp())
            }
        }
    }

    /// The last due point that is not later than `point`, if there is one.
    pub(crate) fn last(&self, point: Point) -> Option<Point> {
        match self {
            Self::Every { first, period } => (point >= *first)
                .then(|| at(*first, *period, periods_between(*first, point, *period))),
            Self::Calendar { cron, zone } => {
                let from = timestamp(point)?.to_zoned(zone.clone());
                let found = cron.find_previous_occurrence(&from, true).ok()?;
                from_timestamp(found.timestamp()).filter(|found| *found <= point)
            }
        }
    }

    /// The shortest time between two due points, of a calendar between those that come next.
    pub(crate) fn shortest_gap(&self, from: Point) -> Option<Duration> {
        match self {
            Self::Every { period, .. } => Some(*period),
            Self::Calendar { .. } => {
                let due = std::iter::successors(self.next(from), |point| self.next(*point));
                let due: Vec<Point> = due.take(LOOKED_AT).collect();
                due.windows(2).map(|pair| pair[1].since(pair[0])).min()
            }
        }
    }

    /// How many due points there are from `first` on and before `end`; of a calendar,
    /// [`COUNTED_MAX`] at most.
    pub(crate) fn count(&self, first: Point, end: Point) -> u64 {
        match self {
            Self::Every { period, .. } => {
                let whole = end.since(first).as_nanos();
                u64::try_from(whole.div_ceil(period.as_nanos().max(1))).unwrap_or(u64::MAX)
            }
            Self::Calendar { .. } => {
                let mut due = Some(first);
                let mut count = 0;
                while let Some(point) = due.filter(|due| *due < end && count < COUNTED_MAX) {
                    count += 1;
                    due = self.next(point);
                }
                count
            }
        }
    }

    /// Whether this goes by the wall clock.
    pub(crate) const fn is_calendar(&self) -> bool {
        match self {
            Self::Every { .. } => false,
            Self::Calendar { .. } => true,
        }
    }

    /// A point for people, where the clock is theirs.
    pub(crate) fn in_words(&self, point: Point) -> Option<String> {
        match self {
            Self::Every { .. } => None,
            Self::Calendar { zone, .. } => {
                let local = timestamp(point)?.to_zoned(zone.clone());
                Some(local.strftime("%Y-%m-%d %H:%M:%S %:z").to_string())
            }
        }
    }
}

fn periods_between(first: Point, point: Point, period: Duration) -> u64 {
    point.0.saturating_sub(first.0) / nanos(period).max(1)
}

fn at(first: Point, period: Duration, periods: u64) -> Point {
    Point(
        first
            .0
            .saturating_add(nanos(period).saturating_mul(periods)),
    )
}

fn timestamp(point: Point) -> Option<Timestamp> {
    Timestamp::from_nanosecond(i128::from(point.0)).ok()
}

fn from_timestamp(found: Timestamp) -> Option<Point> {
    u64::try_from(found.as_nanosecond()).ok().map(Point)
}

#[cfg(test)]
mod tests;
