//! The control groups that a systemd makes, taken away again: nobody else would do it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What a systemd makes below the group that it finds itself in.
const MADE: [&str; 2] = ["app.slice", "init.scope"];

/// Groups that were not there before somebody began to make some.
pub(crate) struct Made {
    before: BTreeSet<PathBuf>,
}

impl Made {
    /// Remembers what is there.
    pub(crate) fn from_now_on() -> Self {
        Self { before: present() }
    }

    /// Removes what has come since. `false`: not all of it is empty yet.
    pub(crate) fn remove(&self) -> bool {
        let made = present();
        made.difference(&self.before).for_each(|top| remove(top));
        present().is_subset(&self.before)
    }
}

fn present() -> BTreeSet<PathBuf> {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own: BTreeSet<&str> = own.lines().filter_map(|it| it.split(':').nth(2)).collect();
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let is_of_groups = |line: &&str| line.starts_with("cgroup");
    let places = mounts.lines().filter(is_of_groups);
    let places = places.filter_map(|line| line.split(' ').nth(1));
    let below = |place: &str| {
        let own = own.iter().map(|own| own.trim_start_matches('/'));
        let tops = own.map(|own| Path::new(place).join(own));
        let all = tops.flat_map(|top| MADE.map(|name| top.join(name)));
        all.collect::<Vec<_>>()
    };
    let all = places.flat_map(below);
    all.filter(|path| path.is_dir()).collect()
}

/// Removes a group and those below it, as far as they are empty: the kernel lets no others go.
fn remove(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    let _not_empty = fs::remove_dir(group);
}
