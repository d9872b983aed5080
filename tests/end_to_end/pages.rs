//! What the pages say of the sources is so: the tests that they name, the rooms of the house, the
//! crates that it is built of, and the invariants of the simulation.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::architecture::root;

const GUARANTEES: &str = "docs/guarantees";

/// Directories of which the page says what all their files are about, and not each.
const TOLD_AS_A_WHOLE: [&str; 3] = [
    "ncolony-core/src/colony/order/",
    "ncolony-ctl/src/commands/",
    "ncolony-simulation/src/",
];

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The part of a page below a heading, up to the next of its rank.
fn part<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, rest) = page
        .split_once(heading)
        .unwrap_or_else(|| panic!("no {heading:?}"));
    rest.split("\n## ").next().unwrap_or(rest)
}

/// What stands between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The names of the pages of guarantees.
fn guarantees() -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(GUARANTEES)).unwrap().flatten();
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    names.filter(|name| name != "README.md").collect()
}

/// The files that an item of a list names: each by its path, or by its name beside the one before.
fn files(item: &str) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = Vec::new();
    for name in quoted(item) {
        let is_file = [".rs", ".py"].iter().any(|end| name.ends_with(end));
        if !is_file {
            continue;
        }
        let beside = all.last().and_then(|before| before.parent());
        let path = match beside {
            Some(beside) if !name.contains('/') => beside.join(name),
            _ => root().join(name),
        };
        assert!(path.is_file(), "{name} is named and is not there");
        all.push(path);
    }
    all
}

/// Whether one of these files has this test.
fn has_test(files: &[PathBuf], name: &str) -> bool {
    let declared = format!("fn {name}(");
    let has = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let (before, _) = text.split_once(&declared)?;
        let attributes = before.rsplit("\n\n").next()?;
        attributes.contains("#[test]").then_some(())
    };
    files.iter().any(|path| has(path).is_some())
}

/// Checks what an item of "Proved by" names, and counts it.
fn check_proof(item: &str) -> usize {
    let item = item.split_whitespace().collect::<Vec<_>>().join(" ");
    let files = files(&item);
    let mut found = files.len();
    if item.starts_with("Simulation") {
        for (name, _) in item.match_indices("` (").map(|(end, _)| item.split_at(end)) {
            let invariant = name.rsplit('`').next().unwrap_or_default();
            let path = format!("ncolony-simulation/src/invariant/{invariant}.rs");
            assert!(root().join(&path).is_file(), "there is no {path}");
            found += 1;
        }
        return found;
    }
    let is_test = |name: &&str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        name.contains('_') && name.chars().all(plain)
    };
    for name in quoted(&item).filter(is_test) {
        assert!(has_test(&files, name), "no test {name} in {files:?}");
        found += 1;
    }
    found
}

#[test]
fn what_proves_a_guarantee_is_there() {
    for name in guarantees() {
        let page = read(&format!("{GUARANTEES}/{name}"));
        let proofs = part(&page, "**Proved by**");
        let found: usize = proofs.split("\n- ").skip(1).map(check_proof).sum();
        assert!(found > 1, "{name} names nothing that proves it");
    }
}

#[test]
fn every_guarantee_is_listed_with_its_state() {
    let table = read(&format!("{GUARANTEES}/README.md"));
    let rows: Vec<&str> = table
        .lines()
        .filter(|line| line.starts_with("| ["))
        .collect();
    let pages = guarantees();
    assert_eq!(rows.len(), pages.len());
    for (number, row) in rows.iter().enumerate() {
        let number = number + 1;
        let begins = format!("| [G{number}](g{number}-");
        assert!(row.starts_with(&begins), "{row} is not about G{number}");
        let (_, link) = row.split_once('(').unwrap();
        let (link, rest) = link.split_once(')').unwrap();
        assert!(pages.contains(link), "{link} is not there");
        let state = rest.trim_end_matches('|').rsplit('|').next();
        assert!(state.is_some_and(|state| !state.trim().is_empty()), "{row}");
        let page = read(&format!("{GUARANTEES}/{link}"));
        assert!(page.starts_with(&format!("# G{number}: ")), "{link}");
    }
}

#[test]
fn every_invariant_is_listed_once_by_its_number() {
    let code = read("ncolony-simulation/src/invariant/mod.rs");
    let numbers = |text: &str, before: &str, after: char| -> Vec<String> {
        let lines = text.lines().map(str::trim_start);
        let rest = lines.filter_map(|line| line.strip_prefix(before));
        let words = rest.filter_map(|rest| rest.split_once(after));
        let words = words.map(|(number, _)| number.trim().to_owned());
        words
            .filter(|number| number.parse::<u8>().is_ok())
            .collect()
    };
    let in_code = numbers(&code, "/// I", ':');
    let page = read("docs/simulation.md");
    let table = part(&page, "| | what always holds |");
    let table = table.split("\n\n").next().unwrap_or_default();
    assert_eq!(numbers(table, "| I", '|'), in_code);
    let counted: Vec<String> = (1..=in_code.len())
        .map(|number| number.to_string())
        .collect();
    assert_eq!(in_code, counted);
}

/// The crates, each by what follows `ncolony-` in its name.
fn crates() -> BTreeSet<String> {
    let entries = fs::read_dir(root()).unwrap().flatten();
    let with_manifest = entries.filter(|entry| entry.path().join("Cargo.toml").is_file());
    let names = with_manifest.map(|entry| entry.file_name().into_string().unwrap());
    let ours = names.filter_map(|name| Some(name.strip_prefix("ncolony-")?.to_owned()));
    ours.collect()
}

