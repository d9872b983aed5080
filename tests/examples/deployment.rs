//! The ConfigMap, mounted as the kubelet does it: each key is a symbolic link through `..data`,
//! which is itself a link to a directory, and is turned to another one by a single rename.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use ncolony_core::ProgramStatus;
use tempfile::TempDir;

use crate::process::{Running, eventually, program, record};

/// The keys of the manifest and their values, without the rest of YAML: literal blocks, indented
/// by four.
fn data() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/deploy/kubernetes.yaml");
    let manifest = fs::read_to_string(path).unwrap();
    let (_, data) = manifest.split_once("\ndata:\n").unwrap();
    let mut files: Vec<(String, String)> = Vec::new();
    for line in data.lines() {
        match (line.strip_prefix("    "), files.last_mut()) {
            (Some(content), Some((_, text))) => {
                text.push_str(content);
                text.push('\n');
            }
            _ => {
                let key = line.trim().strip_suffix(": |").unwrap();
                files.push((key.to_owned(), String::new()));
            }
        }
    }
    files
}

struct Volume {
    directory: TempDir,
    versions: u32,
}

impl Volume {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("config")).unwrap();
        Self {
            directory,
            versions: 0,
        }
    }

    fn root(&self) -> &Path {
        self.directory.path()
    }

    fn mount_point(&self) -> PathBuf {
        self.root().join("config")
    }

    fn publish(&mut self, files: &[(String, String)]) {
        let at = self.mount_point();
        self.versions += 1;
        let version = format!("..version_{}", self.versions);
        fs::create_dir(at.join(&version)).unwrap();
        for (key, text) in files {
            fs::write(at.join(&version).join(key), text).unwrap();
        }
        symlink(&version, at.join("..data_tmp")).unwrap();
        fs::rename(at.join("..data_tmp"), at.join("..data")).unwrap();
        for (key, _) in files {
            if !at.join(key).exists() {
                symlink(format!("..data/{key}"), at.join(key)).unwrap();
            }
        }
    }

    fn running(&self, name: &str, than: Option<u32>) -> ProgramStatus {
        eventually(&format!("{name} runs"), || {
            record(&self.root().join("status"), name)
                .filter(|record| record.pid.is_some() && record.pid != than)
        })
    }
}

#[test]
fn its_programs_run_and_a_change_of_one_restarts_that_one() {
    let mut files = data();
    assert_eq!(files.len(), 2);
    let mut volume = Volume::new();
    volume.publish(&files);
    let mut monitor = program("ncolony-monitor");
    monitor.arg("--root").arg(volume.root());
    let _monitor = Running::start(monitor, &volume.root().join("output"));
    let server = volume.running("server", None);
    let worker = volume.running("worker", None);
    assert_eq!(worker.groups, ["workers"]);

    let (_, text) = &mut files[0];
    *text = text.replace("production", "maintenance");
    volume.publish(&files);
    let changed = volume.running("server", server.pid);
    assert_eq!(changed.starts, 2);
    assert_eq!(changed.config_error, None);
    assert_eq!(volume.running("worker", None).pid, worker.pid);
}

#[test]
fn its_programs_are_valid() {
    let mut volume = Volume::new();
    volume.publish(&data());
    let done = program("ncolony-ctl")
        .arg("check")
        .arg(volume.mount_point())
        .output()
        .unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{said}");
}
