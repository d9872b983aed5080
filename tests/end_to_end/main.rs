//! End to end, against the real binaries: one file for each guarantee or subject.
//!
//! Every test has a colony of its own in a directory of its own, so all of them run side by side.
//! Nothing sleeps to give something time: what is waited for is a condition, with a deadline far
//! beyond what a busy machine needs.

#![cfg(test)]

mod adoption;
mod adoption_files;
mod adoption_groups;
mod adoption_losses;
mod adoption_output;
mod adoption_proofs;
mod adoption_words;
mod architecture;
mod bad_files;
mod bad_names;
mod beatcheck;
mod binaries;
mod cgroups;
mod clocks;
mod colony;
mod coming_from;
mod command_line;
#[path = "../command_tables/mod.rs"]
mod command_tables;
mod commands;
mod companions;
mod crash_points;
mod daemonize;
mod defects;
mod detaching;
mod endings;
mod events;
mod exit_with;
mod failed_starts;
mod following;
mod full_places;
mod httpcheck;
mod importing;
mod instances;
mod instances_rolling;
mod lifecycle;
mod limits;
mod log_following;
mod logs;
mod logs_among_others;
mod messages;
mod no_memory;
mod one_monitor;
mod order;
mod order_commands;
mod output;
mod pages;
mod processes;
mod readiness;
mod readiness_succession;
mod readiness_words;
mod service_manager;
mod shortages;
mod signals;
mod sockets;
mod sockets_among_others;
mod sockets_under_load;
mod surroundings;
mod together;
mod unknown_is_not_removed;
mod upgrade;
mod upgrade_check;
mod upgrade_failures;
mod upgrade_fallback;
mod upgrade_moments;
mod upgrade_surroundings;
mod watching;
mod who_may_write;
mod whole_group;
mod whole_tree;
