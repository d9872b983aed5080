//! The machine alone, driven by hand: facts in, orders out, time by argument.

mod driver;
mod ends;
mod files;
mod instances;
mod life;
mod listening;
mod messages;
mod proofs;
mod rolling;
mod shutdown;
mod snapshots;
mod stops;
mod words;
