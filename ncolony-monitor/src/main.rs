//! `ncolony-monitor`: see the library of the same crate for how it works.

use std::process::ExitCode;

use clap::Parser;
use ncolony_monitor::{Monitor, Options};

fn main() -> ExitCode {
    let options = Options::parse();
    options.start_log();
    let monitor = options
        .settings()
        .and_then(|settings| Monitor::start(settings).map_err(|error| error.to_string()));
    match monitor.map(Monitor::run) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => fail(&error.to_string()),
        Err(error) => fail(&error),
    }
}

fn fail(error: &str) -> ExitCode {
    tracing::error!("{error}");
    ExitCode::FAILURE
}
