use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use ncolony_core::Defaults;
use ncolony_core::colony::Blame;

use super::*;

const OURS: Credentials = Credentials {
    uid: None,
    gid: None,
    groups: None,
};

/// A program `web` with a socket for each of these addresses.
fn spec(addresses: &[&str]) -> ProgramSpec {
    let socket = |(number, address): (usize, &&str)| serde_json::json!({"name": format!("s{number}"), "listen": address});
    let sockets: Vec<_> = addresses.iter().enumerate().map(socket).collect();
    let text = serde_json::json!({"args": ["x"], "sockets": sockets}).to_string();
    let name = ProgramName::new("web").unwrap();
    ProgramSpec::parse(name, text.as_bytes(), &Defaults::default()).unwrap()
}

/// The same of an instance of it.
fn instance(number: u32, addresses: &[&str]) -> ProgramSpec {
    let spec = spec(addresses);
    ProgramSpec {
        name: spec.name.instance(number),
        ..spec
    }
}

fn unix(path: &Path) -> String {
    format!("unix://{}", path.display())
}

fn allows(_number: RawFd) -> Result<(), SpawnFailure> {
    Ok(())
}

/// Opens them, and gives the inodes of the sockets in order.
fn prepare(listening: &mut Listening, spec: &ProgramSpec) -> Result<Vec<PathBuf>, SpawnFailure> {
    let sockets = listening.prepare(spec, &OURS, Users::None, allows)?;
    let inode = |socket: &BorrowedFd<'_>| {
        fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap()
    };
    Ok(sockets.iter().map(inode).collect())
}

/// A port that was free a moment ago.
fn port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn what_is_wanted_again_is_kept_and_connections_wait_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let tcp = format!("tcp://localhost:{}", port());
    let mut listening = Listening::default();
    let first = prepare(&mut listening, &spec(&[&tcp, &unix(&path)])).unwrap();
    let _waits = UnixStream::connect(&path).unwrap();
    let swapped = prepare(&mut listening, &spec(&[&unix(&path), &tcp])).unwrap();
    assert_eq!(swapped, [first[1].clone(), first[0].clone()]);
    let sockets = listening
        .prepare(&spec(&[&unix(&path)]), &OURS, Users::None, allows)
        .unwrap();
    let listener = UnixListener::from(sockets[0].try_clone_to_owned().unwrap());
    listener.accept().unwrap();
    let address = tcp.strip_prefix("tcp://").unwrap();
    assert!(TcpStream::connect(address).is_err(), "it is not wanted now");
}

#[test]
fn what_is_given_up_is_closed_and_its_file_goes() {
    let directory = tempfile::tempdir().unwrap();
    let (path, other) = (directory.path().join("s"), directory.path().join("t"));
    let mut listening = Listening::default();
    prepare(&mut listening, &spec(&[&unix(&path)])).unwrap();
    prepare(&mut listening, &spec(&[&unix(&other)])).unwrap();
    assert!(!path.exists() && other.exists(), "it has moved");
    prepare(&mut listening, &spec(&[])).unwrap();
    assert!(!other.exists(), "the key is gone");
    prepare(&mut listening, &spec(&[&unix(&path)])).unwrap();
    fs::remove_file(&path).unwrap();
    let theirs = UnixListener::bind(&path).unwrap();
    listening.release(&spec(&[]).name);
    assert!(path.exists(), "the file of somebody else stays");
    drop(theirs);
}

#[test]
fn a_socket_whose_file_is_gone_is_opened_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let mut listening = Listening::default();
    let first = prepare(&mut listening, &spec(&[&unix(&path)])).unwrap();
    fs::remove_file(&path).unwrap();
    let second = prepare(&mut listening, &spec(&[&unix(&path)])).unwrap();
    assert_ne!(first, second);
    UnixStream::connect(&path).unwrap();
}

#[test]
fn a_file_that_nobody_listens_on_is_replaced_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let mut listening = Listening::default();
    let mut refused = |what: &str| {
        let failure = prepare(&mut listening, &spec(&[&unix(&path)])).unwrap_err();
        assert_eq!(failure.blame, Blame::Program);
        let said = failure.sentence;
        assert!(said.contains(what) && said.contains(&unix(&path)), "{said}");
    };
    let theirs = UnixListener::bind(&path).unwrap();
    refused("EADDRINUSE");
    drop(theirs);
    fs::remove_file(&path).unwrap();
    fs::write(&path, "words").unwrap();
    refused("is no socket");
    fs::remove_file(&path).unwrap();
    drop(UnixListener::bind(&path).unwrap());
    prepare(&mut listening, &spec(&[&unix(&path)])).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn a_failure_says_where_and_why_and_leaves_the_others_open() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let theirs = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken = format!("tcp://{}", theirs.local_addr().unwrap());
    let mut listening = Listening::default();
    let wanted = spec(&[&taken, &unix(&path)]);
    let said = prepare(&mut listening, &wanted).unwrap_err().sentence;
    for part in [&taken, "\"s0\"", "Address already in use (EADDRINUSE)"] {
        assert!(said.contains(part), "{said}");
    }
    let waits = UnixStream::connect(&path);
    drop(theirs);
    let sockets = listening
        .prepare(&wanted, &OURS, Users::None, allows)
        .unwrap();
    let listener = UnixListener::from(sockets[1].try_clone_to_owned().unwrap());
    drop(listener.accept().unwrap());
    assert_eq!(waits.unwrap().read(&mut [0]).unwrap(), 0, "it was taken in");
}

