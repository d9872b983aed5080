use std::io::Read;
use std::os::fd::RawFd;

use ncolony_core::descriptor::{Amount, Limits, Resource, ResourceLimit};
use ncolony_core::{Exit, Signal};

use super::super::limits::Limit;
use super::*;

fn nobody_else() -> Credentials {
    Credentials {
        uid: None,
        gid: None,
        groups: None,
    }
}

fn strings(texts: &[&str]) -> Vec<CString> {
    texts
        .iter()
        .map(|text| CString::new(*text).unwrap())
        .collect()
}

/// Starts a shell line, and gives what it printed and how it ended.
fn run(line: &str, change: impl FnOnce(&mut Launch<'_>)) -> Result<(String, Exit), LaunchError> {
    let mut launcher = Launcher::new().unwrap();
    let (mut reader, writer) = io::pipe().unwrap();
    let writer = Arc::new(File::from(OwnedFd::from(writer)));
    let mut launch = Launch {
        candidates: strings(&["/bin/sh"]),
        argv: strings(&["sh", "-c", line]),
        envp: strings(&["A=1"]),
        cwd: None,
        umask: None,
        credentials: nobody_else(),
        granted: Granted::nothing(),
        streams: Streams {
            stdin: launcher.null(),
            stdout: Arc::clone(&writer),
            stderr: writer,
        },
        sockets: Vec::new(),
        dies_with_us: false,
    };
    change(&mut launch);
    let started = launcher.launch(&launch, None);
    drop(launch);
    let pid = started?.pid;
    let mut printed = String::new();
    reader.read_to_string(&mut printed).unwrap();
    let exit = loop {
        match reap::take(pid) {
            Exit::Unknown => std::thread::yield_now(),
            known @ (Exit::Code(_) | Exit::Signal(_)) => break known,
        }
    };
    Ok((printed, exit))
}

#[test]
fn it_leads_a_session_of_its_own_and_has_only_its_environment() {
    let line = "read -r pid comm state ppid pgrp session rest < /proc/$$/stat; \
                test $pid = $pgrp && test $pid = $session && echo leader; tr '\\0' '\\n' < /proc/$$/environ; exit 7";
    let (printed, exit) = run(line, |launch| {
        launch.envp = strings(&["A=1", "PATH=/bin:/usr/bin"]);
    })
    .unwrap();
    assert_eq!(printed, "leader\nA=1\nPATH=/bin:/usr/bin\n");
    assert_eq!(exit, Exit::Code(7));
}

#[test]
fn it_has_no_descriptors_but_its_own() {
    let _open = File::open("/dev/null").unwrap();
    // What the tests themselves were started with is none of a program's either.
    crate::sys::limits::keep_descriptors_to_ourselves();
    let (printed, _) = run("ls /proc/$$/fd; true", |launch| {
        launch.envp = strings(&["PATH=/bin:/usr/bin"]);
    })
    .unwrap();
    assert_eq!(printed, "0\n1\n2\n");
}

/// What a program says of the descriptors that it was given besides the standard streams, when its
/// sockets are these.
fn passed_on(sockets: &[&OwnedFd]) -> String {
    // What the tests themselves were started with is none of a program's.
    crate::sys::limits::keep_descriptors_to_ourselves();
    // A pipeline would do the sorting, and the shell would hold its ends for a moment.
    let line = "test $LISTEN_PID = $$ && find /proc/$$/fd -type l -printf '%f %l\\n'; true";
    let sockets: Vec<RawFd> = sockets.iter().map(|socket| socket.as_raw_fd()).collect();
    let (printed, _) = run(line, |launch| {
        launch.envp = strings(&["PATH=/bin:/usr/bin"]);
        // SAFETY: the caller keeps them open until the program has ended.
        let borrow = |number: &RawFd| unsafe { BorrowedFd::borrow_raw(*number) };
        launch.sockets = sockets.iter().map(borrow).collect();
    })
    .unwrap();
    let mut above: Vec<String> = printed
        .lines()
        .filter(|line| !line.starts_with(['0', '1', '2']))
        .map(|line| format!("{line}\n"))
        .collect();
    above.sort();
    above.concat()
}

fn at(file: &OwnedFd, number: RawFd) -> OwnedFd {
    let copy = nix::fcntl::fcntl(file, nix::fcntl::FcntlArg::F_DUPFD_CLOEXEC(number)).unwrap();
    // SAFETY: the kernel has just given us this descriptor, and nobody else has it.
    unsafe { OwnedFd::from_raw_fd(copy) }
}

#[test]
fn sockets_come_in_order_wherever_they_were_and_nothing_else_does() {
    let pipe = || io::pipe().unwrap();
    let ((first, _keep), (second, _keep_too)) = (pipe(), pipe());
    let (first, second) = (OwnedFd::from(first), OwnedFd::from(second));
    let target = |file: &OwnedFd| {
        let link = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()));
        link.unwrap().display().to_string()
    };
    let wanted = format!("3 {}\n4 {}\n", target(&first), target(&second));
    let (high_first, high_second) = (at(&first, 500), at(&second, 400));
    let (low_first, low_second) = (at(&first, 3), at(&second, 3));
    for pair in [
        [&high_first, &high_second],
        [&low_first, &low_second],
        [&first, &low_second],
        [&low_first, &second],
    ] {
        assert_eq!(passed_on(&pair), wanted, "{pair:?}");
    }
    assert_eq!(
        passed_on(&[&low_second, &low_first]),
        format!("3 {}\n4 {}\n", target(&second), target(&first))
    );
}

