//! What is said when the kernel does not grant a process what its file asks for, or the file does
//! not leave it enough to begin with.

use std::fmt::Display;

use ncolony_core::descriptor::{Limits, Resource};

use crate::sys::errno;
use crate::sys::spawn::{LaunchError, Stage};

/// The limit from a program's own file that keeps it from being executed, where the error can come
/// of one: what a program takes from itself is no lack of the machine.
pub(super) fn own_limit(limits: &Limits, error: LaunchError) -> Option<Resource> {
    let causes: &[Resource] = match (error.stage, error.errno) {
        (Stage::Execute(_), errno::NO_MEMORY) => {
            &[Resource::AddressSpace, Resource::Data, Resource::Stack]
        }
        (Stage::Execute(_), errno::AGAIN) => &[Resource::Processes],
        _ => &[],
    };
    let mut causes = causes.iter().copied();
    causes.find(|resource| limits.resources.contains_key(resource))
}

/// Adds to a sentence which limit is the cause.
pub(super) fn with_cause(sentence: String, own_limit: Option<Resource>) -> String {
    match own_limit {
        Some(resource) => format!(
            "{sentence}; its own limit, key \"rlimits.{}\", does not leave it enough",
            resource.name()
        ),
        None => sentence,
    }
}

/// The sentence of a start that failed over `nice`.
pub(super) fn cannot_set_nice(limits: &Limits, errno: i32) -> String {
    let hint = "a value below the monitor's own needs root with the capability CAP_SYS_NICE, \
                which containers often lack, or RLIMIT_NICE";
    sentence("nice", limits.nice, errno, hint)
}

/// The sentence of a start that failed over `oom_score_adj`.
pub(super) fn cannot_set_oom_score(limits: &Limits, errno: i32) -> String {
    let hint = "a value below the monitor's own needs root with the capability CAP_SYS_RESOURCE, \
                which containers often lack";
    sentence("oom_score_adj", limits.oom_score_adj, errno, hint)
}

/// The sentence of a start that failed over one of its `rlimits`.
pub(super) fn cannot_set_limit(limits: &Limits, resource: Option<Resource>, errno: i32) -> String {
    let hint = if resource == Some(Resource::OpenFiles) {
        "a hard limit above the monitor's own needs root with the capability CAP_SYS_RESOURCE, \
         which containers often lack, and nobody's may be above /proc/sys/fs/nr_open"
    } else {
        "a hard limit above the monitor's own needs root with the capability CAP_SYS_RESOURCE, \
         which containers often lack"
    };
    let key = format!("rlimits.{}", resource.map_or("", Resource::name));
    let wanted = resource.and_then(|resource| limits.resources.get(&resource));
    sentence(&key, wanted, errno, hint)
}

/// `hint` says who may have what was refused.
fn sentence(key: &str, wanted: Option<impl Display>, errno: i32, hint: &str) -> String {
    let why = errno::in_words(errno);
    let wanted = wanted.map_or_else(String::new, |wanted| format!(" to {wanted}"));
    let sentence = format!("cannot set key {key:?}{wanted}: {why}");
    match errno {
        errno::NOT_ALLOWED | errno::NOT_PERMITTED => format!("{sentence}; {hint}"),
        _ => sentence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_root_and_is_refused_learns_which_capability_is_missing() {
        let limits = Limits::default();
        let limit = |resource| cannot_set_limit(&limits, Some(resource), errno::NOT_PERMITTED);
        for sentence in [
            limit(Resource::OpenFiles),
            limit(Resource::Core),
            cannot_set_oom_score(&limits, errno::NOT_ALLOWED),
        ] {
            assert!(sentence.contains("CAP_SYS_RESOURCE"), "{sentence}");
        }
        let nice = cannot_set_nice(&limits, errno::NOT_ALLOWED);
        assert!(nice.contains("CAP_SYS_NICE"), "{nice}");
        let other = cannot_set_nice(&limits, errno::NO_MEMORY);
        assert!(!other.contains("CAP_SYS"), "{other}");
    }
}
