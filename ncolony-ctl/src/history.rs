//! A line of what has happened, and how people read it.

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ncolony_core::{Exit, State, Wall};
use serde::Deserialize;

use crate::note::one_line;

/// A name shorter than this leaves room for longer ones: what comes later is not known yet.
const NAME_WIDTH: usize = 12;
/// As wide as the longest change, and as the longest cause.
const CHANGE_WIDTH: usize = "STARTING → STOPPING".len() - "→".len() + 1;
const CAUSE_WIDTH: usize = "dependency".len();

/// A line of the file of events, as far as people are told of it. States and causes are words: a
/// later monitor may know more of them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Happening {
    time: Wall,
    /// The program.
    pub(crate) name: String,
    from: String,
    to: String,
    cause: String,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    exit: Option<Exit>,
    #[serde(default)]
    output: Option<Vec<String>>,
    #[serde(default)]
    serial: u64,
}

impl Happening {
    /// Whether this comes after that one. What comes again was read twice.
    pub(crate) fn is_after(&self, last: &Self) -> bool {
        self.serial > last.serial || self.time > last.time
    }

    /// It in words, and below it what was printed last, where something was.
    pub(crate) fn lines(&self, zone: &TimeZone) -> Vec<String> {
        let change = format!("{} → {}", one_line(&self.from), one_line(&self.to));
        let style = self.style();
        let pad = " ".repeat(CHANGE_WIDTH.saturating_sub(change.chars().count()));
        let line = format!(
            "{}  {:NAME_WIDTH$}  {style}{change}{style:#}{pad}  {:CAUSE_WIDTH$}  {}",
            local(self.time, zone),
            one_line(&self.name),
            one_line(&self.cause),
            self.detail(),
        );
        let printed = self.output.iter().flatten();
        let printed = printed.map(|line| format!("    | {}", one_line(line)));
        std::iter::once(line.trim_end().to_owned())
            .chain(printed)
            .collect()
    }

    fn detail(&self) -> String {
        match (&self.detail, self.exit) {
            (Some(detail), _) => one_line(detail),
            (None, Some(exit)) => format!("it {exit}"),
            (None, None) => String::new(),
        }
    }

    /// The colour adds nothing that the words do not say.
    fn style(&self) -> Style {
        let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        match self.to.parse() {
            Ok(State::Running) => color(AnsiColor::Green),
            Ok(State::Starting) => color(AnsiColor::Cyan),
            Ok(State::Backoff | State::Stopping) => color(AnsiColor::Yellow),
            Ok(State::Fatal) => color(AnsiColor::Red),
            Ok(State::Stopped | State::Exited) => Style::new().dimmed(),
            Err(_) => Style::new(),
        }
    }
}

/// A point of time as the clock on the wall shows it.
fn local(time: Wall, zone: &TimeZone) -> String {
    match Timestamp::from_millisecond(time.as_millis()) {
        Ok(stamp) => {
            let local = stamp.to_zoned(zone.clone());
            local.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
        }
        Err(_) => time.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happening(keys: &str) -> Happening {
        let text = format!(
            r#"{{"time": "2026-11-20T12:00:00.123Z", "name": "web", "from": "RUNNING",
                "to": "BACKOFF", "cause": "exit"{keys}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn plain(happening: &Happening) -> Vec<String> {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let strip = |line: String| anstream::adapter::strip_str(&line).to_string();
        happening.lines(&zone).into_iter().map(strip).collect()
    }

    #[test]
    fn a_line_says_when_whose_what_and_why() {
        let lines = plain(&happening(
            r#", "detail": "it exited with code 3 after 2 s""#,
        ));
        assert_eq!(
            lines,
            [
                "2026-11-20 13:00:00.123  web           RUNNING → BACKOFF    exit        it exited with code 3 after 2 s"
            ]
        );
    }

    #[test]
    fn the_last_lines_stand_below_it_and_harm_no_terminal() {
        let lines = plain(&happening(
            r#", "exit": {"code": 3}, "output": ["one", "t\u001b[31mwo"]"#,
        ));
        assert!(lines[0].ends_with("exit        it exited with code 3"));
        assert_eq!(&lines[1..], ["    | one", "    | t [31mwo"]);
    }

    #[test]
    fn words_of_a_later_monitor_are_shown_as_they_are() {
        let text = r#"{"time": "2026-11-20T12:00:00Z", "name": "web", "from": "NEW",
                       "to": "NEWER", "cause": "whim", "more": 1}"#;
        let lines = plain(&serde_json::from_str(text).unwrap());
        assert!(lines[0].contains("NEW → NEWER") && lines[0].ends_with("whim"));
    }

    #[test]
    fn what_was_read_twice_is_known_by_its_number() {
        let first = happening(r#", "serial": 7"#);
        assert!(!first.is_after(&first));
        assert!(happening(r#", "serial": 8"#).is_after(&first));
        let mut anew = happening(r#", "serial": 1"#);
        assert!(!anew.is_after(&first));
        anew.time = anew.time.after(std::time::Duration::from_secs(1));
        assert!(
            anew.is_after(&first),
            "somebody has removed all that was there"
        );
    }
}
