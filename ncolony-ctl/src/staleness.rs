//! Whether the monitor can write what is so: where it cannot, records are old and answers wait.

use std::path::Path;

use ncolony_core::Places;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::geteuid;

/// What a file system has left, for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Room {
    read_only: bool,
    /// `None`: it does not count them.
    blocks: Option<u64>,
    files: Option<u64>,
}

/// Why the records may be old, as a sentence; `None`: the status place can be written.
pub(crate) fn of_records(places: &Places) -> Option<String> {
    let why = obstacle(room(&places.status)?)?;
    let status = places.status.display();
    Some(format!(
        "the status place {status} {why}: records there may be old, and answers wait until it can be written"
    ))
}

/// The same, to be put behind what did not come in time.
pub(crate) fn behind(places: &Places) -> String {
    of_records(places).map_or_else(String::new, |why| format!("; {why}"))
}

fn room(path: &Path) -> Option<Room> {
    let system = statvfs(path).ok()?;
    let available = |left: u64, all: u64| (all > 0).then_some(left);
    let (blocks, files) = if geteuid().is_root() {
        (system.blocks_free(), system.files_free())
    } else {
        (system.blocks_available(), system.files_available())
    };
    Some(Room {
        read_only: system.flags().contains(FsFlags::ST_RDONLY),
        blocks: available(blocks, system.blocks()),
        files: available(files, system.files()),
    })
}

fn obstacle(room: Room) -> Option<&'static str> {
    if room.read_only {
        Some("is read-only")
    } else if room.blocks == Some(0) {
        Some("is full")
    } else if room.files == Some(0) {
        Some("has no room for another file")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_counted_is_not_lacking() {
        let well = Room {
            read_only: false,
            blocks: None,
            files: Some(1),
        };
        assert_eq!(obstacle(well), None);
        let full = Room {
            blocks: Some(0),
            ..well
        };
        assert_eq!(obstacle(full), Some("is full"));
        let fixed = Room {
            read_only: true,
            ..full
        };
        assert_eq!(obstacle(fixed), Some("is read-only"));
        let crowded = Room {
            files: Some(0),
            ..well
        };
        assert_eq!(obstacle(crowded), Some("has no room for another file"));
    }
}
