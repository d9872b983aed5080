//! Where facts come from: the two directories, signals, and children.

pub(crate) mod adopted;
pub(crate) mod children;
pub(crate) mod dirwatch;
pub(crate) mod leftover;
pub(crate) mod messages;
pub(crate) mod scan;
pub(crate) mod signals;
pub(crate) mod strays;
pub(crate) mod tree;
