//! The commands, one module each.

mod add;
mod check;
mod events;
mod import;
mod logs;
mod reload;
mod remove;
mod restart;
mod show;
mod shutdown;
mod signal;
mod start;
mod status;
mod stop;
mod upgrade;
mod upgrade_check;
mod wait;

use std::path::PathBuf;

use ncolony_core::ctllib::{CtlError, ProgramFiles, program_files};
use ncolony_core::descriptor::FILE_BYTES_MAX;
use ncolony_core::files::read_regular;
use ncolony_core::{ConfigError, Descriptor, Places, ProgramName};

use crate::cli::{Cli, Command, StatusArgs, UpgradeArgs, UpgradeCommand};
use crate::ending::{Ending, Failure};
use crate::report::Report;
use crate::session::Session;

/// Does what the command line says.
pub(crate) fn run(cli: &Cli, report: &mut Report) -> Result<Ending, Failure> {
    // Files can be checked where there is no colony, and an upgrade where none can be entered.
    if let Some(Command::Check(args)) = &cli.command {
        return check::run(&cli.global, args, report);
    }
    if let Some(Command::Import(args)) = &cli.command {
        return import::run(&cli.global, args, report);
    }
    if let Some(Command::Upgrade(UpgradeArgs {
        command: Some(UpgradeCommand::Check(args)),
        wait,
    })) = &cli.command
    {
        return upgrade_check::run(&cli.global, args, *wait, report);
    }
    let mut session = Session::open(&cli.global, report)?;
    let all = StatusArgs {
        names: Vec::new(),
        verbose: false,
    };
    match &cli.command {
        None => status::run(&mut session, &all),
        Some(Command::Status(args)) => status::run(&mut session, args),
        Some(Command::Add(args)) => add::run(&mut session, args),
        Some(Command::Remove(args)) => remove::run(&mut session, args),
        Some(Command::Restart(args)) => restart::run(&mut session, args),
        Some(Command::RestartAll(args)) => restart::run_all(&mut session, *args),
        Some(Command::RestartGroup(args)) => restart::run_groups(&mut session, args),
        Some(Command::Start(args)) => start::run(&mut session, args),
        Some(Command::Stop(args)) => stop::run(&mut session, args),
        Some(Command::Reload(args)) => reload::run(&mut session, args),
        Some(Command::Signal(args)) => signal::run(&mut session, args),
        Some(Command::Show(args)) => show::run(&mut session, args),
        Some(Command::Wait(args)) => wait::run(&mut session, args),
        Some(Command::Logs(args)) => logs::run(&mut session, args),
        Some(Command::Events(args)) => events::run(&mut session, args),
        Some(Command::Shutdown(args)) => shutdown::run(&mut session, *args),
        Some(Command::Upgrade(args)) => match &args.command {
            None => upgrade::run(&mut session, args.wait),
            Some(UpgradeCommand::Check(check)) => {
                upgrade_check::run(&cli.global, check, args.wait, session.report)
            }
        },
        Some(Command::Check(args)) => check::run(&cli.global, args, session.report),
        Some(Command::Import(args)) => import::run(&cli.global, args, session.report),
    }
}

/// The file of a program, and what it says or what is wrong with it.
pub(crate) fn read_descriptor(
    places: &Places,
    name: &ProgramName,
) -> Result<(PathBuf, Result<Descriptor, ConfigError>), Failure> {
    let path = match program_files(places, name)? {
        ProgramFiles::One(path) => path,
        ProgramFiles::None => {
            let (name, config) = (name.clone(), places.config.clone());
            return Err(CtlError::NoSuchProgram { name, config }.into());
        }
        ProgramFiles::Two { plain, json } => {
            let name = name.clone();
            return Err(CtlError::TwoFiles { name, plain, json }.into());
        }
    };
    let bytes = read_regular(&path, FILE_BYTES_MAX)?;
    Ok((path, Descriptor::parse(&bytes)))
}
