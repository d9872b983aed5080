//! The end of a colony, whichever way its test went.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{Colony, PATIENCE};
use crate::{cgroups, processes};

impl Colony {
    /// The processes that belong to this colony, but for the monitor itself.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.remember_half();
        let monitor = self.monitor.as_ref().map(Child::id);
        let halves = self.halves.borrow();
        let is_ours = |pid: &u32| {
            let carries = |variable: &String| {
                let id = variable.strip_prefix("NCOLONY_RUN_ID=");
                id.is_some_and(|id| halves.iter().any(|half| id.starts_with(half.as_str())))
            };
            processes::environment(*pid).iter().any(carries)
                || processes::works_in(*pid, self.directory.path())
        };
        let all = processes::all().into_iter();
        all.filter(|pid| Some(*pid) != monitor && *pid != std::process::id())
            .filter(is_ours)
            .collect()
    }

    /// All that helps to see why a test failed.
    fn dump(&self) -> String {
        let mut text = format!("flags {:?}\n", self.flags);
        for place in [
            "config",
            "messages",
            "status",
            "status/programs",
            "status/rejected",
        ] {
            let entries = fs::read_dir(self.path(place))
                .into_iter()
                .flatten()
                .flatten();
            let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
            names.sort();
            names.truncate(40);
            let _ = writeln!(text, "{place}: {names:?}");
            for name in names
                .iter()
                .filter(|name| Path::new(name).extension().is_some())
            {
                let path = self.path(place).join(name);
                // What is no file may have no end.
                let is_file = fs::metadata(&path).is_ok_and(|it| it.is_file());
                let content = if is_file {
                    fs::read(path)
                } else {
                    Ok(Vec::new())
                };
                let content = content.unwrap_or_default();
                let content = String::from_utf8_lossy(&content[..content.len().min(2000)]);
                let _ = writeln!(text, "  {}: {content}", name.display());
            }
        }
        for name in ["monitor.err", "monitor.out"] {
            let lines = self.lines(name);
            let last = lines[lines.len().saturating_sub(60)..].join("\n  ");
            let _ = writeln!(text, "{name}:\n  {last}");
        }
        text
    }
}

impl Drop for Colony {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("{}", self.dump());
        }
        if let Some(mut monitor) = self.monitor.take() {
            let _ended = monitor.kill();
            let _ended = monitor.wait();
        }
        // What was closed in the course of a test could not be removed either.
        for place in ["config", "messages", "status", "status/programs", "logs"] {
            let open = fs::Permissions::from_mode(0o700);
            let _not_there = fs::set_permissions(self.path(place), open);
        }
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let left = self.processes();
            if left.is_empty() {
                break;
            }
            for pid in left {
                processes::signal(pid, Signal::SIGKILL);
            }
            thread::sleep(Duration::from_millis(2));
        }
        for half in self.halves.borrow().iter() {
            if let Some(directory) = cgroups::directory_of_colony(half) {
                cgroups::remove(&directory);
            }
        }
    }
}
