use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;

use super::*;

const START: Mono = Mono::from_nanos(1_000_000_000);

fn name() -> ProgramName {
    ProgramName::new("web").unwrap()
}

/// Sockets of which one is open for a process; the test plays it and speaks to it.
struct Heard {
    notices: Notices,
    client: UnixDatagram,
    _directory: tempfile::TempDir,
}

impl Heard {
    fn new(speaker: u32, run_id: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let addresses = Addresses::new(directory.path(), "c0");
        let mut notices = Notices::new(addresses);
        let path = notices.prepare(&name(), None).unwrap();
        let speaker = Speaker {
            generation: Generation::of_number(7),
            pid: speaker,
            run_id: run_id.to_owned(),
        };
        notices.started(&name(), speaker);
        let client = UnixDatagram::unbound().unwrap();
        client.connect(path).unwrap();
        client.set_nonblocking(true).unwrap();
        Self {
            notices,
            client,
            _directory: directory,
        }
    }

    fn say(&self, text: &[u8]) -> io::Result<usize> {
        self.client.send(text)
    }

    fn hear(&mut self, millis: u64) -> Vec<Word> {
        let facts = self
            .notices
            .take(START.after(Duration::from_millis(millis)));
        let word = |fact| {
            let Observation::Notified {
                name: about,
                generation,
                word,
            } = fact
            else {
                panic!("{fact:?}");
            };
            assert_eq!((about, generation.number()), (name(), 7));
            word
        };
        facts.into_iter().map(word).collect()
    }
}

#[tokio::test(flavor = "current_thread")]
async fn what_a_program_says_is_heard_once() {
    let mut heard = Heard::new(std::process::id(), "r");
    heard.say(b"READY=1\nSTATUS=well").unwrap();
    let said = [Word::Ready, Word::Status("well".to_owned())];
    assert_eq!(heard.hear(0), said);
    assert_eq!(heard.hear(0), []);
    assert_eq!(heard.notices.due(), None, "nothing more is due");
}

#[tokio::test(flavor = "current_thread")]
async fn rubbish_is_passed_over_and_the_next_word_is_heard() {
    let mut heard = Heard::new(std::process::id(), "r");
    for rubbish in [&b""[..], &[b'x'; DATAGRAM_BYTES + 1], b"\xff\0", b"READY=2"] {
        heard.say(rubbish).unwrap();
    }
    heard.say(b"STOPPING=1").unwrap();
    assert_eq!(heard.hear(0), [Word::Stopping]);
}

#[tokio::test(flavor = "current_thread")]
async fn a_process_that_is_seen_to_be_another_is_not_believed() {
    // The test is in the session of nobody whose number is 1, and has no run id.
    let mut heard = Heard::new(1, "r");
    heard.say(b"READY=1").unwrap();
    assert_eq!(heard.hear(0), []);
}

#[tokio::test(flavor = "current_thread")]
async fn another_user_is_not_believed() {
    let mut heard = Heard::new(std::process::id(), "r");
    let other = limits::own_user() + 1;
    let open = heard.notices.open.get_mut(&name()).unwrap();
    open.uid = other;
    assert!(!open.is_believed(std::process::id(), other + 1));
    assert!(open.is_believed(std::process::id(), other));
    assert!(open.is_believed(std::process::id(), 0));
}

#[tokio::test(flavor = "current_thread")]
async fn who_speaks_without_end_is_heard_now_and_then() {
    let mut heard = Heard::new(std::process::id(), "r");
    let mut words = 0;
    let mut said: u32 = 0;
    for millis in 0..1000 {
        while heard.say(format!("STATUS={said}").as_bytes()).is_ok() {
            said += 1;
        }
        words += heard.hear(millis).len();
    }
    assert!(said <= 11 * WORDS_MAX + 50, "{said}");
    assert!(words <= 100, "of each batch only the last counts: {words}");
    assert!(heard.notices.due().is_some());
}

#[tokio::test(flavor = "current_thread")]
async fn a_socket_is_closed_with_its_process() {
    let mut heard = Heard::new(std::process::id(), "r");
    heard.notices.close(&name());
    assert!(heard.say(b"READY=1").is_err());
    assert_eq!((heard.notices.count(), heard.hear(0)), (0, vec![]));
}

#[tokio::test(flavor = "current_thread")]
async fn a_socket_that_was_removed_is_put_back_and_the_old_one_is_heard_too() {
    let mut heard = Heard::new(std::process::id(), "r");
    let path = heard.notices.open[&name()].address.variable();
    heard.notices.keep();
    assert_eq!(heard.notices.count(), 1, "nothing was to be done");
    std::fs::remove_file(&path).unwrap();
    heard.notices.keep();
    heard.say(b"READY=1").unwrap();
    let client = UnixDatagram::unbound().unwrap();
    client.connect(&path).unwrap();
    client.send(b"WATCHDOG=1").unwrap();
    assert_eq!(heard.hear(0), [Word::Well, Word::Ready]);
    heard.say(b"STOPPING=1").unwrap();
    assert_eq!(heard.hear(200), [Word::Stopping]);
    heard.notices.close(&name());
    assert!(!std::path::Path::new(&path).exists() && heard.notices.count() == 0);
}

#[tokio::test(flavor = "current_thread")]
async fn a_successor_opens_the_same_and_hears() {
    let mut heard = Heard::new(std::process::id(), "r");
    let text = br#"{"args": ["x"], "watchdog": 1}"#;
    let spec = ProgramSpec::parse(name(), text, &ncolony_core::Defaults::default()).unwrap();
    let speaker = heard.notices.open[&name()].speaker.clone().unwrap();
    let path = heard.notices.open[&name()].address.clone();
    let addresses = Addresses::new(heard._directory.path(), "c0");
    heard.notices = Notices::new(addresses);
    heard.notices.adopt(&spec, speaker).unwrap();
    let client = UnixDatagram::unbound().unwrap();
    client.connect(path.variable()).unwrap();
    client.send(b"WATCHDOG=1").unwrap();
    assert_eq!(heard.hear(0), [Word::Well]);
}

#[tokio::test(flavor = "current_thread")]
async fn another_users_program_speaks_to_a_name_that_is_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let colony = format!("test{}", std::process::id());
    let mut notices = Notices::new(Addresses::new(directory.path(), &colony));
    let variable = notices
        .prepare(&name(), Some(limits::own_user() + 1))
        .unwrap();
    assert_eq!(variable, format!("@ncolony/{colony}/web"));
    let address = SocketAddr::from_abstract_name(&variable[1..]).unwrap();
    UnixDatagram::unbound()
        .unwrap()
        .connect_addr(&address)
        .unwrap();
}

#[tokio::test(flavor = "current_thread")]
async fn whoever_has_taken_the_name_keeps_nobody_from_speaking() {
    let directory = tempfile::tempdir().unwrap();
    let colony = format!("taken{}", std::process::id());
    let mut notices = Notices::new(Addresses::new(directory.path(), &colony));
    let usual = SocketAddr::from_abstract_name(format!("ncolony/{colony}/web")).unwrap();
    let _taken = UnixDatagram::bind_addr(&usual).unwrap();
    let variable = notices
        .prepare(&name(), Some(limits::own_user() + 1))
        .unwrap();
    assert!(variable.starts_with(&format!("@ncolony/{colony}/web/")));
    let address = SocketAddr::from_abstract_name(&variable[1..]).unwrap();
    let client = UnixDatagram::unbound().unwrap();
    client.connect_addr(&address).unwrap();
}
