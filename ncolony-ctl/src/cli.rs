//! The command line.

mod values;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, CommandFactory, Parser, Subcommand, ValueEnum};
use ncolony_core::places::PlaceFlags;
use ncolony_core::{ProgramName, Signal};
use serde_json::Value;

use self::values::{aim, assignment, seconds, setting, signal};
use crate::effect::Aim;
use crate::selection::Word;

const EXIT_STATUSES: &str = "\
Exit status: 0 done, 1 failed, 2 usage, 3 not running, 4 no such program, 5 no monitor and one is \
needed, 6 timeout.";

const UPGRADE_CHECK_STATUSES: &str = "\
Exit status: 0 all is well, 1 the worst is a warning, 2 the worst is a failure, 64 usage, \
255 unexpected error.";

/// Drives an ncolony colony: says what should run, asks for things, shows what is so
#[derive(Debug, Parser)]
#[command(name = "ncolony-ctl", version, after_help = EXIT_STATUSES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    /// Without a command: status
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What every command takes, before or after its name.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The directory of program files
    #[arg(long, global = true, value_name = "DIR", help_heading = "Places")]
    config: Option<PathBuf>,
    /// The directory that messages are put into
    #[arg(long, global = true, value_name = "DIR", help_heading = "Places")]
    messages: Option<PathBuf>,
    /// The directory that the monitor writes its records into
    #[arg(long, global = true, value_name = "DIR", help_heading = "Places")]
    status: Option<PathBuf>,
    /// The directory of the programs' logs
    #[arg(long, global = true, value_name = "DIR", help_heading = "Places")]
    logs: Option<PathBuf>,
    /// Short for DIR/config, DIR/messages, DIR/status and DIR/logs
    #[arg(long, global = true, value_name = "DIR", help_heading = "Places")]
    root: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) json: bool,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, help_heading = "Output")]
    pub(crate) color: Color,
    /// How long to wait for an effect
    #[arg(long, global = true, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) timeout: Duration,
}

impl Global {
    /// The places as the command line names them.
    pub(crate) fn place_flags(&self) -> PlaceFlags {
        PlaceFlags {
            config: self.config.clone(),
            messages: self.messages.clone(),
            status: self.status.clone(),
            logs: self.logs.clone(),
            root: self.root.clone(),
        }
    }
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Never
    Never,
    /// Always
    Always,
}

impl From<Color> for anstream::ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Never => Self::Never,
            Color::Always => Self::AlwaysAnsi,
        }
    }
}

/// What can be asked.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Add a program, or change one: writes its file
    Add(Box<AddArgs>),
    /// Remove programs: deletes their files, which stops them
    Remove(RemoveArgs),
    /// Stop programs and start them again
    Restart(TargetArgs),
    /// Restart every program that is wanted up
    RestartAll(NoWaitArgs),
    /// Restart the members of groups
    RestartGroup(GroupsArgs),
    /// Let programs run that were stopped, have exited or wait
    Start(TargetArgs),
    /// Stop programs until they are started again
    Stop(TargetArgs),
    /// Send programs their reload signal
    Reload(TargetArgs),
    /// Send programs a signal
    Signal(SignalArgs),
    /// Show what runs, and what does not and why
    #[command(visible_aliases = ["ps", "ls"])]
    Status(StatusArgs),
    /// Show a program's file with everything that it leaves out, and where each value comes from
    Show(ShowArgs),
    /// Say whether program files are valid
    Check(CheckArgs),
    /// Wait until programs are in a state
    Wait(WaitArgs),
    /// Print what programs have printed
    Logs(LogsArgs),
    /// Make program files of what another supervisor would run
    Import(ImportArgs),
    /// Print what has happened to programs: each change of a state, and its cause
    Events(EventsArgs),
    /// Stop all programs and end the monitor
    Shutdown(ShutdownArgs),
    /// Replace the monitor by the binary that stands now where it was started from; programs go on
    Upgrade(UpgradeArgs),
}

/// `add`
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("who").required(true).args(["name", "name_flag"]))]
pub(crate) struct AddArgs {
    /// The program's name
    name: Option<ProgramName>,
    /// The program's name, as a flag
    #[arg(long = "name", value_name = "NAME", id = "name_flag")]
    name_flag: Option<ProgramName>,
    /// What to run
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) cmd: String,
    /// An argument for it; give it again for the next one
    #[arg(long = "arg", value_name = "ARG", allow_hyphen_values = true)]
    pub(crate) args: Vec<String>,
    /// A variable of its environment
    #[arg(long, value_name = "K=V", allow_hyphen_values = true, value_parser = assignment)]
    pub(crate) env: Vec<(String, String)>,
    /// A variable that it gets from the monitor's environment
    #[arg(long, value_name = "K")]
    pub(crate) env_inherit: Vec<String>,
    /// The number of the user that it runs as
    #[arg(long)]
    pub(crate) uid: Option<u32>,
    /// The number of the group that it runs as
    #[arg(long)]
    pub(crate) gid: Option<u32>,
    /// Further keys, laid over the rest: a JSON object, or the path of a file that holds one
    #[arg(long, value_name = "JSON or FILE", allow_hyphen_values = true)]
    pub(crate) extras: Option<OsString>,
    /// A group that it belongs to
    #[arg(long = "group", value_name = "G")]
    pub(crate) groups: Vec<String>,
    /// Any one key of its file, as in --set killtime=10 or --set 'cwd="/srv"'
    #[arg(long, value_name = "KEY=JSON", allow_hyphen_values = true, value_parser = setting)]
    pub(crate) set: Vec<(String, Value)>,
    #[command(flatten)]
    pub(crate) wait: NoWaitArgs,
}

