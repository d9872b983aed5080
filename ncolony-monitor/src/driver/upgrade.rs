//! Replacing the monitor's image while everything goes on.

use ncolony_core::colony::Observation;

use super::Driver;
use crate::sys::clock;

impl Driver {
    /// Begins to replace the image.
    pub(super) fn begin_upgrade(&mut self) {
        let why = "this version cannot be replaced in place yet".to_owned();
        self.colony
            .observe(clock::now(), Observation::UpgradeFailed { why });
    }
}
