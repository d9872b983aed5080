//! One stream of one program: where it comes in, and where it goes.

use std::io::{self, Stdout};
use std::sync::Arc;

use ncolony_core::ProgramName;
use ncolony_core::time::Mono;

use super::Source;
use super::files::Files;
use super::inlet::Inlet;
use super::log_file::{Moved, Turn};
use super::route::{Destination, Stream};
use super::step::LONGEST_LINE;
use super::syslog::{self, Syslog};
use super::tail::{BYTES_MAX, Tail};
use crate::sys::fifo;
use crate::sys::outlet::{Offer, Outlet};
use crate::sys::splice::Glass;

/// How much one channel may move before the others have their turn.
const TURN_BYTES: usize = 1024 * 1024;

/// What bytes are moved with, and to.
#[derive(Debug)]
pub(super) struct Tools {
    pub(super) glass: Glass,
    pub(super) files: Files,
    pub(super) own: Outlet<Stdout>,
    pub(super) syslog: Syslog,
}

/// Why a channel was left.
#[derive(Debug)]
pub(super) enum Left {
    /// There is nothing more for now.
    Dry,
    /// There may be more.
    Turn,
    /// There is half a line, which may be moved as it is when it has waited.
    HalfLine,
    /// There is half a line, which has to be whole or the last.
    OpenLine,
    /// Nobody holds the other end any more.
    Ended,
    /// It cannot be handed over just now.
    Blocked(io::Error),
}

/// How a channel is to be drained.
#[derive(Clone, Copy, Debug)]
pub(super) struct Errand {
    /// Up to this many bytes of all that was ever printed.
    pub(super) until: u64,
    /// Whether half a line is moved as well.
    pub(super) last_chance: bool,
}

/// Everything, but no half lines.
pub(super) const AS_ALWAYS: Errand = Errand {
    until: u64::MAX,
    last_chance: false,
};

/// One stream of one program.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) token: u64,
    pub(super) name: ProgramName,
    pub(super) stream: Stream,
    pub(super) inlet: Arc<Inlet>,
    pub(super) destination: Destination,
    /// The process that prints into it.
    pub(super) pid: Option<u32>,
    /// Whether the channel is only there for what is left in it.
    pub(super) retired: bool,
    /// How many bytes fit into it.
    pub(super) capacity: usize,
    /// When it was drained last, and how often in a row it was found full.
    pub(super) drained_at: Mono,
    pub(super) found_full: u32,
    /// What had been printed when the present process began; `None`: it is older than we are.
    began: Option<u64>,
    /// The last lines, where they were seen.
    tail: Tail,
    /// What was handed over and is still in the FIFO.
    handed: usize,
    /// Who has printed what was looked for.
    pub(super) seen: Option<Source>,
}

impl Channel {
    pub(super) fn new(
        token: u64,
        name: ProgramName,
        stream: Stream,
        inlet: Arc<Inlet>,
        destination: Destination,
    ) -> Self {
        Self {
            token,
            name,
            stream,
            capacity: fifo::capacity(inlet.reader()),
            inlet,
            destination,
            pid: None,
            retired: false,
            drained_at: Mono::default(),
            found_full: 0,
            began: Some(0),
            tail: Tail::default(),
            handed: 0,
            seen: None,
        }
    }

    /// Says that the process that prints into it was there before us.
    pub(super) fn is_older(&mut self) {
        self.began = None;
    }

    /// Moves what is there to where it goes, and says how much that was.
    pub(super) fn drain(&mut self, tools: &mut Tools, errand: Errand) -> (usize, Left) {
        let mut moved = 0;
        let mut last_chance = errand.last_chance;
        loop {
            let left = errand.until.saturating_sub(self.inlet.moved());
            if left == 0 {
                return (moved, Left::Dry);
            }
            let turn = Turn {
                token: self.token,
                most: usize::try_from(left).unwrap_or(usize::MAX),
                last_chance,
                capacity: self.capacity,
                looks: self.inlet.is_watched(),
            };
            match self.step_watched(tools, turn) {
                Ok(Moved::Bytes(count)) => moved += count,
                Ok(Moved::Nothing) => return (moved, Left::Dry),
                Ok(Moved::HalfLine) if fifo::is_abandoned(self.inlet.reader()) => {
                    last_chance = true;
                }
                Ok(Moved::HalfLine) if self.is_alone(tools) => return (moved, Left::HalfLine),
                Ok(Moved::HalfLine) => return (moved, Left::OpenLine),
                Ok(Moved::End) => return (moved, Left::Ended),
                Err(error) => return (moved, Left::Blocked(error)),
            }
            if moved >= TURN_BYTES {
                return (moved, Left::Turn);
            }
        }
    }

