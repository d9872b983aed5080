//! G10: as root, a Unix socket in a directory of somebody else gives him no hold on what is root's.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, lchown, symlink};
use std::os::unix::net::UnixListener;

use ncolony_core::State;
use serde_json::json;

use crate::colony::{Colony, until};

/// The program's user, who has no account.
const THEM: u32 = 54321;

/// A colony of root's with a directory of somebody else's in which a program has its socket.
fn ground() -> Option<Colony> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    let colony = Colony::running(&["-t", "0"]);
    for directory in ["theirs", "theirs/run", "roots"] {
        fs::create_dir(colony.path(directory)).unwrap();
    }
    for directory in ["theirs", "theirs/run"] {
        give(&colony, directory);
    }
    Some(colony)
}

fn give(colony: &Colony, name: &str) {
    lchown(colony.path(name), Some(THEM), Some(THEM)).unwrap();
}

fn program(colony: &Colony) {
    let listen = format!("unix://{}", colony.path("theirs/run/s").display());
    let file = json!({
        "args": ["/bin/sleep", "1000"], "user": format!("{THEM}:{THEM}"),
        "sockets": [{"name": "web", "listen": listen}],
    });
    colony.program("web", file.to_string());
}

fn until_theirs(colony: &Colony) {
    until("the socket is theirs", || {
        let found = fs::symlink_metadata(colony.path("theirs/run/s")).ok()?;
        (found.file_type().is_socket() && found.uid() == THEM).then_some(())
    });
}

#[test]
fn a_socket_in_the_programs_own_directory_is_made_kept_and_removed() {
    let Some(mut colony) = ground() else { return };
    program(&colony);
    colony.until_up("web");
    until_theirs(&colony);
    assert_eq!(colony.ctl(&["restart", "web"]).code, Some(0));
    colony.kill();
    colony.start();
    assert_eq!(colony.ctl(&["restart", "web"]).code, Some(0));
    until_theirs(&colony);
    assert_eq!(colony.ctl(&["stop", "web"]).code, Some(0));
    until("it is gone", || {
        (!colony.path("theirs/run/s").exists()).then_some(())
    });
}

#[test]
fn through_a_link_of_theirs_none_is_made_and_none_is_removed() {
    let Some(colony) = ground() else { return };
    // A socket that nobody listens on any more would be replaced.
    drop(UnixListener::bind(colony.path("roots/s")).unwrap());
    fs::remove_dir(colony.path("theirs/run")).unwrap();
    symlink("../roots", colony.path("theirs/run")).unwrap();
    give(&colony, "theirs/run");
    let before = fs::symlink_metadata(colony.path("roots/s")).unwrap();
    program(&colony);
    let record = colony.until_state("web", State::Backoff);
    let reason = record.reason.unwrap();
    assert!(reason.contains("theirs/run is a link"), "{reason}");
    let after = fs::symlink_metadata(colony.path("roots/s")).unwrap();
    assert_eq!((after.ino(), after.uid()), (before.ino(), 0));
}

#[test]
fn a_link_that_comes_later_leads_to_no_other_socket() {
    let Some(colony) = ground() else { return };
    program(&colony);
    colony.until_up("web");
    until_theirs(&colony);
    let roots = colony.path("roots/s");
    fs::rename(colony.path("theirs/run"), colony.path("theirs/before")).unwrap();
    // The very same socket, so that it is not told by its number.
    fs::hard_link(colony.path("theirs/before/s"), &roots).unwrap();
    symlink("../roots", colony.path("theirs/run")).unwrap();
    give(&colony, "theirs/run");
    assert_eq!(colony.ctl(&["stop", "web"]).code, Some(0));
    until("it is said", || {
        colony
            .log()
            .contains("cannot remove the socket")
            .then_some(())
    });
    assert!(roots.exists());
}
