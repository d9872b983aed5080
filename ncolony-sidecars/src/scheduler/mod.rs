//! Runs a command again and again, by a period or by a calendar.
//!
//! # Theory of operation
//!
//! When runs are due is arithmetic (`timetable`). What becomes of a run that is due, late, missed
//! or in the way of another is decided by a machine without a clock or a process (`machine`): it
//! is told the time and what has happened, and gives orders. One loop, in one thread, waits for
//! whichever comes first of a signal, output, the end of the run and the next point in time, tells
//! the machine, and carries out what it orders (`driver`).
//!
//! A period is measured on the monotonic clock, which nobody sets and which stands still while the
//! machine sleeps. A calendar goes by the wall clock; a timer of the kernel that follows it wakes
//! the loop, also when the clock is set and when the machine wakes up.
//!
//! A run is a session and a process group of its own, and lasts as long as any process of that
//! group. A signal to the group can reach nobody else meanwhile.

mod cli;
mod driver;
mod lines;
mod machine;
mod output;
mod run;
mod timetable;

use std::process::ExitCode;

use clap::Parser;

use crate::sys::clock;
use crate::sys::errno;
use cli::Cli;
use driver::Driver;
pub(crate) use timetable::Point;

/// The program `ncolony-scheduler`: reads the command line, and returns when it was told to stop.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let command = cli.command();
    let clock = clock::of(cli.is_calendar());
    let settings = match cli.settings(clock()) {
        Ok(settings) => settings,
        Err(wrong) => {
            output::failure(&wrong);
            return ExitCode::from(2);
        }
    };
    match Driver::new(settings, clock, command).and_then(Driver::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::failure(&errno::of(&error));
            ExitCode::FAILURE
        }
    }
}
