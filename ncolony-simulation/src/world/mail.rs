//! The fake messages directory. Names of files are few and soon used again; what tells one file
//! from another of the same name is its inode.

use std::collections::{BTreeMap, BTreeSet};

use ncolony_core::descriptor::ConfigError;
use ncolony_core::message::{Message, MessageError, MessageId};
use ncolony_core::{Request, Signal, Target};

use crate::action::{Aim, Word};
use crate::cast::{self, Cast};
use crate::invariant::{Invariant, Violation};

/// The signal that messages send to see that it arrives and nothing else happens.
const HARMLESS: i64 = 28;

/// A message file: what it says, and where its outcome is wanted.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) inode: u64,
    pub(super) word: Word,
    pub(super) id: Option<MessageId>,
}

/// All message files, and which were ever acted on.
#[derive(Clone, Debug, Default)]
pub(super) struct Mail {
    letters: BTreeMap<String, Letter>,
    sent: u64,
    heard: BTreeSet<u64>,
}

impl Mail {
    pub(super) fn send(&mut self, word: Word, with_id: bool) {
        self.sent += 1;
        let mut names = (0..).map(|number| format!("m{number:03}"));
        let file = names.find(|name| !self.letters.contains_key(name));
        let id = with_id.then(|| MessageId::new(&format!("r{}", self.sent)).ok());
        let letter = Letter {
            inode: self.sent,
            word,
            id: id.flatten(),
        };
        self.letters.extend(file.map(|file| (file, letter)));
    }

    pub(super) fn letters(&self) -> impl Iterator<Item = (&String, &Letter)> {
        self.letters.iter()
    }

    pub(super) fn inode(&self, file: &str) -> Option<u64> {
        self.letters.get(file).map(|letter| letter.inode)
    }

    pub(super) fn remove(&mut self, file: &str) {
        self.letters.remove(file);
    }

    /// A machine is told what this file says, and what follows is written down: never again.
    pub(super) fn hear(&mut self, file: &str) -> Result<(), Violation> {
        let new = self.inode(file).is_some_and(|it| self.heard.insert(it));
        Invariant::MessagesOnce.must(new, || format!("{file} is acted on twice"))
    }
}

/// What a message file says, as a monitor reads it.
pub(super) fn read_letter(cast: &Cast, letter: &Letter) -> Result<Message, MessageError> {
    let target = |aim: Aim| match aim {
        Aim::One(who) => Target::Name(cast.name(who).clone()),
        Aim::Stranger => Target::Name(cast.stranger().clone()),
        Aim::Group(number) => Target::Group(cast::group_name(number).to_owned()),
        Aim::All => Target::All,
    };
    let harmless = Signal::from_number(HARMLESS).unwrap_or(Signal::CONT);
    let request = match letter.word {
        Word::Restart(aim) => Request::Restart(target(aim)),
        Word::Start(aim) => Request::Start(target(aim)),
        Word::Stop(aim) => Request::Stop(target(aim)),
        Word::Reload(aim) => Request::Reload(target(aim)),
        Word::Signal(aim) => Request::Signal(target(aim), harmless),
        Word::Kill(aim) => Request::Signal(target(aim), Signal::KILL),
        Word::Rescan => Request::Rescan,
        Word::Shutdown => Request::Shutdown,
        Word::Detach => Request::Detach,
        Word::Upgrade => Request::Upgrade,
        Word::Nonsense => {
            return Err(MessageError {
                error: ConfigError::whole("it makes no sense"),
                id: letter.id.clone(),
            });
        }
    };
    Ok(Message {
        request,
        reason: None,
        id: letter.id.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_acted_on_once_and_another_of_its_name_is_another() {
        let mut mail = Mail::default();
        mail.send(Word::Rescan, true);
        assert_eq!(mail.hear("m000"), Ok(()));
        let again = mail.hear("m000").expect_err("it was heard");
        assert_eq!(again.invariant, Invariant::MessagesOnce);
        mail.remove("m000");
        mail.send(Word::Rescan, false);
        assert_eq!(mail.hear("m000"), Ok(()));
    }
}
