//! Who we are.

use nix::unistd::geteuid;

/// The number of the user whose rights this process has.
pub(crate) fn own() -> u32 {
    geteuid().as_raw()
}
