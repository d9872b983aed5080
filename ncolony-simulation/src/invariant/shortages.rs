//! I8: starts that the machine had no room for count neither towards giving up nor for the delay.

use ncolony_core::State;

use super::{Invariant, Violation, delays};
use crate::ledger::{Known, Pause};
use crate::world::Monitor;

pub(super) fn check(monitor: &Monitor) -> Result<(), Violation> {
    let accounts = monitor.ledger.accounts.iter();
    for (name, account) in accounts.filter(|(_, account)| account.shortages > 0) {
        let Some(record) = monitor.records.get(name) else {
            continue;
        };
        let gave_up = account.known_pause() == Some(&Pause::Fatal);
        let fatal = record.state == State::Fatal;
        Invariant::Shortages.must(fatal == gave_up, || {
            format!(
                "{name} is {}, after shortages of the machine: {account:?}",
                record.state
            )
        })?;
        if matches!(account.known, Known::Alive(_)) {
            let delay = delays::next_delay(account);
            Invariant::Shortages.must(record.delay == delay.as_secs_f64(), || {
                format!(
                    "after shortages of the machine the next death of {name} would cost {} s, \
                     and should {delay:?}",
                    record.delay
                )
            })?;
        }
    }
    Ok(())
}
