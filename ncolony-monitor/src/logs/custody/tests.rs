use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::PathBuf;

use ncolony_core::descriptor::output::Rotation;
use ncolony_core::descriptor::{Account, Identity};
use tempfile::TempDir;

use super::*;
use crate::sys::limits;

const THEM: u32 = 54321;
const OTHER: u32 = 54322;

/// A directory of somebody else, and a secret of root's. Only root can make one and be afraid of it.
struct Ground {
    directory: TempDir,
}

impl Ground {
    fn new() -> Option<Self> {
        if !limits::is_root() {
            return None;
        }
        let ground = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        fs::set_permissions(ground.directory.path(), mode(0o755)).unwrap();
        fs::create_dir(ground.at("theirs")).unwrap();
        fs::write(ground.at("secret"), "root's\n").unwrap();
        fs::set_permissions(ground.at("secret"), mode(0o600)).unwrap();
        ground.give("theirs", THEM);
        Some(ground)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn give(&self, name: &str, user: u32) {
        std::os::unix::fs::lchown(self.at(name), Some(user), None).unwrap();
    }

    fn target(&self, name: &str) -> Target {
        let mut target = Target::of(&self.at(name), Rotation::default());
        target.identity = Identity {
            user: Some(Account::Id(THEM)),
            group: Some(Account::Id(THEM)),
            key: None,
        };
        target
    }

    fn open(&self, name: &str) -> io::Result<File> {
        open(&self.target(name))
    }

    fn refused(&self, name: &str) -> String {
        let why = self.open(name).unwrap_err().to_string();
        assert_eq!(fs::read(self.at("secret")).unwrap(), b"root's\n");
        why
    }
}

fn mode(mode: u32) -> fs::Permissions {
    fs::Permissions::from_mode(mode)
}

#[test]
fn what_is_made_in_a_directory_of_theirs_is_theirs() {
    let Some(ground) = Ground::new() else { return };
    for _twice in 0..2 {
        assert_eq!(
            ground.open("theirs/l").unwrap().metadata().unwrap().uid(),
            THEM
        );
    }
    assert!(!ground.at("theirs/l.1").exists());
    // Also where somebody else's program writes it.
    fs::remove_file(ground.at("theirs/l")).unwrap();
    let target = Target::of(&ground.at("theirs/l"), Rotation::default());
    assert_eq!(open(&target).unwrap().metadata().unwrap().uid(), THEM);
}

#[test]
fn no_link_is_followed_that_others_could_have_put_there() {
    let Some(ground) = Ground::new() else { return };
    symlink(ground.at("secret"), ground.at("theirs/l")).unwrap();
    for owner in [THEM, 0] {
        ground.give("theirs/l", owner);
        assert!(ground.refused("theirs/l").contains("theirs/l is a link"));
    }
    // On the way as well.
    symlink(ground.directory.path(), ground.at("theirs/logs")).unwrap();
    assert!(
        ground
            .refused("theirs/logs/secret")
            .contains("theirs/logs is a link")
    );
    assert!(Way::to_name(&ground.at("theirs/logs/secret")).is_err());
    // And behind a link that is root's own.
    symlink(ground.at("theirs"), ground.at("own")).unwrap();
    assert!(ground.refused("own/l").contains("theirs/l is a link"));
    symlink("own/l", ground.at("own.l")).unwrap();
    assert!(ground.refused("own.l").contains("theirs/l is a link"));
}

#[test]
fn links_of_roots_own_are_followed() {
    let Some(ground) = Ground::new() else { return };
    symlink("theirs", ground.at("own")).unwrap();
    symlink("own/l", ground.at("own.l")).unwrap();
    ground.open("own.l").unwrap();
    assert_eq!(fs::metadata(ground.at("theirs/l")).unwrap().uid(), THEM);
    // In a sticky directory root's own stay root's.
    fs::create_dir(ground.at("sticky")).unwrap();
    fs::set_permissions(ground.at("sticky"), mode(0o1777)).unwrap();
    symlink("../theirs", ground.at("sticky/link")).unwrap();
    ground.open("sticky/link/l").unwrap();
    ground.give("sticky/link", THEM);
    assert!(
        ground
            .refused("sticky/link/l")
            .contains("sticky/link is a link")
    );
}

#[test]
fn a_file_with_a_second_name_is_left_alone() {
    let Some(ground) = Ground::new() else { return };
    fs::hard_link(ground.at("secret"), ground.at("theirs/l")).unwrap();
    assert!(ground.refused("theirs/l").contains("second name"));
    fs::create_dir(ground.at("sticky")).unwrap();
    fs::set_permissions(ground.at("sticky"), mode(0o1777)).unwrap();
    fs::hard_link(ground.at("secret"), ground.at("sticky/l")).unwrap();
    assert!(ground.refused("sticky/l").contains("second name"));
}

#[test]
fn a_file_is_left_alone_that_is_neither_the_programs_nor_the_directorys() {
    let Some(ground) = Ground::new() else { return };
    fs::write(ground.at("theirs/l"), "").unwrap();
    for (owner, is_good) in [(THEM, true), (OTHER, false)] {
        ground.give("theirs/l", owner);
        assert_eq!(ground.open("theirs/l").is_ok(), is_good, "{owner}");
    }
    assert!(ground.refused("theirs/l").contains("belongs to user 54322"));
    // The program's user in a directory of somebody else, or of root's and everybody's.
    ground.give("theirs/l", THEM);
    ground.give("theirs", OTHER);
    assert!(ground.open("theirs/l").is_ok());
    ground.give("theirs", 0);
    fs::set_permissions(ground.at("theirs"), mode(0o1777)).unwrap();
    assert!(ground.open("theirs/l").is_ok());
    fs::write(ground.at("theirs/roots"), "").unwrap();
    assert!(ground.open("theirs/roots").is_ok());
    ground.give("theirs/roots", OTHER);
    ground.refused("theirs/roots");
}

#[test]
fn a_file_of_roots_in_a_directory_of_theirs_makes_way() {
    let Some(ground) = Ground::new() else { return };
    fs::rename(ground.at("secret"), ground.at("theirs/l")).unwrap();
    let file = ground.open("theirs/l").unwrap();
    assert_eq!(
        (
            file.metadata().unwrap().uid(),
            file.metadata().unwrap().len()
        ),
        (THEM, 0)
    );
    assert_eq!(fs::read(ground.at("theirs/l.1")).unwrap(), b"root's\n");
    // And is not read there either.
    let way = Way::to_name(&ground.at("theirs/l")).unwrap();
    assert!(open_rotated(&way, 1, &ground.target("theirs/l")).is_err());
}

#[test]
fn the_names_of_a_directory_stay_those_of_the_one_that_was_found() {
    let Some(ground) = Ground::new() else { return };
    fs::create_dir(ground.at("theirs/logs")).unwrap();
    fs::write(ground.at("theirs/logs/l"), "a log\n").unwrap();
    let way = Way::to_name(&ground.at("theirs/logs/l")).unwrap();
    fs::rename(ground.at("theirs/logs"), ground.at("theirs/before")).unwrap();
    fs::create_dir(ground.at("else")).unwrap();
    fs::write(ground.at("else/l"), "another's\n").unwrap();
    symlink(ground.at("else"), ground.at("theirs/logs")).unwrap();
    rotate::rotate(way.path(), 3).unwrap();
    assert_eq!(
        fs::read(ground.at("theirs/before/l.1")).unwrap(),
        b"a log\n"
    );
    assert!(ground.at("else/l").exists());
}

#[test]
fn rotated_files_are_not_read_through_links() {
    let Some(ground) = Ground::new() else { return };
    let way = Way::to_name(&ground.at("theirs/l")).unwrap();
    let target = ground.target("theirs/l");
    symlink(ground.at("secret"), ground.at("theirs/l.1")).unwrap();
    assert!(open_rotated(&way, 1, &target).is_err());
    fs::hard_link(ground.at("secret"), ground.at("theirs/l.2")).unwrap();
    assert!(open_rotated(&way, 2, &target).is_err());
    fs::write(ground.at("theirs/l.3"), "").unwrap();
    ground.give("theirs/l.3", THEM);
    assert!(open_rotated(&way, 3, &target).is_ok());
}

#[test]
fn a_way_that_ends_nowhere_is_an_error() {
    let Some(ground) = Ground::new() else { return };
    let nowhere = ground.refused("nothing/l");
    assert!(nowhere.contains("No such file"), "{nowhere}");
    assert!(ground.open("secret/l").is_err());
    symlink("round", ground.at("round")).unwrap();
    assert!(ground.refused("round").contains("too many links"));
    chown(ground.at("theirs"), Some(THEM), None).unwrap();
    fs::create_dir(ground.at("theirs/l")).unwrap();
    assert!(ground.open("theirs/l").is_err());
}
