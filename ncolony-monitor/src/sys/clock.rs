//! The two clocks.

use ncolony_core::time::{Mono, Now, Wall};
use nix::time::{ClockId, clock_gettime};

/// The present on the monotonic clock. Every decision is made on this one.
pub(crate) fn mono() -> Mono {
    // The clock is there on every Linux; a zero would only delay what is due.
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC)
        .map_or(std::time::Duration::ZERO, std::time::Duration::from);
    Mono::from_nanos(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
}

/// The present on the wall clock, for people.
pub(crate) fn wall() -> Wall {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let millis = since_1970.map_or(0, |span| {
        i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
    });
    Wall::from_millis(millis)
}

/// How long ago the machine was started, times of sleep included.
pub(crate) fn since_boot() -> std::time::Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME)
        .map_or(std::time::Duration::ZERO, std::time::Duration::from)
}

/// How many of its ticks the kernel counts in a second.
pub(crate) fn ticks() -> u64 {
    let ticks = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK);
    let ticks = ticks
        .ok()
        .flatten()
        .and_then(|ticks| u64::try_from(ticks).ok());
    ticks.filter(|ticks| *ticks > 0).unwrap_or(100)
}

/// Both together.
pub(crate) fn now() -> Now {
    Now {
        mono: mono(),
        wall: wall(),
    }
}
