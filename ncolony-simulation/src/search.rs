//! Searching a small world whole.
