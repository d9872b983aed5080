//! Drives a colony through its files.
//!
//! # Theory of operation
//!
//! A command is a few steps, each in a module of its own: the words of the command line
//! ([`cli`]) are turned into programs that exist ([`selection`]), a file is written by
//! `ncolony_core::ctllib`, and then the command waits until the monitor's records show what came
//! of it. Whether a record shows that is decided without any waiting ([`effect`]); the waiting
//! decides nothing ([`watch`]). What people see is made as text ([`note`], [`table`],
//! [`diagnosis`]) and leaves the process in one place ([`report`]).
//!
//! The monitor is met only in files. Whether one is alive is asked of the kernel ([`liveness`]):
//! a lock cannot be left behind by a process that is gone.

mod act;
mod checklist;
mod cli;
mod commands;
mod dependents;
mod diagnosis;
mod doubts;
mod effect;
mod ending;
mod history;
mod interruption;
mod liveness;
mod misspelling;
mod note;
mod records;
mod report;
mod selection;
mod session;
mod staleness;
mod table;
mod tail;
mod waiting_room;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::ending::Ending;
use crate::report::Report;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let wrong = if cli::is_upgrade_check(std::env::args_os()) {
                Ending::UpgradeCheckUsage
            } else {
                Ending::Usage
            };
            return ExitCode::from(report::usage(&error, wrong));
        }
    };
    let mut report = Report::new(cli.global.json, cli.global.color.into());
    let ending = commands::run(&cli, &mut report).unwrap_or_else(|failure| {
        report.failure(&failure);
        failure.ending
    });
    match report.finish() {
        Ok(()) => ExitCode::from(ending.code()),
        Err(()) => ExitCode::from(Ending::Failed.code()),
    }
}
