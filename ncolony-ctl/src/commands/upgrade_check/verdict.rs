//! What a check found.

use std::path::Path;

use crate::ending::Ending;
use crate::note::one_line;

/// A check names so many things that are wrong, and counts the others.
const SENTENCES_MAX: usize = 10;

/// So many things of a kind, in words: `1 program`, `2 programs`.
pub(super) fn counted(count: impl TryInto<u64>, what: &str) -> String {
    match count.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {what}"),
        many => format!("{many} {what}s"),
    }
}

/// How bad a finding is. The worst of all checks is the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Nothing stands against the upgrade.
    Success,
    /// It may go well; somebody should look at this first.
    Warning,
    /// It would not go well.
    Failure,
}

impl Level {
    /// The number that JSON says, and the exit status.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Warning => 1,
            Self::Failure => 2,
        }
    }

    /// The word that the table says.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::Warning => "Warning",
            Self::Failure => "Failure",
        }
    }

    /// How the command ends when this is the worst.
    pub(super) const fn ending(self) -> Ending {
        match self {
            Self::Success => Ending::Done,
            Self::Warning => Ending::UpgradeNeedsLook,
            Self::Failure => Ending::UpgradeWouldFail,
        }
    }
}

/// One thing that a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    level: Level,
    sentence: String,
}

impl Finding {
    /// Something that somebody should look at.
    pub(super) fn warning(sentence: impl Into<String>) -> Self {
        Self {
            level: Level::Warning,
            sentence: sentence.into(),
        }
    }

    /// Something that stands against the upgrade.
    pub(super) fn failure(sentence: impl Into<String>) -> Self {
        Self {
            level: Level::Failure,
            sentence: sentence.into(),
        }
    }
}

impl Finding {
    /// The same, said of a path.
    pub(super) fn of(self, path: &Path) -> Self {
        Self {
            sentence: format!("{}: {}", path.display(), self.sentence),
            ..self
        }
    }
}

/// What a check found, all in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) level: Level,
    /// On one line, without control characters.
    pub(super) details: Option<String>,
}

impl Verdict {
    /// All is well; `details` says what was looked at.
    pub(super) fn success(details: impl AsRef<str>) -> Self {
        Self {
            level: Level::Success,
            details: Some(one_line(details.as_ref())),
        }
    }

    /// All is well, and there is nothing to add.
    pub(super) fn plain_success() -> Self {
        Self {
            level: Level::Success,
            details: None,
        }
    }

    /// Somebody should look at this.
    pub(super) fn warning(sentence: impl Into<String>) -> Self {
        Self::of(vec![Finding::warning(sentence)])
    }

    /// This stands against the upgrade.
    pub(super) fn failure(sentence: impl Into<String>) -> Self {
        Self::of(vec![Finding::failure(sentence)])
    }

    /// The worst of these, with all their sentences, the worst first; none is a success.
    pub(super) fn of(mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
        let Some(worst) = findings.first() else {
            return Self::plain_success();
        };
        let level = worst.level;
        let more = findings.len().saturating_sub(SENTENCES_MAX);
        let mut sentences: Vec<String> = findings
            .into_iter()
            .take(SENTENCES_MAX)
            .map(|finding| finding.sentence)
            .collect();
        if more > 0 {
            sentences.push(format!("and {more} more"));
        }
        Self {
            level,
            details: Some(one_line(&sentences.join("; "))),
        }
    }

    /// The same, or what holds where nothing was found.
    pub(super) fn of_or(findings: Vec<Finding>, success: impl AsRef<str>) -> Self {
        if findings.is_empty() {
            Self::success(success)
        } else {
            Self::of(findings)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_comes_first_and_gives_the_level() {
        let found = vec![
            Finding::warning("a"),
            Finding::failure("b"),
            Finding::warning("c\nd"),
        ];
        let verdict = Verdict::of(found);
        assert_eq!(verdict.level, Level::Failure);
        assert_eq!(verdict.details.as_deref(), Some("b; a; c d"));
        assert_eq!(Verdict::of(Vec::new()), Verdict::plain_success());
        assert_eq!(Verdict::of_or(Vec::new(), "x"), Verdict::success("x"));
    }

    #[test]
    fn a_thousand_findings_do_not_fill_the_screen() {
        let found = (0..1000).map(|n| Finding::warning(n.to_string())).collect();
        let details = Verdict::of(found).details.unwrap();
        assert!(details.ends_with("; 9; and 990 more"), "{details}");
    }
}
