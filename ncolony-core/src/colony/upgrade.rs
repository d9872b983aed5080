//! Replacing the monitor's image: the machine only knows that it was asked for, and by whom.

use super::Colony;
use super::io::Effect;
use super::snapshot::{ActedOn, Upgrading};
use crate::message::{MessageId, Reply};

impl Colony {
    /// Why an upgrade cannot begin now.
    pub(super) fn upgrade_refusal(&self) -> Option<&'static str> {
        if self.is_closing() {
            Some("the monitor is shutting down")
        } else if self.upgrading.is_some() {
            Some("an upgrade is under way already")
        } else {
            None
        }
    }

    /// Orders an upgrade. Its message stays until the outcome is known.
    pub(super) fn begin_upgrade(&mut self, file: String, id: Option<MessageId>) {
        let upgrading = Upgrading {
            file,
            id,
            heard: self.heard,
        };
        // Whoever finds this written down knows that nobody has lived to tell the outcome.
        let lost = "the monitor ended before the upgrade was done";
        self.acted_on.push(ActedOn {
            file: upgrading.file.clone(),
            reply: self.upgrade_reply(&upgrading, Some(lost.to_owned())),
            rejected: None,
        });
        self.upgrading = Some(upgrading);
        self.effects.push_back(Effect::Upgrade);
    }

    /// The monitor is to end: an upgrade that is under way is given up, and its sender told.
    pub(super) fn cancel_upgrade(&mut self, why: &str) {
        self.effects.retain(|order| *order != Effect::Upgrade);
        self.conclude_upgrade(Some(why.to_owned()));
    }

    /// Whether an upgrade was ordered whose outcome is not known. Whoever carries it out asks this
    /// before the last step: it may have been given up.
    #[must_use]
    pub fn is_upgrading(&self) -> bool {
        self.upgrading.is_some()
    }

    /// Whether this is the message of an upgrade whose outcome is not known.
    #[must_use]
    pub fn is_upgrade_message(&self, file: &str) -> bool {
        self.upgrading.as_ref().is_some_and(|it| it.file == file)
    }

    /// The upgrade is done, or could not be done.
    pub(super) fn conclude_upgrade(&mut self, error: Option<String>) {
        let Some(upgrading) = self.upgrading.take() else {
            return;
        };
        let reply = self.upgrade_reply(&upgrading, error);
        let file = upgrading.file;
        self.acted_on.push(ActedOn {
            file: file.clone(),
            reply: reply.clone(),
            rejected: None,
        });
        self.effects.extend(reply.map(Effect::Answer));
        self.effects.push_back(Effect::Discard { file });
    }

    fn upgrade_reply(&self, upgrading: &Upgrading, error: Option<String>) -> Option<Reply> {
        Some(Reply {
            id: upgrading.id.clone()?,
            ok: error.is_none(),
            error,
            programs: self.programs.keys().cloned().collect(),
            heard: upgrading.heard,
            generations: std::collections::BTreeMap::new(),
        })
    }
}
