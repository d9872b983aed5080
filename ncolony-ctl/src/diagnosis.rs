//! What is wrong with a file, as text: where, what, and the line itself with a mark under it.

use std::path::Path;

use anstyle::{AnsiColor, Style};
use ncolony_core::ConfigError;

use crate::note::one_line;

/// The most of a line that is shown.
const SNIPPET_CHARACTERS: usize = 100;
/// How much of a long line is shown before the mark.
const BEFORE_MARK: usize = 60;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// The file will not be taken.
    Error,
    /// It may not mean what was meant.
    Warning,
    /// It is allowed, and may be meant.
    Note,
}

impl Severity {
    fn word(self) -> String {
        let (word, color) = match self {
            Self::Error => ("error", AnsiColor::Red),
            Self::Warning => ("warning", AnsiColor::Yellow),
            Self::Note => ("note", AnsiColor::Cyan),
        };
        let style = Style::new().bold().fg_color(Some(color.into()));
        format!("{style}{word}{style:#}")
    }
}

/// The lines that show a finding. `text` is the file's content, where it could be read.
pub(crate) fn lines(
    severity: Severity,
    path: &Path,
    text: Option<&str>,
    finding: &ConfigError,
) -> Vec<String> {
    let place = match (finding.line, finding.column) {
        (Some(line), Some(column)) => format!(":{line}:{column}"),
        (Some(line), None) => format!(":{line}"),
        (None, Some(_) | None) => String::new(),
    };
    let key = finding
        .key
        .as_ref()
        .map_or_else(String::new, |key| format!("key {key:?}: "));
    let path = one_line(&path.display().to_string());
    let word = severity.word();
    let message = one_line(&finding.message);
    let mut lines = vec![format!("{path}{place}: {word}: {key}{message}")];
    if let (Some(text), Some(line), Some(column)) = (text, finding.line, finding.column) {
        lines.extend(snippet(text, line, column));
    }
    lines
}

/// The line, and a mark under the column.
fn snippet(text: &str, line: usize, column: usize) -> Vec<String> {
    let Some(source) = text.split('\n').nth(line.saturating_sub(1)) else {
        return Vec::new();
    };
    let source: Vec<char> = one_line(source.trim_end_matches('\r')).chars().collect();
    let mark = column.saturating_sub(1).min(source.len());
    let first = if source.len() <= SNIPPET_CHARACTERS {
        0
    } else {
        mark.saturating_sub(BEFORE_MARK)
    };
    let shown: String = source.iter().skip(first).take(SNIPPET_CHARACTERS).collect();
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    vec![
        format!("  {number} | {}", shown.trim_end()),
        format!("  {margin} | {}^", " ".repeat(mark - first)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, line: usize, column: usize) -> Vec<String> {
        let finding = ConfigError {
            message: "it is wrong".to_owned(),
            line: Some(line),
            column: Some(column),
            key: Some("args".to_owned()),
        };
        let lines = lines(Severity::Error, Path::new("/c/web"), Some(text), &finding);
        lines
            .iter()
            .map(|line| anstream::adapter::strip_str(line).to_string())
            .collect()
    }

    #[test]
    fn the_place_is_shown_with_a_mark() {
        assert_eq!(
            shown("{\n\t\"args\": 5\r\n}", 2, 10),
            [
                "/c/web:2:10: error: key \"args\": it is wrong",
                "  2 |  \"args\": 5",
                "    |          ^",
            ]
        );
    }

    #[test]
    fn of_a_long_line_the_part_around_the_mark_is_shown() {
        let text = format!("{}!{}", "a".repeat(500), "b".repeat(500));
        let lines = shown(&text, 1, 501);
        assert_eq!(lines[1].chars().count(), 6 + SNIPPET_CHARACTERS);
        assert_eq!(
            lines[1].chars().nth(lines[2].chars().count() - 1),
            Some('!')
        );
    }

    #[test]
    fn a_place_that_is_not_there_has_no_snippet() {
        assert_eq!(shown("{}", 9, 1).len(), 1);
        assert_eq!(shown("{}", 1, 99)[2], "    |   ^");
    }

    #[test]
    fn a_file_as_a_whole_has_no_place() {
        let finding = ConfigError::whole("it is empty");
        let lines = lines(Severity::Warning, Path::new("w"), Some(""), &finding);
        assert_eq!(
            anstream::adapter::strip_str(&lines[0]).to_string(),
            "w: warning: it is empty"
        );
        assert_eq!(lines.len(), 1);
    }
}
