//! End to end, against the real binaries.
