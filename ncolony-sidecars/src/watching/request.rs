//! Asking the monitor for restarts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ncolony_core::files::look;
use ncolony_core::{Message, Places, ProgramName, Request, Target, ctllib};

use super::Voice;

/// The restarts that were asked for, by program.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    lying: BTreeMap<ProgramName, PathBuf>,
}

impl Requests {
    /// Asks for a restart and tells why. Where an earlier request of ours still lies there, nobody
    /// reads, and another one would only restart the program twice when somebody does.
    pub(crate) fn restart(
        &mut self,
        places: &Places,
        name: &ProgramName,
        reason: String,
        voice: &mut Voice,
    ) {
        if let Some(path) = self.lying.get(name)
            && matches!(look(path), Ok(Some(_)))
        {
            let wrong = format!(
                "{reason}; the last request for a restart still lies at {}: no monitor reads it",
                path.display()
            );
            return voice.say("messages", &wrong);
        }
        let mut message = Message::new(Request::Restart(Target::Name(name.clone())));
        voice.tell(&format!("{name} is restarted: {reason}"));
        message.reason = Some(reason);
        match ctllib::send(places, &message) {
            Ok(path) => {
                voice.is_well("messages");
                self.lying.insert(name.clone(), path);
            }
            Err(error) => voice.say("messages", &error.to_string()),
        }
    }
}
