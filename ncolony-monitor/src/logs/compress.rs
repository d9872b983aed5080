//! Compresses rotated files, on a thread of its own that gives way to everything else.
//!
//! A compressed file is written under a name of its own and gets the right one when it is whole.
//! Files may move up meanwhile: the file is known by its inode, and where it is then is looked for
//! while nothing moves.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::ops::RangeInclusive;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::custody;
use super::rotate::{backup, is_there, remove_source, unfinished};
use super::route::Target;
use crate::crash_point;
use crate::sys::{errno, limits};
use crate::way::Way;

const PIECE: usize = 256 * 1024;

/// In a directory of somebody else a file of this size is still taken for a rotated one, and one
/// that is so many times as large as a log may become. He can put there what has no end, and the
/// logs of all others would wait for theirs to be compressed.
const FOREIGN_BYTES: u64 = 1 << 30;
const FOREIGN_TIMES: u64 = 8;

/// Logs whose rotated files are to be compressed.
#[derive(Debug, Default)]
struct Queue {
    logs: VecDeque<Target>,
    /// Whether a thread works on them.
    is_worked_on: bool,
}

/// What the thread and those who give it work share.
#[derive(Debug, Default)]
struct Desk {
    queue: Mutex<Queue>,
    /// Held while rotated files get other names.
    names: Mutex<()>,
    stop: AtomicBool,
}

/// Who gives the thread work. The thread is there while there is some.
#[derive(Debug, Default)]
pub(super) struct Compressor {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

impl Compressor {
    /// While this is held no rotated file changes its name.
    pub(super) fn hold_names(&self) -> MutexGuard<'_, ()> {
        // It guards no value that a panic could leave half changed.
        self.desk
            .names
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Has all rotated files of this log compressed.
    pub(super) fn compress(&mut self, log: &Target) {
        let mut queue = self.desk.queue();
        if !queue.logs.iter().any(|queued| queued.path == log.path) {
            queue.logs.push_back(log.clone());
        }
        let idle = !std::mem::replace(&mut queue.is_worked_on, true);
        drop(queue);
        if idle {
            self.begin();
        }
    }

    fn begin(&mut self) {
        let desk = Arc::clone(&self.desk);
        let thread = std::thread::Builder::new()
            .name("compress".to_owned())
            .spawn(move || desk.work());
        match thread {
            Ok(thread) => self.thread = Some(thread),
            // The next rotation tries it again.
            Err(error) => {
                self.desk.queue().is_worked_on = false;
                tracing::warn!("cannot compress logs: {}", errno::of(&error));
            }
        }
    }

    /// Ends the thread, in the middle of its work if need be.
    pub(super) fn stop(&mut self) {
        self.desk.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It panicked or it did not; there is nothing left to do about it.
            let _ended = thread.join();
        }
        self.desk.stop.store(false, Ordering::Relaxed);
    }
}

impl Drop for Compressor {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Desk {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<Target> {
        let mut queue = self.queue();
        let next = queue.logs.pop_front();
        let next = next.filter(|_| !self.stop.load(Ordering::Relaxed));
        queue.is_worked_on = next.is_some();
        next
    }

    fn work(&self) {
        limits::give_way();
        while let Some(log) = self.next() {
            if let Err(error) = self.compress_all(&log) {
                let (log, why) = (log.path.display(), errno::of(&error));
                tracing::warn!("cannot compress the rotated files of {log}: {why}");
            }
        }
    }

    fn compress_all(&self, target: &Target) -> io::Result<()> {
        let way = Way::to_name(&target.path)?;
        let log = way.path();
        let mut number = 1;
        // More than are kept may be there, and are removed by the next rotation.
        let last = kept(target);
        while number <= last && is_there(log, number) && !self.stop.load(Ordering::Relaxed) {
            remove_source(log, number)?;
            match custody::open_rotated(&way, number, target) {
                Ok(source) => self.compress(&way, number..=last, source, most(&way, target))?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            number += 1;
        }
        Ok(())
    }

    fn compress(
        &self,
        way: &Way,
        numbers: RangeInclusive<u32>,
        source: File,
        most: u64,
    ) -> io::Result<()> {
        let log = way.path();
        let target = unfinished(log);
        let written = self.write(&source, &target, way, most);
        let finished = match written {
            Ok(true) => self.finish(log, numbers, &source, &target),
            Ok(false) => Ok(false),
            Err(error) => Err(error),
        };
        if !matches!(finished, Ok(true)) {
            // What is left of it is removed before the next is begun in any case.
            let _gone = fs::remove_file(&target);
        }
        finished.map(|_| ())
    }

    /// Writes the compressed file; `false` if told to stop.
    fn write(&self, mut source: &File, target: &Path, way: &Way, most: u64) -> io::Result<bool> {
        let _left_over = fs::remove_file(target);
        let mut left = most;
        if source.metadata()?.size() > left {
            return Err(too_large(most));
        }
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(target)?;
        let of_source = source.metadata()?;
        if way.shared().is_some() {
            fchown(&file, Some(of_source.uid()), None)?;
        }
        file.set_permissions(Permissions::from_mode(of_source.mode() & 0o777))?;
        let mut encoder = GzEncoder::new(file, Compression::default());
        let mut piece = vec![0; PIECE];
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let count = source.read(&mut piece)?;
            if count == 0 {
                break;
            }
            left = left
                .checked_sub(count as u64)
                .ok_or_else(|| too_large(most))?;
            encoder.write_all(&piece[..count])?;
        }
        let file = encoder.finish()?;
        // It is as old as what is in it, and can be told for that by its time.
        file.set_modified(of_source.modified()?)?;
        // What it was made of is removed, so it has to be on the disk first.
        file.sync_all()?;
        Ok(true)
    }

    /// Puts the compressed file in the place of what it was made of, wherever that is by now.
    /// `false`: it is gone.
    fn finish(
        &self,
        log: &Path,
        numbers: RangeInclusive<u32>,
        source: &File,
        target: &Path,
    ) -> io::Result<bool> {
        let _names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = source.metadata()?;
        let same = |number: &u32| {
            fs::symlink_metadata(backup(log, *number))
                .is_ok_and(|found| (found.dev(), found.ino()) == (wanted.dev(), wanted.ino()))
        };
        let mut there = numbers.take_while(|number| is_there(log, *number));
        let Some(number) = there.find(same) else {
            return Ok(false);
        };
        crash_point::reach("before a compressed file gets its name");
        fs::rename(target, super::rotate::compressed(log, number))?;
        crash_point::reach("before what it was made of is removed");
        remove_source(log, number)?;
        Ok(true)
    }
}

/// The highest number of a rotated file that is kept.
fn kept(log: &Target) -> u32 {
    log.rotation.backups.max(1)
}

/// The largest file that is compressed.
fn most(way: &Way, log: &Target) -> u64 {
    way.shared().map_or(u64::MAX, |_| {
        let times = log.rotation.max_bytes.saturating_mul(FOREIGN_TIMES);
        times.max(FOREIGN_BYTES)
    })
}

fn too_large(most: u64) -> io::Error {
    io::Error::other(format!(
        "one of them is larger than {most} bytes, which no log of this size limit becomes, and \
         others than root can write its directory; remove it"
    ))
}

#[cfg(test)]
mod tests;
