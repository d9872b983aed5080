//! `ncolony-monitor`: see the library of the same crate for how it works.

use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use ncolony_monitor::{Monitor, Options, read_state};

pub(crate) fn main() -> ExitCode {
    let options = Options::parse();
    options.start_log();
    if let Some(path) = options.read_state() {
        return answer(&options, path);
    }
    let monitor = options
        .settings()
        .and_then(|settings| Monitor::start(settings).map_err(|error| error.to_string()));
    match monitor.map(Monitor::run) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => fail(&error.to_string()),
        Err(error) => fail(&error),
    }
}

/// Answers whoever wants to know whether this version can go on from a state.
fn answer(options: &Options, path: &Path) -> ExitCode {
    let answer = options
        .settings()
        .and_then(|settings| read_state(path, &settings));
    match answer {
        Ok(line) => match writeln!(stdout(), "{line}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(why) => fail(&why),
    }
}

fn fail(error: &str) -> ExitCode {
    tracing::error!("{error}");
    ExitCode::FAILURE
}
