//! The thread that moves what programs print.

use std::collections::{BTreeSet, HashMap};
use std::io::stdout;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ncolony_core::time::Mono;
use tokio::sync::mpsc::UnboundedSender;

use super::channel::{AS_ALWAYS, Channel, Errand, Left, Tools};
use super::files::Files;
use super::route::Destination;
use super::syslog::Syslog;
use super::{Command, Ended, Report, Shared, Stop, pace, tail};
use crate::sys::outlet::Outlet;
use crate::sys::splice::Glass;
use crate::sys::{clock, errno, fifo};

/// How long we wait before we try again what could not be handed over.
const RETRY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Pump {
    shared: Arc<Shared>,
    reports: UnboundedSender<Report>,
    channels: HashMap<u64, Channel>,
    tools: Tools,
    /// Channels that have more, and had their turn.
    busy: BTreeSet<u64>,
    /// Channels that cannot hand over what they have.
    blocked: BTreeSet<u64>,
    /// Channels with half a line that is not to wait for ever.
    halves: BTreeSet<u64>,
    /// Channels that nothing wakes us for.
    unwatched: BTreeSet<u64>,
    /// When those three are tried again.
    retry_at: Option<Mono>,
    /// Destinations that were reported as trouble.
    trouble: BTreeSet<PathBuf>,
    /// The shortest pause that a channel of this round allows; `None`: nothing came.
    pause: Option<Duration>,
    /// Whether the kernel has refused to make a FIFO larger.
    no_larger: bool,
}

impl Pump {
    pub(super) fn new(
        shared: Arc<Shared>,
        reports: UnboundedSender<Report>,
        syslog: &Path,
    ) -> std::io::Result<Self> {
        Ok(Self {
            shared,
            reports,
            channels: HashMap::new(),
            tools: Tools {
                glass: Glass::new()?,
                files: Files::default(),
                own: Outlet::new(stdout()),
                syslog: Syslog::new(syslog.to_owned()),
            },
            busy: BTreeSet::new(),
            blocked: BTreeSet::new(),
            halves: BTreeSet::new(),
            unwatched: BTreeSet::new(),
            retry_at: None,
            trouble: BTreeSet::new(),
            pause: None,
            no_larger: false,
        })
    }

    /// Moves bytes until it is told to stop; what it needs to go on is what it gives back.
    pub(super) fn run(mut self) -> Self {
        let mut ready = Vec::new();
        self.tools.files.resume();
        loop {
            if let Err(error) = self.shared.poller.wait(self.timeout(), &mut ready) {
                let why = errno::of(&error);
                tracing::error!("cannot wait for the programs' output: {why}");
                std::thread::sleep(RETRY);
            }
            for command in self.shared.take() {
                if !self.obey(command) {
                    self.tools.files.stop();
                    return self;
                }
            }
            self.tools.own.push();
            self.pause = None;
            ready.extend(std::mem::take(&mut self.busy));
            for token in &ready {
                if !self.blocked.contains(token) {
                    self.drain(*token, AS_ALWAYS);
                }
            }
            self.try_again();
            if let Some(pause) = self.pause.filter(|_| self.busy.is_empty()) {
                self.shared.poller.pause(pause);
            }
        }
    }

    /// How long nothing has to be done, in milliseconds, if nothing comes.
    fn timeout(&self) -> Option<u16> {
        if !self.busy.is_empty() {
            return Some(0);
        }
        let left = self.retry_at.map(|at| at.since(clock::mono()));
        // A part of a millisecond is waited for as a whole one.
        left.map(|left| u16::try_from(left.as_millis() + 1).unwrap_or(u16::MAX))
    }

    fn try_again(&mut self) {
        if self.retry_at.is_none_or(|at| clock::mono() < at) {
            return;
        }
        self.retry_at = None;
        for token in std::mem::take(&mut self.halves) {
            let last_chance = Errand {
                last_chance: true,
                ..AS_ALWAYS
            };
            self.drain(token, last_chance);
        }
        for token in self.blocked.clone() {
            self.drain(token, AS_ALWAYS);
        }
        for token in std::mem::take(&mut self.unwatched) {
            self.watch(token);
            self.drain(token, AS_ALWAYS);
        }
    }

    fn retry_later(&mut self) {
        self.retry_at
            .get_or_insert_with(|| clock::mono().after(RETRY));
    }

    /// Does as told; `false` is the end.
    fn obey(&mut self, command: Command) -> bool {
        match command {
            Command::Open(channel) => self.open(*channel),
            Command::Redirect(token, destination) => self.redirect(token, destination),
            Command::Started(token, pid) => {
                if let Some(channel) = self.channels.get_mut(&token) {
                    channel.pid = Some(pid);
                }
            }
            Command::Finish(ended) => self.finish(ended),
            Command::Retire(token) => {
                if let Some(channel) = self.channels.get_mut(&token) {
                    channel.retired = true;
                }
                self.drain(token, AS_ALWAYS);
            }
            Command::Reopen => self.tools.files.reopen(),
            Command::Stop(stop) => {
                let errand = Errand {
                    last_chance: stop == Stop::ForGood,
                    ..AS_ALWAYS
                };
                for token in self.channels.keys().copied().collect::<Vec<_>>() {
                    self.drain_dry(token, errand);
                }
                return false;
            }
        }
        true
    }

    fn open(&mut self, channel: Channel) {
        let token = channel.token;
        self.join(token, &channel.destination);
        self.channels.insert(token, channel);
        self.watch(token);
        // Who opens a FIFO that its writers have left is never told so.
        self.drain(token, AS_ALWAYS);
    }

