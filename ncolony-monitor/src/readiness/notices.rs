//! The sockets that programs say something of themselves to.
//!
//! Each process that may speak has one of its own, opened before it is started and closed when it
//! has ended: `status/notify/NAME`, or, where its user cannot come there or the path is too long for
//! an address, a name that is no file (`@ncolony/COLONY/NAME`). Both follow from what does not
//! change while the process lives, so the next monitor opens the same, and what the process was
//! told is still right.
//!
//! Anybody may knock at a name that is no file, so nobody is believed but the program's user and
//! root; and a process that can be seen to be no part of the program is not believed either.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use ncolony_core::colony::{Generation, Observation, Word};
use ncolony_core::time::Mono;
use ncolony_core::{ProgramName, ProgramSpec};

use super::mailing::{Address, Addresses};
use super::words::words;
use crate::sys::notify::{self, DATAGRAM_BYTES, Received};
use crate::sys::poller::News;
use crate::sys::socket::FileId;
use crate::sys::{account, environ, errno, limits};

/// A program is listened to this often in one window; what it says beyond that waits in its
/// socket, and soon it waits itself.
const WORDS_MAX: u32 = 20;

/// How long a window is.
const WINDOW: Duration = Duration::from_millis(100);

/// One of them.
#[derive(Debug)]
struct Open {
    socket: UnixDatagram,
    address: Address,
    /// The file of the socket, if it has one.
    file: Option<FileId>,
    /// The socket before it, whose file was removed: whoever has found it goes on speaking to it.
    former: Option<UnixDatagram>,
    token: u64,
    /// Who may speak.
    uid: u32,
    speaker: Option<Speaker>,
    /// When the present window began, and how much was read in it.
    window: Mono,
    taken: u32,
}

/// The process that it was opened for.
#[derive(Clone, Debug)]
pub(crate) struct Speaker {
    pub(crate) generation: Generation,
    pub(crate) pid: u32,
    pub(crate) run_id: String,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Notices {
    addresses: Addresses,
    news: News,
    open: BTreeMap<ProgramName, Open>,
    names: HashMap<u64, ProgramName>,
    tokens: u64,
    /// Those that may have more to say, and when they are listened to again.
    resting: BTreeMap<ProgramName, Mono>,
    /// What the image before this one has left open.
    taken_over: BTreeMap<ProgramName, OwnedFd>,
}

impl Notices {
    pub(crate) fn new(addresses: Addresses) -> Self {
        Self {
            addresses,
            news: News::default(),
            open: BTreeMap::new(),
            names: HashMap::new(),
            tokens: 0,
            resting: BTreeMap::new(),
            taken_over: BTreeMap::new(),
        }
    }

    /// Removes the files of the sockets of all programs but these.
    pub(crate) fn clear_away(&self, keep: &BTreeSet<ProgramName>) {
        self.addresses.clear_away(keep);
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        let former = self.open.values().filter(|open| open.former.is_some());
        self.open.len() + former.count()
    }

    /// Opens anew those whose files were removed: a program that is well would not be heard, and
    /// stopped for that.
    pub(crate) fn keep(&mut self) {
        for (name, open) in &mut self.open {
            if open.is_there() {
                continue;
            }
            let added = open
                .renew()
                .and_then(|()| self.news.add(&open.socket, open.token));
            match added {
                Ok(()) => {
                    tracing::warn!(program = %name, "its NOTIFY_SOCKET was removed; it is there again")
                }
                Err(error) => {
                    let why = errno::of(&error);
                    tracing::debug!(program = %name, "its NOTIFY_SOCKET was removed: {why}");
                }
            }
        }
    }

    /// Opens the socket of a process that is about to be started, as this user if another than
    /// ours, and gives what it is to find as `NOTIFY_SOCKET`.
    ///
    /// # Errors
    /// A sentence, and the error behind it: it cannot be opened.
    pub(crate) fn prepare(&mut self, name: &ProgramName, uid: Option<u32>) -> io::Result<String> {
        self.close(name);
        let own = limits::own_user();
        let uid = uid.unwrap_or(own);
        let (address, socket) = self.bind_one(name, uid == own)?;
        let variable = address.variable();
        self.take_in(name, socket, address, uid)?;
        Ok(variable)
    }

