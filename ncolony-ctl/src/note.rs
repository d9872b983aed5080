//! What the table says of a program: why it is in its state, and for how long.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ncolony_core::status::FILE_NEVER_GOOD;
use ncolony_core::time::span_in_words;
use ncolony_core::{ProgramStatus, Wall};

/// What is said of a process that this monitor did not start itself.
pub(crate) const ADOPTED: &str = "adopted from an earlier monitor";

/// Why a program is in its state, in one line: what is wrong with its file, the reason of its
/// state, when it is started again, what it says of itself, whether an earlier monitor started it.
pub(crate) fn note(record: &ProgramStatus, now: Wall) -> String {
    let mut parts = Vec::new();
    if let Some(error) = &record.config_error {
        parts.push(format!("error in its file: {error}"));
    }
    let said = record.config_error.is_some() && record.reason.as_deref() == Some(FILE_NEVER_GOOD);
    if !said {
        parts.extend(record.reason.clone());
    }
    parts.extend(next_start(record, now));
    parts.extend(record.note.as_ref().map(|note| format!("it says: {note}")));
    if record.adopted && record.pid.is_some() {
        parts.push(ADOPTED.to_owned());
    }
    one_line(&parts.join("; "))
}

/// When a program is started again, where that is known.
pub(crate) fn next_start(record: &ProgramStatus, now: Wall) -> Option<String> {
    let left = span(now, record.next_start?);
    Some(if left.is_zero() {
        "next start now".to_owned()
    } else {
        format!("next start in {}", span_in_words(whole_seconds_up(left)))
    })
}

/// How long a program's process has been there, in a form without spaces; `-` without one.
pub(crate) fn uptime(record: &ProgramStatus, now: Wall) -> String {
    record
        .started
        .map_or_else(|| "-".to_owned(), |started| compact(span(started, now)))
}

/// This moment, by the clock that people go by.
pub(crate) fn now() -> Wall {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Wall::from_millis(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
}

/// The two largest units of a span: `3d04h`, `2h05m`, `5m03s`, `12s`.
pub(crate) fn compact(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    if days > 0 {
        format!("{days}d{:02}h", hours % 24)
    } else if hours > 0 {
        format!("{hours}h{:02}m", minutes % 60)
    } else if minutes > 0 {
        format!("{minutes}m{:02}s", seconds % 60)
    } else {
        format!("{seconds}s")
    }
}

/// The time from one point to another; none if a step of the clock put them the other way round.
fn span(from: Wall, to: Wall) -> Duration {
    let millis = to.as_millis().saturating_sub(from.as_millis());
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

fn whole_seconds_up(span: Duration) -> Duration {
    Duration::from_secs(span.as_secs() + u64::from(span.subsec_nanos() > 0))
}

/// Texts come from programs and files: a line feed or an escape sequence in them must not reach a
/// terminal.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::tests::status;
    use ncolony_core::State;

    #[test]
    fn a_note_says_why_and_when_next() {
        let mut record = status("web", State::Backoff);
        record.reason = Some("it exited with code 1".to_owned());
        record.next_start = Some(Wall::from_millis(13_500));
        let now = Wall::from_millis(10_000);
        assert_eq!(
            note(&record, now),
            "it exited with code 1; next start in 4 s"
        );
        assert!(note(&record, Wall::from_millis(20_000)).ends_with("next start now"));
    }

    #[test]
    fn an_error_in_the_file_comes_first() {
        let mut record = status("web", State::Running);
        record.reason = Some("all is well".to_owned());
        record.config_error = Some(ncolony_core::ConfigError::whole("it is empty"));
        let text = note(&record, Wall::default());
        assert_eq!(text, "error in its file: it is empty; all is well");
        record.reason = Some(FILE_NEVER_GOOD.to_owned());
        let text = note(&record, Wall::default());
        assert_eq!(text, "error in its file: it is empty", "said once");
    }

    #[test]
    fn a_process_of_an_earlier_monitor_is_recognised_while_it_lives() {
        let mut record = status("web", State::Running);
        record.adopted = true;
        assert_eq!(note(&record, Wall::default()), "");
        record.pid = Some(7);
        assert_eq!(note(&record, Wall::default()), ADOPTED);
    }

    #[test]
    fn no_control_character_reaches_the_terminal() {
        let mut record = status("web", State::Running);
        record.note = Some("a\n\u{1b}[31mb".to_owned());
        assert_eq!(note(&record, Wall::default()), "it says: a  [31mb");
    }

    #[test]
    fn a_process_is_up_since_its_start_and_not_since_it_counts_as_running() {
        let now = Wall::from_millis(3_723_000);
        let mut record = status("web", State::Running);
        record.since = now;
        record.started = Some(Wall::default());
        assert_eq!(uptime(&record, now), "1h02m");
        record.started = Some(Wall::from_millis(9_999_999));
        assert_eq!(uptime(&record, now), "0s", "the clock was set back");
        record.started = None;
        assert_eq!(uptime(&record, now), "-");
    }

    #[test]
    fn spans_have_two_units_and_no_space() {
        let cases = [
            (0, "0s"),
            (59, "59s"),
            (61, "1m01s"),
            (7500, "2h05m"),
            (273_600, "3d04h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(compact(Duration::from_secs(seconds)), text);
        }
    }
}
