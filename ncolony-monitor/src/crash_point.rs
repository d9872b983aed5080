//! Points at which a build for tests dies.
//!
//! With the feature `crash-points`, and `NCOLONY_CRASH_AT=n` in its environment, the monitor kills
//! itself at the n-th point that it reaches, as `kill -9` would. There is one on either side of
//! everything that stays when we are gone: what is written down, each order, each step of a
//! rotation. So a test can kill it everywhere, one place after the other. Without the feature a
//! point is nothing at all.

/// A point. `what` says which, for the one line that is logged when it is the last.
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

    /// Which point is the last.
    const VARIABLE: &str = "NCOLONY_CRASH_AT";

    /// How many were reached, by all threads together.
    static REACHED: AtomicU64 = AtomicU64::new(0);

    pub(crate) fn reach(what: &str) {
        static LAST: OnceLock<Option<u64>> = OnceLock::new();
        let last = LAST.get_or_init(|| std::env::var(VARIABLE).ok()?.parse().ok());
        let number = REACHED.fetch_add(1, Ordering::SeqCst) + 1;
        if *last != Some(number) {
            return;
        }
        tracing::error!(number, "crash point: {what}");
        // Nobody can refuse this, and nothing is tidied up.
        let _refused = signal::to_process(std::process::id(), Signal::KILL);
        std::process::abort();
    }
}
