//! The binaries under test, built once for each run of the tests, with the profile of the tests.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What cargo is told to build: everything, and what tests alone have a use for.
const ALL: &[&str] = &["--bins"];
const CRASHING: &[&str] = &[
    "--bin=ncolony-monitor-crashing",
    "--features=ncolony-monitor/crash-points",
];

/// The path of a binary of the workspace, built from the present sources.
pub(crate) fn binary(name: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    static OF_CRASHING: OnceLock<PathBuf> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| build(ALL));
    if name == "ncolony-monitor-crashing" {
        OF_CRASHING.get_or_init(|| build(CRASHING)).join(name)
    } else {
        directory.join(name)
    }
}

fn build(what: &[&str]) -> PathBuf {
    let tests = env::current_exe().unwrap();
    // The tests stand in `deps`, the binaries beside that directory.
    let directory = tests.parent().and_then(Path::parent).unwrap().to_owned();
    // Cargo keeps what it knows of the compiler in the target directory itself, wherever that is.
    let mut ancestors = directory.ancestors();
    let target = ancestors
        .find(|path| path.join(".rustc_info.json").exists())
        .unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--quiet", "--workspace"])
        .args(what)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", target)
        .args(["--profile", profile(&directory)]);
    if let Some(triple) = triple(target, &directory) {
        cargo.args(["--target", triple]);
    }
    let status = cargo.status().unwrap();
    assert!(status.success(), "the binaries under test do not build");
    directory
}

fn profile(directory: &Path) -> &str {
    let name = directory.file_name().unwrap().to_str().unwrap();
    if name == "debug" { "dev" } else { name }
}

/// Where something stands between the target directory and the profile's, it is the machine that
/// was built for.
fn triple<'a>(target: &Path, directory: &'a Path) -> Option<&'a str> {
    let between = directory.strip_prefix(target).unwrap().parent().unwrap();
    between.to_str().filter(|text| !text.is_empty())
}

/// Copies a program that is about to be executed. A process of its own does it: whoever is forked
/// here while a test has the copy open for writing holds it open too, and the kernel executes no
/// file that somebody can write to.
pub(crate) fn install(program: impl AsRef<Path>, at: impl AsRef<Path>) {
    let mut copy = Command::new("cp");
    copy.arg(program.as_ref()).arg(at.as_ref());
    assert!(copy.status().unwrap().success(), "{copy:?}");
}