#[test]
fn a_descriptor_that_may_not_be_taken_is_given_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let refuses = |_| {
        Err(SpawnFailure {
            sentence: "too many".to_owned(),
            blame: Blame::Machine,
        })
    };
    let mut listening = Listening::default();
    let refused = listening.prepare(&spec(&[&unix(&path)]), &OURS, Users::None, refuses);
    assert_eq!(refused.unwrap_err().blame, Blame::Machine);
    assert!(!path.exists());
    prepare(&mut listening, &spec(&[&unix(&path)])).unwrap();
    let kept = listening.prepare(&spec(&[&unix(&path)]), &OURS, Users::None, refuses);
    assert_eq!(kept.unwrap().len(), 1, "what is kept takes nothing more");
}

#[test]
fn what_is_handed_over_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let wanted = spec(&[&format!("tcp://*:{}", port()), &unix(&path)]);
    let (mut old, mut new) = (Listening::default(), Listening::default());
    let before = prepare(&mut old, &wanted).unwrap();
    let given = old.hand_over();
    let names: Vec<&str> = given.iter().map(|(_, name, _)| name.as_str()).collect();
    assert_eq!(names, ["s0", "s1"]);
    old.release(&wanted.name);
    new.take_over(given);
    assert_eq!(prepare(&mut new, &wanted).unwrap(), before);
    new.release(&wanted.name);
    assert!(!path.exists());
}

#[test]
fn instances_share_what_is_open() {
    let tcp = format!("tcp://localhost:{}", port());
    let mut listening = Listening::default();
    let first = prepare(&mut listening, &instance(0, &[&tcp])).unwrap();
    assert_eq!(
        prepare(&mut listening, &instance(1, &[&tcp])).unwrap(),
        first
    );
    assert_eq!(prepare(&mut listening, &spec(&[&tcp])).unwrap(), first);
    assert_eq!(listening.count(), 1);
    let pid = std::process::id();
    assert_eq!(listening.adopt(&instance(2, &[&tcp]), pid), [""; 0]);
    assert_eq!(listening.count(), 1);
    listening.ended(&instance(0, &[]).name);
    assert_eq!(listening.count(), 1);
    listening.release(&spec(&[]).name);
    assert_eq!(listening.count(), 0);
}

#[test]
fn what_instances_listen_on_that_are_not_up_to_date_stays_open() {
    let directory = tempfile::tempdir().unwrap();
    let (old, new) = (directory.path().join("old"), directory.path().join("new"));
    let (old_url, new_url) = (unix(&old), unix(&new));
    let mut listening = Listening::default();
    let first = prepare(&mut listening, &instance(0, &[&old_url])).unwrap();
    prepare(&mut listening, &instance(1, &[&old_url])).unwrap();
    // The first goes over to the new one, and its file is put back.
    prepare(&mut listening, &instance(0, &[&new_url])).unwrap();
    assert!(old.exists() && new.exists());
    assert_eq!(
        prepare(&mut listening, &instance(0, &[&old_url])).unwrap(),
        first
    );
    assert!(old.exists() && !new.exists());
    // Now both go over: the second has ended before it is started anew.
    prepare(&mut listening, &instance(0, &[&new_url])).unwrap();
    assert_eq!(listening.count(), 2);
    listening.ended(&instance(1, &[]).name);
    assert!(!old.exists() && new.exists());
    assert_eq!(
        prepare(&mut listening, &instance(1, &[&new_url]))
            .unwrap()
            .len(),
        1
    );
    // And in the end they listen on nothing.
    prepare(&mut listening, &instance(0, &[])).unwrap();
    assert!(new.exists());
    listening.ended(&instance(1, &[]).name);
    assert!(!new.exists());
    assert_eq!(listening.count(), 0);
}

#[test]
fn what_another_process_listens_on_is_taken_back_from_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let wanted = spec(&[&format!("tcp://localhost:{}", port()), &unix(&path)]);
    let mut old = Listening::default();
    let before = prepare(&mut old, &wanted).unwrap();
    // We are the process that outlives it.
    let mut new = Listening::default();
    assert_eq!(new.adopt(&wanted, std::process::id()), [""; 0]);
    drop(old.hand_over());
    assert_eq!(prepare(&mut new, &wanted).unwrap(), before);
    new.release(&wanted.name);
    let sentences = new.adopt(&wanted, std::process::id());
    assert_eq!(sentences.len(), 2);
    assert!(sentences[0].contains("\"s0\"") && sentences[0].contains("anew"));
    assert!(prepare(&mut new, &wanted).is_ok());
}

#[test]
fn a_process_that_cannot_be_looked_into_is_named_with_the_cause() {
    let mut child = std::process::Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let wanted = spec(&["tcp://localhost:1"]);
    let sentences = Listening::default().adopt(&wanted, child.id());
    assert_eq!(sentences.len(), 1);
    for part in [&child.id().to_string(), "tcp://localhost:1", "ESRCH"] {
        assert!(sentences[0].contains(part), "{sentences:?}");
    }
}
