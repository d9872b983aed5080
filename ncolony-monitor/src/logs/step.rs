//! What to do next with what is first in a FIFO, so that lines stay whole: arithmetic only.

/// A line longer than this is broken where lines of several programs share a place.
pub(super) const LONGEST_LINE: usize = 64 * 1024;

/// The pages that files have in memory, or the smallest of them.
const PAGE: u64 = 4096;

/// What was seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    /// What is first in the FIFO; at least one byte.
    pub(super) bytes: &'a [u8],
    /// How large the file is.
    pub(super) size: u64,
    /// How large it may become.
    pub(super) max: u64,
    /// Whether it ends at a line's end.
    pub(super) at_line_end: bool,
    /// Whether others write to it too.
    pub(super) shared: bool,
    /// Whether a line that has not ended is not waited for any longer.
    pub(super) last_chance: bool,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Move so many bytes to the file.
    Move(usize),
    /// Begin a new file.
    Rotate,
    /// Wait for the rest of the line.
    Wait,
}

/// Where the last line ends that begins here, if one does.
pub(super) fn whole_lines(bytes: &[u8]) -> usize {
    let last = bytes.iter().rposition(|byte| *byte == b'\n');
    last.map_or(0, |last| last + 1)
}

/// Decides. A file does not become larger than it may, unless by a line that is longer than it may
/// be, or that was begun when its end could not be seen.
pub(super) fn decide(view: View<'_>) -> Step {
    let room = usize::try_from(view.max.saturating_sub(view.size)).unwrap_or(usize::MAX);
    let length = view.bytes.len();
    let fits = whole_lines(&view.bytes[..length.min(room)]);
    if fits > 0 {
        return Step::Move(fits);
    }
    let first = view.bytes.iter().position(|byte| *byte == b'\n');
    let impatient = view.last_chance || length >= LONGEST_LINE;
    if !view.at_line_end || view.size == 0 {
        return match first {
            Some(end) => Step::Move(end + 1),
            None if view.shared && !impatient => Step::Wait,
            None => Step::Move(length),
        };
    }
    match first {
        Some(_) => Step::Rotate,
        None if length >= room => Step::Rotate,
        None if impatient => Step::Move(length),
        None => Step::Wait,
    }
}

/// How much to move at once so that a line is not torn when we are killed meanwhile: the kernel
/// looks for that between the pages of a file, so whole lines go up to a page's end, and only one
/// that lies across it goes in two.
pub(super) fn in_page(offset: u64, bytes: &[u8]) -> usize {
    let left = PAGE - offset % PAGE;
    let left = usize::try_from(left).unwrap_or(bytes.len());
    let whole = whole_lines(&bytes[..left.min(bytes.len())]);
    if whole > 0 {
        return whole;
    }
    let first = bytes.iter().position(|byte| *byte == b'\n');
    first.map_or(bytes.len(), |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_line_across_the_end_of_a_page_goes_in_two() {
        assert_eq!(in_page(0, b"a\nb\n"), 4);
        assert_eq!(in_page(4090, b"abc\ndefg\nh\n"), 4);
        assert_eq!(in_page(4094, b"defg\nh\n"), 5);
        assert_eq!(in_page(4094, b"defg"), 4);
    }

    fn view(bytes: &[u8], size: u64, max: u64) -> View<'_> {
        View {
            bytes,
            size,
            max,
            at_line_end: true,
            shared: false,
            last_chance: false,
        }
    }

    #[test]
    fn lines_that_fit_move_and_the_next_file_begins_with_one_that_does_not() {
        assert_eq!(decide(view(b"ab\ncd\nef", 4, 10)), Step::Move(6));
        assert_eq!(decide(view(b"ab\ncd\nef", 5, 10)), Step::Move(3));
        assert_eq!(decide(view(b"ab\n", 7, 10)), Step::Move(3));
        assert_eq!(decide(view(b"ab\n", 8, 10)), Step::Rotate);
        assert_eq!(decide(view(b"a", 10, 10)), Step::Rotate);
    }

    #[test]
    fn a_line_that_is_too_long_stays_whole() {
        assert_eq!(decide(view(b"abcdef\ngh\n", 0, 3)), Step::Move(7));
        assert_eq!(decide(view(b"abcdef", 0, 3)), Step::Move(6));
        let inside = View {
            at_line_end: false,
            ..view(b"def\ngh\n", 9, 3)
        };
        assert_eq!(decide(inside), Step::Move(4));
    }

    #[test]
    fn near_the_limit_the_end_of_a_line_is_waited_for() {
        assert_eq!(decide(view(b"ab", 5, 10)), Step::Wait);
        assert_eq!(decide(view(b"abcde", 5, 10)), Step::Rotate);
        let last = View {
            last_chance: true,
            ..view(b"ab", 5, 10)
        };
        assert_eq!(decide(last), Step::Move(2));
        assert_eq!(decide(view(b"ab", 0, 10)), Step::Move(2));
    }

    #[test]
    fn among_others_only_whole_lines_move() {
        let shared = View {
            shared: true,
            ..view(b"ab", 0, 10)
        };
        assert_eq!(decide(shared), Step::Wait);
        let bytes = &[b'x'; LONGEST_LINE];
        let long = View {
            bytes,
            max: u64::MAX,
            ..shared
        };
        assert_eq!(decide(long), Step::Move(LONGEST_LINE));
    }

    /// Prints `text` in pieces of these sizes into files of at most `max` bytes.
    fn rotated(text: &[u8], pieces: impl Iterator<Item = usize>, max: u64) -> Vec<Vec<u8>> {
        let mut files = vec![Vec::new()];
        let (mut begin, mut end) = (0, 0);
        for piece in pieces {
            end = text.len().min(end + piece);
            while begin < end {
                let file = files.last_mut().unwrap();
                let seen = View {
                    at_line_end: file.last().is_none_or(|byte| *byte == b'\n'),
                    last_chance: end == text.len(),
                    ..view(&text[begin..end], file.len() as u64, max)
                };
                match decide(seen) {
                    Step::Move(count) => {
                        file.extend_from_slice(&text[begin..begin + count]);
                        begin += count;
                    }
                    Step::Rotate => files.push(Vec::new()),
                    Step::Wait => break,
                }
            }
            if end == text.len() {
                break;
            }
        }
        files
    }

    #[test]
    fn whatever_the_pieces_no_file_is_too_large_and_no_line_is_torn() {
        let mut seed = 1_u64;
        let mut next = move |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        for round in 0..2000 {
            let max = 1 + next(60);
            let longest = 1 + next(40);
            let mut text = Vec::new();
            for _line in 0..30 {
                let length = usize::try_from(next(longest)).unwrap();
                text.extend(std::iter::repeat_n(b'x', length));
                text.push(b'\n');
            }
            let sizes: Vec<usize> = (0..2000)
                .map(|_| usize::try_from(1 + next(50)).unwrap())
                .collect();
            let files = rotated(&text, sizes.into_iter(), max);
            assert_eq!(files.concat(), text, "round {round}");
            for file in &files {
                let lines = file.split_inclusive(|byte| *byte == b'\n').count();
                assert_eq!(file.last(), Some(&b'\n'), "round {round}");
                assert!(
                    file.len() as u64 <= max || lines == 1,
                    "round {round}: {lines} lines, {} of {max} bytes",
                    file.len()
                );
            }
        }
    }
}
