//! Who may import whom: the rules of the house, held by reading its sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the source tree.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The sources below a directory or of one file, without comments.
pub(crate) fn sources(path: &str) -> Vec<(PathBuf, String)> {
    let path = root().join(path);
    if path.is_dir() {
        let entries = fs::read_dir(&path).unwrap().flatten();
        let names = entries.map(|entry| entry.path());
        let rust =
            names.filter(|path| path.is_dir() || path.extension().is_some_and(|end| end == "rs"));
        return rust
            .flat_map(|path| sources(path.strip_prefix(root()).unwrap().to_str().unwrap()))
            .collect();
    }
    let text = fs::read_to_string(&path).unwrap();
    vec![(path, without_comments(&text))]
}

fn without_comments(text: &str) -> String {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.map(|line| format!("{line}\n")).collect()
}

/// Every path that a source names, with those of `use a::{b, c::d}` written out.
fn paths(source: &str) -> Vec<String> {
    let mut all = Vec::new();
    for statement in source.split("use ").skip(1) {
        let tree = statement.split(';').next().unwrap_or_default();
        let tree: String = tree.split_whitespace().collect::<Vec<_>>().join(" ");
        write_out("", &tree, &mut all);
    }
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let words = source.split(|c: char| !is_path(c));
    all.extend(
        words
            .filter(|word| !word.is_empty())
            .map(|word| word.trim_matches(':').to_owned()),
    );
    all
}

fn write_out(before: &str, tree: &str, all: &mut Vec<String>) {
    let Some((head, rest)) = tree.split_once('{') else {
        return all.push(format!(
            "{before}{}",
            tree.split(" as ").next().unwrap_or_default().trim()
        ));
    };
    let before = format!("{before}{}", head.trim());
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let (mut depth, mut begin) = (0, 0);
    for (at, character) in inner.char_indices().chain([(inner.len(), ',')]) {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                write_out(&before, inner[begin..at].trim(), all);
                begin = at + 1;
            }
            _ => {}
        }
    }
}

/// Whether a path is a module or type, or something inside it.
fn names(path: &str, wanted: &str) -> bool {
    path == wanted
        || path
            .strip_prefix(wanted)
            .is_some_and(|rest| rest.starts_with("::"))
}

/// No source below `place`, but for those below `but`, names one of these.
#[track_caller]
fn forbid(place: &str, but: &str, forbidden: &[&str]) {
    let all = sources(place);
    assert!(!all.is_empty(), "{place} has no sources");
    let exempt = root().join(but);
    for (file, source) in all
        .iter()
        .filter(|(file, _)| but.is_empty() || !file.starts_with(&exempt))
    {
        for path in paths(source) {
            let found = forbidden.iter().find(|wanted| {
                names(&path, wanted) || path.split("::").any(|part| part == **wanted)
            });
            assert_eq!(found, None, "{} names {path}", file.display());
        }
    }
}

/// What a source imports of its own crate is among these modules.
#[track_caller]
fn allow_of_crate(place: &str, modules: &[&str]) {
    for (file, source) in sources(place) {
        let code = source.split("#[cfg(test)]").next().unwrap();
        // Whole files of tests may take what the crate shows to everybody.
        if file.to_str().unwrap().contains("/tests") {
            continue;
        }
        for path in paths(code) {
            let Some(module) = path.strip_prefix("crate::") else {
                continue;
            };
            let module = module.split("::").next().unwrap();
            assert!(
                modules.contains(&module),
                "{} imports {path}",
                file.display()
            );
        }
    }
}

const VOCABULARY: [&str; 17] = [
    "custody",
    "name",
    "places",
    "descriptor",
    "spec",
    "message",
    "status",
    "errno",
    "event",
    "exit",
    "policy",
    "rings",
    "time",
    "signal",
    "json",
    "listing",
    "checks",
];

const OUTSIDE: [&str; 12] = [
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "std::net",
    "Instant",
    "SystemTime",
    "HashMap",
    "HashSet",
    "tokio",
    "nix",
    "libc",
];

#[test]
fn the_reader_of_sources_finds_what_it_looks_for() {
    let source = without_comments(
        "use std::{fs::{self, File}, io as out};\n// use std::net;\nlet now = std::time::Instant::now();",
    );
    let found = paths(&source);
    for path in [
        "std::fs::self",
        "std::fs::File",
        "std::io",
        "std::time::Instant::now",
    ] {
        assert!(found.iter().any(|name| name == path), "{path}: {found:?}");
    }
    assert!(!found.iter().any(|path| names(path, "std::net")));
    assert!(names("std::fs::File", "std::fs") && !names("std::fsync", "std::fs"));
}

