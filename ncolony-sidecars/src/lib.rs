//! The companions: small programs that a colony runs beside the others.
//!
//! # Theory of operation
//!
//! A companion is a program like any other: the monitor starts it, and starts it again. It knows
//! the vocabulary of ncolony and the library that writes its files, and never the monitor: what it
//! has to say to a colony it says in files.
//!
//! Each has a module and a binary of a few lines. What it decides is decided without a clock, a
//! file or a process, in modules that say so; the rest does as it is told. System calls are made
//! in `sys`, by all of them.
//!
//! - [`scheduler`] runs a command again and again, by a period or by a calendar.
//! - [`beatcheck`] restarts programs whose hearts have stopped, and [`httpcheck`] those whose servers
//!   do not answer. What both need is in [`watching`].

pub mod beatcheck;
pub mod httpcheck;
pub mod scheduler;
#[expect(
    unsafe_code,
    reason = "every system call of the companions is made here"
)]
mod sys;
pub mod watching;
