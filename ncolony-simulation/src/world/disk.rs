//! What a monitor writes down before it acts, and its successor reads.

use std::collections::BTreeMap;

use ncolony_core::colony::snapshot::{ActedOn, Changes, Snapshot};
use ncolony_core::files::DirectoryId;

use super::World;
use super::mail::Mail;

/// Every so many writes go through their text. What a successor reads always does.
const AS_TEXT: u64 = 64;

/// The files that outlive a monitor.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    /// The colony as it was last written down, once it was.
    pub(super) journal: Option<Snapshot>,
    /// Messages that were acted on: by file, which one it was, and what it is due.
    pub(super) acted_on: BTreeMap<String, (u64, ActedOn)>,
    /// The config directory that was last believed.
    pub(super) directory: Option<DirectoryId>,
    writes: u64,
}

impl Disk {
    fn write(&mut self, changes: Changes, mail: &Mail) {
        self.writes += 1;
        let changes = if self.writes.is_multiple_of(AS_TEXT) {
            as_text(&changes)
        } else {
            changes
        };
        for acted_on in &changes.acted_on {
            if let Some(inode) = mail.inode(&acted_on.file) {
                let file = acted_on.file.clone();
                self.acted_on.insert(file, (inode, acted_on.clone()));
            }
        }
        self.journal.get_or_insert_default().apply(changes);
    }

    /// Whether this very file was acted on.
    pub(super) fn knows(&self, file: &str, inode: u64) -> bool {
        self.acted_on
            .get(file)
            .is_some_and(|(known, _)| *known == inode)
    }

    /// Messages that were acted on and whose files are still there.
    pub(super) fn left_over(&mut self, mail: &Mail) -> Vec<ActedOn> {
        self.acted_on
            .retain(|file, (inode, _)| mail.inode(file) == Some(*inode));
        let left = self.acted_on.values();
        left.map(|(_, acted_on)| acted_on.clone()).collect()
    }
}

/// The same, after it was text.
///
/// # Panics
/// It cannot be written or read: the simulation has found that.
#[expect(clippy::expect_used, reason = "this is what is tried here")]
fn as_text(changes: &Changes) -> Changes {
    let text = serde_json::to_string(changes).expect("changes can be written");
    serde_json::from_str(&text).expect("what was written can be read")
}

/// What a successor reads of what its predecessor has written.
pub(super) fn read_back(written: Snapshot) -> Snapshot {
    let mut snapshot = Snapshot::default();
    snapshot.apply(as_text(&written.into()));
    snapshot
}

impl World {
    /// The monitor writes down what it has decided, and what it has carried out since it last did.
    pub(super) fn write_down(&mut self) {
        let Some(monitor) = &mut self.monitor else {
            return;
        };
        self.disk.directory = monitor.catalogue.directory();
        if monitor.colony.has_changes() {
            let changes = monitor.colony.take_changes();
            self.disk.write(changes, &self.mail);
            monitor.ledger.written_down();
        }
    }
}
