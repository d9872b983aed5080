//! The command line of `ncolony-monitor`.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use ncolony_core::places::{Caller, PlaceFlags, Places, Surroundings};
use ncolony_core::time::seconds_from;
use ncolony_core::{Defaults, ProgramName};

use crate::daemon::{self, Part};
use crate::invocation::Invocation;
use crate::sys::outlet::LineOutlet;
use crate::{CgroupMode, Settings, WatchMode, own_log, sys, upgrade};

/// Keeps the running programs equal to the files in a directory.
#[derive(Debug, Parser)]
#[command(name = "ncolony-monitor", version, about)]
pub struct Options {
    /// The directory of program files: what should run
    #[arg(long, value_name = "DIR")]
    config: Option<PathBuf>,
    /// The directory of messages: what is asked
    #[arg(long, value_name = "DIR")]
    messages: Option<PathBuf>,
    /// The directory of records: what is so
    #[arg(long, value_name = "DIR")]
    status: Option<PathBuf>,
    /// The directory of logs: what the programs print
    #[arg(long, value_name = "DIR")]
    logs: Option<PathBuf>,
    /// One directory for all four: DIR/config, DIR/messages, DIR/status, DIR/logs
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Write a file DIR/NAME with the process number of each program
    #[arg(long, value_name = "DIR")]
    pid: Option<PathBuf>,
    /// Look at both directories in full every so many seconds
    #[arg(long, alias = "freq", value_name = "SECONDS", default_value = "10", value_parser = positive_seconds)]
    frequency: Duration,
    /// A process that lives for less died an instant death
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    threshold: Duration,
    /// How long a stop waits before it sends KILL
    #[arg(short, long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    killtime: Duration,
    /// The delay after the first instant death; it doubles with each
    #[arg(short, long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    minrestartdelay: Duration,
    /// The longest delay
    #[arg(short = 'M', long, value_name = "SECONDS", default_value = "3600", value_parser = seconds)]
    maxrestartdelay: Duration,
    /// How to learn of changes: from the kernel where it tells them, or by looking alone
    #[arg(long, value_enum, default_value = "auto")]
    watch: WatchMode,
    /// What holds all processes of a program together: a control group where the machine lets the
    /// monitor make them, or never one
    #[arg(long, value_enum, default_value = "auto")]
    cgroup: CgroupMode,
    /// The shape of the monitor's own log, on standard error
    #[arg(long, value_enum, default_value = "text")]
    log_format: LogFormat,
    /// Say whether this version can go on from the state in FILE (- is standard input), and which
    /// program files it finds good; start nothing
    #[arg(long, value_name = "FILE")]
    read_state: Option<PathBuf>,
    /// Leave the terminal and go on in the background; return when the colony is up
    #[arg(long)]
    daemonize: bool,
    /// Write the monitor's process number into FILE, and remove it at an orderly end
    #[arg(long, value_name = "FILE")]
    pidfile: Option<PathBuf>,
    /// Print into FILE, and open it anew at USR2 (with --daemonize: LOGS/monitor.out, or
    /// STATUS/monitor.out where there is no place for logs)
    #[arg(long, value_name = "FILE")]
    logfile: Option<PathBuf>,
    /// When this program ends by itself, stop everything and exit with its code, or with 128 and
    /// the number of its signal
    #[arg(long, value_name = "NAME")]
    exit_with: Option<ProgramName>,
    /// How much the monitor's own log says: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: tracing::Level,
}

/// The shape of the monitor's own log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON document per line.
    Json,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text
        .parse()
        .map_err(|_| "it is not a number of seconds".to_owned())?;
    seconds_from(number).ok_or_else(|| "it must be 0 or more, and at most 100 years".to_owned())
}

fn positive_seconds(text: &str) -> Result<Duration, String> {
    let span = seconds(text)?;
    if span < Duration::from_millis(10) {
        return Err("it must be at least 0.01".to_owned());
    }
    Ok(span)
}

impl Options {
    /// What was asked for, resolved with the environment.
    ///
    /// # Errors
    /// The places cannot be found, or the words do not fit together.
    pub fn settings(&self) -> Result<Settings, String> {
        let flags = PlaceFlags {
            config: self.config.clone(),
            messages: self.messages.clone(),
            status: self.status.clone(),
            logs: self.logs.clone(),
            root: self.root.clone(),
        };
        let around = Surroundings {
            variable: &|name| std::env::var_os(name),
            caller: if sys::limits::is_root() {
                Caller::Root
            } else {
                Caller::User
            },
            current_dir: std::env::current_dir().unwrap_or_default(),
        };
        if self.minrestartdelay > self.maxrestartdelay {
            return Err("--minrestartdelay is longer than --maxrestartdelay".to_owned());
        }
        let places = Places::resolve(&flags, &around).map_err(|error| error.to_string())?;
        let absolute = |path: &PathBuf| around.current_dir.join(path);
        let own_log = self.logfile.as_ref().map(absolute);
        Ok(Settings {
            own_log: own_log.or_else(|| self.daemonize.then(|| own_log::default_path(&places))),
            pid_file: self.pidfile.as_ref().map(absolute),
            exit_with: self.exit_with.clone(),
            places,
            pid_dir: self.pid.clone(),
            frequency: self.frequency,
            defaults: Defaults {
                threshold: self.threshold,
                killtime: self.killtime,
                minrestartdelay: self.minrestartdelay,
                maxrestartdelay: self.maxrestartdelay,
            },
            watch: self.watch,
            invocation: Invocation::of_this_process(),
            cgroup: self.cgroup,
        })
    }

    /// Leaves the caller, if that is asked and was not done by the image before this one.
    ///
    /// To be called before any thread was made and anything was opened, and before
    /// [`Options::start_log`].
    ///
    /// # Errors
    /// A sentence: no process could be made.
    pub fn part(&self) -> Result<Part, String> {
        if self.daemonize && !upgrade::is_successor() {
            daemon::part()
        } else {
            Ok(Part::Stays)
        }
    }

    /// The state that is to be read, if that is all that is asked.
    #[must_use]
    pub fn read_state(&self) -> Option<&Path> {
        self.read_state.as_deref()
    }

    /// Sends the monitor's own log to standard error.
    pub fn start_log(&self) {
        let log = tracing_subscriber::fmt()
            .with_writer(Mutex::new(LineOutlet::new(std::io::stderr())))
            .with_ansi(false)
            .with_target(false)
            .with_max_level(self.log_level);
        match self.log_format {
            LogFormat::Text => log.init(),
            LogFormat::Json => log.json().init(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(args: &[&str]) -> Result<Settings, String> {
        let args = ["ncolony-monitor", "--root", "/r"].iter().chain(args);
        Options::try_parse_from(args)
            .map_err(|error| error.to_string())?
            .settings()
    }

    #[test]
    fn the_flags_of_the_original_are_taken() {
        let flags = [
            "--freq", "0.5", "-t", "2", "-k", "3", "-m", "0.1", "-M", "60", "--pid", "/p",
        ];
        let settings = settings(&flags).unwrap();
        assert_eq!(settings.frequency, Duration::from_millis(500));
        assert_eq!(
            settings.defaults.minrestartdelay,
            Duration::from_millis(100)
        );
        assert_eq!(settings.pid_dir, Some("/p".into()));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for flags in [
            ["-t", "-1"],
            ["-t", "soon"],
            ["--frequency", "0"],
            ["-M", "0.5"],
            ["--watch", "x"],
            ["--cgroup", "always"],
        ] {
            assert!(settings(&flags).is_err(), "{flags:?}");
        }
    }
}
