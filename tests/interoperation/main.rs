//! Interoperation with NColony, the Python original: either control program with either monitor,
//! one directory of program files run by both, and the companions of both side by side. And with
//! Supervisor: its configurations, run by it and, imported, by our monitor.
//!
//! It needs the originals, so it is built with the feature `interoperation` alone, and then
//! `NCOLONY_PYTHON` names a Python that has them (`requirements.txt` says what to install).
//! `.ci/run` sees to both.
#![cfg(test)]

mod colony;
mod coming_from_ncolony;
#[path = "../command_tables/mod.rs"]
mod command_tables;
mod companions;
mod deployment;
mod imported;
mod our_control;
#[path = "../process/mod.rs"]
mod process;
mod same_files;
mod their_control;
