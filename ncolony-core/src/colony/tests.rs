//! The machine alone, driven by hand: facts in, orders out, time by argument.

mod driver;
mod ends;
mod events;
mod files;
mod health;
mod instances;
mod keystone;
mod life;
mod listening;
mod messages;
mod order_instances;
mod order_restored;
mod order_starts;
mod order_stops;
mod proofs;
mod rolling;
mod shutdown;
mod snapshots;
mod states;
mod stops;
mod words;