    /// Opens the first address of a program that can be had.
    fn bind_one(&self, name: &ProgramName, own: bool) -> io::Result<(Address, UnixDatagram)> {
        let mut bound = Err(io::ErrorKind::NotFound.into());
        for address in self.addresses.of(name, own) {
            bound = address.bind().map(|socket| (address, socket));
            if bound.is_ok() {
                break;
            }
        }
        match bound {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                tracing::warn!(program = %name, "somebody has taken the name of its NOTIFY_SOCKET; it is given another");
                let address = self.addresses.unforeseen(name)?;
                address.bind().map(|socket| (address, socket))
            }
            bound => bound,
        }
    }

    /// Says that the process was started.
    pub(crate) fn started(&mut self, name: &ProgramName, speaker: Speaker) {
        if let Some(open) = self.open.get_mut(name) {
            open.speaker = Some(speaker);
        }
    }

    /// Opens again the socket of a process that was started by an earlier monitor, or goes on with
    /// that of the image before this one.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(crate) fn adopt(&mut self, spec: &ProgramSpec, speaker: Speaker) -> io::Result<()> {
        let name = &spec.name;
        let own = limits::own_user();
        let credentials = account::resolve(&spec.process.identity);
        let uid = credentials.ok().and_then(|credentials| credentials.uid);
        let uid = uid.unwrap_or(own);
        let told = environ::variable(speaker.pid, "NOTIFY_SOCKET");
        let address = self.addresses.told(name, uid == own, told.as_deref());
        let socket = match self.taken_over.remove(name) {
            Some(socket) => UnixDatagram::from(socket),
            None => address.bind()?,
        };
        self.take_in(name, socket, address, uid)?;
        self.started(name, speaker);
        // It may have spoken before this was watched.
        self.resting.insert(name.clone(), Mono::default());
        Ok(())
    }

    fn take_in(
        &mut self,
        name: &ProgramName,
        socket: UnixDatagram,
        address: Address,
        uid: u32,
    ) -> io::Result<()> {
        self.tokens += 1;
        let token = self.tokens;
        self.news.add(&socket, token)?;
        self.names.insert(token, name.clone());
        let open = Open {
            socket,
            file: address.file(),
            address,
            former: None,
            token,
            uid,
            speaker: None,
            window: Mono::default(),
            taken: 0,
        };
        self.open.insert(name.clone(), open);
        Ok(())
    }

    /// Closes the socket of a process that has ended.
    pub(crate) fn close(&mut self, name: &ProgramName) {
        self.resting.remove(name);
        if let Some(open) = self.open.remove(name) {
            self.names.remove(&open.token);
            open.address.clear_away();
        }
    }

    /// All that are open, to be handed on.
    pub(crate) fn hand_over(&self) -> impl Iterator<Item = (&ProgramName, BorrowedFd<'_>)> {
        let all = self.open.iter();
        all.map(|(name, open)| (name, open.socket.as_fd()))
    }

    /// Takes what the image before this one has left open, for those who will be adopted.
    pub(crate) fn take_over(&mut self, all: BTreeMap<ProgramName, OwnedFd>) {
        self.taken_over = all;
    }

    /// Waits until somebody has said something.
    pub(crate) async fn changed(&self) {
        self.news.changed().await;
    }

    /// When somebody is to be listened to again.
    pub(crate) fn due(&self) -> Option<Mono> {
        self.resting.values().min().copied()
    }

    /// All that was said and is to be heard now.
    pub(crate) fn take(&mut self, now: Mono) -> Vec<Observation> {
        self.notice(now);
        let due = self.resting.extract_if(.., |_, again| *again <= now);
        let due: Vec<ProgramName> = due.map(|(name, _)| name).collect();
        let mut heard = Vec::new();
        for name in due {
            let Some(open) = self.open.get_mut(&name) else {
                continue;
            };
            let words = open.listen(now);
            if open.taken >= WORDS_MAX {
                self.resting.insert(name.clone(), open.window.after(WINDOW));
            }
            let Some(generation) = open.speaker.as_ref().map(|speaker| speaker.generation) else {
                continue;
            };
            heard.extend(words.into_iter().map(|word| Observation::Notified {
                name: name.clone(),
                generation,
                word,
            }));
        }
        heard
    }

    /// Takes note of who has said something.
    fn notice(&mut self, now: Mono) {
        loop {
            let ready = self.news.take();
            for name in ready.iter().filter_map(|token| self.names.get(token)) {
                self.resting.entry(name.clone()).or_insert(now);
            }
            if ready.is_empty() {
                return;
            }
        }
    }
}

