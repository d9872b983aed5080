//! The file system, as far as ncolony's files need it. The only place in this crate that touches
//! it, and every error that leaves it names the path.

mod custody;

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::custody::Trust;
use crate::errno;

pub use self::custody::exposure_of_directory;
pub use crate::listing::{DirectoryId, Entry, EntryKind, Fingerprint, Listing};

/// What is tried with a file that somebody else can change.
const DISTRUST: &str = "trust";

/// An operation on a file that failed: what was done, to which path, and why not.
#[derive(Debug)]
pub struct FileError {
    /// What was tried, as a verb: `read`, `replace`.
    pub what: &'static str,
    /// The path.
    pub path: PathBuf,
    /// Why it failed.
    pub source: io::Error,
}

impl fmt::Display for FileError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "cannot {} {}: {}",
            self.what,
            self.path.display(),
            errno::in_words(&self.source)
        )
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl FileError {
    /// Whether the path is not there.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(
            self.source.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        )
    }

    /// Whether it could be read, and is not trusted: somebody else can change it.
    #[must_use]
    pub fn is_distrust(&self) -> bool {
        self.what == DISTRUST
    }
}

trait Context<T> {
    fn context(self, what: &'static str, path: &Path) -> Result<T, FileError>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, what: &'static str, path: &Path) -> Result<T, FileError> {
        self.map_err(|source| FileError {
            what,
            path: path.to_owned(),
            source,
        })
    }
}

/// What must be true of a file's content when [`replace_file`] returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It is on the disk: for the words of users.
    Synced,
    /// Every reader sees the old or the new: for what a reboot makes meaningless.
    Renamed,
}

/// Replaces `path` whole: a sibling named `.NAME.RANDOM.new` is written and renamed over it, so no
/// reader ever sees half of one. The mode is 0644 less the umask.
///
/// # Errors
/// The step that failed. The old content is then still there.
pub fn replace_file(path: &Path, content: &[u8], durability: Durability) -> Result<(), FileError> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    let replaced = || -> io::Result<()> {
        // The opening is our own: what it fails with stays an error number.
        let mut file = tempfile::Builder::new()
            .prefix(&prefix)
            .suffix(".new")
            .make_in(directory, |path| {
                let mut options = OpenOptions::new();
                options.write(true).create_new(true).mode(0o644).open(path)
            })?;
        file.as_file_mut().write_all(content)?;
        if durability == Durability::Synced {
            file.as_file().sync_all()?;
        }
        file.persist(path).map_err(|error| error.error)?;
        if durability == Durability::Synced {
            sync_directory(directory)?;
        }
        Ok(())
    };
    replaced().context("replace", path)
}

/// Some file systems have nothing to sync for a directory and say EINVAL.
fn sync_directory(directory: &Path) -> io::Result<()> {
    match File::open(directory)?.sync_all() {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

/// Removes a file, durably.
///
/// # Errors
/// It is not there, or cannot be removed.
pub fn remove_file(path: &Path) -> Result<(), FileError> {
    fs::remove_file(path).context("remove", path)?;
    let directory = path.parent().unwrap_or(Path::new("/"));
    sync_directory(directory).context("sync", directory)
}

/// Makes a directory and what leads to it. The last one gets `mode` less the umask; one that is
/// there already is left as it is.
///
/// # Errors
/// It could not be made, or something else is in its place.
pub fn make_directory(path: &Path, mode: u32) -> Result<(), FileError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).context("make", parent)?;
    }
    match fs::DirBuilder::new().mode(mode).create(path) {
        Err(_) if path.is_dir() => Ok(()),
        made => made.context("make", path),
    }
}

/// Reads a regular file of at most `limit` bytes. A symlink is followed; a FIFO or device is not
/// waited for. A file that is larger is an error that says so.
///
/// # Errors
/// It is not there, not regular, too large, or cannot be read.
pub fn read_regular(path: &Path, limit: usize) -> Result<Vec<u8>, FileError> {
    read_trusted(path, limit, Trust::Anything)
}

/// The same, but of what may be trusted alone. The judgement is on the file that was opened,
/// whatever comes to stand under its name meanwhile.
///
/// # Errors
/// Those of [`read_regular`]; and somebody can change it who must not, or the directory that it
/// stands in or that a link to it stands in. For that one [`FileError::is_distrust`] holds.
pub fn read_trusted(path: &Path, limit: usize, trust: Trust) -> Result<Vec<u8>, FileError> {
    let (file, metadata) = open_regular(path).context("read", path)?;
    match trust {
        Trust::Anything => {}
        Trust::RootsAlone => {
            let exposure = custody::exposure_of_file(path, &file, &metadata);
            if let Some(exposure) = exposure.context("read", path)? {
                return Err(io::Error::other(exposure.to_string())).context(DISTRUST, path);
            }
        }
    }
    let read = || -> io::Result<Vec<u8>> {
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        let mut content =
            Vec::with_capacity(usize::try_from(metadata.len().min(most)).unwrap_or(0) + 1);
        file.take(most).read_to_end(&mut content)?;
        if content.len() > limit {
            let text = format!("it is larger than {limit} bytes, the most that it may have");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
        }
        Ok(content)
    };
    read().context("read", path)
}

