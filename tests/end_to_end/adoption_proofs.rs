//! G3: whose a process is has to be proved. What is proved is taken up, whatever was written down
//! of it; what is not is never told anything.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use ncolony_core::State;
use ncolony_core::status::ProcessIdentity;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::adoption::{JOURNAL, NOTE, starts, until_adopted};
use crate::colony::{Colony, shell, until};
use crate::processes::{self, is_alive, until_gone};

/// A process of nobody's that must live on.
struct Canary(Child);

impl Canary {
    fn new() -> Self {
        let mut command = Command::new("sleep");
        command.arg("100000").stdin(Stdio::null());
        Self(command.process_group(0).spawn().unwrap())
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    #[track_caller]
    fn lives(&mut self) {
        assert_eq!(self.0.try_wait().unwrap(), None, "a stranger was killed");
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// What really proves who a process is, as a monitor writes it down.
fn identity_of(pid: u32, like: &ProcessIdentity) -> ProcessIdentity {
    let start_time = processes::field(pid, 22).map(|ticks| ticks.parse().unwrap());
    ProcessIdentity {
        start_time,
        ..like.clone()
    }
}

/// Changes every object in the journal that describes a process, and the header.
fn doctor(
    colony: &Colony,
    mut header: impl FnMut(&mut Value),
    mut process: impl FnMut(&mut Value),
) {
    fn walk(value: &mut Value, process: &mut impl FnMut(&mut Value)) {
        if value.get("identity").is_some() {
            process(value);
        }
        match value {
            Value::Object(object) => object.values_mut().for_each(|value| walk(value, process)),
            Value::Array(array) => array.iter_mut().for_each(|value| walk(value, process)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut text = String::new();
    for (number, line) in colony.lines(JOURNAL).into_iter().enumerate() {
        let mut value: Value = serde_json::from_str(&line).unwrap();
        if number == 0 {
            header(&mut value);
        } else {
            walk(&mut value, &mut process);
        }
        text += &format!("{value}\n");
    }
    fs::write(colony.path(JOURNAL), text).unwrap();
    colony.give_away(JOURNAL);
}

/// A journal says that a program's process is one that is a stranger's; what it says besides is
/// changed by `header` and `forge`. The program is started anew, and the stranger is left alone.
fn a_stranger_is_left_alone(
    header: impl Fn(&mut Value),
    forge: impl Fn(&mut ProcessIdentity),
    starts_before: u64,
) {
    let mut colony = Colony::running(&["-t", "0", "-k", "0.1"]);
    colony.program("web", shell(&format!("{NOTE}exec cat"), json!({})));
    let record = colony.until_state("web", State::Running);
    colony.kill();
    processes::signal(record.pid.unwrap(), Signal::SIGKILL);
    until_gone(record.pid.unwrap());
    let mut canary = Canary::new();
    let mut identity = identity_of(canary.pid(), record.process.as_ref().unwrap());
    forge(&mut identity);
    doctor(&colony, header, |process| {
        process["pid"] = json!(canary.pid());
        process["identity"] = serde_json::to_value(&identity).unwrap();
    });
    colony.start();
    let record = colony.until_record("web", "it was started anew", |record| {
        record.state == State::Running && starts(&colony, "web") == 2
    });
    assert_eq!((record.adopted, record.starts), (false, starts_before + 1));
    // Nor is it told anything by a stop, or by the end of the monitor.
    assert!(colony.ask(json!({"type": "RESTART", "name": "web"})).ok);
    until("it runs again", || {
        (starts(&colony, "web") == 3).then_some(())
    });
    assert!(colony.stop().success());
    canary.lives();
}

fn nothing(_: &mut Value) {}

#[test]
fn what_was_written_down_in_another_boot_is_of_other_processes() {
    let header = |header: &mut Value| header["boot_id"] = json!("another");
    let forge = |identity: &mut ProcessIdentity| identity.boot_id = "another".to_owned();
    a_stranger_is_left_alone(header, forge, 0);
}

#[test]
fn what_was_written_down_in_another_process_namespace_is_of_other_processes() {
    let header = |header: &mut Value| {
        header["pid_namespace"] = json!(header["pid_namespace"].as_u64().unwrap() + 1);
    };
    a_stranger_is_left_alone(header, |_| {}, 0);
}

#[test]
fn a_process_that_was_started_at_another_time_is_another() {
    let forge = |identity: &mut ProcessIdentity| {
        identity.start_time = identity.start_time.map(|ticks| ticks - 1);
        identity.pidfd_inode = None;
    };
    a_stranger_is_left_alone(nothing, forge, 1);
}

#[test]
fn a_process_that_the_kernel_numbers_otherwise_is_another() {
    // Before Linux 6.9 it does not number them, and the start time alone tells them apart.
    let forge = |identity: &mut ProcessIdentity| {
        if identity.pidfd_inode.is_none() {
            identity.start_time = identity.start_time.map(|ticks| ticks - 1);
        }
    };
    a_stranger_is_left_alone(nothing, forge, 1);
}

#[test]
fn a_process_of_which_nothing_proves_whose_it_is_is_a_strangers() {
    let mut colony = Colony::running(&["-t", "0", "-k", "0.1"]);
    colony.program("web", shell(&format!("{NOTE}exec cat"), json!({})));
    let pid = colony.until_up("web");
    colony.kill();
    processes::signal(pid, Signal::SIGKILL);
    until_gone(pid);
    let mut canary = Canary::new();
    doctor(&colony, nothing, |process| {
        process["pid"] = json!(canary.pid());
        process["identity"] = Value::Null;
    });
    colony.start();
    until("it runs again", || {
        (starts(&colony, "web") == 2).then_some(())
    });
    assert!(colony.stop().success());
    canary.lives();
}

/// Starts a process in a session of its own that says in its environment that it is a program's.
fn impostor(user: Option<u32>, run_id: &str, file: &str) -> Canary {
    let mut command = Command::new("setsid");
    command.args(["sleep", "100000"]).env_clear();
    command
        .env("PATH", "/usr/bin:/bin")
        .env("NCOLONY_NAME", "web");
    command
        .env("NCOLONY_RUN_ID", run_id)
        .env("NCOLONY_CONFIG", file);
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
    command.current_dir("/").stdin(Stdio::null());
    let canary = Canary(command.spawn().unwrap());
    until("it leads a session", || {
        let leads = processes::field(canary.pid(), 6) == Some(canary.pid().to_string());
        leads.then_some(())
    });
    canary
}

#[test]
fn another_users_process_is_no_programs_whatever_its_environment_says() {
    let mut colony = Colony::running(&["-t", "0", "-k", "0.1"]);
    let file = shell(&format!("{NOTE}exec cat"), json!({}));
    colony.program("web", &file);
    let pid = colony.until_state("web", State::Running).pid.unwrap();
    let environment = processes::environment(pid);
    let run_id = environment
        .iter()
        .find_map(|it| it.strip_prefix("NCOLONY_RUN_ID="));
    let run_id = run_id.unwrap().to_owned();
    colony.kill();
    processes::signal(pid, Signal::SIGKILL);
    until_gone(pid);
    fs::remove_file(colony.path(JOURNAL)).unwrap();
    // Without root nobody is somebody else: then it copies another colony's mark.
    let is_root = nix::unistd::geteuid().is_root();
    let (user, run_id) = if is_root {
        (Some(65534), run_id)
    } else {
        (None, format!("{:0>32}", run_id.get(16..).unwrap()))
    };
    let mut canary = impostor(user, &run_id, &file);
    colony.start();
    let record = colony.until_state("web", State::Running);
    assert!(!record.adopted && record.pid != Some(canary.pid()));
    until("it runs again", || {
        (starts(&colony, "web") == 2).then_some(())
    });
    assert!(colony.stop().success());
    canary.lives();
}

/// Has the next process of the machine get this number, if we may.
fn choose_next_pid(pid: u32) {
    let _not_allowed = fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string());
}

#[test]
fn a_process_that_has_got_a_dead_programs_number_is_never_told_anything() {
    let mut colony = Colony::running(&["-t", "0", "-k", "0.1"]);
    // It leaves somebody, so that there is a group to be cleared away.
    colony.program("web", shell(&format!("{NOTE}sleep 1000 & wait"), json!({})));
    for round in 1..=5 {
        until("it runs", || {
            (starts(&colony, "web") == round).then_some(())
        });
        let pid = colony.until_state("web", State::Running).pid.unwrap();
        colony.kill();
        for member in processes::of_group(pid) {
            processes::signal(member, Signal::SIGKILL);
        }
        until("its number is free", || {
            processes::field(pid, 3).is_none().then_some(())
        });
        let mut canary = None;
        for _attempt in 0..200 {
            choose_next_pid(pid);
            let new = Canary::new();
            if new.pid() == pid {
                canary = Some(new);
                break;
            }
        }
        // Where the number cannot be chosen, what was written down is made to name the canary.
        let mut canary = canary.unwrap_or_else(|| {
            let canary = Canary::new();
            doctor(&colony, nothing, |process| {
                process["pid"] = json!(canary.pid())
            });
            canary
        });
        colony.start();
        until("it runs anew", || {
            (starts(&colony, "web") == round + 1).then_some(())
        });
        assert!(
            colony
                .ask(json!({"type": "SIGNAL", "name": "web", "signal": "CONT"}))
                .ok
        );
        canary.lives();
        colony.until_up("web");
    }
}

#[test]
fn a_process_that_puts_on_the_mark_of_another_start_is_what_was_written_down() {
    let mut colony = Colony::running(&["-t", "0.05", "-k", "0.1"]);
    colony.program(
        "one",
        shell("echo $NCOLONY_RUN_ID > mark; exec cat", json!({})),
    );
    colony.program(
        "two",
        shell(
            "until test -s mark; do sleep 0.02; done
            exec env NCOLONY_RUN_ID=$(cat mark) NCOLONY_NAME=one sleep 1000",
            json!({}),
        ),
    );
    let pids = ["one", "two"].map(|name| colony.until_up(name));
    until("it has put it on", || {
        let environment = fs::read(format!("/proc/{}/environ", pids[1])).unwrap();
        String::from_utf8_lossy(&environment)
            .contains("NCOLONY_NAME=one")
            .then_some(())
    });
    colony.kill();
    colony.start();
    for (name, pid) in ["one", "two"].into_iter().zip(pids) {
        let record = until_adopted(&colony, name);
        assert_eq!((record.pid, record.starts), (Some(pid), 1), "{name}");
    }
    assert!(pids.into_iter().all(is_alive));
}