    /// A step at which, where something is looked for, what was moved is looked at.
    fn step_watched(&mut self, tools: &mut Tools, turn: Turn) -> io::Result<Moved> {
        if !turn.looks {
            return self.step(tools, turn);
        }
        let place = self.inlet.moved();
        self.tail.listen();
        let moved = self.step(tools, turn);
        let heard = self.tail.take_heard();
        self.seen = self.inlet.show(place, &heard).or(self.seen.take());
        moved
    }

    fn step(&mut self, tools: &mut Tools, turn: Turn) -> io::Result<Moved> {
        match &self.destination {
            Destination::File(target) => {
                let (file, compressor) = tools.files.get(target, self.token);
                let moved = file.step(
                    &self.inlet,
                    &mut tools.glass,
                    compressor,
                    turn,
                    &mut self.tail,
                );
                tools.files.keep_few_open(self.token);
                moved
            }
            Destination::Own => self.hand_to_own(tools, turn),
            Destination::Syslog => self.hand_to_syslog(tools, turn),
        }
    }

    /// Hands whole lines to our own output. They are taken out of the FIFO when they have gone: if
    /// we are killed before, they come twice.
    fn hand_to_own(&mut self, tools: &mut Tools, turn: Turn) -> io::Result<Moved> {
        if self.handed == 0 {
            let bytes = match look(&mut tools.glass, &self.inlet, turn)? {
                Look::At(bytes) => bytes,
                Look::Done(moved) => return Ok(moved),
            };
            let mut lines = Vec::new();
            let mut count = 0;
            for line in pieces(bytes, LONGEST_LINE, turn) {
                lines.extend_from_slice(format!("[{}] ", self.name).as_bytes());
                lines.extend_from_slice(without_end(line));
                lines.push(b'\n');
                count += line.len();
            }
            if count == 0 {
                return Ok(Moved::HalfLine);
            }
            if tools.own.offer(&lines) == Offer::Full {
                return Err(io::Error::other("nobody reads it"));
            }
            self.tail.push(&bytes[..count]);
            self.handed = count;
        }
        tools.own.push();
        if tools.own.is_behind() {
            return Err(io::Error::other("nobody reads it"));
        }
        let count = std::mem::take(&mut self.handed);
        self.discard(&mut tools.glass, count)
    }

    fn hand_to_syslog(&mut self, tools: &mut Tools, turn: Turn) -> io::Result<Moved> {
        let bytes = match look(&mut tools.glass, &self.inlet, turn)? {
            Look::At(bytes) => bytes,
            Look::Done(moved) => return Ok(moved),
        };
        let mut count = 0;
        let mut result = Ok(());
        for line in pieces(bytes, syslog::LINE_BYTES, turn) {
            // Who reads this log tells processes of one name by their numbers.
            let name = self.name.family_str();
            let datagram = syslog::datagram(self.stream, name, self.pid, without_end(line));
            result = tools.syslog.send(&datagram);
            if result.is_err() {
                break;
            }
            count += line.len();
        }
        self.tail.push(&bytes[..count]);
        match (count, result) {
            (0, Err(error)) => Err(error),
            (0, Ok(())) => Ok(Moved::HalfLine),
            (count, _) => self.discard(&mut tools.glass, count),
        }
    }

    fn discard(&self, glass: &mut Glass, count: usize) -> io::Result<Moved> {
        let taken = self
            .inlet
            .take(|reader| glass.discard(reader, count).map(|()| count));
        taken.map(Moved::Bytes)
    }

