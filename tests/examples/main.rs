//! The examples, run as a reader would run them.
#![cfg(test)]

mod colony;
mod companions;
mod container;
mod control_groups;
mod deployment;
mod embedding;
#[path = "../process/mod.rs"]
mod process;
mod service;
