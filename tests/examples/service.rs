//! The unit for systemd: read by its own checker, and run by a systemd in a world of its own where
//! the machine has one and lets us.

use std::fs::{self, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use ncolony_core::ProgramStatus;
use tempfile::TempDir;

use crate::control_groups::Made;
use crate::process::{built, command, eventually, record};

const SYSTEMD: &str = "/usr/lib/systemd/systemd";

/// What process 1 of that world does: it has no `/run` of the machine's, and a manager of units.
const WORLD: &str = "set -e
mount -t tmpfs -o mode=0755 none /run
mkdir -p /run/systemd/system /run/manager
chmod 700 /run/manager
/usr/lib/systemd/systemd --user --log-target=console --unit=ncolony.service
";

/// The unit, with the programs under test in the place of those that are installed.
fn unit() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/systemd/ncolony.service");
    let unit = fs::read_to_string(path).unwrap();
    let built = built().to_str().unwrap();
    assert!(unit.contains("=/usr/local/bin/ncolony-monitor\n"));
    unit.replace("/usr/local/bin", built)
}

fn is_there(program: &str) -> bool {
    let looked = Command::new(program).arg("--version").output();
    looked.is_ok_and(|output| output.status.success())
}

#[test]
fn systemd_understands_every_line() {
    if !is_there("systemd-analyze") {
        println!("there is no systemd-analyze");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ncolony.service");
    // The documentation is where a package puts it.
    let unit = unit().replace("/usr/local/share/doc/ncolony/recipes.md", "/dev/null");
    fs::write(&path, unit).unwrap();
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no"]).arg(&path);
    let output = verify.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let about_us: Vec<&str> = said.lines().filter(|it| it.contains("ncolony")).collect();
    assert!(about_us.is_empty() && output.status.success(), "{said}");
}

/// A systemd with the unit, in a world of its own.
struct World {
    directory: TempDir,
    /// Its process 1, as it is seen from outside.
    first: u32,
    /// Who has made that world; it ends with him.
    maker: Child,
    groups: Made,
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        let _ended = self.maker.kill();
        let _ended = self.maker.wait();
        let all_removed = || self.groups.remove().then_some(());
        if !std::thread::panicking() {
            eventually("the groups of that world are gone", all_removed);
        }
    }
}

impl World {
    /// `None`: the machine has no systemd, or does not let us make a world for it.
    fn new() -> Option<Self> {
        let make = ["-m", "-C", "-p", "-f", "--mount-proc", "--kill-child"];
        let mut unshare = Command::new("unshare");
        unshare
            .args(make)
            .args(["sh", "-c", "mount -t tmpfs none /run"]);
        let may = unshare.output().is_ok_and(|output| output.status.success());
        if !may || !Path::new(SYSTEMD).exists() {
            println!("there is no systemd, or no world to be had for one");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let units = directory.path().join("config/systemd/user");
        fs::create_dir_all(&units).unwrap();
        // Nobody waits for half a minute here.
        let unit = unit().replace("WatchdogSec=30", "WatchdogSec=1");
        fs::write(units.join("ncolony.service"), unit).unwrap();
        let mut systemd = command("unshare");
        systemd.args(make).args(["sh", "-c", WORLD]);
        surroundings(&mut systemd, directory.path());
        let groups = Made::from_now_on();
        let log = File::create(directory.path().join("log")).unwrap();
        systemd
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap());
        let maker = systemd.stderr(log).spawn().unwrap();
        let number = maker.id();
        let children = format!("/proc/{number}/task/{number}/children");
        let first = eventually("process 1 is there", || {
            fs::read_to_string(&children).ok()?.trim().parse().ok()
        });
        Some(Self {
            directory,
            first,
            maker,
            groups,
        })
    }

    fn log(&self) -> String {
        let log = fs::read(self.directory.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("colony")
    }

    /// Runs a command in that world.
    fn run(&self, words: &[&str]) -> Output {
        let mut nsenter = command("nsenter");
        nsenter.args(["-m", "-p", "-t", &self.first.to_string()]);
        surroundings(nsenter.args(words), self.directory.path());
        nsenter.output().unwrap()
    }

    fn systemctl(&self, words: &[&str]) -> Output {
        self.run(&[&["systemctl", "--user"], words, &["ncolony.service"]].concat())
    }

    fn property(&self, name: &str) -> String {
        let output = self.systemctl(&["show", "--value", "-p", name]);
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn main_pid(&self) -> Option<u32> {
        let pid = self.property("MainPID").parse().ok();
        pid.filter(|pid| *pid != 0)
    }

    /// Waits until systemd has started another monitor than this one, which is up.
    fn until_another(&self, than: u32) -> u32 {
        eventually("systemd has started the next monitor", || {
            let pid = self.main_pid().filter(|pid| *pid != than)?;
            (self.property("ActiveState") == "active").then_some(pid)
        })
    }

    fn program(&self) -> Option<ProgramStatus> {
        record(&self.root().join("status"), "web")
    }

    /// Waits until the systemd has said that the monitor is up. `None`: there is no systemd here
    /// after all.
    fn until_active(&mut self) -> Option<u32> {
        eventually("the unit is active", || {
            if self.maker.try_wait().unwrap().is_some() {
                return Some(None);
            }
            let is_active = self.property("ActiveState") == "active";
            self.main_pid().filter(|_| is_active).map(Some)
        })
    }
}

fn surroundings(command: &mut Command, directory: &Path) {
    command
        .env("XDG_RUNTIME_DIR", "/run/manager")
        .env("XDG_CONFIG_HOME", directory.join("config"))
        .env("HOME", directory)
        .env("NCOLONY_ROOT", directory.join("colony"));
}

#[test]
fn its_programs_outlive_whatever_befalls_the_monitor() {
    let Some(mut world) = World::new() else {
        return;
    };
    let Some(first) = world.until_active() else {
        println!("a systemd does not run here: {}", world.log());
        return;
    };
    let file = r#"{"args": ["sleep", "1000000"]}"#;
    let config = world.root().join("config");
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(&config)
        .unwrap();
    fs::write(config.join("web"), file).unwrap();
    let web = eventually("the program runs", || world.program()?.pid);

    // An upgrade, which is over when the command returns.
    let reload = world.systemctl(&["reload"]);
    assert!(reload.status.success(), "{reload:?}");
    assert_eq!(world.main_pid(), Some(first));
    eventually("systemd was told how many programs there are", || {
        (world.property("StatusText") == "1 program").then_some(())
    });

    // A kill, and a monitor that stands still.
    let mut monitor = first;
    for signal in ["KILL", "STOP"] {
        let signal = format!("--signal={signal}");
        let sent = world.systemctl(&["kill", "--kill-whom=main", &signal]);
        assert!(sent.status.success(), "{sent:?}");
        monitor = world.until_another(monitor);
        let adopted = eventually("the program was taken up", || {
            world.program().filter(|record| record.adopted)
        });
        assert_eq!((adopted.pid, adopted.starts), (Some(web), 1));
    }

    let stop = world.systemctl(&["stop"]);
    assert!(stop.status.success(), "{stop:?}");
    assert_eq!(world.property("Result"), "success");
    assert_eq!(world.program().unwrap().pid, None);
}
