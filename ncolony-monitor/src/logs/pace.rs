//! How long to let bytes come together before they are moved: waking for every line costs more
//! than moving it. Arithmetic only.

use std::time::Duration;

/// The longest pause.
const LONGEST: Duration = Duration::from_millis(2);

/// A shorter pause is not worth its two system calls.
const SHORTEST: Duration = Duration::from_micros(50);

/// A program that so often in a row has filled its FIFO gets a larger one.
pub(super) const OFTEN: u32 = 3;

/// How large that is.
pub(super) const LARGE: i32 = 1024 * 1024;

/// How long to pause after so many bytes have come in `since` into a FIFO of `capacity`: as long
/// as it takes to fill a part of it, but not long. Who fills it is not kept waiting at all, and of
/// who comes near to that less is awaited: a pause is easily longer than it was meant to be.
pub(super) fn pause(moved: usize, since: Duration, capacity: usize) -> Duration {
    if moved == 0 {
        return LONGEST;
    }
    if was_full(moved, capacity) {
        return Duration::ZERO;
    }
    let part = if moved >= capacity / 4 { 8 } else { 2 };
    let awaited = u128::try_from(capacity / part).unwrap_or(u128::MAX);
    let moved = u128::try_from(moved).unwrap_or(u128::MAX);
    let nanos = since.as_nanos().saturating_mul(awaited) / moved;
    let pause = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).min(LONGEST);
    if pause < SHORTEST {
        Duration::ZERO
    } else {
        pause
    }
}

/// Whether so much says that the FIFO was full.
pub(super) fn was_full(moved: usize, capacity: usize) -> bool {
    moved + 4096 >= capacity
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_prints_little_is_left_alone_for_a_while() {
        assert_eq!(pause(80, Duration::from_secs(9), 65536), LONGEST);
        assert_eq!(pause(80, Duration::from_millis(2), 65536), LONGEST);
    }

    #[test]
    fn who_prints_much_is_never_kept_waiting() {
        let milli = Duration::from_millis(1);
        assert_eq!(pause(65536, milli, 65536), Duration::ZERO, "it was full");
        assert_eq!(pause(32768, milli, 65536), milli / 4);
        assert_eq!(pause(8192, milli / 8, 65536), milli / 2);
        let fast = Duration::from_micros(30);
        assert_eq!(pause(32768, fast, 65536), Duration::ZERO);
        assert!(was_full(65536, 65536) && !was_full(32768, 65536));
    }
}
