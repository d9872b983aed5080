//! Looking for a line in what a process prints, on its way to where it is kept.

use ncolony_core::descriptor::Pattern;

use super::Source;

/// Of a longer line only so much is looked at.
const LINE_BYTES: usize = 8 * 1024;

/// What is looked for, and the line that has begun.
#[derive(Debug)]
pub(super) struct Watch {
    source: Source,
    text: String,
    pattern: Pattern,
    /// What came before this was printed by others.
    from: u64,
    line: Vec<u8>,
}

impl Watch {
    /// Looks for this pattern in what comes after the first `from` bytes. `None`: it is no pattern.
    pub(super) fn new(source: Source, text: &str, from: u64) -> Option<Self> {
        Some(Self {
            source,
            pattern: Pattern::new(text).ok()?,
            text: text.to_owned(),
            from,
            line: Vec::new(),
        })
    }

    /// Whether it is this that is looked for.
    pub(super) fn is(&self, source: &Source, text: &str) -> bool {
        self.source == *source && self.text == text
    }

    /// Looks at what comes next; `place` is how much came before. Gives whose it is when it is
    /// there.
    pub(super) fn see(&mut self, place: u64, bytes: &[u8]) -> Option<Source> {
        let others = usize::try_from(self.from.saturating_sub(place)).unwrap_or(usize::MAX);
        let own = bytes.get(others..).unwrap_or_default();
        for piece in own.split_inclusive(|byte| *byte == b'\n') {
            let text = piece.strip_suffix(b"\n").unwrap_or(piece);
            let room = LINE_BYTES.saturating_sub(self.line.len());
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            // Half a line is shown when nothing has come behind it for a while.
            let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
            if self.pattern.matches(line) {
                return Some(self.source.clone());
            }
            if piece.len() > text.len() {
                self.line.clear();
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use ncolony_core::ProgramName;
    use ncolony_core::colony::Generation;

    use super::*;

    fn watch(pattern: &str, from: u64) -> Watch {
        let name = ProgramName::new("web").unwrap();
        let generation = Generation::of_number(1);
        Watch::new(Source { name, generation }, pattern, from).unwrap()
    }

    fn finds(pattern: &str, parts: &[&[u8]]) -> bool {
        let mut watch = watch(pattern, 0);
        parts.iter().any(|part| watch.see(0, part).is_some())
    }

    #[test]
    fn a_line_is_found_however_it_comes() {
        assert!(finds("^up on \\d+$", &[b"x\nup on 80\n"]));
        assert!(finds("^up on \\d+$", &[b"x\nup", b" on 8", b"0\r\n"]));
        assert!(finds("^up on \\d+$", &[b"\xff\n\nup on 1"]), "half a line");
        assert!(!finds("^up on \\d+$", &[b"so\n", b"up on", b" the hill\n"]));
        assert!(!finds("a.b", &[b"a\n", b"b\n"]), "of two lines");
    }

    #[test]
    fn of_a_line_without_end_only_the_beginning_is_looked_at() {
        let mut watch = watch("x", 0);
        for _piece in 0..100 {
            assert!(watch.see(0, &[b'a'; 4096]).is_none());
        }
        assert_eq!(watch.line.len(), LINE_BYTES);
        assert!(watch.see(0, b"x\n").is_none());
        assert!(watch.see(0, b"x\n").is_some());
    }

    #[test]
    fn what_others_printed_before_is_not_looked_at() {
        let mut watch = watch("up", 10);
        assert!(watch.see(0, b"up\nup\nup\n").is_none());
        assert!(watch.see(9, b"up\n").is_none(), "its first byte is theirs");
        assert!(watch.see(12, b"up\n").is_some());
    }
}
