//! The command line.

use std::ffi::OsString;
use std::time::Duration;

use clap::{ArgGroup, Parser};
use croner::Cron;
use jiff::tz::TimeZone;
use ncolony_core::checks::TIME_MIN;
use ncolony_core::time::{seconds_from, span_in_words};

use super::machine::{Overlap, Settings};
use super::timetable::{Point, Timetable};

/// The grace of a calendar's runs that are told none: less than the time that a monitor gives this
/// program itself, unless it is told otherwise.
const GRACE: Duration = Duration::from_secs(3);

const MORE: &str = "\
With --frequency the first run is at once, and --timeout and --grace are required. Exit status: \
0 told to stop, 1 failed, 2 usage.";

/// Runs a command again and again, by a period or by a calendar
#[derive(Debug, Parser)]
#[command(name = "ncolony-scheduler", version, after_help = MORE)]
#[command(group = ArgGroup::new("when").required(true).args(["frequency", "cron"]))]
#[command(group = ArgGroup::new("what").required(true).args(["arg", "command"]))]
pub(crate) struct Cli {
    /// Run it this often, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds, requires_all = ["timeout", "grace"])]
    frequency: Option<Duration>,
    /// Run it whenever the clock matches: minute, hour, day of month, month, day of week; with six
    /// fields the first is the second
    #[arg(long, value_name = "EXPRESSION")]
    cron: Option<Cron>,
    /// The time zone of --cron, as Europe/Berlin; else that of the machine
    #[arg(long, value_name = "ZONE", requires = "cron", value_parser = zone)]
    timezone: Option<TimeZone>,
    /// End a run that takes longer: TERM to all its processes
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// KILL what is left this long after TERM [with --cron: 3]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    grace: Option<Duration>,
    /// Start each run up to this much later, at random
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    jitter: Option<Duration>,
    /// What becomes of a run that is due while the one before is still running
    #[arg(long, value_enum, default_value_t = Overlap::Skip)]
    overlap: Overlap,
    /// Run it at once as well
    #[arg(long)]
    run_at_start: bool,
    /// The command and its arguments, one by one
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    arg: Vec<OsString>,
    /// The command and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Cli {
    /// The command with its arguments: at least one word.
    pub(crate) fn command(&self) -> Vec<OsString> {
        [&self.arg[..], &self.command].concat()
    }

    /// Whether the timetable goes by the wall clock.
    pub(crate) const fn is_calendar(&self) -> bool {
        self.cron.is_some()
    }

    /// What was asked for, by a clock that shows `now`.
    ///
    /// # Errors
    /// What was asked for cannot be, with the reason.
    pub(crate) fn settings(self, now: Point) -> Result<Settings, String> {
        let jitter = self.jitter.unwrap_or_default();
        let at_start = self.run_at_start || self.frequency.is_some();
        let timetable = match (self.frequency, self.cron) {
            (Some(period), _) => Timetable::Every { first: now, period },
            (None, Some(cron)) => Timetable::Calendar {
                cron: Box::new(cron),
                zone: self.timezone.unwrap_or_else(TimeZone::system),
            },
            (None, None) => return Err("--frequency or --cron is needed".to_owned()),
        };
        if timetable.next(now).is_none() {
            return Err("--cron: no date matches this; is it a day that its month has?".to_owned());
        }
        if let Some(gap) = timetable.shortest_gap(now).filter(|gap| jitter >= *gap) {
            return Err(format!(
                "--jitter has to be shorter than the time between two runs, here {}",
                span_in_words(gap)
            ));
        }
        Ok(Settings {
            timetable,
            timeout: self.timeout,
            grace: self.grace.unwrap_or(GRACE),
            jitter,
            overlap: self.overlap,
            at_start,
        })
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let span = text.parse().ok().and_then(seconds_from);
    span.filter(|span| *span >= TIME_MIN)
        .ok_or_else(|| "seconds are wanted, 0.001 or more, as 10 or 0.5".to_owned())
}

fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|error| {
        format!("{error}; names are as Europe/Berlin, and are read from /usr/share/zoneinfo")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Cli, clap::Error> {
        let name = "ncolony-scheduler";
        Cli::try_parse_from([name].iter().chain(words))
    }

    fn settings(words: &[&str]) -> Result<Settings, String> {
        parse(words).unwrap().settings(Point::from_nanos(7))
    }

    const PERIOD: [&str; 6] = ["--frequency", "10", "--timeout", "0.5", "--grace", "1"];

    #[test]
    fn the_command_line_of_the_original() {
        let words = ["--arg", "sh", "--arg", "-c", "--arg", "--frequency"];
        let cli = parse(&[&PERIOD[..], &words].concat()).unwrap();
        assert_eq!(cli.command(), ["sh", "-c", "--frequency"]);
        let settings = cli.settings(Point::from_nanos(7)).unwrap();
        assert!(settings.at_start);
        assert_eq!(settings.timeout, Some(Duration::from_millis(500)));
        assert_eq!(settings.grace, Duration::from_secs(1));
    }

    #[test]
    fn all_four_are_needed_and_none_is_next_to_zero() {
        let whole = [
            "--frequency",
            "1",
            "--timeout",
            "1",
            "--grace",
            "1",
            "--arg",
            "x",
        ];
        assert!(parse(&whole).is_ok());
        for left_out in 0..4 {
            let mut words = whole.to_vec();
            words.drain(left_out * 2..left_out * 2 + 2);
            assert!(parse(&words).is_err(), "{words:?}");
        }
        for zero in ["0", "1e-9", "-1", "nan", "x", ""] {
            let words = [&PERIOD[2..], &["--frequency", zero, "--arg", "x"]].concat();
            assert!(parse(&words).is_err(), "{zero:?}");
        }
    }

    #[test]
    fn a_calendar_needs_neither_timeout_nor_grace() {
        let words = [
            "--cron",
            "*/5 * * * *",
            "--timezone",
            "UTC",
            "--",
            "true",
            "--x",
        ];
        let cli = parse(&words).unwrap();
        assert_eq!(cli.command(), ["true", "--x"]);
        let settings = cli.settings(Point::from_nanos(7)).unwrap();
        assert_eq!((settings.timeout, settings.grace), (None, GRACE));
        assert!(!settings.at_start);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for words in [
            &["--cron", "61 * * * *", "--", "true"][..],
            &[
                "--cron",
                "* * * * *",
                "--timezone",
                "No/Where",
                "--",
                "true",
            ],
            &["--timezone", "UTC", "--", "true"],
            &["--cron", "* * * * *"],
            &["--cron", "* * * * *", "--arg", "x", "--", "true"],
            &["--cron", "* * * * *", "--overlap", "kill", "--", "true"],
            &[
                "--cron",
                "* * * * *",
                "--frequency",
                "1",
                "--timeout",
                "1",
                "--grace",
                "1",
                "--arg",
                "x",
            ],
        ] {
            let refused = parse(words);
            assert!(refused.is_err(), "{words:?}");
            assert_eq!(refused.unwrap_err().exit_code(), 2);
        }
        let never = settings(&["--cron", "0 0 30 2 *", "--", "true"]);
        assert!(never.unwrap_err().contains("no date matches"));
        let words = [&PERIOD[..], &["--jitter", "10", "--arg", "x"]].concat();
        assert!(settings(&words).unwrap_err().contains("here 10 s"));
        let minutely = |jitter| settings(&["--cron", "* * * * *", "--jitter", jitter, "--", "x"]);
        assert!(minutely("60").unwrap_err().contains("here 60 s"));
        assert!(minutely("59.9").is_ok());
    }
}
