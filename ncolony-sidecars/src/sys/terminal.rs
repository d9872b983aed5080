//! Whether somebody sits in front of this process.

use std::fs::File;

/// Whether this process belongs to the session of a terminal. What a monitor starts does not.
pub(crate) fn is_ours() -> bool {
    File::open("/dev/tty").is_ok()
}
