//! What `/proc` says of the monitor's process.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// The monitor's process, as it can be seen from here. What may not be read is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// Its number in the innermost world of process numbers that it lives in.
    pub(super) inner_pid: u32,
    /// Its effective user.
    pub(super) uid: u32,
    /// Its effective group and its supplementary groups.
    pub(super) gids: Vec<u32>,
    /// How many files it may have open; `None`: as many as it likes.
    pub(super) open_files: Option<u64>,
    /// How many processes its user may have; `None`: as many as it likes.
    pub(super) processes: Option<u64>,
    /// The lines of its cgroup file.
    pub(super) cgroup: Option<String>,
    /// Its environment.
    pub(super) environment: Option<BTreeMap<OsString, OsString>>,
    /// Its working directory.
    pub(super) directory: Option<PathBuf>,
}

impl Process {
    /// Looks at a process. `None`: it cannot be seen from here.
    pub(super) fn look(pid: u32) -> Option<Self> {
        let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).ok();
        let mut process = Self {
            pid,
            ..Self::default()
        };
        process.take_status(&read("status")?)?;
        let limits = read("limits").unwrap_or_default();
        process.open_files = limit(&limits, "Max open files");
        process.processes = limit(&limits, "Max processes");
        process.cgroup = read("cgroup");
        let environment = fs::read(format!("/proc/{pid}/environ"));
        process.environment = environment.ok().map(|bytes| variables(&bytes));
        process.directory = fs::read_link(format!("/proc/{pid}/cwd")).ok();
        Some(process)
    }

    fn take_status(&mut self, status: &str) -> Option<()> {
        let numbers = |key: &str| -> Vec<u32> {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            let words = line.unwrap_or_default().split_whitespace();
            words.filter_map(|word| word.parse().ok()).collect()
        };
        // Real, effective, saved, of the file system.
        self.uid = *numbers("Uid:").get(1)?;
        self.gids = vec![*numbers("Gid:").get(1)?];
        self.gids.extend(numbers("Groups:"));
        self.inner_pid = numbers("NSpid:").last().copied().unwrap_or(self.pid);
        Some(())
    }
}

/// The soft limit of this name; `None`: there is none, or it could not be read.
fn limit(limits: &str, name: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn variables(environ: &[u8]) -> BTreeMap<OsString, OsString> {
    let pair = |entry: &[u8]| {
        let equals = entry.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (entry[..equals].to_vec(), entry[equals + 1..].to_vec());
        Some((OsString::from_vec(name), OsString::from_vec(value)))
    };
    environ.split(|byte| *byte == 0).filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_process_is_seen() {
        let own = Process::look(std::process::id()).unwrap();
        assert_eq!(own.uid, nix::unistd::geteuid().as_raw());
        assert_eq!(own.gids[0], nix::unistd::getegid().as_raw());
        assert_eq!(own.directory, std::env::current_dir().ok());
        assert!(own.cgroup.is_some() && own.environment.is_some());
        assert_eq!(Process::look(u32::MAX), None);
    }

    #[test]
    fn the_kernels_tables_are_read() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max processes             unlimited            unlimited            processes\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(limit(limits, "Max open files"), Some(1024));
        assert_eq!(limit(limits, "Max processes"), None);
        let mut process = Process::default();
        let status =
            "Name:\tx\nUid:\t0\t7\t0\t0\nGid:\t0\t8\t0\t0\nNSpid:\t4711\t1\nGroups:\t8 9 \n";
        process.take_status(status).unwrap();
        assert_eq!((process.uid, process.inner_pid), (7, 1));
        assert_eq!(process.gids, [8, 8, 9]);
        let read = variables(b"A=b=c\0EMPTY=\0");
        assert_eq!(read[&OsString::from("A")], "b=c");
        assert_eq!(read[&OsString::from("EMPTY")], "");
    }
}
