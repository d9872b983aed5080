//! Clients that ask a server again and again, each one question at a time, until they are told to
//! stop. Whatever is not the right answer is kept.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

/// The clients.
const CLIENTS: usize = 6;

/// A client asks at most once in this time, so that there is a bound to the load.
const PACE: Duration = Duration::from_millis(2);

/// Nobody waits longer for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What clients were told.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// How many questions were answered.
    pub(super) count: usize,
    /// How many processes have answered them.
    pub(super) processes: usize,
    /// What went wrong.
    pub(super) failures: Vec<String>,
}

/// Clients at work.
pub(super) struct Load {
    /// The processes that have answered so far.
    pids: Arc<Mutex<BTreeSet<u32>>>,
    clients: Vec<(Sender<()>, JoinHandle<Answers>)>,
}

impl Load {
    /// Begins to ask who listens on this port.
    pub(super) fn on(port: u16) -> Self {
        let pids = Arc::new(Mutex::new(BTreeSet::new()));
        let client = |number: usize| {
            let seen = Arc::clone(&pids);
            let (stop, is_over) = channel();
            let work = move || {
                let mut answers = Answers::default();
                while is_over.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout) {
                    let question = format!("{number}.{}", answers.count);
                    match ask(port, &question) {
                        Ok(pid) => {
                            answers.count += 1;
                            seen.lock().unwrap().insert(pid);
                        }
                        Err(why) => answers.failures.push(format!("{question}: {why}")),
                    }
                }
                answers
            };
            (stop, spawn(work))
        };
        Self {
            clients: (0..CLIENTS).map(client).collect(),
            pids,
        }
    }

    /// Whether this process has answered.
    pub(super) fn was_answered_by(&self, pid: u32) -> bool {
        self.pids.lock().unwrap().contains(&pid)
    }

    /// Has the clients stop, and gives what all of them were told.
    pub(super) fn stop(self) -> Answers {
        let mut all = Answers::default();
        let pids = self.pids;
        let (stops, clients): (Vec<_>, Vec<_>) = self.clients.into_iter().unzip();
        drop(stops);
        for client in clients {
            let answers = client.join().unwrap();
            all.count += answers.count;
            all.failures.extend(answers.failures);
        }
        all.processes = pids.lock().unwrap().len();
        all
    }
}

/// Asks one question on a connection of its own, and gives who has answered.
fn ask(port: u16, question: &str) -> Result<u32, String> {
    let said = |what: &'static str| move |error: std::io::Error| format!("{what}: {error}");
    let mut connection =
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(said("connecting"))?;
    connection
        .set_read_timeout(Some(PATIENCE))
        .map_err(said("preparing"))?;
    let request = format!("GET /{question} HTTP/1.0\r\n\r\n");
    connection
        .write_all(request.as_bytes())
        .map_err(said("asking"))?;
    let mut text = String::new();
    connection
        .read_to_string(&mut text)
        .map_err(said("reading"))?;
    let right = format!("/{question} by ");
    let (_, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    let pid = body.strip_prefix(&right).and_then(|pid| pid.parse().ok());
    pid.ok_or_else(|| format!("answered {text:?}"))
}
