//! Bytes as they come, put together into lines.

/// The beginning of a line whose end has not come yet.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    /// Takes what came, and gives the lines that are whole now, each with its line feed.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.begun.extend_from_slice(bytes);
        let feed = self.begun.iter().rposition(|byte| *byte == b'\n');
        let rest = self.begun.split_off(feed.map_or(0, |feed| feed + 1));
        std::mem::replace(&mut self.begun, rest)
    }

    /// Whether a line has begun.
    pub(crate) fn has_begun(&self) -> bool {
        !self.begun.is_empty()
    }

    /// The line that has begun, as it is: its end will not come.
    pub(crate) fn give_up(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.begun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_given_when_they_are_whole() {
        let mut lines = Lines::default();
        assert_eq!(lines.take(b"a\nb"), b"a\n");
        assert!(lines.has_begun());
        assert_eq!(lines.take(b""), b"");
        assert_eq!(lines.take(b"c\nd\ne"), b"bc\nd\n");
        assert_eq!(lines.give_up(), b"e");
        assert!(!lines.has_begun());
        assert_eq!(lines.give_up(), b"");
    }
}
