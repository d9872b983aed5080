//! Upgrades of a colony's monitor: a binary of its own that a test can replace, and one whose
//! steps wait for the test.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};

use ncolony_core::message::Reply;
use serde_json::json;

use super::{Colony, until};
use crate::binaries::binary;

/// A new binary that waits before it answers, and before it takes over, until it is told to go on.
const SLOW: &str = "#!/usr/bin/env python3
import os, sys, time
def wait(mark, word):
    open(mark, 'w').close()
    while not os.path.exists(word):
        time.sleep(0.002)
if '--read-state' in sys.argv:
    wait('asked', 'answer')
else:
    wait('replaced', 'take-over')
os.execv('REAL', sys.argv)
";

/// Says that it is over when it goes, also when the test fails: nobody would end otherwise.
pub(crate) struct Over<'a>(pub(crate) &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Colony {
    /// The monitor will be started through a link of its own, which a test can lead elsewhere.
    pub(crate) fn with_own_binary(&self) {
        self.install_good();
    }

    /// Has the monitor's binary be the one under test, as a package does: by a rename.
    pub(crate) fn install_good(&self) {
        let new = self.path("ncolony-monitor.new");
        symlink(binary("ncolony-monitor"), &new).unwrap();
        fs::rename(new, self.path("ncolony-monitor")).unwrap();
    }

    /// Has the monitor's binary be something else: a script, or no program at all. `REAL` in it
    /// stands for the path of the binary under test.
    pub(crate) fn install(&self, content: &str) {
        let new = self.path("ncolony-monitor.new");
        let real = binary("ncolony-monitor");
        fs::write(&new, content.replace("REAL", real.to_str().unwrap())).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(new, self.path("ncolony-monitor")).unwrap();
    }

    /// Has the monitor's binary be a slow one: see [`Colony::until_asked`] and the others.
    pub(crate) fn install_slow(&self) {
        self.install(SLOW);
    }

    /// Begins an upgrade to a slow binary. When this returns it was asked whether it reads the
    /// state, and has not answered. Its outcome will be that of the message `slow`.
    pub(crate) fn until_asked(&self) {
        self.install_slow();
        self.message("slow", &json!({"type": "UPGRADE", "id": "slow"}));
        until("the new binary was asked", || {
            self.path("asked").exists().then_some(())
        });
    }

    /// Has the slow binary answer. When this returns it has taken the monitor's place, and stands
    /// there before it looks at anything.
    pub(crate) fn until_replaced(&self) {
        fs::write(self.path("answer"), "").unwrap();
        until("the image was replaced", || {
            self.path("replaced").exists().then_some(())
        });
    }

    /// Has the slow binary go on in the monitor's place, and gives the outcome.
    pub(crate) fn until_taken_over(&self) -> Reply {
        fs::write(self.path("take-over"), "").unwrap();
        self.reply("slow")
    }

    /// The outcome of a message, which is waited for.
    pub(crate) fn reply(&self, id: &str) -> Reply {
        let path = self.path(format!("status/replies/{id}.json"));
        until(&format!("there is a reply to {id}"), || {
            super::records::read_json(&path)
        })
    }

    /// Upgrades the monitor to the binary that stands there now, which must work.
    #[track_caller]
    pub(crate) fn upgrade(&self) {
        let reply = self.ask(json!({"type": "UPGRADE"}));
        assert!(reply.ok, "{reply:?}");
    }

    /// Has the monitor try an upgrade that must fail, and gives the reason.
    #[track_caller]
    pub(crate) fn fail_to_upgrade(&self) -> String {
        let reply = self.ask(json!({"type": "UPGRADE"}));
        assert!(!reply.ok, "{reply:?}");
        reply.error.unwrap()
    }
}