    fn watch(&mut self, token: u64) {
        let Some(channel) = self.channels.get(&token) else {
            return;
        };
        if let Err(error) = self.shared.poller.add_news(channel.inlet.reader(), token) {
            let why = errno::of(&error);
            tracing::error!(program = %channel.name, "cannot watch its output: {why}");
            // Then it is looked at now and then.
            self.unwatched.insert(token);
            self.retry_later();
        }
    }

    fn redirect(&mut self, token: u64, destination: Destination) {
        self.unblock(token);
        self.tools.files.leave(token);
        self.join(token, &destination);
        if let Some(channel) = self.channels.get_mut(&token) {
            channel.destination = destination;
        }
        self.drain(token, AS_ALWAYS);
    }

    fn join(&mut self, token: u64, destination: &Destination) {
        let Destination::File(target) = destination else {
            return;
        };
        // From now on others write behind what was written without a look.
        let alone_before = self.tools.files.join(token, target);
        let channel = alone_before.and_then(|other| self.channels.get_mut(&other));
        if let Some(channel) = channel {
            channel.look_back(&mut self.tools);
        }
    }

    /// Moves all that a process has printed, and tells its last lines.
    fn finish(&mut self, ended: Ended) {
        let mut lines = [Vec::new(), Vec::new()];
        for (part, (token, printed)) in ended.streams.into_iter().enumerate() {
            let errand = Errand {
                until: printed.unwrap_or(u64::MAX),
                last_chance: true,
            };
            self.drain_dry(token, errand);
            if let Some(channel) = self.channels.get_mut(&token) {
                let printed = printed.unwrap_or_else(|| channel.inlet.moved());
                lines[part.min(1)] = channel.end_process(&mut self.tools, printed);
            }
            // What stands behind that is another's.
            self.busy.insert(token);
        }
        let [out, err] = lines;
        let report = Report::Printed {
            source: ended.source,
            lines: tail::together(out, err),
        };
        // It fails only when the loop is gone, and then nobody wants to know.
        let _gone = self.reports.send(report);
    }

    /// Moves all that is there now.
    fn drain_dry(&mut self, token: u64, errand: Errand) {
        // The bound is far above what a FIFO holds: a descendant that goes on printing is moved
        // later, as any other.
        for _turn in 0..16 {
            self.drain(token, errand);
            if !self.busy.contains(&token) {
                return;
            }
        }
    }

    /// Gives a channel its turn.
    fn drain(&mut self, token: u64, errand: Errand) {
        let Some(channel) = self.channels.get_mut(&token) else {
            return;
        };
        self.busy.remove(&token);
        let (moved, left) = channel.drain(&mut self.tools, errand);
        self.take_time(token, moved);
        let seen = self.channels.get_mut(&token).and_then(|it| it.seen.take());
        if let Some(source) = seen {
            let _gone = self.reports.send(Report::Seen { source });
        }
        if let Some((path, why)) = self.tools.files.take_news(token) {
            let _gone = self.reports.send(Report::Rotation { path, why });
        }
        match left {
            Left::Blocked(error) => return self.block(token, &errno::of(&error)),
            Left::Dry | Left::OpenLine => {}
            Left::Turn => drop(self.busy.insert(token)),
            Left::HalfLine => {
                self.halves.insert(token);
                self.retry_later();
            }
            Left::Ended => self.end(token),
        }
        self.unblock(token);
    }

    /// Learns how fast a program prints.
    fn take_time(&mut self, token: u64, moved: usize) {
        let Some(channel) = self.channels.get_mut(&token).filter(|_| moved > 0) else {
            return;
        };
        let now = clock::mono();
        let since = now.since(std::mem::replace(&mut channel.drained_at, now));
        let pause = pace::pause(moved, since, channel.capacity);
        self.pause = Some(self.pause.map_or(pause, |other| other.min(pause)));
        if pace::was_full(moved, channel.capacity) {
            channel.found_full += 1;
        } else {
            channel.found_full = 0;
        }
        if channel.found_full == pace::OFTEN && !self.no_larger {
            self.no_larger = !fifo::enlarge(channel.inlet.reader(), pace::LARGE);
            channel.capacity = fifo::capacity(channel.inlet.reader());
        }
    }

    /// Nobody prints into it any more, and nothing is left in it.
    fn end(&mut self, token: u64) {
        self.unblock(token);
        let Some(channel) = self.channels.get(&token) else {
            return;
        };
        if channel.retired {
            self.tools.files.leave(token);
            self.halves.remove(&token);
            self.unwatched.remove(&token);
            self.channels.remove(&token);
            return;
        }
        // The loop knows whether there will be another process.
        let (name, stream) = (channel.name.clone(), channel.stream);
        let _gone = self.reports.send(Report::Left { name, stream });
    }

    fn place_of(&self, token: u64) -> Option<PathBuf> {
        Some(match &self.channels.get(&token)?.destination {
            Destination::File(target) => target.path.clone(),
            Destination::Own => PathBuf::new(),
            Destination::Syslog => self.tools.syslog.path().to_owned(),
        })
    }

    /// It cannot be handed over: the rest stays in the FIFO until it can.
    fn block(&mut self, token: u64, why: &str) {
        self.blocked.insert(token);
        self.retry_later();
        let Some(path) = self.place_of(token) else {
            return;
        };
        if self.trouble.insert(path.clone()) {
            let _gone = self.reports.send(Report::Trouble {
                path,
                why: why.to_owned(),
            });
        }
    }

    fn unblock(&mut self, token: u64) {
        if !self.blocked.remove(&token) {
            return;
        }
        if let Some(path) = self.place_of(token)
            && self.trouble.remove(&path)
        {
            let _gone = self.reports.send(Report::Healed { path });
        }
    }
}
