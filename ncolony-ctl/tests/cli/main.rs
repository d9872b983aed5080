//! The real binary: without a monitor, and against a monitor that the test plays in files.

mod colony;
mod played_monitor;
mod with_monitor;
mod without_monitor;
