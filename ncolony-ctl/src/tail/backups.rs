//! The files that a log was before: `NAME.log.1` is the newest of them, and where they are
//! compressed `.gz` stands behind the number.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use flate2::Crc;
use flate2::read::MultiGzDecoder;
use nix::fcntl::OFlag;

/// A log that is rotated while its files are opened is looked at again, at most so often.
const ATTEMPTS: u32 = 100;
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
    fn of(file: File, path: &Path) -> Self {
        if path.extension() == Some(OsStr::new("gz")) {
            Self::Gzip(file)
        } else {
            Self::Plain(file)
        }
    }

    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        match self {
            Self::Plain(file) | Self::Gzip(file) => file.metadata(),
        }
    }

    /// The file itself, once more.
    pub(super) fn file(&self) -> io::Result<File> {
        match self {
            Self::Plain(file) | Self::Gzip(file) => file.try_clone(),
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
        if id(&self.metadata()?) == id(&file.metadata()?) {
            return Ok(true);
        }
        match self {
            Self::Plain(_) => Ok(false),
            Self::Gzip(backup) => holds(backup, file),
        }
    }
}

/// Whether a compressed file is what became of another file: it has its time, as the monitor and
/// gzip(1) leave it, and holds what that holds.
fn holds(gzip: &mut File, file: &mut File) -> io::Result<bool> {
    let mut trailer = [0; 8];
    let compressed = gzip.metadata()?;
    let is_of_its_time = compressed.modified()? == file.metadata()?.modified()?;
    if !is_of_its_time || compressed.len() < TRAILER_BYTES.unsigned_abs() {
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

/// A log and its backups as they stood at one moment. They are held open: whatever is moved,
/// compressed or removed from now on, these are the files, and no other can be taken for them.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// What stands under the log's own name.
    pub(super) newest: Option<File>,
    /// The newest first.
    pub(super) backups: Vec<Backup>,
}

impl Files {
    /// Opens all of them.
    ///
    /// # Errors
    /// One may not be read, or is not a file.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let mut before = standing(path)?;
        let mut files = Self::open(path, &before)?;
        for _attempt in 0..ATTEMPTS {
            let after = standing(path)?;
            if after == before {
                break;
            }
            files = Self::open(path, &after)?;
            before = after;
        }
        Ok(files)
    }

    fn open(log: &Path, standing: &[(PathBuf, FileId)]) -> io::Result<Self> {
        let mut files = Self::default();
        for (path, _) in standing {
            // What has gone meanwhile has another name by now, and all are looked at again.
            let Some(file) = open(path)? else { continue };
            if path == log {
                files.newest = Some(file);
            } else {
                files.backups.push(Backup::of(file, path));
            }
        }
        Ok(files)
    }
}

/// What stands under the names of a log and its backups, the newest first.
fn standing(log: &Path) -> io::Result<Vec<(PathBuf, FileId)>> {
    let mut numbers = BTreeMap::new();
    if let Some(directory) = log.parent() {
        let entries = match std::fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let name = entry?.file_name();
            let Some(number) = number_of(log, &name) else {
                continue;
            };
            // Both are there while it is compressed, and then the one that is still whole is meant.
            let is_plain = !name.as_bytes().ends_with(b".gz");
            *numbers.entry(number).or_insert(is_plain) |= is_plain;
        }
    }
    let ending = |is_plain: bool| if is_plain { "" } else { ".gz" };
    let backups = numbers
        .into_iter()
        .map(|(number, is_plain)| numbered(log, number, ending(is_plain)));
    let mut standing = Vec::new();
    for path in std::iter::once(log.to_owned()).chain(backups) {
        match std::fs::metadata(&path) {
            Ok(metadata) => standing.push((path, id(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(standing)
}

/// The number of a backup of this log, by its name.
fn number_of(path: &Path, name: &OsStr) -> Option<u32> {
    let log = path.file_name()?.as_bytes();
    let number = name.as_bytes().strip_prefix(log)?.strip_prefix(b".")?;
    let number = number.strip_suffix(b".gz").unwrap_or(number);
    str::from_utf8(number).ok()?.parse().ok()
}

pub(super) fn numbered(path: &Path, number: u32, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}{ending}"));
    name.into()
}
