//! The words that the table is written in.

/// One program in a colony that a check watches.
#[derive(Debug)]
pub(crate) struct Row {
    /// The name of its file.
    pub(crate) name: &'static str,
    /// What stands in its file.
    pub(crate) file: File,
    /// What happens while the check looks.
    pub(crate) meanwhile: Meanwhile,
    /// What NColony's check does.
    pub(crate) theirs: Outcome,
    /// What ours does.
    pub(crate) ours: Outcome,
    /// Why they differ; nothing where they do not.
    pub(crate) why: &'static str,
}

/// What stands in a program file, or in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum File {
    /// The check's key has this value. HEARTS stands for a directory, FILE for the row's name, and
    /// URL for where its server listens.
    Extra(&'static str),
    /// The key is not there.
    NoExtra,
    /// The file's whole text.
    Text(&'static str),
    /// The same as `Extra`, and others may write the file. These rows need root.
    OthersMayWrite(&'static str),
    /// A link that leads nowhere: it is listed and cannot be read, not even by root.
    Dangling,
    /// A directory.
    Directory,
}

/// What happens while the check looks. A heart is the file HEARTS/FILE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meanwhile {
    /// Nothing: no heart ever beats, and nobody serves.
    Nothing,
    /// The heart beats.
    Beats,
    /// It beats, and its file has the time of an hour ago.
    BeatsInThePast,
    /// It beats for two seconds.
    StopsBeating,
    /// It beats for two seconds, then its file is removed.
    HeartVanishes,
    /// It has beaten once, and its file has the time of an hour from now.
    BeatenInTheFuture,
    /// No heart beats, and the program file is touched again and again.
    FileIsTouched,
    /// No heart beats, and the program file is written again and again, each time with other words.
    FileIsRewritten,
    /// At the first restart the program file is removed.
    FileIsRemoved,
    /// At the first restart the program file is replaced by one without the key.
    FileIsMended,
    /// The server does this with one connection after the other, again and again.
    Serves(&'static [Act]),
    /// The same at first, and this ever after.
    ServesAtFirst(&'static [Act], Act),
}

/// What a server does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// It answers with this code.
    Answers(u16),
    /// It answers after so many milliseconds.
    AnswersLate(u64),
    /// It accepts, and does not answer.
    Hangs,
    /// It accepts, and closes.
    Closes,
    /// It answers with something that is no HTTP.
    Babbles,
    /// It sends the head of an answer, and never its body.
    Begins,
}

/// What becomes of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing.
    LetBe,
    /// A restart is asked for.
    Restarted,
    /// One is asked for, for a program of this name.
    RestartedAs(&'static str),
    /// One is asked for when the server has been asked so often.
    RestartedAfter(usize),
    /// One is asked for at every look.
    EveryLook,
    /// One is asked for once per grace.
    OncePerGrace,
    /// One is asked for, and none after the program file has changed.
    NoMore,
    /// The check dies of it, in silence: it looks after nobody any more.
    Blind,
}

/// A row where both do the same.
pub(crate) const fn both(
    name: &'static str,
    file: File,
    meanwhile: Meanwhile,
    outcome: Outcome,
) -> Row {
    Row {
        name,
        file,
        meanwhile,
        theirs: outcome,
        ours: outcome,
        why: "",
    }
}

/// A row where ours does something else.
pub(crate) const fn other(
    name: &'static str,
    file: File,
    meanwhile: Meanwhile,
    theirs: Outcome,
    ours: Outcome,
    why: &'static str,
) -> Row {
    Row {
        name,
        file,
        meanwhile,
        theirs,
        ours,
        why,
    }
}

/// One command of a scheduler.
#[derive(Debug)]
pub(crate) struct Run {
    /// What the case is called.
    pub(crate) name: &'static str,
    /// Its frequency, timeout and grace, in seconds.
    pub(crate) times: [u32; 3],
    /// What its shell runs. `mark WORD` leaves a mark, `forever` waits for an input that never
    /// comes, and goes on when a trap has been run.
    pub(crate) script: &'static str,
    /// What happens meanwhile.
    pub(crate) then: Then,
    /// What is seen of NColony's scheduler.
    pub(crate) theirs: Expected,
    /// What is seen of ours.
    pub(crate) ours: Expected,
    /// Why they differ; nothing where only their words do.
    pub(crate) why: &'static str,
}

/// What happens to a scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Nothing.
    Nothing,
    /// The command is put there only when the scheduler has failed to execute it.
    CommandComes,
    /// After the first mark the scheduler is told to stop, and killed when it takes its time.
    IsStopped,
}

/// What is seen of a scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    /// The marks that its runs leave.
    pub(crate) marks: Marks,
    /// What it prints, among other things.
    pub(crate) says: &'static [&'static str],
}

/// Marks, each with the time after the first one before which it does not come, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marks {
    /// These come, and then others may.
    First(&'static [(&'static str, u32)]),
    /// No others come.
    Only(&'static [(&'static str, u32)]),
}
