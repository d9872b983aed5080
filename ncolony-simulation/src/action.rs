//! What can happen in the fake world, as data. A history is a list of actions; whatever chance
//! decides is in them, so that a history can be replayed, and can be shrunk by leaving some out.

use std::fmt;

use ncolony_core::Exit;

/// One of the programs of the world, or one of its instances: see [`crate::cast`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Who(pub u8);

/// A span in milliseconds.
pub type Millis = u32;

/// What a program's file says, by number: see [`crate::cast`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Recipe {
    /// What its process is started with.
    pub process: u8,
    /// How it is treated.
    pub policy: u8,
    /// Which groups it is in.
    pub groups: u8,
    /// Before and after whom it is started and stopped.
    pub order: u8,
    /// Whether it is wanted.
    pub enabled: bool,
    /// How many processes it asks for: one, or instances.
    pub instances: u8,
}

/// Which of the two names a program's file may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// `NAME`.
    Plain,
    /// `NAME.json`.
    Json,
}

/// What is found when a program's file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// A good file.
    Good(Recipe),
    /// A file that does not parse.
    Broken,
    /// A directory in the place of a file.
    Folder,
}

/// What becomes of the config directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Upheaval {
    /// It cannot be listed.
    Unreadable,
    /// It can be listed again.
    Readable,
    /// Another, empty one comes into its place.
    Replaced,
    /// The old one comes back.
    Restored,
}

/// Whom a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aim {
    /// One program.
    One(Who),
    /// A program that never exists.
    Stranger,
    /// The members of a group, by number.
    Group(u8),
    /// All.
    All,
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// Stop and start again.
    Restart(Aim),
    /// Let it run.
    Start(Aim),
    /// Stop it.
    Stop(Aim),
    /// Send its reload signal.
    Reload(Aim),
    /// Send SIGWINCH, which harms nobody.
    Signal(Aim),
    /// Send SIGKILL to the main process.
    Kill(Aim),
    /// Look at both directories.
    Rescan,
    /// Stop everything.
    Shutdown,
    /// Exit, and leave everything running.
    Detach,
    /// Replace the monitor's image.
    Upgrade,
    /// Nothing that anybody understands.
    Nonsense,
}

/// How processes take a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Manner {
    /// They end after this long.
    Ends(Millis),
    /// They live on.
    Ignores,
}

/// Processes that the main process leaves in its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Members {
    /// How they take the stop signal.
    pub asked: Manner,
    /// How long they outlive the main process by themselves.
    pub linger: Manner,
}

/// How a process group behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Temper {
    /// How long the main process lives by itself.
    pub life: Manner,
    /// How it then ends.
    pub exit: Exit,
    /// How it takes the stop signal.
    pub asked: Manner,
    /// How its group takes SIGKILL; a process in the kernel's hands ignores even that.
    pub killed: Manner,
    /// Whether it has been stopped by job control, and takes no signal but KILL and CONT.
    pub frozen: bool,
    /// What else is in its group.
    pub members: Option<Members>,
    /// When what its file calls ready begins to hold, if ever.
    pub rises: Manner,
    /// Whether it says again and again that it is well, where that is expected of it.
    pub well: bool,
}

/// What comes of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    /// A process.
    Lives(Temper),
    /// An error that the program is to blame for.
    CannotExecute,
    /// An error that the machine is to blame for.
    NoRoom,
}

/// What comes of the next start, and how long it takes until that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Plan {
    /// What comes of it.
    pub start: Start,
    /// How long it takes.
    pub takes: Millis,
}

/// A fact that comes too late or twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Echo {
    /// The last fact about a process once more.
    Again,
    /// An earlier process was started.
    OldSpawned,
    /// An earlier process could not be started.
    OldFailed,
    /// An earlier process ended.
    OldExited,
    /// An earlier group is gone.
    OldGroupGone,
    /// An earlier process is ready.
    OldReady,
}

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A program file is written.
    Write(Who, Slot, Content),
    /// A program file is removed.
    Erase(Who, Slot),
    /// Something happens to the config directory.
    Directory(Upheaval),
    /// A message is sent, with an `id` or without.
    Send(Word, bool),
    /// It is settled what comes of the program's next start.
    Plan(Who, Plan),
    /// The main process ends by itself.
    Die(Who, Exit),
    /// The others of its group end by themselves.
    Scatter(Who),
    /// What the program's file calls ready begins to hold.
    Rise(Who),
    /// A late or repeated fact arrives.
    Echo(Who, Echo),
    /// The last lines of the ended process arrive; or those of an earlier one.
    Print(Who, bool),
    /// The monitor is asked by a signal to stop everything.
    Shutdown,
    /// The same, at once.
    KillNow,
    /// From now on the end of this program is the end of all, also for the monitors to come.
    EndWith(Who),
    /// The monitor looks at both directories, and acts on nothing yet.
    Look,
    /// The monitor acts on what it knows.
    Turn,
    /// Time passes, and the monitor acts on everything in time.
    Sleep(Millis),
    /// Time passes until the next thing is due.
    Await,
    /// Time passes while the monitor does not run.
    Stall(Millis),
    /// The wall clock is set forward by so many milliseconds, or back.
    SetClock(i32),
    /// The monitor dies when it has drawn so many more breaths and carried out so many more orders,
    /// each counted: before a breath is written down, or before an order. If none lives, this is
    /// about the next one.
    Crash(u8),
    /// Another monitor takes the place of the one that died, exited or closed; one that lives dies.
    Replace,
    /// The upgrade that is under way succeeds, or fails.
    UpgradeEnds(bool),
    /// All faults end, time runs on, and the colony must become what is wanted.
    Calm,
}

impl fmt::Display for Who {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&crate::cast::name_text(*self))
    }
}
