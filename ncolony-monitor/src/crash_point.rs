//! Points at which a build for tests dies.
//!
//! With the feature `crash-points`, and `NCOLONY_CRASH_AT=n WHAT` in its environment, the monitor
//! kills itself when it reaches the point WHAT for the n-th time, as `kill -9` would. There is one
//! on either side of everything that stays when we are gone: what is written down, each order, each
//! step of a rotation. So a test can kill it everywhere, one place after the other. Without the
//! feature a point is nothing at all.

/// A point, and what it is called.
#[cfg(not(feature = "crash-points"))]
#[inline]
pub(crate) const fn reach(_what: &str) {}

#[cfg(feature = "crash-points")]
pub(crate) use counted::reach;

#[cfg(feature = "crash-points")]
mod counted {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use ncolony_core::Signal;

    use crate::sys::signal;

    /// Where the monitor dies: which time, a space, which point.
    const VARIABLE: &str = "NCOLONY_CRASH_AT";

    /// How often that point was reached, by all threads together.
    static REACHED: AtomicU64 = AtomicU64::new(0);

    fn last() -> Option<(u64, String)> {
        let text = std::env::var(VARIABLE).ok()?;
        let (number, what) = text.split_once(' ')?;
        Some((number.parse().ok()?, what.to_owned()))
    }

    /// Kills the monitor if this is the time at which it is to die here.
    pub(crate) fn reach(what: &str) {
        static LAST: OnceLock<Option<(u64, String)>> = OnceLock::new();
        let Some((number, point)) = LAST.get_or_init(last) else {
            return;
        };
        if point != what || REACHED.fetch_add(1, Ordering::SeqCst) + 1 != *number {
            return;
        }
        tracing::error!(number, "crash point: {what}");
        // Nobody can refuse this, and nothing is tidied up.
        let _refused = signal::to_process(std::process::id(), Signal::KILL);
        std::process::abort();
    }
}
