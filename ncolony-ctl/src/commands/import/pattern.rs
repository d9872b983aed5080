//! The patterns of `[include]`: which files they name, by the rules of Python's `glob`.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The paths that a pattern names, sorted. One without a `*`, `?` or `[` names itself, if it is
/// there.
pub(super) fn matches(pattern: &str) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from(if pattern.starts_with('/') {
        "/"
    } else {
        ""
    })];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        found = found.iter().flat_map(|at| below(at, part)).collect();
    }
    found.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    found
}

fn below(directory: &Path, part: &str) -> Vec<PathBuf> {
    if !part.contains(['*', '?', '[']) {
        let path = directory.join(part);
        return fs::symlink_metadata(&path)
            .map(|_| path)
            .into_iter()
            .collect();
    }
    let looked_at = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    let part_characters: Vec<char> = part.chars().collect();
    let entries = fs::read_dir(looked_at).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|name| part.starts_with('.') || !name.starts_with('.'))
        .filter(|name| is_match(&part_characters, &name.chars().collect::<Vec<_>>()))
        .map(|name| directory.join(name))
        .collect()
}

/// Whether a name is of this pattern. It goes back to the last star alone, so that no pattern
/// takes long.
fn is_match(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut of) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while of < name.len() {
        match step(pattern, at, name, of) {
            Some(width) => {
                at += width;
                of += 1;
            }
            None if pattern.get(at) == Some(&'*') => {
                last_star = Some((at, of));
                at += 1;
            }
            None => {
                let Some((star, begin)) = last_star else {
                    return false;
                };
                last_star = Some((star, begin + 1));
                at = star + 1;
                of = begin + 1;
            }
        }
    }
    pattern.iter().skip(at).all(|rest| *rest == '*')
}

/// How much of the pattern stands for this one character, if any of it does.
fn step(pattern: &[char], at: usize, name: &[char], of: usize) -> Option<usize> {
    let character = *name.get(of)?;
    match *pattern.get(at)? {
        '*' => None,
        '?' => Some(1),
        '[' => match class(pattern, at) {
            Some((members, end)) => members_hold(members, character).then_some(end + 1 - at),
            None => (character == '[').then_some(1),
        },
        same => (same == character).then_some(1),
    }
}

/// What stands between brackets, and where the closing one is. A bracket right after the opening one
/// is a member.
fn class(pattern: &[char], open: usize) -> Option<(&[char], usize)> {
    let negation = usize::from(pattern.get(open + 1) == Some(&'!'));
    let first = open + 1 + negation;
    let end = (first + 1..pattern.len()).find(|at| pattern.get(*at) == Some(&']'))?;
    Some((pattern.get(open + 1..end)?, end))
}

fn members_hold(members: &[char], character: char) -> bool {
    let (is_negated, members) = match members {
        ['!', rest @ ..] => (true, rest),
        all => (false, all),
    };
    let mut holds = false;
    let mut rest = members;
    while let [first, after @ ..] = rest {
        rest = after;
        if let ['-', last, beyond @ ..] = after {
            holds |= (*first..=*last).contains(&character);
            rest = beyond;
        } else {
            holds |= *first == character;
        }
    }
    holds != is_negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (pattern, name, wanted) in [
            ("*.conf", "a.conf", true),
            ("*.conf", "a.conf~", false),
            ("a*b*c", "a-b-bc", true),
            ("a*b*c", "a-c-b", false),
            ("?", "é", true),
            ("?", "", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]]", "]", true),
            ("[", "[", true),
            ("[a", "[a", true),
            ("**", "a", true),
        ] {
            let (pattern_characters, name_characters): (Vec<char>, Vec<char>) =
                (pattern.chars().collect(), name.chars().collect());
            assert_eq!(
                is_match(&pattern_characters, &name_characters),
                wanted,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn a_nasty_pattern_takes_no_time() {
        let pattern: Vec<char> = "*a".repeat(40).chars().chain(['b']).collect();
        assert!(!is_match(
            &pattern,
            &"a".repeat(2000).chars().collect::<Vec<_>>()
        ));
    }

    #[test]
    fn paths() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir(at("d")).unwrap();
        for name in [
            "d/b.conf",
            "d/a.conf",
            "d/.hidden.conf",
            "d/x.bak",
            "c.conf",
        ] {
            fs::write(at(name), "").unwrap();
        }
        let root = directory.path().to_str().unwrap();
        assert_eq!(
            matches(&format!("{root}/d/*.conf")),
            [at("d/a.conf"), at("d/b.conf")]
        );
        assert_eq!(matches(&format!("{root}/*/a.conf")), [at("d/a.conf")]);
        assert_eq!(matches(&format!("{root}//c.conf")), [at("c.conf")]);
        assert!(matches(&format!("{root}/nothing")).is_empty());
        assert!(matches(&format!("{root}/c.conf/*")).is_empty());
    }
}
