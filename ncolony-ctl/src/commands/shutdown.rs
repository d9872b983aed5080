//! `shutdown`: stop all programs and end the monitor.

use ncolony_core::{Message, Request, ctllib};

use crate::act::{Patience, message_id, need_monitor, print_records};
use crate::cli::NoWaitArgs;
use crate::ending::{Ending, Failure};
use crate::records;
use crate::session::Session;
use crate::watch;

pub(super) fn run(session: &mut Session<'_>, args: NoWaitArgs) -> Result<Ending, Failure> {
    need_monitor(session, "shutdown")?;
    let patience = Patience::from(args);
    let id = match patience {
        Patience::Waits => Some(message_id()?),
        Patience::DoesNotWait => None,
    };
    let message = Message {
        id,
        ..Message::new(Request::Shutdown)
    };
    ctllib::send(&session.places, &message)?;
    let Some(id) = &message.id else {
        print_records(session, &[], std::iter::empty());
        return Ok(Ending::Done);
    };
    watch::shut_down(session, id)?;
    session
        .report
        .line("the monitor has ended, and with it all programs");
    let records = records::programs(&session.places)?.by_name;
    print_records(session, &[], records.values());
    Ok(Ending::Done)
}
