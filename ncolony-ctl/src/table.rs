//! Tables as text: columns that are aligned with spaces, so that people and `awk` can both read
//! them, and a last column that is wrapped where there is a terminal to wrap it for.

use anstyle::Style;

/// Between two columns.
const GAP: &str = "  ";
/// A last column narrower than this is not worth wrapping for.
const LAST_WIDTH_MIN: usize = 16;

/// A text, and how it looks where there are colours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A cell that is shown in this style where there are styles.
    pub(crate) fn styled(text: impl Into<String>, style: Style) -> Self {
        Self {
            text: text.into(),
            style,
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text, Style::new())
    }
}

/// A table with a line of headings. Every row has as many cells as there are headings.
#[derive(Clone, Debug)]
pub(crate) struct Table<const N: usize> {
    headings: [&'static str; N],
    rows: Vec<[Cell; N]>,
}

impl<const N: usize> Table<N> {
    /// A table without rows.
    pub(crate) fn new(headings: [&'static str; N]) -> Self {
        Self {
            headings,
            rows: Vec::new(),
        }
    }

    /// Adds a row at the end.
    pub(crate) fn push(&mut self, row: [Cell; N]) {
        self.rows.push(row);
    }

    /// The lines of the table. With a `width` the last column is wrapped to fit it, without one no
    /// line is touched.
    pub(crate) fn lines(&self, width: Option<usize>) -> Vec<String> {
        let headings = self
            .headings
            .map(|text| Cell::styled(text, Style::new().bold()));
        let rows: Vec<&[Cell; N]> = std::iter::once(&headings).chain(&self.rows).collect();
        let widths: Vec<usize> = (0..N)
            .map(|column| {
                rows.iter()
                    .map(|row| length(&row[column].text))
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let before_last: usize = widths
            .iter()
            .rev()
            .skip(1)
            .map(|width| width + GAP.len())
            .sum();
        let last_width = width
            .and_then(|width| width.checked_sub(before_last))
            .filter(|width| *width >= LAST_WIDTH_MIN);
        rows.iter()
            .flat_map(|row| row_lines(*row, &widths, before_last, last_width))
            .collect()
    }
}

fn row_lines(
    row: &[Cell],
    widths: &[usize],
    before_last: usize,
    last_width: Option<usize>,
) -> Vec<String> {
    let Some((last, others)) = row.split_last() else {
        return Vec::new();
    };
    let mut line = String::new();
    for (cell, width) in others.iter().zip(widths) {
        let padding = " ".repeat(width - length(&cell.text));
        line.push_str(&format!("{}{padding}{GAP}", painted(cell)));
    }
    let pieces = match last_width {
        Some(width) => wrapped(&last.text, width),
        None => vec![last.text.clone()],
    };
    let mut lines = Vec::new();
    for piece in pieces {
        line.push_str(&painted(&Cell::styled(piece, last.style)));
        lines.push(line.trim_end().to_owned());
        line = " ".repeat(before_last);
    }
    lines
}

fn painted(cell: &Cell) -> String {
    let Cell { text, style } = cell;
    if text.is_empty() || *style == Style::new() {
        return text.clone();
    }
    format!("{style}{text}{style:#}")
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// The text in lines of at most `width` characters, broken at spaces where there are any. At least
/// one line.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_whitespace() {
        for (index, piece) in pieces(word, width).into_iter().enumerate() {
            let space = usize::from(used > 0 && index == 0);
            let needed = length(&piece) + space;
            if used > 0 && used + needed > width {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                if used > 0 && space == 1 {
                    line.push(' ');
                    used += 1;
                }
                used += length(&piece);
                line.push_str(&piece);
            }
        }
    }
    lines
}

/// A word cut into pieces that fit.
fn pieces(word: &str, width: usize) -> Vec<String> {
    let characters: Vec<char> = word.chars().collect();
    characters
        .chunks(width.max(1))
        .map(|piece| piece.iter().collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(note: &str) -> Table<3> {
        let mut table = Table::new(["NAME", "PID", "NOTE"]);
        table.push(["web".into(), "4711".into(), note.into()]);
        table.push(["a-long-name".into(), "-".into(), "".into()]);
        table
    }

    #[test]
    fn columns_are_aligned_and_lines_end_where_their_text_ends() {
        let lines = table("it runs").lines(None);
        assert_eq!(
            lines
                .iter()
                .map(|line| anstream::adapter::strip_str(line).to_string())
                .collect::<Vec<_>>(),
            [
                "NAME         PID   NOTE",
                "web          4711  it runs",
                "a-long-name  -",
            ]
        );
    }

    #[test]
    fn the_last_column_is_wrapped_to_the_terminal() {
        let lines = table("one two three four five six").lines(Some(36));
        assert_eq!(
            &lines[1..3],
            [
                "web          4711  one two three",
                "                   four five six",
            ]
        );
        assert!(lines.iter().skip(1).all(|line| length(line) <= 36));
    }

    #[test]
    fn without_a_terminal_nothing_is_wrapped() {
        let long = "word ".repeat(100);
        assert_eq!(table(&long).lines(None).len(), 3);
        assert_eq!(
            table(&long).lines(Some(20)).len(),
            3,
            "too narrow to be worth it"
        );
    }

    #[test]
    fn what_has_no_space_is_cut() {
        assert_eq!(wrapped("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrapped("", 3), [""]);
    }
}