    /// The last lines of the process that had printed so much when it ended; what comes after them
    /// is the next one's.
    pub(super) fn end_process(&mut self, tools: &mut Tools, printed: u64) -> Vec<String> {
        let tail = self.tail_at(tools, printed);
        self.began = Some(printed);
        self.tail = Tail::default();
        tail.lines()
    }

    /// Whether nobody else's lines come between its own.
    fn is_alone(&self, tools: &mut Tools) -> bool {
        match &self.destination {
            Destination::File(target) => !tools.files.get(target, self.token).0.shared,
            Destination::Own | Destination::Syslog => false,
        }
    }

    /// Looks at the last lines while nobody else writes behind them.
    pub(super) fn look_back(&mut self, tools: &mut Tools) {
        self.tail = self.read_back(tools, self.inlet.moved());
    }

    fn tail_at(&mut self, tools: &mut Tools, printed: u64) -> Tail {
        let moved = self.inlet.moved();
        // Where others write too, lines are looked at on their way.
        let mut tail = if self.is_alone(tools) {
            self.read_back(tools, printed)
        } else {
            std::mem::take(&mut self.tail)
        };
        if moved < printed {
            // What could not be handed over is shown as well, as far as it can be seen.
            let most = usize::try_from(printed - moved).unwrap_or(usize::MAX);
            if let Ok(bytes) = tools.glass.peek(self.inlet.reader(), most) {
                tail.push(bytes);
            }
        }
        tail
    }

    /// What the process has printed last of so much, read from the log that has nothing else.
    fn read_back(&self, tools: &mut Tools, printed: u64) -> Tail {
        let Destination::File(target) = &self.destination else {
            return Tail::default();
        };
        let (file, _) = tools.files.get(target, self.token);
        let moved = self.inlet.moved();
        let own = self
            .began
            .map(|began| printed.min(moved).saturating_sub(began));
        let own = own.and_then(|own| usize::try_from(own).ok());
        // One more than is shown says whether something was before it.
        let most = own.unwrap_or(usize::MAX).min(BYTES_MAX + 1);
        Tail::cut(&file.end(moved.saturating_sub(printed), most))
    }
}

/// What a look at a FIFO showed.
enum Look<'a> {
    At(&'a [u8]),
    Done(Moved),
}

fn look<'a>(glass: &'a mut Glass, inlet: &Inlet, turn: Turn) -> io::Result<Look<'a>> {
    match glass.peek(inlet.reader(), turn.most) {
        Ok([]) => Ok(Look::Done(Moved::End)),
        Ok(bytes) => Ok(Look::At(bytes)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Look::Done(Moved::Nothing)),
        Err(error) => Err(error),
    }
}

/// The lines that can be handed over now, none longer than `longest`.
fn pieces(bytes: &[u8], longest: usize, turn: Turn) -> impl Iterator<Item = &[u8]> {
    let takes_half = turn.takes_half(bytes.len());
    bytes
        .split_inclusive(|byte| *byte == b'\n')
        .flat_map(move |line| line.chunks(longest))
        .take_while(move |piece| {
            takes_half || piece.len() == longest || piece.last() == Some(&b'\n')
        })
}

fn without_end(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, last_chance: bool) -> Vec<&str> {
        let turn = Turn {
            token: 1,
            most: usize::MAX,
            last_chance,
            capacity: 65536,
            looks: false,
        };
        let pieces = pieces(text.as_bytes(), 4, turn);
        pieces
            .map(|piece| std::str::from_utf8(piece).unwrap())
            .collect()
    }

    #[test]
    fn lines_are_handed_over_whole_and_long_ones_in_pieces() {
        assert_eq!(split("a\nbc\nd", false), ["a\n", "bc\n"]);
        assert_eq!(split("a\nbc\nd", true), ["a\n", "bc\n", "d"]);
        assert_eq!(split("abcdefgh\ni", false), ["abcd", "efgh", "\n"]);
        assert_eq!(split("abcdef", false), ["abcd"]);
    }
}
