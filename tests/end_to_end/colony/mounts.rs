//! Mounts that a colony alone sees: small disks, and places that cannot be written.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::{Colony, until};
use crate::processes::can_unshare;

/// What fills up a small disk.
const BALLAST: &str = ".ballast";

/// A view of the file system that lasts as long as a process of ours, whatever becomes of monitors.
pub(super) struct Mounts {
    holder: Child,
}

impl Mounts {
    fn new() -> Self {
        let holder = Command::new("unshare")
            .args(["-Urm", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let name = format!("/proc/{}/comm", holder.id());
        until("there is a view of our own", || {
            (fs::read_to_string(&name).ok()? == "cat\n").then_some(())
        });
        Self { holder }
    }

    /// What enters the view.
    fn entrance(&self) -> Vec<String> {
        let target = self.holder.id().to_string();
        let words = [
            "nsenter",
            "-U",
            "-m",
            "--preserve-credentials",
            "-t",
            &target,
        ];
        words.map(str::to_owned).to_vec()
    }

    /// Where the file system begins, as it is seen there.
    pub(super) fn root(&self) -> PathBuf {
        format!("/proc/{}/root", self.holder.id()).into()
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        let _ended = self.holder.kill();
        let _ended = self.holder.wait();
    }
}

impl Colony {
    /// Gives the colony a view of the file system of its own. `false`: the machine does not let us.
    pub(crate) fn own_mounts(&mut self) -> bool {
        if !can_unshare() {
            println!("user namespaces are closed to us: nothing can be mounted");
            return false;
        }
        let mounts = Mounts::new();
        let mut wrapper = mounts.entrance();
        let enter = format!("cd {} && exec \"$@\"", self.directory.path().display());
        wrapper.extend(["/bin/sh", "-c", &enter, "sh"].map(str::to_owned));
        self.wrapper = wrapper;
        self.mounts = Some(mounts);
        true
    }

    /// Has a place be a disk of its own, of so many bytes.
    pub(crate) fn make_small(&self, place: &str, bytes: u32) {
        fs::create_dir_all(self.path(place)).unwrap();
        // A disk without this may be written by everybody, and nothing on it is obeyed.
        let options = format!("size={bytes},mode=0755");
        self.in_view(&["mount", "-t", "tmpfs", "-o", &options, "none"], place);
    }

    /// Changes the size of a place that is a disk of its own.
    pub(crate) fn resize(&self, place: &str, bytes: u32) {
        let options = format!("remount,size={bytes}");
        self.in_view(&["mount", "-o", &options], place);
    }

    /// Has nothing be written in a place from now on; what is open for writing stays so.
    pub(crate) fn make_read_only(&self, place: &str) {
        let path = self.directory.path().join(place).display().to_string();
        self.in_view(&["mount", "--bind", &path], place);
        self.in_view(&["mount", "-o", "remount,bind,ro"], place);
    }

    /// Lets it be written again.
    pub(crate) fn make_writable(&self, place: &str) {
        self.in_view(&["mount", "-o", "remount,bind,rw"], place);
    }

    fn in_view(&self, words: &[&str], place: &str) {
        let entrance = self.mounts.as_ref().unwrap().entrance();
        let mut command = Command::new(&entrance[0]);
        command.args(&entrance[1..]).args(words);
        let status = command.arg(self.directory.path().join(place)).status();
        assert!(status.unwrap().success(), "{words:?} {place}");
    }

    /// Fills up a place that is a disk of its own.
    pub(crate) fn fill(&self, place: &str) {
        let mut ballast = File::options();
        let path = self.path(place).join(BALLAST);
        let mut ballast = ballast.append(true).create(true).open(path).unwrap();
        while ballast.write_all(&[0; 512]).is_ok() {}
    }

    /// Frees it again.
    pub(crate) fn free(&self, place: &str) {
        fs::remove_file(self.path(place).join(BALLAST)).unwrap();
    }

    /// A path as it is seen by everybody else.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}
