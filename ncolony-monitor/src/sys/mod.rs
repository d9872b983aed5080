//! Every system call of the monitor. Nothing outside this module imports nix or libc, and nothing
//! outside it is unsafe.
//!
//! The calls do one thing each and decide nothing; what they do not tell apart is told apart by
//! their callers.

pub(crate) mod account;
pub(crate) mod cgroup;
pub(crate) mod clock;
pub(crate) mod daemon;
pub(crate) mod descriptors;
pub(crate) mod environ;
pub(crate) mod errno;
pub(crate) mod exec;
pub(crate) mod fifo;
pub(crate) mod hold;
pub(crate) mod limits;
pub(crate) mod lock;
pub(crate) mod notifier;
pub(crate) mod notify;
pub(crate) mod offspring;
pub(crate) mod outlet;
pub(crate) mod pidfd;
pub(crate) mod pipe;
pub(crate) mod poller;
pub(crate) mod reap;
pub(crate) mod signal;
pub(crate) mod socket;
pub(crate) mod spawn;
pub(crate) mod splice;
pub(crate) mod trial;
