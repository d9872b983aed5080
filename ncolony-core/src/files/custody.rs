//! Who could change a file: looks at the file itself, once it is open, and at every directory in
//! which a name stands that led to it.

use std::fs::{self, File, Metadata};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::custody::{Exposure, Trust};

/// So many links one after the other are followed, as the kernel does.
const LINKS_MAX: usize = 40;

/// Who else could change this directory, if that matters. A directory that cannot be looked at
/// holds nothing that could be obeyed.
#[must_use]
pub fn exposure_of_directory(path: &Path, trust: Trust) -> Option<Exposure> {
    match trust {
        Trust::Anything => None,
        Trust::RootsAlone => of_directory(path).ok().flatten(),
    }
}

fn of_directory(path: &Path) -> io::Result<Option<Exposure>> {
    let metadata = fs::metadata(path)?;
    let exposure = Exposure::of(path, true, metadata.uid(), metadata.mode());
    if exposure.is_some() && is_read_only(&File::open(path)?) {
        return Ok(None);
    }
    Ok(exposure)
}

/// Who else could change the file that was opened by this path.
///
/// # Errors
/// The way to it cannot be looked at, or leads elsewhere by now.
pub(super) fn exposure_of_file(
    path: &Path,
    file: &File,
    metadata: &Metadata,
) -> io::Result<Option<Exposure>> {
    let steps = steps(path)?;
    for step in &steps {
        let exposure = of_directory(parent(step))?;
        if exposure.is_some() {
            return Ok(exposure);
        }
    }
    let last = steps.last().map_or(path, PathBuf::as_path);
    let found = fs::symlink_metadata(last)?;
    if (found.dev(), found.ino()) != (metadata.dev(), metadata.ino()) {
        return Err(io::Error::other(
            "it was replaced while it was looked at; it is looked at again",
        ));
    }
    let exposure = Exposure::of(last, false, metadata.uid(), metadata.mode());
    Ok(exposure.filter(|_| !is_read_only(file)))
}

/// The names that lead to a file, one after the other: its own, and where a link stands there, the
/// one that it leads to. Directories further up are not looked at.
fn steps(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut steps = vec![path.to_owned()];
    let mut last = path.to_owned();
    while steps.len() <= LINKS_MAX {
        match fs::read_link(&last) {
            Ok(target) => last = parent(&last).join(target),
            // It is no link.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(steps),
            Err(error) => return Err(error),
        }
        steps.push(last.clone());
    }
    Err(io::Error::other("too many links, one after the other"))
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

/// What tells whether the way that a link leads is in other hands than it was. Nothing of the file
/// at its end, whose own time of change tells that.
pub(super) fn way(path: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    for step in steps(path).unwrap_or_default().iter().skip(1) {
        let found = fs::metadata(parent(step));
        let found = found.map(|it| (it.dev(), it.ino(), it.uid(), it.mode()));
        found.ok().hash(&mut hasher);
    }
    hasher.finish()
}

/// Whether this was opened through a mount that takes no writing. What cannot be told is taken for
/// a mount that does.
fn is_read_only(file: &File) -> bool {
    let read = || -> Option<bool> {
        let about = format!("/proc/self/fdinfo/{}", file.as_raw_fd());
        let about = fs::read_to_string(about).ok()?;
        let mount = about
            .lines()
            .find_map(|line| line.strip_prefix("mnt_id:"))?;
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        Some(says_read_only(&mounts, mount.trim()))
    };
    read().unwrap_or(false)
}

/// Reads `proc_pid_mountinfo(5)`: options of the mount are the sixth field, those of its file
/// system the last one.
fn says_read_only(mounts: &str, mount: &str) -> bool {
    let is_this = |line: &&str| line.split(' ').next() == Some(mount);
    let Some(line) = mounts.lines().find(is_this) else {
        return false;
    };
    let options = [line.split(' ').nth(5), line.rsplit(' ').next()];
    let mut options = options.into_iter().flatten();
    options.any(|options| options.split(',').any(|option| option == "ro"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_link_is_a_step() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("..1")).unwrap();
        fs::write(at("..1/web"), "").unwrap();
        symlink("..1", at("..data")).unwrap();
        symlink("..data/web", at("web")).unwrap();
        assert_eq!(steps(&at("web")).unwrap(), [at("web"), at("..data/web")]);
        assert_eq!(steps(&at("..1/web")).unwrap(), [at("..1/web")]);
        symlink("round", at("round")).unwrap();
        assert!(steps(&at("round")).is_err());
        assert!(steps(&at("nothing")).is_err());
    }

    #[test]
    fn other_permissions_on_the_way_are_another_way() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("else")).unwrap();
        fs::write(at("else/web"), "").unwrap();
        symlink("else/web", at("web")).unwrap();
        let before = way(&at("web"));
        fs::write(at("else/more"), "").unwrap();
        assert_eq!(way(&at("web")), before);
        fs::set_permissions(at("else"), fs::Permissions::from_mode(0o777)).unwrap();
        assert_ne!(way(&at("web")), before);
    }

    #[test]
    fn the_kernels_table_of_mounts_is_read() {
        let mounts = "21 1 0:20 / / rw,relatime - ext4 /dev/vda rw\n\
                      211 21 0:21 /a /b ro,nosuid shared:1 - tmpfs tmpfs rw,size=4k\n\
                      22 21 0:22 / /cd rw - iso9660 /dev/sr0 ro\n\
                      23 21 0:23 / /rom rw,errors=remount-ro - ext4 /dev/ro rw";
        let read = |mount| says_read_only(mounts, mount);
        assert!(!read("21") && read("211") && read("22") && !read("23") && !read("2"));
    }
}
