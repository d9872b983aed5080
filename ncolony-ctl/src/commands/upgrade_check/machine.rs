//! "Limits" and "Kernel": is the machine enough?

use std::fs;

use ncolony_core::status::{ExitCodes, Guarantees, TreeKill};

use super::process::Process;
use super::subject::Subject;
use super::verdict::{Finding, Verdict, counted};

/// Descriptors that a program costs the monitor at most.
const FILES_PER_PROGRAM: u64 = 4;
/// Descriptors and processes that the monitor needs whatever it runs.
const RESERVE: u64 = 64;

/// "Limits"
pub(super) fn limits(subject: &Subject) -> Verdict {
    let programs = u64::try_from(subject.program_count()).unwrap_or(u64::MAX);
    match &subject.process {
        Some(process) => check_limits(process, programs),
        None => Verdict::success("not checked: no monitor can be seen"),
    }
}

fn check_limits(process: &Process, programs: u64) -> Verdict {
    let mut findings = Vec::new();
    let files = programs
        .saturating_mul(FILES_PER_PROGRAM)
        .saturating_add(RESERVE);
    if let Some(limit) = process.open_files.filter(|limit| *limit < files) {
        findings.push(Finding::warning(format!(
            "the monitor may have {limit} files open, and {programs} programs may need {files}; \
             raise its limit (LimitNOFILE= under systemd, ulimit -n in a shell)"
        )));
    }
    let processes = programs.saturating_add(RESERVE);
    // The kernel does not hold root to it.
    let held = process.processes.filter(|_| process.uid != 0);
    if let Some(limit) = held.filter(|limit| *limit < processes) {
        findings.push(Finding::warning(format!(
            "the monitor's user may have {limit} processes, and {programs} programs may need \
             {processes}; raise its limit (LimitNPROC= under systemd, ulimit -u in a shell)"
        )));
    }
    let enough = format!("enough for {}", counted(programs, "program"));
    Verdict::of_or(findings, enough)
}

/// "Kernel"
pub(super) fn kernel(subject: &Subject) -> Verdict {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let record = subject.record.as_ref().filter(|_| subject.is_alive);
    let is_init = subject
        .process
        .as_ref()
        .is_some_and(|process| process.inner_pid == 1);
    check_kernel(
        release.trim(),
        record.map(|record| &record.guarantees),
        is_init,
    )
}

/// The first two numbers of a kernel's release.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn check_kernel(release: &str, guarantees: Option<&Guarantees>, is_init: bool) -> Verdict {
    let Some(version) = version(release) else {
        return Verdict::warning(format!(
            "which kernel this is cannot be read from {release:?}"
        ));
    };
    let mut findings = Vec::new();
    for (needed, what, weaker) in [
        (
            (3, 17),
            "memfd_create",
            "an upgrade cannot hand over the state",
        ),
        (
            (5, 3),
            "pidfd_open",
            "a process that ends may be taken for another of its number",
        ),
        (
            (5, 9),
            "close_range",
            "descriptors are closed one by one, which takes longer",
        ),
    ] {
        if version < needed {
            findings.push(missing(what, needed, weaker));
        }
    }
    let exact = guarantees.map_or(version >= (6, 15), |guarantees| {
        guarantees.exit_codes == ExitCodes::Exact
    });
    if !exact {
        let weaker = "how a program ended that outlived a monitor's death is not known exactly; an \
                      upgrade in place is not touched by this";
        findings.push(missing("PIDFD_GET_INFO with the exit", (6, 15), weaker));
    }
    // Where the monitor is process 1 this cannot be otherwise, and "Init" says it.
    if guarantees.is_some_and(|guarantees| !guarantees.adoption) && !is_init {
        findings.push(Finding::warning(
            "programs do not outlive the monitor on this machine",
        ));
    }
    let tree = guarantees.map(|guarantees| match guarantees.tree_kill {
        TreeKill::Cgroup => "; a stop reaches all that a program started",
        TreeKill::Subreaper | TreeKill::Group => "; a stop reaches a program's process group",
    });
    Verdict::of_or(findings, format!("{release}{}", tree.unwrap_or_default()))
}

fn missing(what: &str, needed: (u32, u32), weaker: &str) -> Finding {
    let (major, minor) = needed;
    Finding::warning(format!(
        "no {what} (Linux {major}.{minor} has it): {weaker}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::upgrade_check::verdict::Level;

    #[test]
    fn limits_that_are_too_low_are_named() {
        let process = |open_files, processes, uid| Process {
            open_files,
            processes,
            uid,
            ..Process::default()
        };
        let enough = check_limits(&process(Some(104), Some(74), 5), 10);
        assert_eq!(enough.level, Level::Success);
        let verdict = check_limits(&process(Some(103), Some(73), 5), 10);
        assert_eq!(verdict.level, Level::Warning);
        let said = verdict.details.unwrap();
        assert!(
            said.contains("may need 104") && said.contains("may need 74"),
            "{said}"
        );
        let root = check_limits(&process(None, Some(1), 0), 1000);
        assert_eq!(root.level, Level::Success, "{root:?}");
    }

    #[test]
    fn releases_have_two_numbers() {
        assert_eq!(version("6.18.44-fc-v595"), Some((6, 18)));
        assert_eq!(version("5.4-rc1"), Some((5, 4)));
        assert_eq!(version(""), None);
    }

    fn guarantees(adoption: bool, exit_codes: ExitCodes) -> Guarantees {
        Guarantees {
            adoption,
            exit_codes,
            tree_kill: TreeKill::Cgroup,
        }
    }

    #[test]
    fn what_a_kernel_lacks_is_said_with_what_is_weaker() {
        assert_eq!(check_kernel("6.15.0", None, false).level, Level::Success);
        let old = check_kernel("5.2.0", None, false).details.unwrap();
        for word in ["pidfd_open", "close_range", "PIDFD_GET_INFO"] {
            assert!(old.contains(word), "{old}");
        }
        assert!(!old.contains("memfd"), "{old}");
        assert_eq!(check_kernel("", None, false).level, Level::Warning);
    }

    #[test]
    fn what_the_monitor_has_found_out_counts_more_than_a_number() {
        let exact = guarantees(true, ExitCodes::Exact);
        assert_eq!(
            check_kernel("6.1.0", Some(&exact), false).level,
            Level::Success
        );
        let unknown = guarantees(true, ExitCodes::Unknown);
        assert_eq!(
            check_kernel("6.18.0", Some(&unknown), false).level,
            Level::Warning
        );
        let mortal = guarantees(false, ExitCodes::Exact);
        assert_eq!(
            check_kernel("6.18.0", Some(&mortal), false).level,
            Level::Warning
        );
        assert_eq!(
            check_kernel("6.18.0", Some(&mortal), true).level,
            Level::Success
        );
    }
}
