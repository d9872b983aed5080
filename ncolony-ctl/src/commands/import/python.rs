//! What Python takes for white space, for a line and for a number. Supervisor's files are read by
//! its rules.

/// White space, as `str.isspace` has it: Unicode's, and four separators that Rust leaves out.
pub(super) fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

/// `str.strip`.
pub(super) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `str.rstrip`.
pub(super) fn strip_end(text: &str) -> &str {
    text.trim_end_matches(is_space)
}

/// The text as Python reads it from a file: every end of a line is a line feed.
pub(super) fn with_line_feeds(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// `int(text)`: white space around it, a sign, and single underscores between digits are taken.
pub(super) fn integer(text: &str) -> Option<i64> {
    whole(text, 10)
}

/// `int(text, 8)`: also with `0o` before it.
pub(super) fn octal(text: &str) -> Option<i64> {
    whole(text, 8)
}

fn whole(text: &str, base: u32) -> Option<i64> {
    let text = strip(text);
    let (is_negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let digits = match base {
        8 => digits
            .strip_prefix("0o")
            .or_else(|| digits.strip_prefix("0O"))
            .map_or(digits, |rest| rest.strip_prefix('_').unwrap_or(rest)),
        _ => digits,
    };
    let parts: Vec<&str> = digits.split('_').collect();
    if parts
        .iter()
        .any(|part| part.is_empty() || part.starts_with(['+', '-']))
    {
        return None;
    }
    let number = i64::from_str_radix(&parts.concat(), base).ok()?;
    Some(if is_negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (text, number) in [
            ("0", Some(0)),
            (" +1_000 ", Some(1000)),
            ("-7", Some(-7)),
            ("007", Some(7)),
            ("", None),
            ("1__0", None),
            ("_1", None),
            ("1_", None),
            ("+-1", None),
            ("1.0", None),
            ("0x1", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(integer(text), number, "{text:?}");
        }
        for (text, number) in [
            ("022", Some(18)),
            ("0o22", Some(18)),
            ("0O_7", Some(7)),
            ("8", None),
        ] {
            assert_eq!(octal(text), number, "{text:?}");
        }
    }

    #[test]
    fn white_space() {
        assert_eq!(strip("\u{1c} \u{a0}x\u{2003}\n"), "x");
        assert_eq!(with_line_feeds("a\r\nb\rc\n"), "a\nb\nc\n");
    }
}
