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
/// as it takes to fill half of it, but not long.
pub(super) fn pause(moved: usize, since: Duration, capacity: usize) -> Duration {
    if moved == 0 {
        return LONGEST;
    }
    let half = u128::try_from(capacity / 2).unwrap_or(u128::MAX);
    let moved = u128::try_from(moved).unwrap_or(u128::MAX);
    let nanos = since.as_nanos().saturating_mul(half) / moved;
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
        assert_eq!(pause(65536, milli, 65536), milli / 2);
        assert_eq!(
            pause(65536, Duration::from_micros(30), 65536),
            Duration::ZERO
        );
        // Told a rate that is too low, because it was full, it comes to the right one.
        assert_eq!(pause(1 << 20, 2 * milli, 1 << 20), milli);
        assert!(was_full(65536, 65536) && !was_full(32768, 65536));
    }
}
