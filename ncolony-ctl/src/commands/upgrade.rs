//! `upgrade`: have the monitor replaced in place by the binary that stands now where it was started
//! from. The programs do not notice.

use std::collections::BTreeMap;

use ncolony_core::{MonitorStatus, ProgramName, ProgramStatus, ctllib};

use crate::act::{Patience, message_id, need_monitor, print_records};
use crate::cli::NoWaitArgs;
use crate::ending::{Ending, Failure};
use crate::liveness;
use crate::records::{self, ProgramRecord};
use crate::session::Session;
use crate::watch;

pub(super) fn run(session: &mut Session<'_>, args: NoWaitArgs) -> Result<Ending, Failure> {
    need_monitor(session, "upgrade")?;
    if Patience::from(args) == Patience::DoesNotWait {
        ctllib::upgrade(&session.places, None)?;
        print_records(session, &[], std::iter::empty());
        return Ok(Ending::Done);
    }
    let old = records::monitor(&session.places)?.map(|record| record.status);
    let before = records::programs(&session.places)?.by_name;
    let id = message_id()?;
    ctllib::upgrade(&session.places, Some(id.clone()))?;
    let reply = watch::upgraded(session, &id)?;
    if !reply.ok {
        return Err(refused(session, reply.error)?);
    }
    let new = watch::new_record(session, old.as_ref())?;
    let after = records::programs(&session.places)?.by_name;
    session
        .report
        .line(&said(old.as_ref(), new.as_ref(), &before, &after));
    print_records(session, &[], after.values());
    Ok(Ending::Done)
}

/// Why it was not upgraded, and what is there now.
fn refused(session: &Session<'_>, error: Option<String>) -> Result<Failure, Failure> {
    let error = error.unwrap_or_else(|| "no reason is given".to_owned());
    let now = match liveness::monitor(&session.places)? {
        Some(_) => "the old monitor goes on, nothing was changed",
        None => "no monitor is alive now",
    };
    Ok(Failure::failed(format!(
        "the monitor was not upgraded: {error}; {now}"
    )))
}

fn said(
    old: Option<&MonitorStatus>,
    new: Option<&MonitorStatus>,
    before: &BTreeMap<ProgramName, ProgramRecord>,
    after: &BTreeMap<ProgramName, ProgramRecord>,
) -> String {
    let version = |record: Option<&MonitorStatus>| {
        record.map_or_else(|| "unknown".to_owned(), |record| record.version.clone())
    };
    let process = new.map_or_else(String::new, |new| format!(", process {}", new.pid));
    format!(
        "the monitor was upgraded: version {} → {}{process}; {}",
        version(old),
        version(new),
        kept(before, after)
    )
}

/// How many programs have the process that they had.
fn kept(
    before: &BTreeMap<ProgramName, ProgramRecord>,
    after: &BTreeMap<ProgramName, ProgramRecord>,
) -> String {
    let ran = before.values().filter(|record| record.status.pid.is_some());
    let (kept, others): (Vec<_>, Vec<_>) = ran.partition(|record| {
        let now = after.get(&record.status.name);
        now.is_some_and(|now| is_same(&record.status, &now.status))
    });
    let mut text = match kept.len() {
        1 => "1 program kept running".to_owned(),
        many => format!("{many} programs kept running"),
    };
    if !others.is_empty() {
        let names: Vec<&str> = others
            .iter()
            .map(|record| record.status.name.as_str())
            .collect();
        text.push_str(&format!(", not so: {}", names.join(", ")));
    }
    text
}

fn is_same(before: &ProgramStatus, after: &ProgramStatus) -> bool {
    before.pid == after.pid && before.process == after.process
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::tests::{record, status};
    use ncolony_core::State;

    fn of(programs: &[(&str, Option<u32>)]) -> BTreeMap<ProgramName, ProgramRecord> {
        let one = |(name, pid): &(&str, Option<u32>)| {
            let mut status = status(name, State::Running);
            status.pid = *pid;
            (status.name.clone(), record(status))
        };
        programs.iter().map(one).collect()
    }

    #[test]
    fn what_kept_running_has_the_same_process() {
        let before = of(&[("a", Some(1)), ("b", Some(2)), ("c", None)]);
        assert_eq!(kept(&before, &before), "2 programs kept running");
        let after = of(&[("a", Some(1)), ("b", Some(9)), ("c", Some(3))]);
        assert_eq!(kept(&before, &after), "1 program kept running, not so: b");
        assert_eq!(
            kept(&before, &of(&[])),
            "0 programs kept running, not so: a, b"
        );
    }
}
