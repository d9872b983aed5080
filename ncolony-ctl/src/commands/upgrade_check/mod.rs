//! `upgrade check`: would an upgrade go well? Every check looks at one thing, all are made, and
//! the worst is the exit status.

mod binary;
mod child;
mod directories;
mod machine;
mod monitor;
mod process;
mod programs;
mod subject;
mod verdict;

use ncolony_core::Places;
use serde::Serialize;

use crate::checklist;
use crate::cli::{Global, NoWaitArgs, UpgradeCheckArgs};
use crate::ending::{Ending, Failure};
use crate::report::Report;
use crate::session::places;

use binary::Candidate;
use subject::Subject;
use verdict::{Level, Verdict};

/// What the list of checks is called.
const TITLE: &str = "Upgrade Check Results";

#[derive(Debug, Serialize)]
struct Checked {
    check: &'static str,
    result: u8,
    details: Option<String>,
}

#[derive(Debug, Serialize)]
struct Document {
    name: &'static str,
    checks: Vec<Checked>,
}

pub(super) fn run(
    global: &Global,
    args: &UpgradeCheckArgs,
    wait: NoWaitArgs,
    report: &mut Report,
) -> Result<Ending, Failure> {
    let usage = |failure: Failure| Failure {
        ending: Ending::UpgradeCheckUsage,
        ..failure
    };
    if wait.no_wait {
        let why =
            "upgrade check changes nothing, so it has nothing to wait for; leave out --no-wait";
        return Err(usage(Failure::usage(why)));
    }
    let places = places(global).map_err(usage)?;
    let verdicts = checks(places, args).map_err(|failure| Failure {
        ending: Ending::Unexpected,
        ..failure
    })?;
    let worst = verdicts.iter().map(|(_, verdict)| verdict.level).max();
    for line in checklist::lines(TITLE, &cells(&verdicts)) {
        report.line(&line);
    }
    let checks = verdicts.into_iter().map(|(check, verdict)| Checked {
        check,
        result: verdict.level.code(),
        details: verdict.details,
    });
    report.document(&Document {
        name: TITLE,
        checks: checks.collect(),
    });
    Ok(worst.unwrap_or(Level::Success).ending())
}

fn checks(
    places: Places,
    args: &UpgradeCheckArgs,
) -> Result<Vec<(&'static str, Verdict)>, Failure> {
    let subject = Subject::gather(places)?;
    let candidate = binary::path(&subject, args.binary.as_deref())
        .map(|path| Candidate::ask(path, &subject.places, binary::LIMIT));
    let candidate = candidate.as_ref();
    Ok(vec![
        ("Monitor", monitor::monitor(&subject)),
        ("New binary", binary::new_binary(&subject, candidate)),
        ("Program files", binary::program_files(&subject, candidate)),
        ("Users", programs::users(&subject)),
        ("Commands", programs::commands(&subject)),
        ("Directories", directories::directories(&subject)),
        ("Limits", machine::limits(&subject)),
        ("Kernel", machine::kernel(&subject)),
        ("Init", monitor::init(&subject)),
        ("Problems", monitor::problems(&subject)),
    ])
}

fn cells(verdicts: &[(&'static str, Verdict)]) -> Vec<[(&'static str, String); 3]> {
    let cell = |(check, verdict): &(&'static str, Verdict)| {
        let details = verdict.details.clone();
        [
            ("Check", (*check).to_owned()),
            ("Result", verdict.level.word().to_owned()),
            ("Details", details.unwrap_or_else(|| "None".to_owned())),
        ]
    };
    verdicts.iter().map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use verdict::Finding;

    #[test]
    fn the_table_is_that_of_the_checkers_of_openstack() {
        let long = "There is no placement-api endpoint in the service catalog. Please run it.";
        let verdicts = [
            ("Cells v2", Verdict::plain_success()),
            ("Placement API", Verdict::of(vec![Finding::failure(long)])),
        ];
        let wanted = "\
+---------------------------------------------------------------------+
| Upgrade Check Results                                               |
+---------------------------------------------------------------------+
| Check: Cells v2                                                     |
| Result: Success                                                     |
| Details: None                                                       |
+---------------------------------------------------------------------+
| Check: Placement API                                                |
| Result: Failure                                                     |
| Details: There is no placement-api endpoint in the service catalog. |
|   Please run it.                                                    |
+---------------------------------------------------------------------+";
        let lines = checklist::lines(TITLE, &cells(&verdicts));
        assert_eq!(lines.join("\n"), wanted);
    }
}
