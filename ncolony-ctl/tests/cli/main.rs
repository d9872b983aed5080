//! The real binary: without a monitor, and against a monitor that the test plays in files.

#[cfg(test)]
mod check;
#[cfg(test)]
mod colony;
#[cfg(test)]
mod import;
#[cfg(test)]
mod outliving;
#[cfg(test)]
mod output;
#[cfg(test)]
mod played_monitor;
#[cfg(test)]
mod stale_records;
#[cfg(test)]
mod with_monitor;
#[cfg(test)]
mod without_monitor;
