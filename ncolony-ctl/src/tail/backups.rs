//! The files that a log was before: `NAME.log.1` is the newest of them, and where they are
//! compressed `.gz` stands behind the number.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use flate2::Crc;
use flate2::read::MultiGzDecoder;
use nix::fcntl::OFlag;

/// While a log is rotated one number is free for a moment; more than one is the end.
const FREE_NUMBERS_MAX: u32 = 1;
/// A compressed file ends with the checksum and the length of what is in it, four bytes each.
const TRAILER_BYTES: i64 = 8;

/// Which file it is, whatever path leads to it.
pub(super) type FileId = (u64, u64);

pub(super) fn id(metadata: &Metadata) -> FileId {
    (metadata.dev(), metadata.ino())
}

/// Opens a log. `None`: nothing stands there.
///
/// # Errors
/// It may not be read, or is not a file.
pub(super) fn open(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    // Something that is not a file must not be waited for.
    let opened = options
        .read(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(path);
    match opened {
        Ok(file) if file.metadata()?.is_file() => Ok(Some(file)),
        Ok(_) => Err(io::Error::other("it is not a regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A file that a log was before.
#[derive(Debug)]
pub(super) enum Backup {
    /// As it was.
    Plain(File),
    /// Compressed.
    Gzip(File),
}

impl Backup {
    fn open(path: &Path, number: u32) -> io::Result<Option<Self>> {
        // Both are there while it is compressed, and then the one that is still whole is meant.
        if let Some(file) = open(&numbered(path, number, ""))? {
            return Ok(Some(Self::Plain(file)));
        }
        Ok(open(&numbered(path, number, ".gz"))?.map(Self::Gzip))
    }

    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        match self {
            Self::Plain(file) | Self::Gzip(file) => file.metadata(),
        }
    }

    /// What it holds, from its beginning.
    pub(super) fn reader(self) -> Box<dyn Read> {
        match self {
            Self::Plain(file) => Box::new(file),
            Self::Gzip(file) => Box::new(MultiGzDecoder::new(io::BufReader::new(file))),
        }
    }

    /// Whether it is this file, under another name or compressed.
    pub(super) fn is(&mut self, file: &mut File) -> io::Result<bool> {
        match self {
            Self::Plain(backup) => Ok(id(&backup.metadata()?) == id(&file.metadata()?)),
            Self::Gzip(backup) => holds(backup, file),
        }
    }
}

/// Whether a compressed file holds what another file holds.
fn holds(gzip: &mut File, file: &mut File) -> io::Result<bool> {
    let mut trailer = [0; 8];
    if gzip.metadata()?.len() < TRAILER_BYTES.unsigned_abs() {
        return Ok(false);
    }
    gzip.seek(SeekFrom::End(-TRAILER_BYTES))?;
    gzip.read_exact(&mut trailer)?;
    gzip.rewind()?;
    let [a, b, c, d, length @ ..] = trailer;
    let length_held = u64::from(u32::from_le_bytes(length));
    if file.metadata()?.len() & u64::from(u32::MAX) != length_held {
        return Ok(false);
    }
    Ok(checksum(file)? == u32::from_le_bytes([a, b, c, d]))
}

/// The checksum of a file, whose position is left where it was.
fn checksum(file: &mut File) -> io::Result<u32> {
    let position = file.stream_position()?;
    file.rewind()?;
    let mut crc = Crc::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        let count = file.read(&mut chunk)?;
        if count == 0 {
            break;
        }
        crc.update(&chunk[..count]);
    }
    file.seek(SeekFrom::Start(position))?;
    Ok(crc.sum())
}

/// The backups of a log, the newest first. A log that is rotated meanwhile moves in the direction
/// of the walk, so none is missed; one that was met already is passed over.
#[derive(Debug)]
pub(super) struct Walk<'p> {
    path: &'p Path,
    number: u32,
    seen: Vec<FileId>,
    /// The newest file that it has met as it was: it may be met again compressed.
    previous: Option<File>,
}

impl<'p> Walk<'p> {
    /// Begins behind `newest`, the file that stands under the log's own name.
    pub(super) fn new(path: &'p Path, newest: Option<&File>) -> io::Result<Self> {
        let metadata = newest.map(File::metadata).transpose()?;
        Ok(Self {
            path,
            number: 0,
            seen: metadata.iter().map(id).collect(),
            previous: newest.map(File::try_clone).transpose()?,
        })
    }

    /// All that it has met.
    pub(super) fn seen(self) -> Vec<FileId> {
        self.seen
    }

    /// The next older one.
    pub(super) fn next(&mut self) -> io::Result<Option<Backup>> {
        let mut free = 0;
        while free <= FREE_NUMBERS_MAX {
            self.number += 1;
            let Some(mut backup) = Backup::open(self.path, self.number)? else {
                free += 1;
                continue;
            };
            free = 0;
            if self.is_new(&mut backup)? {
                return Ok(Some(backup));
            }
        }
        Ok(None)
    }

    fn is_new(&mut self, backup: &mut Backup) -> io::Result<bool> {
        let id = id(&backup.metadata()?);
        if self.seen.contains(&id) {
            return Ok(false);
        }
        self.seen.push(id);
        if let Some(previous) = &mut self.previous
            && backup.is(previous)?
        {
            return Ok(false);
        }
        if let Backup::Plain(file) = backup {
            self.previous = Some(file.try_clone()?);
        }
        Ok(true)
    }
}

pub(super) fn numbered(path: &Path, number: u32, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}{ending}"));
    name.into()
}