/// The sources below a directory, tests left out, by their paths from the root.
fn sources_below(path: &Path, all: &mut Vec<String>) {
    for entry in fs::read_dir(path).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name().into_string().unwrap();
        if name == "tests" || name == "tests.rs" {
            continue;
        }
        if path.is_dir() {
            sources_below(&path, all);
        } else {
            let path = path.strip_prefix(root()).unwrap();
            all.push(path.to_str().unwrap().to_owned());
        }
    }
}

/// What the page draws of each crate's `src`.
fn rooms(page: &str) -> Vec<(&str, &str)> {
    let house = part(page, "## The house\n");
    let crates = house.split("\nncolony-").skip(1);
    let crates = crates.filter_map(|drawn| drawn.split_once("/src/"));
    crates
        .map(|(name, drawn)| (name, drawn.split("\nexamples/").next().unwrap_or(drawn)))
        .collect()
}

#[test]
fn the_house_is_drawn_as_it_is() {
    let page = read("docs/architecture.md");
    let rooms = rooms(&page);
    let drawn: BTreeSet<String> = rooms.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(drawn, crates());
    for (name, drawn) in rooms {
        let mut sources = Vec::new();
        sources_below(&root().join(format!("ncolony-{name}/src")), &mut sources);
        let is_end = |c: char| c.is_whitespace() || c == ';' || c == ':' || c == ',';
        let named: Vec<&str> = drawn
            .split(is_end)
            .filter(|word| word.ends_with(".rs"))
            .collect();
        let of_file = |path: &str, word: &str| path.ends_with(&format!("/{word}"));
        for path in &sources {
            let whole = TOLD_AS_A_WHOLE.iter().any(|whole| path.starts_with(whole));
            let is_named = named.iter().any(|word| of_file(path, word));
            assert!(whole || is_named, "the house does not show {path}");
        }
        for word in named {
            let is_there = sources.iter().any(|path| of_file(path, word));
            assert!(is_there, "ncolony-{name} has no {word}");
        }
    }
}

#[test]
fn every_dependency_is_listed_with_its_reason() {
    let page = read("docs/architecture.md");
    let table = part(&page, "## Dependencies\n");
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| crate "))
        .map(|row| row.split('|').map(str::trim).collect())
        .collect();
    let mut listed: Vec<(&str, &str)> = Vec::new();
    for row in &rows {
        for name in row[1].split(", ") {
            listed.extend(row[2].split(", ").map(|place| (name, place)));
        }
    }
    let mut used = Vec::new();
    let crates = crates();
    for place in &crates {
        let manifest = read(&format!("ncolony-{place}/Cargo.toml"));
        let (_, dependencies) = manifest.split_once("\n[dependencies]\n").unwrap();
        let dependencies = dependencies.split("\n[").next().unwrap_or_default();
        for line in dependencies.lines() {
            let name: &str = line.split(['.', ' ', '=']).next().unwrap_or_default();
            let is_a_crate = !name.is_empty() && !name.starts_with('#');
            if is_a_crate && !name.starts_with("ncolony") {
                used.push((name.to_owned(), place.as_str()));
            }
        }
    }
    for (name, place) in &used {
        let is_listed = listed.contains(&(name.as_str(), *place));
        assert!(is_listed, "{name} in {place} is not listed");
    }
    for (name, place) in listed {
        let is_used = used.contains(&(name.to_owned(), place));
        assert!(is_used, "{name} is not used in {place}");
    }
}

/// All pages, by their paths from the root.
fn pages() -> Vec<String> {
    let mut all = vec!["README.md".to_owned()];
    for directory in ["docs", "docs/design", GUARANTEES] {
        let entries = fs::read_dir(root().join(directory)).unwrap().flatten();
        let names = entries.map(|entry| entry.file_name().into_string().unwrap());
        let pages = names.filter(|name| name.ends_with(".md"));
        all.extend(pages.map(|name| format!("{directory}/{name}")));
    }
    all
}

/// The headings of a page, as they stand behind `#` in a link, and other places that have a name.
/// What looks like a heading in an example is none.
fn anchors(page: &str) -> Vec<String> {
    let mut is_example = false;
    let mut all = Vec::new();
    for line in page.lines() {
        if line.starts_with("```") {
            is_example = !is_example;
        } else if line.starts_with('#') && !is_example {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let kept = heading
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            all.push(kept.collect::<String>().replace(' ', "-"));
        }
    }
    let named = page.split("<a id=\"").skip(1);
    all.extend(named.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
    all
}

#[test]
fn every_link_leads_to_what_is_there() {
    let mut followed = 0;
    for page in pages() {
        let text = read(&page);
        let links = text.split("](").skip(1);
        let links = links.filter_map(|rest| rest.split_once(')'));
        for (link, _) in links.filter(|(link, _)| !link.contains("://")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let beside = root().join(&page);
            let target = match path {
                "" => beside,
                path => beside.parent().unwrap().join(path),
            };
            assert!(target.exists(), "{page}: {link} leads nowhere");
            if !anchor.is_empty() {
                let headings = anchors(&fs::read_to_string(&target).unwrap());
                let is_there = headings.contains(&anchor.to_owned());
                assert!(is_there, "{page}: {link} has no such heading");
            }
            followed += 1;
        }
    }
    assert!(followed > 50, "only {followed} links were found");
}

#[test]
fn no_page_says_a_heading_twice() {
    for page in pages() {
        let mut headings = anchors(&read(&page));
        assert!(!headings.is_empty(), "{page} has no heading");
        headings.sort();
        let twice = headings.windows(2).find(|pair| pair[0] == pair[1]);
        assert_eq!(twice, None, "{page}");
    }
}

#[test]
fn every_design_note_is_listed() {
    let page = read("docs/architecture.md");
    for entry in fs::read_dir(root().join("docs/design")).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        let is_listed = page.contains(&format!("](design/{name})"));
        assert!(is_listed, "docs/design/{name} is not listed");
    }
}
