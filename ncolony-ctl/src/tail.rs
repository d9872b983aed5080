//! The end of a log: its last lines, and then what is written to it.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How much is read at a time.
const CHUNK: u64 = 64 << 10;

fn with_number(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

/// The last lines of one file, which is then at the end of what was looked at. What stands behind
/// the last line feed is a line too.
fn end_of(file: &mut File, lines: usize) -> io::Result<Vec<u8>> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut start = end;
    let mut chunks: Vec<Vec<u8>> = Vec::new();
    let mut feeds = 0;
    // The line feed before the first line wanted must be among what is read.
    while start > 0 && feeds <= lines {
        let size = start.min(CHUNK);
        start -= size;
        file.seek(SeekFrom::Start(start))?;
        let mut chunk = Vec::new();
        Read::by_ref(file).take(size).read_to_end(&mut chunk)?;
        feeds += chunk.iter().filter(|byte| **byte == b'\n').count();
        chunks.push(chunk);
    }
    file.seek(SeekFrom::Start(end))?;
    chunks.reverse();
    let bytes = chunks.concat();
    let first = count_lines(&bytes).saturating_sub(lines);
    let skipped = bytes.split_inclusive(|byte| *byte == b'\n').take(first);
    let skipped = skipped.map(<[u8]>::len).sum();
    Ok(bytes[skipped..].to_vec())
}

fn count_lines(bytes: &[u8]) -> usize {
    bytes.split_inclusive(|byte| *byte == b'\n').count()
}

/// A log that is read on as it grows, also when it is replaced by a new one.
pub(crate) struct Follower {
    path: PathBuf,
    open: Option<File>,
    /// The beginning of a line whose end has not been written yet.
    begun: Vec<u8>,
}

impl Follower {
    /// Opens a log and gives the last `lines` lines of what was written to it, looked for in its
    /// backups too (`PATH.1` is the newest of them). What is written from then on is read by
    /// [`Follower::new_lines`].
    ///
    /// # Errors
    /// A file that is there cannot be read.
    pub(crate) fn open(path: PathBuf, lines: usize) -> io::Result<(Self, Vec<u8>)> {
        let mut missing = lines;
        let mut newest = open(&path)?;
        let mut pieces = Vec::new();
        if let Some(file) = &mut newest {
            pieces.push(end_of(file, missing)?);
        }
        for backup in 1.. {
            missing = missing.saturating_sub(pieces.last().map_or(0, |piece| count_lines(piece)));
            if missing == 0 {
                break;
            }
            let Some(mut file) = open(&with_number(&path, backup))? else {
                break;
            };
            pieces.push(end_of(&mut file, missing)?);
        }
        pieces.reverse();
        let follower = Self {
            path,
            open: newest,
            begun: Vec::new(),
        };
        Ok((follower, pieces.concat()))
    }

    /// The whole lines that were written since.
    pub(crate) fn new_lines(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = std::mem::take(&mut self.begun);
        // Asked first: what is written to the old file before it is replaced is read below.
        let present = metadata(&self.path)?;
        if let Some(file) = &mut self.open {
            let seen = file.metadata()?;
            if file.stream_position()? > seen.len() {
                file.rewind()?;
            }
            file.read_to_end(&mut bytes)?;
            let is_same =
                present.is_some_and(|now| (now.dev(), now.ino()) == (seen.dev(), seen.ino()));
            if !is_same {
                self.open = None;
            }
        }
        if self.open.is_none() {
            self.open = open(&self.path)?;
            if let Some(file) = &mut self.open {
                file.read_to_end(&mut bytes)?;
            }
        }
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |feed| feed + 1);
        self.begun = bytes.split_off(whole);
        Ok(bytes)
    }
}

fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn metadata(path: &Path) -> io::Result<Option<Metadata>> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn last_lines(log: &Path, lines: usize) -> String {
        text(Follower::open(log.to_owned(), lines).unwrap().1)
    }

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_last_lines_come_from_as_many_files_as_are_needed() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("web.log");
        assert_eq!(last_lines(&log, 3), "");
        fs::write(&log, "e\nf\nbegun").unwrap();
        fs::write(with_number(&log, 1), "c\nd\n").unwrap();
        fs::write(with_number(&log, 2), "a\nb\n").unwrap();
        let cases = [
            (0, ""),
            (1, "begun"),
            (3, "e\nf\nbegun"),
            (4, "d\ne\nf\nbegun"),
            (6, "b\nc\nd\ne\nf\nbegun"),
            (99, "a\nb\nc\nd\ne\nf\nbegun"),
        ];
        for (lines, wanted) in cases {
            assert_eq!(last_lines(&log, lines), wanted, "{lines} lines");
        }
    }

    #[test]
    fn lines_longer_than_a_chunk_are_whole() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("web.log");
        let long = "x".repeat(200_000);
        fs::write(&log, format!("first\n{long}\nlast\n")).unwrap();
        assert_eq!(last_lines(&log, 2), format!("{long}\nlast\n"));
    }

    #[test]
    fn a_log_is_followed_through_its_replacement() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("web.log");
        let (mut follower, lines) = Follower::open(log.clone(), 10).unwrap();
        assert_eq!(text(lines), "");
        assert_eq!(text(follower.new_lines().unwrap()), "");
        fs::write(&log, "a\nb").unwrap();
        assert_eq!(text(follower.new_lines().unwrap()), "a\n");
        fs::write(&log, "a\nbc\nd\n").unwrap();
        assert_eq!(text(follower.new_lines().unwrap()), "bc\nd\n");
        let mut old = fs::OpenOptions::new().append(true).open(&log).unwrap();
        fs::rename(&log, with_number(&log, 1)).unwrap();
        io::Write::write_all(&mut old, b"e\n").unwrap();
        fs::write(&log, "f\n").unwrap();
        assert_eq!(text(follower.new_lines().unwrap()), "e\nf\n");
        assert_eq!(text(follower.new_lines().unwrap()), "");
    }
}