impl AddArgs {
    /// The name, whichever way it was given.
    pub(crate) fn name(&self) -> Option<&ProgramName> {
        self.name.as_ref().or(self.name_flag.as_ref())
    }
}

/// What a command that waits takes.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct NoWaitArgs {
    /// Return when the request is written, not when its effect has been seen
    #[arg(long)]
    pub(crate) no_wait: bool,
}

/// `remove`
#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    /// Names or shell patterns
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<Word>,
    #[command(flatten)]
    pub(crate) wait: NoWaitArgs,
}

/// `restart`, `start`, `stop`, `reload`
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    /// Names or shell patterns; or the word "all"
    #[arg(value_name = "NAME", required_unless_present = "groups")]
    pub(crate) names: Vec<Word>,
    /// The members of a group
    #[arg(long = "group", value_name = "G", conflicts_with = "names")]
    pub(crate) groups: Vec<String>,
    #[command(flatten)]
    pub(crate) wait: NoWaitArgs,
}

/// `restart-group`
#[derive(Debug, Args)]
pub(crate) struct GroupsArgs {
    /// Groups
    #[arg(value_name = "G", required = true)]
    pub(crate) groups: Vec<String>,
    #[command(flatten)]
    pub(crate) wait: NoWaitArgs,
}

/// `signal`
#[derive(Debug, Args)]
pub(crate) struct SignalArgs {
    /// A name or number: HUP, SIGHUP, 1
    #[arg(value_name = "SIG", value_parser = signal)]
    pub(crate) signal: Signal,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// `status`
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Names or shell patterns; none means all
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<Word>,
    /// Say also what this machine does not give
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// `show`
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The program's name
    #[arg(value_name = "NAME")]
    pub(crate) name: Word,
}

/// `check`
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Files, or directories of files; none means the directory of program files
    #[arg(value_name = "FILE or DIR")]
    pub(crate) paths: Vec<PathBuf>,
    /// A warning, too, makes the exit status 1
    #[arg(long)]
    pub(crate) strict: bool,
}

/// `wait`
#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// Names or shell patterns
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<Word>,
    /// A state, as status shows it, or "ready"
    #[arg(long = "for", value_name = "STATE", default_value = "RUNNING", value_parser = aim)]
    pub(crate) aim: Aim,
}

/// `logs`
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// Names or shell patterns
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<Word>,
    /// How many of the last lines
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    pub(crate) lines: usize,
    /// Go on with what comes
    #[arg(short, long)]
    pub(crate) follow: bool,
}

/// `import`
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Whose configuration it is
    #[arg(value_enum)]
    pub(crate) from: ImportFrom,
    /// The main file of the configuration
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print the program files, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The directory that they go to, instead of that of program files
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Replace program files that are there
    #[arg(long)]
    pub(crate) force: bool,
}

/// Whose configurations can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportFrom {
    /// Supervisor's, as supervisord reads it with -c
    Supervisord,
}

/// `events`
#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// Names or shell patterns; without any, all programs
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<Word>,
    /// How many of the last events
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    pub(crate) lines: usize,
    /// Go on with what comes
    #[arg(short, long)]
    pub(crate) follow: bool,
}

/// `shutdown`
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ShutdownArgs {
    /// Leave the programs running; the next monitor takes them over
    #[arg(long)]
    pub(crate) keep_programs: bool,
    #[command(flatten)]
    pub(crate) wait: NoWaitArgs,
}

/// `upgrade`
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct UpgradeArgs {
    /// Without a word: do it
    #[command(subcommand)]
    pub(crate) command: Option<UpgradeCommand>,
    #[command(flatten)]
    pub(crate) wait: NoWaitArgs,
}

/// What can be asked about an upgrade.
#[derive(Debug, Subcommand)]
pub(crate) enum UpgradeCommand {
    /// Say whether an upgrade would go well, and change nothing
    #[command(after_help = UPGRADE_CHECK_STATUSES)]
    Check(UpgradeCheckArgs),
}

/// `upgrade check`
#[derive(Debug, Args)]
pub(crate) struct UpgradeCheckArgs {
    /// The new binary, where it does not stand in the old one's place yet
    #[arg(long, value_name = "PATH")]
    pub(crate) binary: Option<PathBuf>,
}

/// Whether these words of a command line are under `upgrade check`, be the rest good or not.
pub(crate) fn is_upgrade_check(words: impl IntoIterator<Item = OsString>) -> bool {
    let matches = Cli::command()
        .ignore_errors(true)
        .try_get_matches_from(words);
    let is_check = |matches: clap::ArgMatches| {
        let upgrade = matches.subcommand_matches("upgrade")?;
        upgrade.subcommand_matches("check").map(|_| ())
    };
    matches.ok().and_then(is_check).is_some()
}

#[cfg(test)]
mod tests;
