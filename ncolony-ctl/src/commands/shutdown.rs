//! `shutdown`: end the monitor, and with it all programs or none.

use std::collections::BTreeMap;

use ncolony_core::message::MessageId;
use ncolony_core::{ProgramName, ctllib};

use crate::act::{Patience, message_id, need_monitor, print_records};
use crate::cli::ShutdownArgs;
use crate::ending::{Ending, Failure};
use crate::records::{self, ProgramRecord};
use crate::session::Session;
use crate::watch;

pub(super) fn run(session: &mut Session<'_>, args: ShutdownArgs) -> Result<Ending, Failure> {
    need_monitor(session, "shutdown")?;
    let id = match Patience::from(args.wait) {
        Patience::Waits => Some(message_id()?),
        Patience::DoesNotWait => None,
    };
    send(session, args, id.clone())?;
    let Some(id) = id else {
        print_records(session, &[], std::iter::empty());
        return Ok(Ending::Done);
    };
    let hint = if args.keep_programs {
        ""
    } else {
        "; it may be stopping programs"
    };
    watch::ended(session, &id, hint)?;
    let records = records::programs(&session.places)?.by_name;
    let said = if args.keep_programs {
        kept(&records)
    } else {
        "the monitor has ended, and with it all programs".to_owned()
    };
    session.report.line(&said);
    print_records(session, &[], records.values());
    Ok(Ending::Done)
}

fn send(session: &Session<'_>, args: ShutdownArgs, id: Option<MessageId>) -> Result<(), Failure> {
    if args.keep_programs {
        ctllib::detach(&session.places, id)?;
    } else {
        ctllib::shutdown(&session.places, id)?;
    }
    Ok(())
}

fn kept(records: &BTreeMap<ProgramName, ProgramRecord>) -> String {
    let running = records
        .values()
        .filter(|record| record.status.pid.is_some());
    match running.count() {
        0 => "the monitor has ended; no program was running".to_owned(),
        1 => "the monitor has ended; 1 program goes on running".to_owned(),
        many => format!("the monitor has ended; {many} programs go on running"),
    }
}