fn open_regular(path: &Path) -> io::Result<(File, fs::Metadata)> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() {
        return Ok((file, metadata));
    }
    let kind = kind(&metadata);
    Err(io::Error::other(format!(
        "it is {kind}, not a regular file"
    )))
}

fn kind(metadata: &fs::Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_symlink() {
        "a symbolic link"
    } else {
        "a device"
    }
}

fn fingerprint(metadata: &fs::Metadata) -> Fingerprint {
    Fingerprint {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.size(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
        way: 0,
    }
}

/// Which directory `path` leads to.
///
/// # Errors
/// It is not there, or is not a directory.
pub fn directory_id(path: &Path) -> Result<DirectoryId, FileError> {
    let metadata = fs::metadata(path).context("look at", path)?;
    if !metadata.is_dir() {
        return Err(io::Error::from(io::ErrorKind::NotADirectory)).context("look at", path);
    }
    Ok(DirectoryId {
        device: metadata.dev(),
        inode: metadata.ino(),
        born: metadata.created().ok(),
    })
}

/// Whether there is a directory at `path`, or at the end of the links there.
#[must_use]
pub fn is_directory(path: &Path) -> bool {
    path.is_dir()
}

/// Makes an empty file, or sets the time of change of one that is there to now. Its content stays.
///
/// # Errors
/// It could not be made, or may not be changed.
pub fn touch(path: &Path) -> Result<(), FileError> {
    let touched = || {
        let mut options = OpenOptions::new();
        let file = options
            .append(true)
            .create(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(path)?;
        file.set_modified(SystemTime::now())
    };
    touched().context("touch", path)
}

/// What tells the file at `path` from what it was before it was touched. `None`: nothing is there.
///
/// # Errors
/// It cannot be said whether something is there.
pub fn touched(path: &Path) -> Result<Option<(u64, i64, i64)>, FileError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some((
            metadata.ino(),
            metadata.mtime(),
            metadata.mtime_nsec(),
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("look at", path),
    }
}

/// Lists a directory whole, or not at all: an entry that cannot be looked at fails the listing,
/// because nobody could say whether it is there.
///
/// # Errors
/// The directory or one of its entries could not be looked at.
pub fn list(path: &Path) -> Result<Listing, FileError> {
    let directory = directory_id(path)?;
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).context("list", path)? {
        let entry = entry.context("list", path)?;
        let file = entry.file_name();
        match entry.metadata() {
            Ok(metadata) => {
                let kind = entry_kind(&entry.path(), &metadata)?;
                entries.push(Entry { file, kind });
            }
            // It went away between the two looks.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).context("look at", &entry.path()),
        }
    }
    entries.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(Listing { directory, entries })
}

/// Looks at one name in a directory. `None`: nothing stands there.
///
/// # Errors
/// It cannot be said whether something stands there.
pub fn look(path: &Path) -> Result<Option<EntryKind>, FileError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => entry_kind(path, &metadata).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("look at", path),
    }
}

fn entry_kind(path: &Path, metadata: &fs::Metadata) -> Result<EntryKind, FileError> {
    if metadata.is_file() {
        return Ok(EntryKind::Regular(fingerprint(metadata)));
    }
    if metadata.is_dir() {
        return Ok(EntryKind::Directory);
    }
    if !metadata.is_symlink() {
        return Ok(EntryKind::Other(kind(metadata)));
    }
    match fs::metadata(path) {
        Ok(target) if target.is_file() => Ok(EntryKind::Regular(Fingerprint {
            way: custody::way(path),
            ..fingerprint(&target)
        })),
        Ok(target) if target.is_dir() => Ok(EntryKind::Directory),
        Ok(target) => Ok(EntryKind::Other(kind(&target))),
        // The machine lacks something just now, and nothing is known of the target.
        Err(error) if error.raw_os_error() == Some(libc::ENOMEM) => {
            Err(error).context("look at", path)
        }
        Err(error) => Ok(EntryKind::Other(lost_link(&error))),
    }
}

/// A symlink that does not lead to a file. Where it leads is the matter of this one name: it must
/// not make the whole directory unknown.
fn lost_link(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::ENOENT) => "a symbolic link that leads nowhere",
        Some(libc::ELOOP) => "a symbolic link that leads to itself",
        Some(libc::ENOTDIR) => "a symbolic link that leads through what is not a directory",
        Some(libc::ENAMETOOLONG) => "a symbolic link with a target whose name is too long",
        Some(libc::EACCES) => "a symbolic link that leads through what may not be entered",
        Some(_) | None => "a symbolic link with a target that cannot be looked at",
    }
}

#[cfg(test)]
mod tests;
