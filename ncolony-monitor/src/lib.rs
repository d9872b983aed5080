//! The process that keeps the running programs equal to the files.
//!
//! # Theory of operation
//!
//! `ncolony-core` decides, this crate does. One loop ([`Monitor::run`]) owns the machine: it waits
//! for a fact, gathers all that are there, lets the machine settle, and carries out its orders,
//! each one call. Nothing else touches the machine, so nothing needs a lock.
//!
//! - `sources` is where facts come from: the two directories (a watcher's hint says where to look,
//!   the look is the truth, and every `frequency` seconds everything is looked at), signals, and
//!   the end of children.
//! - `executor` is where orders go to: `launch` and `sys::spawn` start processes, `statusdir`
//!   writes what is so, `logs` moves what programs print, on a thread of its own.
//! - `sys` holds every system call, and all that is unsafe.
//!
//! A monitor in operation does not end for an input, a full disk or a refused fork: what cannot be
//! done is said in `monitor.json`, and tried again.
//!
//! ```no_run
//! use ncolony_monitor::{Monitor, Settings};
//! let settings = Settings::at_root("/srv/colony");
//! Monitor::start(settings)?.run()?;
//! # Ok::<(), ncolony_monitor::StartError>(())
//! ```

mod adopt;
mod announcer;
mod cli;
mod crash_point;
mod daemon;
mod driver;
mod eventlog;
mod executor;
mod guarantees;
mod handover;
mod inheritance;
mod invocation;
mod journal;
mod launch;
mod listening;
mod logs;
mod overview;
mod own_log;
mod pid_file;
mod place;
mod read_state;
mod readiness;
mod record_timing;
mod run_id;
mod sources;
mod start;
mod state;
mod statusdir;
#[expect(unsafe_code, reason = "every system call of the monitor is made here")]
mod sys;
mod upgrade;
mod way;

pub use cli::{LogFormat, Options};
pub use daemon::{Part, Verdict};
pub use invocation::Invocation;
pub use read_state::read_state;
pub use start::{CgroupMode, Monitor, Settings, StartError, WatchMode};
