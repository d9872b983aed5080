//! A fake world that drives the real colony machine.
//!
//! # Theory of operation
//!
//! The machine of `ncolony-core` has no clock, no files and no processes: facts go in, orders come
//! out. So everything around it can be faked, and a day of crashes passes in a millisecond.
//!
//! - A **history** is a list of [`action::Action`]s: files written, broken and removed, messages
//!   sent, processes that die, hang and leave others behind, starts that fail, time that passes
//!   with and without the monitor, a monitor that dies between any two of its orders. All that
//!   chance decides is in the list, drawn from a seed by [`generate`].
//! - The [`world`] acts it out: a fake kernel, a fake config directory listed through the real
//!   catalogue, and a monitor around the real machine that carries its orders out.
//! - The [`ledger`] hears the same facts as the machine and says, from the contract alone, what is
//!   wanted and what is known. It gives no orders.
//! - The [`invariant`]s compare: machine, ledger, kernel and status directory, at every order and
//!   after every breath.
//! - A history that breaks one is [shrunk](shrink) and told, with the command that replays it.
//! - What order costs the machine is [measured](planning).
//! - Small worlds are [searched](search) whole: every history of a short alphabet up to a depth.

pub mod action;
pub mod cast;
pub mod generate;
pub mod history;
pub mod invariant;
pub mod ledger;
pub mod planning;
pub mod random;
pub mod search;
pub mod shrink;
pub mod world;