#[test]
fn its_signals_are_as_by_default() {
    let (printed, _) = run("grep -E '^Sig(Blk|Ign)' /proc/self/status", |launch| {
        launch.envp = strings(&["PATH=/bin:/usr/bin"]);
    })
    .unwrap();
    let zero = "0000000000000000";
    assert_eq!(printed, format!("SigBlk:\t{zero}\nSigIgn:\t{zero}\n"));
}

#[test]
fn what_fails_is_said_with_its_stage() {
    let failed = |change: fn(&mut Launch<'_>)| run("true", change).unwrap_err();
    assert_eq!(
        failed(|launch| launch.candidates = strings(&["/no/such/program", "/nor/this"])),
        LaunchError {
            stage: Stage::Execute(0),
            errno: libc::ENOENT
        }
    );
    assert_eq!(
        failed(|launch| launch.candidates = strings(&["/no/such/program", "/etc/passwd"])),
        LaunchError {
            stage: Stage::Execute(1),
            errno: libc::EACCES
        }
    );
    assert_eq!(
        failed(|launch| launch.cwd = Some(CString::new("/no/such/directory").unwrap())),
        LaunchError {
            stage: Stage::Directory,
            errno: libc::ENOENT
        }
    );
}

#[test]
fn directory_mask_and_limits_are_taken() {
    let (printed, _) = run("pwd; umask; ulimit -n", |launch| {
        launch.cwd = Some(CString::new("/").unwrap());
        launch.umask = Some(0o027);
        let own = Some(Limit { soft: 77, hard: 99 });
        launch.granted = Granted::new(&Limits::default(), own);
    })
    .unwrap();
    assert_eq!(printed, "/\n0027\n77\n");
}

#[test]
fn what_it_is_granted_is_its_own_alone() {
    let before = std::fs::read_to_string("/proc/self/limits").unwrap();
    let score = || std::fs::read_to_string("/proc/self/oom_score_adj").unwrap();
    let score_before = score();
    let (printed, _) = run(
        "ulimit -n; ulimit -Hn; ulimit -c; nice; cat /proc/self/oom_score_adj",
        |launch| {
            launch.envp = strings(&["PATH=/bin:/usr/bin"]);
            let number = Amount::Number;
            let resources = [
                (Resource::OpenFiles, ResourceLimit(number(50), number(60))),
                (Resource::Core, ResourceLimit(number(0), number(0))),
            ];
            let limits = Limits {
                nice: Some(19),
                oom_score_adj: Some(1000),
                resources: resources.into(),
            };
            let own = Some(Limit { soft: 77, hard: 99 });
            launch.granted = Granted::new(&limits, own);
        },
    )
    .unwrap();
    assert_eq!(printed, "50\n60\n0\n19\n1000\n");
    assert_eq!(
        std::fs::read_to_string("/proc/self/limits").unwrap(),
        before
    );
    assert_eq!(score(), score_before);
}

#[test]
fn a_limit_that_nobody_may_have_is_said_with_its_place() {
    let most = std::fs::read_to_string("/proc/sys/fs/nr_open").unwrap();
    let most: u64 = most.trim().parse().unwrap();
    let failure = run("true", |launch| {
        let beyond = Amount::Number(most + 1);
        let resources = [
            (
                Resource::Core,
                ResourceLimit(Amount::Number(0), Amount::Number(0)),
            ),
            (Resource::OpenFiles, ResourceLimit(beyond, beyond)),
        ];
        let limits = Limits {
            resources: resources.into(),
            ..Limits::default()
        };
        launch.granted = Granted::new(&limits, None);
        assert_eq!(launch.granted.resource(1), Some(Resource::OpenFiles));
    });
    assert_eq!(
        failure.unwrap_err(),
        LaunchError {
            stage: Stage::Limit(1),
            errno: libc::EPERM
        }
    );
}

#[test]
fn a_signal_that_ends_it_is_told() {
    let (_, exit) = run("kill -KILL $$", |_| {}).unwrap();
    assert_eq!(exit, Exit::Signal(Signal::KILL));
    let (_, exit) = run("kill -40 $$", |_| {}).unwrap();
    assert_eq!(exit, Exit::Signal(Signal::from_number(40).unwrap()));
}
