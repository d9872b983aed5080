//! What a run prints, cut into lines.

/// A line that is longer is printed in pieces of this many bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// The bytes of one output that are not yet a line.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// Takes what has come, and gives each line that is whole, without its end.
    pub(crate) fn take(&mut self, bytes: &[u8], mut line: impl FnMut(&[u8])) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(part);
            if self.rest.ends_with(b"\n") {
                self.rest.pop();
                line(&self.rest);
                self.rest.clear();
            }
            while self.rest.len() >= PIECE_BYTES {
                let after = self.rest.split_off(PIECE_BYTES);
                line(&self.rest);
                self.rest = after;
            }
        }
    }

    /// Gives what is left at the end.
    pub(crate) fn finish(&mut self, line: impl FnOnce(&[u8])) {
        if !self.rest.is_empty() {
            line(&self.rest);
            self.rest.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(parts: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for part in parts {
            lines.take(part, |line| found.push(line.to_vec()));
        }
        lines.finish(|line| found.push(line.to_vec()));
        found
    }

    #[test]
    fn lines_are_put_together_from_what_comes() {
        assert_eq!(
            all(&[b"a\nb", b"c\n\n", b"d"]),
            [&b"a"[..], b"bc", b"", b"d"]
        );
        assert_eq!(all(&[b"a\n"]), [b"a"]);
        assert!(all(&[b""]).is_empty());
    }

    #[test]
    fn a_line_without_an_end_does_not_fill_the_memory() {
        let long = vec![b'x'; PIECE_BYTES + 1];
        let found = all(&[&long, b"\n"]);
        assert_eq!(
            found.iter().map(Vec::len).collect::<Vec<_>>(),
            [PIECE_BYTES, 1]
        );
    }
}
