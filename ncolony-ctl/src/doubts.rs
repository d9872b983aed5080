//! What in a program file the monitor takes as it is, and whoever wrote it may not have meant.

use ncolony_core::{ConfigError, checks};

use crate::misspelling;

/// Keys that look misspelt, and what makes no sense to a companion, in the order of the text.
pub(crate) fn about(text: &str) -> Vec<ConfigError> {
    let mut found = misspelling::warnings(text);
    found.extend(checks::warnings(text.as_bytes()));
    found.sort_by_key(|found| (found.line, found.column));
    found
}
