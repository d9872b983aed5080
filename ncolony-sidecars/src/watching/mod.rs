//! What the companions that watch programs have in common: where they look, what they see, how
//! they measure time, and how they ask for a restart.

mod attention;
mod flags;
mod programs;
mod records;
mod request;
mod voice;
mod ward;

pub(crate) use attention::Attention;
pub(crate) use flags::Flags;
pub(crate) use programs::Asked;
pub(crate) use records::Run;
pub(crate) use request::Requests;
pub(crate) use voice::Voice;
pub(crate) use ward::{Patient, Ward};

use std::process::ExitCode;

use ncolony_core::heart::Heart;
use ncolony_core::{Mono, Places};

use crate::sys::{errno, signals, terminal};

/// The program of a check: finds its places and runs `check`.
pub(crate) fn main(
    name: &'static str,
    flags: &Flags,
    check: impl FnOnce(Places, Voice) -> ExitCode,
) -> ExitCode {
    let mut voice = Voice::new(name);
    // There is nothing to be read again that is not read all the time. Where there is a terminal,
    // HUP means that it has gone.
    if !terminal::is_ours()
        && let Err(error) = signals::ignore_hang_up()
    {
        voice.say("SIGHUP", &errno::of(&error));
    }
    match flags.places() {
        Ok(places) => check(places, voice),
        Err(wrong) => {
            voice.say("places", &wrong);
            ExitCode::from(2)
        }
    }
}

/// The heart of a companion itself, beaten by the loop that does its work: a companion that hangs
/// falls silent.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    heart: Option<Heart>,
    next: Mono,
}

impl Pulse {
    /// The heart that this program's own file asks for.
    pub(crate) fn of_this_program(voice: &mut Voice) -> Self {
        let heart = Heart::from_environment().unwrap_or_else(|error| {
            voice.say("its own heart", &format!("{error}; it beats none"));
            None
        });
        Self {
            heart,
            next: Mono::default(),
        }
    }

    /// Beats, if it is time; gives the time of the next beat.
    pub(crate) fn beat(&mut self, now: Mono, voice: &mut Voice) -> Option<Mono> {
        let heart = self.heart.as_ref()?;
        if now >= self.next {
            self.next = now.after(heart.interval());
            match heart.beat() {
                Ok(()) => voice.is_well("its own heart"),
                Err(error) => voice.say("its own heart", &error.to_string()),
            }
        }
        Some(self.next)
    }
}
