//! "Monitor", "Init" and "Problems": who would be replaced, and who watches over it.

use std::process::Command;
use std::time::Duration;

use ncolony_core::errno;

use super::child;
use super::process::Process;
use super::subject::Subject;
use super::verdict::{Finding, Verdict, counted};

/// How long systemd may take to say how it would stop the monitor.
const SYSTEMD_LIMIT: Duration = Duration::from_secs(5);

/// "Monitor"
pub(super) fn monitor(subject: &Subject) -> Verdict {
    if !subject.is_alive {
        return Verdict::warning(format!(
            "no monitor is alive on {}; what follows is read from the files alone",
            subject.places.status.display()
        ));
    }
    match (&subject.record, &subject.record_fault) {
        (Some(record), _) => Verdict::success(format!(
            "process {}, version {}, {}",
            record.pid,
            record.version,
            counted(record.programs, "program")
        )),
        (None, Some(fault)) => Verdict::warning(format!("it is alive, but {fault}")),
        (None, None) => Verdict::warning("it is alive and has not written its record yet"),
    }
}

/// "Problems"
pub(super) fn problems(subject: &Subject) -> Verdict {
    let Some(record) = subject.record.as_ref().filter(|_| subject.is_alive) else {
        return Verdict::success("not checked: no monitor is alive");
    };
    let mut findings = Vec::new();
    if record.config_state != "ok" {
        let config = record.places.config.display();
        findings.push(Finding::warning(format!(
            "{config} is {}",
            record.config_state
        )));
    }
    findings.extend(record.problems.iter().map(Finding::warning));
    Verdict::of(findings)
}

/// A unit of systemd that a process belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Unit {
    name: String,
    /// Whether a user's own systemd has it.
    of_user: bool,
}

/// "Init"
pub(super) fn init(subject: &Subject) -> Verdict {
    match &subject.process {
        Some(process) => check_init(process, &kill_mode),
        None => Verdict::success("not checked: no monitor can be seen"),
    }
}

fn check_init(process: &Process, kill_mode: &dyn Fn(&Unit) -> Result<String, String>) -> Verdict {
    if process.inner_pid == 1 {
        return Verdict::warning(
            "the monitor is process 1 of its world: programs cannot outlive it; an upgrade in \
             place works",
        );
    }
    let Some(unit) = process.cgroup.as_deref().and_then(unit) else {
        return Verdict::success("no init system would end the programs with the monitor");
    };
    let name = &unit.name;
    let cure = "; write KillMode=process under [Service] of it";
    match kill_mode(&unit).as_deref() {
        Ok("process" | "none") => Verdict::success(format!(
            "{name} leaves the programs alone when it is stopped"
        )),
        Ok(mode) => Verdict::warning(format!(
            "{name} has KillMode={mode}: when it is stopped or restarted all programs are \
             killed{cure}"
        )),
        Err(why) => Verdict::warning(format!(
            "what {name} does to the programs when it is stopped is not known ({why}){cure}"
        )),
    }
}

/// The unit that a cgroup file names.
fn unit(cgroup: &str) -> Option<Unit> {
    // The one hierarchy of today, or systemd's own of the days before.
    let path = cgroup.lines().find_map(|line| {
        line.strip_prefix("0::")
            .or(line.strip_prefix("1:name=systemd:"))
    })?;
    let parts: Vec<&str> = path.split('/').collect();
    let is_unit = |part: &&str| {
        [".service", ".scope", ".slice"]
            .iter()
            .any(|end| part.ends_with(end))
    };
    // What stands below the innermost unit was made by that unit.
    let at = parts.iter().rposition(is_unit)?;
    let of_user = parts[..at]
        .iter()
        .any(|part| part.starts_with("user@") && part.ends_with(".service"));
    parts[at].ends_with(".service").then(|| Unit {
        name: parts[at].to_owned(),
        of_user,
    })
}

/// Asks systemd how it ends a unit.
fn kill_mode(unit: &Unit) -> Result<String, String> {
    let mut systemctl = Command::new("systemctl");
    if unit.of_user {
        systemctl.arg("--user");
    }
    systemctl.args(["show", "--property", "KillMode", "--", &unit.name]);
    let answer = match child::ask(&mut systemctl, SYSTEMD_LIMIT) {
        Ok(answer) => answer,
        Err(child::NoAnswer::NotStarted(error)) => {
            return Err(format!("systemctl: {}", errno::in_words(&error)));
        }
        Err(child::NoAnswer::TooLate) => return Err("systemctl does not answer".to_owned()),
    };
    let said = String::from_utf8_lossy(&answer.stdout);
    let mode = said
        .trim()
        .strip_prefix("KillMode=")
        .filter(|mode| !mode.is_empty());
    mode.map(str::to_owned).ok_or_else(|| {
        let why = String::from_utf8_lossy(&answer.stderr);
        format!("systemctl: {}", why.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::upgrade_check::verdict::Level;

    fn found(cgroup: &str) -> Option<(String, bool)> {
        unit(cgroup).map(|unit| (unit.name, unit.of_user))
    }

    #[test]
    fn the_unit_is_the_innermost_one() {
        let cases = [
            (
                "0::/system.slice/ncolony.service\n",
                Some(("ncolony.service", false)),
            ),
            (
                "0::/system.slice/ncolony.service/web\n",
                Some(("ncolony.service", false)),
            ),
            (
                "0::/user.slice/user-7.slice/user@7.service/app.slice/n.service\n",
                Some(("n.service", true)),
            ),
            (
                "0::/user.slice/user-7.slice/user@7.service/app.slice/run-1.scope\n",
                None,
            ),
            ("0::/user.slice/user-7.slice/session-2.scope\n", None),
            (
                "2:cpu:/x.service\n1:name=systemd:/system.slice/n.service\n",
                Some(("n.service", false)),
            ),
            ("0::/\n", None),
            ("", None),
        ];
        for (cgroup, wanted) in cases {
            let wanted = wanted.map(|(name, of_user)| (name.to_owned(), of_user));
            assert_eq!(found(cgroup), wanted, "{cgroup}");
        }
    }

    fn judged(inner_pid: u32, cgroup: &str, mode: Result<&str, &str>) -> (Level, String) {
        let process = Process {
            inner_pid,
            cgroup: Some(cgroup.to_owned()),
            ..Process::default()
        };
        let mode = mode.map(str::to_owned).map_err(str::to_owned);
        let verdict = check_init(&process, &|_| mode.clone());
        (verdict.level, verdict.details.unwrap_or_default())
    }

    #[test]
    fn a_unit_that_would_kill_the_programs_is_named_with_its_cure() {
        let service = "0::/system.slice/ncolony.service\n";
        for mode in [Ok("control-group"), Ok("mixed"), Err("it is away")] {
            let (level, said) = judged(7, service, mode);
            assert_eq!(level, Level::Warning);
            assert!(
                said.contains("ncolony.service") && said.contains("KillMode=process"),
                "{said}"
            );
        }
        assert_eq!(judged(7, service, Ok("process")).0, Level::Success);
        assert_eq!(judged(7, "0::/\n", Err("not asked")).0, Level::Success);
    }

    #[test]
    fn process_1_is_a_warning() {
        let (level, said) = judged(1, "0::/\n", Err("not asked"));
        assert!(
            level == Level::Warning && said.contains("process 1"),
            "{said}"
        );
    }
}
