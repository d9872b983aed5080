//! Every system call of the companions. Nothing outside this module imports nix or libc, and
//! nothing outside it is unsafe.

pub(crate) mod alarm;
pub(crate) mod child;
pub(crate) mod clock;
pub(crate) mod errno;
pub(crate) mod group;
pub(crate) mod pidfd;
pub(crate) mod signals;
pub(crate) mod terminal;
pub(crate) mod user;
pub(crate) mod waiting;
