//! From one monitor to the next: taking up what a process prints that an earlier one started, and
//! handing over what is open to the next image of this one.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use ncolony_core::{ProgramName, ProgramSpec};

use super::inlet::Inlet;
use super::route::{Destination, Route, Stream, routes};
use super::{Command, Logs, Stop};
use crate::sys::fifo;

impl Logs {
    /// Takes up the output of a process that an earlier monitor, or an earlier image of this one,
    /// has started by this description.
    ///
    /// # Errors
    /// A stream that cannot be taken up: its process waits as soon as it has filled its FIFO. The
    /// other stream may have been taken up all the same.
    pub(crate) fn adopt(&mut self, spec: &ProgramSpec, pid: u32) -> io::Result<()> {
        let (out, err) = routes(spec, self.places.logs.as_deref());
        let mut result = Ok(());
        for (stream, route) in [(Stream::Out, Some(out)), (Stream::Err, err)] {
            if let Some(Route::Through(destination)) = route {
                let adopted = self.adopt_stream(&spec.name, stream, destination, pid);
                result = result.and(adopted);
            }
        }
        self.is_alive(&spec.name, pid);
        result
    }

    fn adopt_stream(
        &mut self,
        name: &ProgramName,
        stream: Stream,
        destination: Destination,
        pid: u32,
    ) -> io::Result<()> {
        let key = (name.clone(), stream);
        self.let_go(&key);
        let path = self.fifo(name, stream);
        let inlet = match self.taken_over.remove(&key) {
            Some(reader) => Inlet::go_on(reader, &path),
            None => find(&path, stream, pid)?,
        };
        self.open(key, inlet, destination);
        Ok(())
    }

    fn open(&mut self, key: (ProgramName, Stream), inlet: Inlet, destination: Destination) {
        let mut channel = self.hold(key, inlet, destination);
        channel.is_older();
        self.shared.send(Command::Open(Box::new(channel)));
    }

    /// Goes on with what the image before this one has read for programs that do not run now: their
    /// last words may still wait for their logs. `spec` gives a program's description; the ends of
    /// those that have none are closed.
    pub(crate) fn go_on_with_the_rest<'a>(
        &mut self,
        spec: impl Fn(&ProgramName) -> Option<&'a ProgramSpec>,
    ) {
        for ((name, stream), reader) in std::mem::take(&mut self.taken_over) {
            let routes = spec(&name).map(|spec| routes(spec, self.places.logs.as_deref()));
            let route = routes.and_then(|(out, err)| match stream {
                Stream::Out => Some(out),
                Stream::Err => err,
            });
            if let Some(Route::Through(destination)) = route {
                let inlet = Inlet::go_on(reader, &self.fifo(&name, stream));
                self.open((name, stream), inlet, destination);
            }
        }
    }

    /// Moves all that can be moved, stops the thread, and shows the ends that are open. They stay
    /// ours, and close when this is dropped.
    pub(crate) fn hand_over(&mut self) -> Vec<(ProgramName, Stream, BorrowedFd<'_>)> {
        self.stop(Stop::ForNow);
        let ends = self.held.iter();
        ends.map(|((name, stream), held)| (name.clone(), *stream, held.inlet.reader().as_fd()))
            .collect()
    }

    /// Takes the ends that the image before this one has left open, for those who will be adopted.
    pub(crate) fn take_over(&mut self, ends: Vec<(ProgramName, Stream, OwnedFd)>) {
        let ends = ends.into_iter();
        self.taken_over
            .extend(ends.map(|(name, stream, end)| ((name, stream), File::from(end))));
    }
}

/// So often a process is looked at before its FIFO is taken by its name alone.
const LOOKS: u32 = 20;

/// Opens the FIFO that a process holds: by its name, or if that leads elsewhere, by the process.
///
/// What a process has under a number may be anything just now: a shell puts one stream in the place
/// of the other for as long as it writes a line. So all that it holds is looked at, what is then
/// opened is looked at once more, and a look that fell into such a moment is made again.
fn find(path: &Path, stream: Stream, pid: u32) -> io::Result<Inlet> {
    let number = match stream {
        Stream::Out => 1,
        Stream::Err => 2,
    };
    let named = Inlet::open(path);
    for _look in 0..LOOKS {
        let held = fifo::held_by(pid);
        let is_held = |inlet: &Inlet| {
            let found = inlet.reader().metadata();
            found.is_ok_and(|found| held.iter().any(|fifo| fifo.is(&found)))
        };
        // What cannot be asked holds what it was started with.
        if held.is_empty() || named.as_ref().is_ok_and(is_held) {
            return named;
        }
        let mut with_this_name = held.iter().filter(|fifo| fifo.stood_at(path));
        let mut without_name = held.iter().filter(|fifo| fifo.is_nameless());
        let by_process = with_this_name
            .next()
            .or_else(|| without_name.find(|fifo| fifo.number == number))
            .and_then(|fifo| fifo::open_reader(&fifo.of_process(pid)).ok());
        let is_meant = |reader: &File| fifo::is_meant(reader, path);
        if let Some(reader) = by_process.filter(is_meant) {
            return Ok(Inlet::go_on(reader, path));
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// A shell that writes to its standard error has it in the place of its standard output
    /// meanwhile, so what is seen under a number and what is opened by it need not be the same.
    #[test]
    fn a_process_that_swaps_its_streams_meanwhile_is_looked_at_again() {
        let directory = tempfile::tempdir().unwrap();
        let paths = [Stream::Out, Stream::Err].map(|stream| {
            let path = directory.path().join(stream.word());
            fifo::make(&path).unwrap();
            (stream, path)
        });
        let [out, err] = paths
            .each_ref()
            .map(|(_, path)| fifo::open_both(path).unwrap());
        let mut process = Command::new("sh")
            .args(["-c", "while :; do echo out; echo error >&2; done"])
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(err.try_clone().unwrap())
            .spawn()
            .unwrap();
        for (fifo, (_, path)) in [out, err].into_iter().zip(&paths) {
            let mut reader = File::open(path).unwrap();
            drop(fifo);
            std::thread::spawn(move || io::copy(&mut reader, &mut io::sink()));
        }
        for _look in 0..3000 {
            for (stream, path) in &paths {
                let found = find(path, *stream, process.id()).unwrap();
                assert!(fifo::is_meant(found.reader(), path), "{stream:?}");
            }
        }
        process.kill().unwrap();
        process.wait().unwrap();
    }
}