impl Open {
    /// Whether its file is where the program was told that it is.
    fn is_there(&self) -> bool {
        match &self.address {
            Address::Path(_) => self.file.is_some() && self.address.file() == self.file,
            Address::Abstract(_) => true,
        }
    }

    /// Opens another at the same place, and goes on listening to the one that it was.
    fn renew(&mut self) -> io::Result<()> {
        let socket = self.address.bind()?;
        self.file = self.address.file();
        self.former = Some(std::mem::replace(&mut self.socket, socket));
        Ok(())
    }

    /// The next that was said, of whatever socket.
    fn receive(&self, buffer: &mut [u8; DATAGRAM_BYTES]) -> io::Result<Received> {
        let received = notify::receive(&self.socket, buffer)?;
        match (received, &self.former) {
            (Received::Nothing, Some(former)) => notify::receive(former, buffer),
            (Received::Nothing | Received::Useless | Received::Datagram { .. }, _) => Ok(received),
        }
    }

    /// What was said, as far as this window goes; of words that take each other's place the last.
    fn listen(&mut self, now: Mono) -> Vec<Word> {
        if now.since(self.window) >= WINDOW {
            (self.window, self.taken) = (now, 0);
        }
        let mut heard: Vec<Word> = Vec::new();
        let mut buffer = [0; DATAGRAM_BYTES];
        while self.taken < WORDS_MAX {
            let length = match self.receive(&mut buffer) {
                Ok(Received::Nothing) => break,
                Ok(Received::Datagram { length, pid, uid }) if self.is_believed(pid, uid) => length,
                Ok(Received::Datagram { .. } | Received::Useless) => 0,
                Err(error) => {
                    tracing::debug!("a notification is lost: {}", errno::of(&error));
                    break;
                }
            };
            self.taken += 1;
            for word in words(&buffer[..length]) {
                let like = |last: &&mut Word| {
                    std::mem::discriminant(&**last) == std::mem::discriminant(&word)
                };
                match heard.last_mut().filter(like) {
                    Some(last) => *last = word,
                    None => heard.push(word),
                }
            }
        }
        heard
    }

    fn is_believed(&self, pid: u32, uid: u32) -> bool {
        let allowed = uid == self.uid || uid == 0;
        allowed
            && self
                .speaker
                .as_ref()
                .is_some_and(|it| it.may_be_joined_by(pid))
    }
}

impl Speaker {
    /// Whether a process is part of what this one has started, or cannot be seen: one that was only
    /// there to say it may be gone by now.
    fn may_be_joined_by(&self, pid: u32) -> bool {
        if pid == self.pid || pid == 0 {
            return true;
        }
        match notify::session_of(pid) {
            None => true,
            Some(session) if session == self.pid => true,
            Some(_) => {
                let run_id = environ::variable(pid, "NCOLONY_RUN_ID");
                run_id.as_ref() == Some(&self.run_id) || notify::session_of(pid).is_none()
            }
        }
    }
}

#[cfg(test)]
mod tests;
