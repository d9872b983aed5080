//! What ncolony decides, without doing any of it.
//!
//! # Theory of operation
//!
//! A directory of files says what should run, a directory of files says what is asked, a directory
//! of files says what is so, and one small process keeps the three true. This crate holds the
//! words of that sentence and the machine that decides; `ncolony-monitor` does what it says.
//!
//! - **The vocabulary** knows nothing of the rest: [`name`], [`places`], [`descriptor`] (a file as
//!   written), [`spec`] (the same with everything resolved), [`message`], [`status`], [`event`],
//!   [`errno`], [`exit`], [`signal`], [`policy`] (when what died is started again), [`rings`] (programs
//!   that wait for each other), [`listing`], [`custody`] (who could change a file), [`checks`] (what
//!   a file asks of companions) and [`time`].
//! - **The machine**, [`colony`], knows the vocabulary and no clock, file, process or thread. Facts
//!   are observed, the machine settles, orders are polled. Its state is plain data.
//! - **The library**, [`ctllib`] on [`files`], writes program files and messages. It is all that a
//!   controlling program needs. [`heart`] is what a program needs that shows that it is well.

pub mod checks;
pub mod colony;
pub mod ctllib;
pub mod custody;
pub mod descriptor;
pub mod errno;
pub mod event;
pub mod exit;
pub mod files;
pub mod heart;
mod json;
pub mod listing;
pub mod message;
pub mod name;
pub mod places;
pub mod policy;
pub mod rings;
pub mod signal;
pub mod spec;
pub mod status;
pub mod time;

pub use colony::Colony;
pub use descriptor::{ConfigError, Descriptor};
pub use event::{Cause, Event};
pub use exit::Exit;
pub use message::{Message, Request, Target};
pub use name::ProgramName;
pub use places::Places;
pub use signal::Signal;
pub use spec::{Defaults, ProgramSpec};
pub use status::{MonitorStatus, ProgramStatus, State};
pub use time::{Mono, Now, Wall};
