//! The two clocks.

use std::time::Duration;

use ncolony_core::Mono;
use nix::time::{ClockId, clock_gettime};

use crate::scheduler::Point;

/// The present on the monotonic clock.
pub(crate) fn mono() -> Mono {
    Mono::from_nanos(nanos(ClockId::CLOCK_MONOTONIC))
}

/// The clock that a timetable goes by: the wall clock for a calendar, else the monotonic one.
pub(crate) fn of(is_calendar: bool) -> fn() -> Point {
    if is_calendar {
        || Point::from_nanos(nanos(ClockId::CLOCK_REALTIME))
    } else {
        || Point::from_nanos(nanos(ClockId::CLOCK_MONOTONIC))
    }
}

fn nanos(clock: ClockId) -> u64 {
    // Both clocks are there on every Linux; a time before 1970 counts as its start.
    let now = clock_gettime(clock)
        .ok()
        .filter(|now| now.tv_sec() >= 0)
        .map_or(Duration::ZERO, Duration::from);
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}
