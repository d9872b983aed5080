//! What of a ledger decides what is expected from now on, for telling states apart in a search.

use std::hash::{Hash, Hasher};

use ncolony_core::Mono;

use super::{Account, Known, Ledger, Life, Pause, Stop};
use crate::cast::MEMORY;

fn behind(now: Mono, then: Mono) -> std::time::Duration {
    now.since(then).min(MEMORY)
}

impl Ledger {
    /// Everything that decides what must be so from now on, with times as distances from `now`.
    pub(crate) fn hash_essence(&self, now: Mono, out: &mut impl Hasher) {
        (self.closing, self.killing).hash(out);
        (self.detaching, self.upgrading).hash(out);
        (&self.keystone, self.end_of_all).hash(out);
        for (name, account) in &self.accounts {
            name.hash(out);
            account.hash_essence(now, out);
        }
    }
}

impl Account {
    fn hash_essence(&self, now: Mono, out: &mut impl Hasher) {
        let Self {
            good,
            bad,
            digest: _,
            hand,
            due,
            named,
            deaths,
            shortages,
            known,
            starts: _,
            last_start,
            commanded,
            exit: _,
            printed: _,
            leaving_since: _,
        } = self;
        good.as_ref().map(|spec| &spec.source).hash(out);
        (bad, hand, due, named, deaths, *shortages > 0).hash(out);
        (last_start.map(|then| behind(now, then)), commanded).hash(out);
        std::mem::discriminant(known).hash(out);
        match known {
            Known::Nothing(pause) => pause.hash_essence(now, out),
            Known::Ordered {
                generation: _,
                spec,
                asked,
            } => (&spec.source, behind(now, *asked)).hash(out),
            Known::Alive(life) => life.hash_essence(now, out),
            Known::Leftover {
                life,
                exit,
                ended,
                by_itself,
            } => {
                life.hash_essence(now, out);
                let lived = ended.since(life.started).min(MEMORY);
                (exit, behind(now, *ended), lived, by_itself).hash(out);
            }
        }
    }
}

impl Pause {
    fn hash_essence(&self, now: Mono, out: &mut impl Hasher) {
        std::mem::discriminant(self).hash(out);
        match self {
            Self::None | Self::Fatal => {}
            Self::Exited(exit) => exit.hash(out),
            Self::Waits {
                earliest,
                latest,
                spaced,
                delay,
            } => {
                let ahead = [earliest, latest, spaced].map(|then| then.since(now));
                (ahead, delay).hash(out);
            }
        }
    }
}

impl Life {
    fn hash_essence(&self, now: Mono, out: &mut impl Hasher) {
        (behind(now, self.started), &self.spec.source, self.up).hash(out);
        if self.spec.policy.ready.is_some() || self.spec.process.watchdog.is_some() {
            (behind(now, self.since), behind(now, self.well)).hash(out);
        }
        let stop = self.stop.as_ref().map(
            |Stop {
                 kill_by,
                 asked,
                 written,
                 continued,
                 killed,
                 fault,
             }| {
                let killed = killed.map(|then| behind(now, then));
                let begun = (kill_by.since(now), asked, written);
                (begun, continued, killed, fault)
            },
        );
        stop.hash(out);
    }
}
