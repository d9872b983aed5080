//! The last lines of what was written.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use super::backups::Backup;

/// How much is read at a time.
const CHUNK: u64 = 64 << 10;

/// The last lines of one file, which is then at the end of what was looked at. What stands behind
/// the last line feed is a line too.
pub(super) fn of_file(file: &mut File, lines: usize) -> io::Result<Vec<u8>> {
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
    let first = count(&bytes).saturating_sub(lines);
    let skipped = bytes.split_inclusive(|byte| *byte == b'\n').take(first);
    let skipped = skipped.map(<[u8]>::len).sum();
    Ok(bytes[skipped..].to_vec())
}

/// The last lines of a backup. One that is compressed can only be read from its beginning.
pub(super) fn of_backup(backup: Backup, lines: usize) -> io::Result<Vec<u8>> {
    let reader = match backup {
        Backup::Plain(mut file) => return of_file(&mut file, lines),
        Backup::Gzip(_) => backup.reader(),
    };
    let mut reader = BufReader::new(reader);
    let mut last: VecDeque<Vec<u8>> = VecDeque::new();
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(last.make_contiguous().concat());
        }
        last.push_back(line);
        if last.len() > lines {
            last.pop_front();
        }
    }
}

/// How many lines these are.
pub(super) fn count(bytes: &[u8]) -> usize {
    bytes.split_inclusive(|byte| *byte == b'\n').count()
}