#[test]
fn the_machine_knows_no_world() {
    forbid(
        "ncolony-core/src/colony",
        "ncolony-core/src/colony/tests",
        &OUTSIDE,
    );
    let with_itself = [&VOCABULARY[..], &["colony"]].concat();
    allow_of_crate("ncolony-core/src/colony", &with_itself);
}

#[test]
fn the_vocabulary_knows_only_itself() {
    for module in VOCABULARY {
        let below = format!("ncolony-core/src/{module}");
        let mut places = vec![format!("{below}.rs")];
        if root().join(&below).is_dir() {
            places.push(below);
        }
        for place in places {
            allow_of_crate(&place, &VOCABULARY);
            forbid(
                &place,
                "",
                &[
                    "std::fs",
                    "std::process",
                    "std::thread",
                    "std::net",
                    "tokio",
                    "nix",
                ],
            );
        }
    }
}

#[test]
fn core_touches_files_in_one_place() {
    for module in ["files", "ctllib", "heart"] {
        let allowed = [&VOCABULARY[..], &["files", "places"]].concat();
        allow_of_crate(&format!("ncolony-core/src/{module}.rs"), &allowed);
    }
    for (file, source) in sources("ncolony-core/src") {
        // Tests may look at what was written.
        if file.ends_with("tests.rs") {
            continue;
        }
        let code = source.split("#[cfg(test)]").next().unwrap();
        let reads = paths(code).iter().any(|path| names(path, "std::fs"));
        let is_part = file.parent().unwrap().ends_with("src/files");
        let is_place = is_part || file.ends_with("src/files.rs");
        assert_eq!(reads, is_place, "{}", file.display());
    }
}

#[test]
fn system_calls_and_all_that_is_unsafe_stand_in_one_place() {
    let monitor = "ncolony-monitor/src";
    forbid(
        monitor,
        "ncolony-monitor/src/sys",
        &["nix", "libc", "unsafe"],
    );
    let companions = "ncolony-sidecars/src";
    forbid(
        companions,
        "ncolony-sidecars/src/sys",
        &["nix", "libc", "unsafe"],
    );
    for others in [
        "ncolony-core/src",
        "ncolony-ctl/src",
        "ncolony-sidecars/tests",
        "tests",
    ] {
        forbid(others, "tests/end_to_end/architecture.rs", &["unsafe"]);
    }
    let of_sys = sources("ncolony-monitor/src/sys");
    assert!(
        of_sys
            .iter()
            .any(|(_, source)| paths(source).contains(&"unsafe".to_owned()))
    );
}

#[test]
fn the_monitor_asks_the_time_in_one_place() {
    let clock = "ncolony-monitor/src/sys/clock.rs";
    for (file, source) in sources("ncolony-monitor/src") {
        let code = source.split("#[cfg(test)]").next().unwrap();
        let is_test = file.ends_with("tests.rs");
        for asks in ["SystemTime", "Instant::now", "clock_gettime"] {
            let found = code.contains(asks);
            assert!(
                !found || is_test || file.ends_with(clock),
                "{} has {asks}",
                file.display()
            );
        }
    }
}

#[test]
fn the_control_program_meets_the_monitor_in_files_alone() {
    forbid(
        "ncolony-ctl/src",
        "",
        &["ncolony_core::colony", "Colony", "ncolony_monitor"],
    );
    assert!(!dependencies("ncolony-ctl").contains(&"ncolony-monitor".to_owned()));
}

#[test]
fn the_companions_meet_the_monitor_in_files_alone() {
    forbid(
        "ncolony-sidecars",
        "",
        &["ncolony_core::colony", "Colony", "ncolony_monitor"],
    );
    assert!(!dependencies("ncolony-sidecars").contains(&"ncolony-monitor".to_owned()));
}

#[test]
fn the_monitor_and_its_library_are_built_without_what_the_companions_bring() {
    for package in ["ncolony-core", "ncolony-monitor", "ncolony-ctl"] {
        for brought in ["ureq", "rustls", "http"] {
            let built = dependencies(package);
            assert!(!built.contains(&brought.to_owned()), "{package}: {brought}");
        }
    }
}

/// What a crate is built with, near and far.
fn dependencies(package: &str) -> Vec<String> {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--package",
            package,
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let lines = String::from_utf8(tree.stdout).unwrap();
    let names: Vec<String> = lines
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect();
    assert!(names.contains(&package.to_owned()) && names.contains(&"serde".to_owned()));
    names
}

#[test]
fn the_library_is_built_without_what_only_programs_need() {
    let core = dependencies("ncolony-core");
    for heavy in ["tokio", "clap", "notify", "nix"] {
        assert!(
            !core.contains(&heavy.to_owned()),
            "ncolony-core is built with {heavy}"
        );
    }
}
