//! The last lines of an output.

/// The most that is kept, in bytes and in lines.
pub(super) const BYTES_MAX: usize = 4096;
const LINES_MAX: usize = 30;

/// The end of what was printed so far.
#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: Vec<u8>,
    /// Whether something was dropped before the first byte.
    cut: bool,
    /// What came since it was asked to listen.
    heard: Option<Vec<u8>>,
}

impl Tail {
    /// From now on, and until it is taken, keeps all that comes.
    pub(super) fn listen(&mut self) {
        self.heard = Some(Vec::new());
    }

    /// What came meanwhile.
    pub(super) fn take_heard(&mut self) -> Vec<u8> {
        self.heard.take().unwrap_or_default()
    }

    pub(super) fn push(&mut self, printed: &[u8]) {
        if let Some(heard) = &mut self.heard {
            heard.extend_from_slice(printed);
        }
        let printed = if printed.len() > BYTES_MAX {
            self.cut = true;
            &printed[printed.len() - BYTES_MAX..]
        } else {
            printed
        };
        let excess = (self.bytes.len() + printed.len()).saturating_sub(BYTES_MAX);
        self.cut |= excess > 0;
        self.bytes.drain(..excess.min(self.bytes.len()));
        self.bytes.extend_from_slice(printed);
    }

    /// The end of something longer.
    pub(super) fn cut(printed: &[u8]) -> Self {
        let mut tail = Self::default();
        tail.push(printed);
        tail
    }

    /// The last lines; one that was cut is left out unless it is the only one.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<&[u8]> = self.bytes.split(|byte| *byte == b'\n').collect();
        if lines.last().is_some_and(|last| last.is_empty()) {
            lines.pop();
        }
        if self.cut && lines.len() > 1 {
            lines.remove(0);
        }
        let first = lines.len().saturating_sub(LINES_MAX);
        lines[first..]
            .iter()
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect()
    }
}

/// The last lines of two streams: first those of standard output, as many as standard error leaves
/// room for.
pub(super) fn together(out: Vec<String>, err: Vec<String>) -> Vec<String> {
    let mut lines = [out, err].concat();
    let excess = lines.len().saturating_sub(LINES_MAX);
    lines.drain(..excess);
    let mut bytes: usize = lines.iter().map(|line| line.len() + 1).sum();
    while bytes > BYTES_MAX && lines.len() > 1 {
        bytes -= lines.remove(0).len() + 1;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pushes: &[&[u8]]) -> Vec<String> {
        let mut tail = Tail::default();
        pushes.iter().for_each(|bytes| tail.push(bytes));
        tail.lines()
    }

    #[test]
    fn nothing_was_printed() {
        assert!(lines(&[]).is_empty() && lines(&[b""]).is_empty());
    }

    #[test]
    fn lines_are_put_together_and_the_last_may_be_open() {
        assert_eq!(lines(&[b"a", b"b\nc\n", b"d"]), ["ab", "c", "d"]);
    }

    #[test]
    fn only_the_last_are_kept() {
        let many: Vec<u8> = (0..100)
            .flat_map(|n| format!("{n}\n").into_bytes())
            .collect();
        let kept = lines(&[&many]);
        assert_eq!(
            (kept.len(), kept[0].as_str(), kept[29].as_str()),
            (30, "70", "99")
        );
    }

    #[test]
    fn a_cut_line_is_left_out_unless_it_is_the_only_one() {
        let long = vec![b'x'; 5000];
        assert_eq!(lines(&[&long])[0].len(), BYTES_MAX);
        assert_eq!(lines(&[&long, b"\nend\n"]), ["end"]);
    }

    #[test]
    fn of_two_streams_the_second_is_kept_first() {
        let lines = |word: &str, count: usize| vec![word.to_owned(); count];
        let both = together(lines("out", 29), lines("err", 5));
        assert_eq!(
            (both.len(), both[24].as_str(), both[25].as_str()),
            (30, "out", "err")
        );
        let long = "x".repeat(3000);
        assert_eq!(together(lines(&long, 1), lines(&long, 1)).len(), 1);
    }

    #[test]
    fn what_is_not_text_is_shown_as_far_as_it_goes() {
        assert_eq!(lines(&[b"a\xff\n"]), ["a\u{fffd}"]);
    }
}
