//! The recipe for a container: the entry point of its Containerfile, as process 1 of a world of
//! its own, in a root directory that holds what the file puts into the image.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use ncolony_core::{Message, Places, ProgramName, Request, Signal, Target, ctllib};
use tempfile::TempDir;

use crate::process::{Running, built, command, eventually, install, record};

/// Enters the world: what a runtime of containers does.
const ENTER: &str = "set -e
root=$1; shift
for device in null urandom; do
    mount --bind /dev/$device $root/dev/$device
done
mount -t proc proc $root/proc
exec chroot $root \"$@\"
";

const IN_A_WORLD_OF_ITS_OWN: [&str; 3] = ["-Urmpf", "--kill-child", "--propagation=private"];

/// What the programs of the example need of an image.
const IMAGE: [&str; 3] = ["/bin/sh", "/bin/sleep", "/bin/true"];

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/container")
        .join(name)
}

/// The words of the entry point.
fn entry_point() -> Vec<String> {
    let text = fs::read_to_string(example("Containerfile")).unwrap();
    let mut lines = text
        .lines()
        .filter_map(|line| line.strip_prefix("ENTRYPOINT "));
    serde_json::from_str(lines.next_back().unwrap()).unwrap()
}

struct Container {
    root: TempDir,
}

impl Container {
    /// `None`: nobody may make a world of his own here.
    fn new() -> Option<Self> {
        let mut unshare = Command::new("unshare");
        let probe = unshare.args(IN_A_WORLD_OF_ITS_OWN).arg("true").output();
        if !probe.is_ok_and(|output| output.status.success()) {
            println!("user namespaces are closed to us: there are no containers");
            return None;
        }
        let container = Self {
            root: tempfile::tempdir().unwrap(),
        };
        for directory in [
            "dev",
            "proc",
            "tmp",
            "run",
            "usr/local/bin",
            "etc/ncolony/programs",
        ] {
            fs::create_dir_all(container.path(directory)).unwrap();
        }
        for device in ["null", "urandom"] {
            fs::write(container.path("dev").join(device), "").unwrap();
        }
        for program in IMAGE {
            container.install(Path::new(program), program);
        }
        for program in ["ncolony-monitor", "ncolony-ctl"] {
            container.install(&built().join(program), &format!("/usr/local/bin/{program}"));
        }
        for entry in fs::read_dir(example("programs")).unwrap().flatten() {
            let to = container
                .path("etc/ncolony/programs")
                .join(entry.file_name());
            fs::copy(entry.path(), &to).unwrap();
            fs::set_permissions(to, fs::Permissions::from_mode(0o644)).unwrap();
        }
        Some(container)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name.trim_start_matches('/'))
    }

    /// Puts a program into the image, with the libraries that it needs.
    fn install(&self, program: &Path, at: &str) {
        self.copy(program, at);
        let listed = Command::new("ldd").arg(program).output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        let is_path = |word: &&str| word.starts_with('/');
        for library in listed.split_whitespace().filter(is_path) {
            self.copy(Path::new(library), library);
        }
    }

    fn copy(&self, from: &Path, at: &str) {
        let to = self.path(at);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        install(from, to);
    }

    fn run(&self) -> Running {
        let mut unshare = command("unshare");
        unshare
            .args(IN_A_WORLD_OF_ITS_OWN)
            .args(["sh", "-c", ENTER, "sh"])
            .arg(self.root.path())
            .args(entry_point());
        Running::start(unshare, &self.path("output"))
    }

    /// Waits until both programs run.
    fn until_up(&self) {
        for name in ["main", "helper"] {
            eventually(&format!("{name} runs"), || {
                record(&self.path("run/ncolony/status"), name)?.pid
            });
        }
    }

    fn places(&self) -> Places {
        Places {
            config: self.path("etc/ncolony/programs"),
            messages: self.path("run/ncolony/messages"),
            status: self.path("run/ncolony/status"),
            logs: None,
        }
    }
}

#[test]
fn it_ends_with_the_code_of_its_program_and_stops_the_others() {
    let Some(container) = Container::new() else {
        return;
    };
    let mut running = container.run();
    container.until_up();
    eventually("what the programs print is what it prints", || {
        let said = running.output();
        let both = said.contains("[main] serving\n") && said.contains("[helper] helping\n");
        both.then_some(())
    });
    fs::write(container.path("tmp/finished"), "").unwrap();
    assert_eq!(running.end().code(), Some(5));
    assert!(running.output().contains("everything has stopped"));
}

#[test]
fn a_signal_to_its_program_is_told_as_shells_do() {
    let Some(container) = Container::new() else {
        return;
    };
    let mut running = container.run();
    container.until_up();
    let main = ProgramName::new("main").unwrap();
    let kill = Request::Signal(Target::Name(main), Signal::KILL);
    ctllib::send(&container.places(), &Message::new(kill)).unwrap();
    assert_eq!(running.end().code(), Some(128 + 9));
}
