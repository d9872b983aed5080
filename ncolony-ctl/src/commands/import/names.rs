//! Names of programs: those of supervisord, changed where our rule of names forbids them.

use std::collections::BTreeSet;

use ncolony_core::ProgramName;
use ncolony_core::name::NAME_BYTES_MAX;

/// A name that nothing else has: of the first `wanted` one that is free, in the form that the rule
/// allows.
pub(super) fn choose(wanted: &[String], taken: &mut BTreeSet<ProgramName>) -> Option<ProgramName> {
    let free = wanted
        .iter()
        .filter_map(|wanted| good(wanted))
        .find(|name| !taken.contains(name));
    let numbered = || {
        let base = good(wanted.last()?)?;
        (2_u32..).find_map(|number| {
            let suffix = format!("-{number}");
            let short = shortened(base.as_str(), NAME_BYTES_MAX - suffix.len());
            let name = ProgramName::new(&format!("{short}{suffix}")).ok()?;
            (!taken.contains(&name)).then_some(name)
        })
    };
    let name = free.or_else(numbered)?;
    taken.insert(name.clone());
    Some(name)
}

/// The name that is nearest to this one and that the rule allows.
fn good(wanted: &str) -> Option<ProgramName> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_.@+-".contains(c);
    let allowed: String = wanted
        .chars()
        .map(|c| if is_allowed(c) { c } else { '_' })
        .collect();
    let begun = match allowed.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        true => allowed,
        false => format!("_{allowed}"),
    };
    let short = shortened(&begun, NAME_BYTES_MAX);
    // What is still not allowed is so for its end or for a part with a dot.
    let ended = format!("{}_", shortened(&begun, NAME_BYTES_MAX - 1));
    let undotted = ended.replace('.', "_");
    [short, &ended, &undotted]
        .into_iter()
        .find_map(|name| ProgramName::new(name).ok())
}

/// All characters are of one byte here.
fn shortened(name: &str, most: usize) -> &str {
    name.get(..most).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_the_rule_forbids_are_changed() {
        for (wanted, name) in [
            ("web", "web"),
            ("täst", "t_st"),
            (".hidden", "_.hidden"),
            ("-x", "_-x"),
            ("all", "all_"),
            ("web.bak", "web.bak_"),
            ("web.json", "web.json_"),
            ("a.dpkg-new", "a_dpkg-new_"),
            ("", "_"),
        ] {
            assert_eq!(good(wanted).unwrap().as_str(), name);
        }
        assert_eq!(
            good(&"x".repeat(200)).unwrap().as_str().len(),
            NAME_BYTES_MAX
        );
    }

    #[test]
    fn no_name_is_given_twice() {
        let mut taken = BTreeSet::new();
        let wanted = ["a".to_owned(), "g.a".to_owned()];
        let names: Vec<String> = (0..4)
            .map(|_| choose(&wanted, &mut taken).unwrap().as_str().to_owned())
            .collect();
        assert_eq!(names, ["a", "g.a", "g.a-2", "g.a-3"]);
        let long = ["é".repeat(200)];
        for _ in 0..20 {
            assert!(choose(&long, &mut taken).is_some());
        }
    }
}
