//! The thread that moves what programs print.

use std::collections::{HashMap, HashSet};
use std::io::{Stdout, stdout};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::channel::{Channel, Drained};
use super::{ChannelId, Command, Report, Shared};
use crate::sys::errno;
use crate::sys::outlet::Outlet;

/// How long we wait before we try a file again that could not be written.
const RETRY_MS: u16 = 1000;

/// After a wake-up that moved little we let more come together: waking for every line costs more
/// than moving it.
const PAUSE: Duration = Duration::from_millis(2);
const LITTLE_BYTES: usize = 16 * 1024;

const BUFFER_BYTES: usize = 64 * 1024;

pub(super) struct Pump {
    shared: Arc<Shared>,
    reports: UnboundedSender<Report>,
    channels: HashMap<u64, Channel>,
    /// Channels that wait for their file.
    blocked: HashSet<u64>,
    /// Files that were reported as trouble.
    trouble: HashSet<PathBuf>,
    buffer: Vec<u8>,
    own: Outlet<Stdout>,
}

impl Pump {
    pub(super) fn new(shared: Arc<Shared>, reports: UnboundedSender<Report>) -> Self {
        Self {
            shared,
            reports,
            channels: HashMap::new(),
            blocked: HashSet::new(),
            trouble: HashSet::new(),
            buffer: vec![0; BUFFER_BYTES],
            own: Outlet::new(stdout()),
        }
    }

    pub(super) fn run(mut self) {
        let mut ready = Vec::new();
        loop {
            let waits = !self.blocked.is_empty() || self.own.is_behind();
            let timeout = waits.then_some(RETRY_MS);
            if let Err(error) = self.shared.poller.wait(timeout, &mut ready) {
                tracing::error!(
                    "cannot wait for the programs' output: {}",
                    errno::of(&error)
                );
                std::thread::sleep(Duration::from_secs(1));
            }
            for command in self.shared.take() {
                if !self.obey(command) {
                    return;
                }
            }
            self.own.push();
            let mut moved = 0;
            for token in &ready {
                moved += self.drain(*token);
            }
            for token in self.blocked.iter().copied().collect::<Vec<_>>() {
                self.drain(token);
            }
            if (1..LITTLE_BYTES).contains(&moved) {
                std::thread::sleep(PAUSE);
            }
        }
    }

    /// Does as told; `false` is the end.
    fn obey(&mut self, command: Command) -> bool {
        match command {
            Command::Open {
                id,
                source,
                reader,
                destination,
            } => {
                if let Err(error) = self.shared.poller.add(&reader, id.0) {
                    let why = errno::of(&error);
                    tracing::error!(program = %source.name, "cannot watch its output: {why}");
                }
                self.channels
                    .insert(id.0, Channel::new(source, reader, destination));
            }
            Command::Finish(ChannelId(token)) => {
                self.drain_dry(token);
                self.report_end(token);
            }
            Command::Reopen => self.channels.values_mut().for_each(Channel::reopen),
            Command::Quit => {
                for token in self.channels.keys().copied().collect::<Vec<_>>() {
                    self.drain_dry(token);
                }
                return false;
            }
        }
        true
    }

    /// Tells the last lines of a process, and keeps the channel while others hold its other end.
    fn report_end(&mut self, token: u64) {
        let Some(channel) = self.channels.get_mut(&token) else {
            return;
        };
        channel.process_ended = true;
        let (source, lines) = (channel.source.clone(), channel.lines());
        // It fails only when the loop is gone, and then nobody wants to know.
        let _gone = self.reports.send(Report::Printed { source, lines });
        self.forget_if_over(token);
    }

    fn forget_if_over(&mut self, token: u64) {
        let over = |channel: &Channel| channel.process_ended && channel.pipe_ended;
        if self.channels.get(&token).is_some_and(over) {
            self.channels.remove(&token);
        }
    }

    /// Moves all that is there now.
    fn drain_dry(&mut self, token: u64) {
        // The bound is far above what a pipe holds: a descendant that goes on printing is moved
        // later, as any other.
        for _turn in 0..16 {
            if self.drain(token) == 0 {
                return;
            }
        }
    }

    /// Gives a channel its turn, and says how much it moved.
    fn drain(&mut self, token: u64) -> usize {
        let Some(channel) = self.channels.get_mut(&token) else {
            return 0;
        };
        if channel.pipe_ended {
            return 0;
        }
        match channel.drain(&mut self.buffer, &mut self.own) {
            Drained::Dry(moved) => {
                self.unblock(token);
                moved
            }
            Drained::Turn => {
                self.unblock(token);
                LITTLE_BYTES
            }
            Drained::Ended => {
                channel.pipe_ended = true;
                self.shared.poller.remove(&channel.reader);
                self.unblock(token);
                self.forget_if_over(token);
                0
            }
            Drained::Blocked(error) => {
                self.block(token, &errno::of(&error));
                0
            }
        }
    }

    /// The file cannot be written: the rest stays in the pipe until it can.
    fn block(&mut self, token: u64, why: &str) {
        let Some(channel) = self.channels.get(&token) else {
            return;
        };
        if self.blocked.insert(token) {
            self.shared.poller.remove(&channel.reader);
        }
        let path = channel.path().cloned().unwrap_or_default();
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
        let Some(channel) = self.channels.get(&token) else {
            return;
        };
        if !channel.pipe_ended && self.shared.poller.add(&channel.reader, token).is_err() {
            // It is tried again with the next retry.
            self.blocked.insert(token);
            return;
        }
        let path = channel.path().cloned().unwrap_or_default();
        if self.trouble.remove(&path) {
            let _gone = self.reports.send(Report::Healed { path });
        }
    }
}
