//! "Directories": the four places are there, safe, and have room.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use ncolony_core::errno;
use nix::sys::statvfs::{FsFlags, statvfs};

use super::subject::Subject;
use super::verdict::{Finding, Verdict};

/// What the monitor does with a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// It reads there, and obeys.
    Obeys,
    /// It reads there, obeys, and removes what it has obeyed.
    Takes,
    /// It writes there what it needs to know itself.
    Keeps,
    /// It writes there what others said.
    Writes,
}

impl Use {
    /// Whether what stands there decides what the monitor does.
    fn is_trusted(self) -> bool {
        match self {
            Self::Obeys | Self::Takes | Self::Keeps => true,
            Self::Writes => false,
        }
    }

    fn needs_writing(self) -> bool {
        match self {
            Self::Takes | Self::Keeps | Self::Writes => true,
            Self::Obeys => false,
        }
    }
}

/// Whose monitor it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owner {
    uid: u32,
    gids: Vec<u32>,
}

/// A place as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standing {
    uid: u32,
    gid: u32,
    mode: u32,
    /// Whether the file system takes no writing at all.
    read_only: bool,
    /// The share of the space that is free, in percent.
    free_space: Option<u64>,
    /// The share of the files that may still be made, in percent.
    free_files: Option<u64>,
}

/// "Directories"
pub(super) fn directories(subject: &Subject) -> Verdict {
    let owner = subject.process.as_ref().map_or_else(
        || Owner {
            uid: nix::unistd::geteuid().as_raw(),
            gids: vec![nix::unistd::getegid().as_raw()],
        },
        |process| Owner {
            uid: process.uid,
            gids: process.gids.clone(),
        },
    );
    let places = &subject.places;
    let mut all = vec![
        (places.config.as_path(), Use::Obeys),
        (places.messages.as_path(), Use::Takes),
        (places.status.as_path(), Use::Keeps),
    ];
    all.extend(places.logs.as_deref().map(|logs| (logs, Use::Writes)));
    let mut findings = Vec::new();
    for (path, used) in all {
        let faults = match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => faults(standing(path, &metadata), used, &owner),
            Ok(_) => vec![Finding::failure("it is not a directory")],
            // A monitor makes what is missing when it begins.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !subject.is_alive => {
                vec![Finding::warning("it is not there yet")]
            }
            Err(error) => vec![Finding::failure(errno::in_words(&error))],
        };
        findings.extend(faults.into_iter().map(|finding| finding.of(path)));
    }
    Verdict::of_or(findings, "all are there, safe, and have room")
}

fn standing(path: &Path, metadata: &Metadata) -> Standing {
    let system = statvfs(path).ok();
    let share = |free: u64, all: u64| (all > 0).then(|| free.saturating_mul(100) / all);
    Standing {
        uid: metadata.uid(),
        gid: metadata.gid(),
        mode: metadata.permissions().mode(),
        read_only: system
            .as_ref()
            .is_some_and(|system| system.flags().contains(FsFlags::ST_RDONLY)),
        free_space: system
            .as_ref()
            .and_then(|system| share(system.blocks_available(), system.blocks())),
        free_files: system
            .as_ref()
            .and_then(|system| share(system.files_available(), system.files())),
    }
}

fn faults(place: Standing, used: Use, owner: &Owner) -> Vec<Finding> {
    let mut findings = Vec::new();
    if used.is_trusted() && !place.read_only {
        findings.extend(trust_faults(place, owner));
    }
    if used.needs_writing() && !may_write(place, owner) {
        let text = format!("the monitor's user {} cannot write there", owner.uid);
        findings.push(Finding::failure(text));
    }
    if used.needs_writing() {
        for (free, of_what) in [
            (place.free_space, "space"),
            (place.free_files, "files (inodes)"),
        ] {
            if let Some(free) = free.filter(|free| *free <= 1) {
                findings.push(Finding::warning(format!(
                    "{free} % of its {of_what} are free"
                )));
            }
        }
    }
    findings
}

