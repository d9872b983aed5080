//! Asking the monitor for restarts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ncolony_core::ctllib::CtlError;
use ncolony_core::files::{FileError, look};
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
        let subject = format!("the restart of {name}");
        if let Some(path) = self.lying.get(name)
            && matches!(look(path), Ok(Some(_)))
        {
            let wrong = format!(
                "the last request for it still lies at {}; no monitor reads it",
                path.display()
            );
            return voice.say(&subject, &wrong);
        }
        let mut message = Message::new(Request::Restart(Target::Name(name.clone())));
        message.reason = Some(reason.clone());
        match ctllib::send(places, &message) {
            Ok(path) => {
                voice.is_well(&subject);
                voice.tell(&format!("{name} is to be restarted: {reason}"));
                self.lying.insert(name.clone(), path);
            }
            Err(error) => voice.say(&subject, &not_sent(&error, &places.messages)),
        }
    }
}

/// Why a message was not sent. Each has a name of its own, which would make the same fault a new
/// one every time.
fn not_sent(error: &CtlError, messages: &Path) -> String {
    if let CtlError::File(FileError { path, source, .. }) = error
        && path.parent() == Some(messages)
    {
        return format!("cannot put a message into {}: {source}", messages.display());
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_request_says_why_and_is_not_repeated_while_nobody_reads() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let places = Places {
            config: at("config"),
            messages: at("messages"),
            status: at("status"),
            logs: None,
        };
        let (mut requests, mut voice) = (Requests::default(), Voice::new("test"));
        let mut ask = |name: &str| {
            let name = ProgramName::new(name).unwrap();
            requests.restart(&places, &name, "it hangs".to_owned(), &mut voice);
        };
        let lying = || -> Vec<_> {
            let entries = fs::read_dir(at("messages")).unwrap();
            entries.map(|entry| entry.unwrap().path()).collect()
        };
        ask("web");
        ask("web");
        let first = lying();
        assert_eq!(first.len(), 1);
        let text: Value = serde_json::from_slice(&fs::read(&first[0]).unwrap()).unwrap();
        let expected = json!({"type": "RESTART", "name": "web", "reason": "it hangs"});
        assert_eq!(text, expected);

        ask("other");
        assert_eq!(lying().len(), 2);
        fs::remove_file(&first[0]).unwrap();
        ask("web");
        assert_eq!(lying().len(), 2);
    }

    #[test]
    fn why_nothing_can_be_sent_is_the_same_until_something_can() {
        let places = Places {
            config: "/nowhere".into(),
            messages: "/proc".into(),
            status: "/nowhere".into(),
            logs: None,
        };
        let message = Message::new(Request::Rescan);
        let told = || {
            not_sent(
                &ctllib::send(&places, &message).unwrap_err(),
                "/proc".as_ref(),
            )
        };
        let first = told();
        assert!(first.contains("into /proc: "), "{first}");
        assert_eq!(first, told());
    }
}
