//! All log files, each with those who write it.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;

use super::compress::Compressor;
use super::log_file::LogFile;
use super::rotate::unfinished;
use super::route::Target;
use crate::way::Way;

/// So many are kept open; the rest are opened when something comes.
const OPEN_MAX: usize = 256;

/// All log files that channels end in.
#[derive(Debug, Default)]
pub(super) struct Files {
    by_path: HashMap<PathBuf, LogFile>,
    /// The file of each channel.
    of_channel: HashMap<u64, PathBuf>,
    /// Channels whose files were opened, the oldest first.
    open: VecDeque<u64>,
    compressor: Compressor,
}

impl Files {
    /// Has a channel end in a file. Where others do so already, their rotation holds. What comes
    /// back is the channel that has had the file for itself until now.
    pub(super) fn join(&mut self, token: u64, target: &Target) -> Option<u64> {
        self.leave(token);
        let file = self
            .by_path
            .entry(target.path.clone())
            .or_insert_with(|| LogFile::new(target.clone()));
        let alone_before = match file.join() {
            1 => {
                self.put_right(target);
                None
            }
            2 => self.channel_of(target),
            _ => None,
        };
        self.of_channel.insert(token, target.path.clone());
        alone_before
    }

    fn channel_of(&self, target: &Target) -> Option<u64> {
        let mut channels = self.of_channel.iter();
        let found = channels.find(|(_, path)| **path == target.path);
        found.map(|(token, _)| *token)
    }

    /// Does what an earlier monitor did not come to, or not come to the end of.
    fn put_right(&mut self, target: &Target) {
        if target.rotation.compress {
            self.compressor.compress(target);
        } else if let Ok(way) = Way::to_name(&target.path) {
            let _nothing_there = std::fs::remove_file(unfinished(way.path()));
        }
    }

    /// Has a channel end nowhere.
    pub(super) fn leave(&mut self, token: u64) {
        let Some(path) = self.of_channel.remove(&token) else {
            return;
        };
        let file = self.by_path.get_mut(&path);
        if file.is_some_and(|file| file.leave(token) == 0) {
            self.by_path.remove(&path);
        }
    }

    /// The file that a channel ends in, and what compresses it when it is rotated.
    pub(super) fn get(&mut self, target: &Target, token: u64) -> (&mut LogFile, &mut Compressor) {
        if !self.of_channel.contains_key(&token) {
            self.join(token, target);
        }
        let file = self.by_path.entry(target.path.clone());
        let file = file.or_insert_with(|| LogFile::new(target.clone()));
        (file, &mut self.compressor)
    }

    /// What has changed in whether the file of a channel can be rotated: its path, and why it
    /// cannot be, if it cannot.
    pub(super) fn take_news(&mut self, token: u64) -> Option<(PathBuf, Option<String>)> {
        let path = self.of_channel.get(&token)?;
        let news = self.by_path.get_mut(path)?.take_news()?;
        Some((path.clone(), news))
    }

    /// Lets go of files that have been open for long, if too many are: programs are many, and
    /// descriptors are not.
    pub(super) fn keep_few_open(&mut self, token: u64) {
        if self.open.contains(&token) {
            return;
        }
        self.open.push_back(token);
        while self.open.len() > OPEN_MAX {
            let oldest = self.open.pop_front();
            let path = oldest.and_then(|oldest| self.of_channel.get(&oldest));
            if let Some(file) = path.and_then(|path| self.by_path.get_mut(path)) {
                file.close();
            }
        }
    }

    /// Lets go of all files: somebody has moved them.
    pub(super) fn reopen(&mut self) {
        self.by_path.values_mut().for_each(LogFile::close);
        self.open.clear();
    }

    /// Ends what goes on beside the thread.
    pub(super) fn stop(&mut self) {
        self.compressor.stop();
    }

    /// Goes on with it.
    pub(super) fn resume(&mut self) {
        let targets = self.by_path.values().map(|file| file.target.clone());
        for target in targets.collect::<Vec<_>>() {
            self.put_right(&target);
        }
    }
}