/// Who else could make the monitor do things? As root it refuses what such a directory holds; as
/// a user it does not, and its owner may mean it.
fn trust_faults(place: Standing, owner: &Owner) -> Vec<Finding> {
    let mut findings = Vec::new();
    let by_rights = if owner.uid == 0 {
        Finding::failure
    } else {
        Finding::warning
    };
    if place.uid != owner.uid && place.uid != 0 {
        findings.push(by_rights(format!(
            "it belongs to user {}, and the monitor is user {}",
            place.uid, owner.uid
        )));
    }
    if place.mode & 0o002 != 0 {
        findings.push(Finding::failure(
            "everybody can write there; chmod o-w closes it",
        ));
    }
    if place.mode & 0o020 != 0 {
        findings.push(by_rights(format!(
            "group {} can write there; chmod g-w closes it",
            place.gid
        )));
    }
    findings
}

fn may_write(place: Standing, owner: &Owner) -> bool {
    let bits = if place.uid == owner.uid {
        place.mode >> 6
    } else if owner.gids.contains(&place.gid) {
        place.mode >> 3
    } else {
        place.mode
    };
    !place.read_only && (owner.uid == 0 || bits & 0o3 == 0o3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::upgrade_check::verdict::Level;

    const OWN: Standing = Standing {
        uid: 5,
        gid: 6,
        mode: 0o700,
        read_only: false,
        free_space: Some(50),
        free_files: None,
    };

    fn judged(place: Standing, used: Use, uid: u32) -> (Level, String) {
        let owner = Owner { uid, gids: vec![6] };
        let verdict = Verdict::of(faults(place, used, &owner));
        (verdict.level, verdict.details.unwrap_or_default())
    }

    #[test]
    fn a_place_of_ones_own_is_well() {
        for used in [Use::Obeys, Use::Takes, Use::Keeps, Use::Writes] {
            assert_eq!(judged(OWN, used, 5), (Level::Success, String::new()));
        }
    }

    #[test]
    fn who_else_can_write_is_said() {
        let open = |mode| Standing { mode, ..OWN };
        assert_eq!(judged(open(0o777), Use::Takes, 5).0, Level::Failure);
        assert_eq!(judged(open(0o770), Use::Takes, 5).0, Level::Warning);
        assert_eq!(judged(open(0o770), Use::Keeps, 0).0, Level::Failure);
        assert_eq!(judged(open(0o777), Use::Writes, 5).0, Level::Success);
        let fixed = Standing {
            read_only: true,
            ..open(0o777)
        };
        assert_eq!(
            judged(fixed, Use::Obeys, 5).0,
            Level::Success,
            "nobody can write there"
        );
    }

    #[test]
    fn a_place_of_somebody_else_is_said() {
        let other = Standing {
            uid: 9,
            mode: 0o755,
            ..OWN
        };
        assert_eq!(judged(other, Use::Obeys, 5).0, Level::Warning);
        assert_eq!(judged(other, Use::Obeys, 0).0, Level::Failure);
        let (level, said) = judged(other, Use::Writes, 5);
        assert!(
            level == Level::Failure && said.contains("user 5 cannot write"),
            "{said}"
        );
        let of_root = Standing {
            uid: 0,
            mode: 0o755,
            ..OWN
        };
        assert_eq!(judged(of_root, Use::Obeys, 5).0, Level::Success);
        let of_group = Standing {
            uid: 0,
            mode: 0o770,
            ..OWN
        };
        assert_eq!(judged(of_group, Use::Writes, 5).0, Level::Success);
        let fixed = Standing {
            read_only: true,
            ..OWN
        };
        assert_eq!(judged(fixed, Use::Writes, 0).0, Level::Failure);
    }

    #[test]
    fn no_room_is_said() {
        let full = Standing {
            free_space: Some(1),
            free_files: Some(0),
            ..OWN
        };
        let (level, said) = judged(full, Use::Keeps, 5);
        assert_eq!(level, Level::Warning);
        assert!(
            said.contains("1 % of its space") && said.contains("0 % of its files"),
            "{said}"
        );
        assert_eq!(judged(full, Use::Obeys, 5).0, Level::Success);
    }
}
