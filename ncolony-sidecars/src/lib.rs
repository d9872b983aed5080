//! The companions of a monitor: programs that it runs like any other, and that meet it in files
//! alone.
//!
//! # Theory of operation
//!
//! A check is three things kept apart. What is so is read from files ([`watching`]): the program
//! files, which say what is to be checked, and the monitor's records, which say what runs. What
//! follows from it is decided without a clock or a file, time being an argument. And what was
//! decided is written as a message to the monitor, which alone stops and starts programs.

pub mod beatcheck;
pub mod httpcheck;
pub mod watching;
