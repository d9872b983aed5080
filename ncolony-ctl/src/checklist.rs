//! A list of checks as a table of one column, in the shape of OpenStack's status commands: a title,
//! and a cell of three lines for each check.

/// The details of a check have at most this many characters on a line.
const WIDTH: usize = 60;
/// What the second and further lines of a text begin with; they are part of the width.
const INDENT: &str = "  ";

/// The lines of the table. Every cell is a few words with their texts, one under the other.
pub(crate) fn lines<const N: usize>(
    title: &str,
    cells: &[[(&'static str, String); N]],
) -> Vec<String> {
    let mut rows = vec![vec![title.to_owned()]];
    rows.extend(
        cells
            .iter()
            .map(|cell| cell.iter().flat_map(entry).collect()),
    );
    let width = rows.iter().flatten().map(|line| length(line)).max();
    let width = width.unwrap_or(0);
    let rule = format!("+{}+", "-".repeat(width + 2));
    let mut lines = vec![rule.clone()];
    for row in rows {
        lines.extend(row.iter().map(|line| {
            let padding = " ".repeat(width - length(line));
            format!("| {line}{padding} |")
        }));
        lines.push(rule.clone());
    }
    lines
}

fn entry((word, text): &(&'static str, String)) -> Vec<String> {
    let mut lines = wrapped(text);
    if let Some(first) = lines.first_mut() {
        first.insert_str(0, &format!("{word}: "));
    }
    lines
}

/// The text in lines, at least one, broken at spaces; a word that is too long is cut.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut is_empty = true;
    for word in text.split_whitespace() {
        let mut rest: Vec<char> = word.chars().collect();
        while !rest.is_empty() {
            let room = WIDTH.saturating_sub(length(&line) + usize::from(!is_empty));
            let fits = rest.len() <= room;
            if !fits && !is_empty {
                lines.push(std::mem::replace(&mut line, INDENT.to_owned()));
                is_empty = true;
                continue;
            }
            let left = rest.split_off(rest.len().min(room));
            if !is_empty {
                line.push(' ');
            }
            line.extend(rest);
            is_empty = false;
            rest = left;
        }
    }
    lines.push(line);
    lines
}

fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_sixty_characters_at_most_with_their_indent() {
        let text = "word ".repeat(40);
        let lines = wrapped(&text);
        assert_eq!(lines[0].split(' ').count(), 12);
        assert!(lines[1].starts_with("  word"));
        assert!(lines.iter().all(|line| length(line) <= WIDTH), "{lines:?}");
        let words: usize = lines
            .iter()
            .map(|line| line.split_whitespace().count())
            .sum();
        assert_eq!(words, 40);
    }

    #[test]
    fn a_word_that_is_too_long_is_cut_and_nothing_of_it_is_lost() {
        let long = "é".repeat(150);
        let lines = wrapped(&format!("a {long} b"));
        assert!(lines.iter().all(|line| length(line) <= WIDTH), "{lines:?}");
        let text: String = lines.iter().flat_map(|line| line.trim().chars()).collect();
        assert_eq!(text, format!("a{long} b"));
        assert_eq!(wrapped(""), [""]);
    }
}
