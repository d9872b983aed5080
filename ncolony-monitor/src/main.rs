//! `ncolony-monitor`: see the library of the same crate for how it works.

use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use ncolony_core::Exit;
use ncolony_monitor::{Monitor, Options, Part, Settings, Verdict, read_state};

/// What is added to the number of a signal, as shells do.
const SIGNALLED: u8 = 128;

/// Runs a monitor, or answers a question about one, as the command line says.
pub(crate) fn main() -> ExitCode {
    let options = Options::parse();
    if let Some(path) = options.read_state() {
        options.start_log();
        return answer(&options, path);
    }
    let settings = options.settings();
    let part = settings.and_then(|settings| Ok((settings, options.part()?)));
    if let Ok((_, Part::Caller(code))) = &part {
        return *code;
    }
    options.start_log();
    match part {
        Ok((settings, Part::Daemon(verdict))) => run(settings, Some(verdict)),
        Ok((settings, Part::Stays | Part::Caller(_))) => run(settings, None),
        Err(why) => fail(&why),
    }
}

fn run(settings: Settings, verdict: Option<Verdict>) -> ExitCode {
    let monitor = match Monitor::start(settings) {
        Ok(monitor) => monitor,
        Err(error) => {
            let why = error.to_string();
            if let Some(verdict) = verdict {
                verdict.failed(&why);
            }
            return fail(&why);
        }
    };
    let monitor = monitor.when_up(|| {
        if let Some(verdict) = verdict {
            verdict.up();
        }
    });
    match monitor.run() {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(exit)) => ExitCode::from(status(exit)),
        Err(error) => fail(&error.to_string()),
    }
}

/// The exit status that tells how a program ended.
fn status(exit: Exit) -> u8 {
    match exit {
        Exit::Code(code) => code,
        Exit::Signal(signal) => u8::try_from(signal.number()).map_or(u8::MAX, |it| it | SIGNALLED),
        // What is not known is not taken for a success.
        Exit::Unknown => 1,
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
