//! The fake world: a kernel, a config directory, messages, two clocks, and a monitor whose machine
//! is the real one. Everything that happens in it is an [`Action`].

mod adopt;
mod calm;
mod disk;
mod essence;
mod execute;
mod folder;
mod kernel;
mod look;
mod mail;
mod monitor;
mod readiness;
mod turn;
mod upgrade;

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ncolony_core::colony::Observation;
use ncolony_core::colony::diff::Emptiness;
use ncolony_core::{Exit, Mono, Now, ProgramName, ProgramSpec, Wall};

pub use folder::Folder;
pub use kernel::{Kernel, ProcessGroup};
pub use monitor::Monitor;

use disk::Disk;
use mail::Mail;

use crate::action::{Action, Manner, Millis, Plan, Recipe, Start, Temper, Who};
use crate::cast::Cast;
use crate::invariant::told::Told;
use crate::invariant::{self, Violation};

/// A program without faults.
pub const FAULTLESS: Plan = Plan {
    start: Start::Lives(Temper {
        life: Manner::Ignores,
        exit: Exit::Code(0),
        asked: Manner::Ends(10),
        killed: Manner::Ends(0),
        frozen: false,
        members: None,
        rises: Manner::Ends(10),
        well: true,
    }),
    takes: 0,
};

/// Everything there is.
#[derive(Clone, Debug)]
pub struct World {
    cast: Rc<Cast>,
    /// The present moment.
    pub now: Mono,
    wall_ahead: i64,
    /// The processes.
    pub kernel: Kernel,
    /// The program files.
    pub folder: Folder,
    mail: Mail,
    plans: BTreeMap<Who, VecDeque<Plan>>,
    /// What comes of a start about which nothing was settled.
    usual: Plan,
    /// The monitor, while one lives.
    pub monitor: Option<Monitor>,
    /// The one that died last, while none has taken its place: what it knew is what its successor
    /// must find out.
    pub dead: Option<Box<Monitor>>,
    disk: Disk,
    /// What was told: the file of events.
    pub told: Told,
    /// After so many more breaths and orders the monitor dies.
    fuse: Option<u8>,
    /// How often the monitor looks at both directories by itself.
    frequency: Option<Duration>,
    /// The program whose end is the end of all.
    keystone: Option<Who>,
    /// How many breaths a machine has drawn: facts observed, settled, orders carried out.
    pub steps: u64,
    /// How many orders were carried out.
    pub orders: u64,
    story: Option<Vec<String>>,
}

impl World {
    /// A world without programs, and a monitor that has just begun. Without a `frequency` it looks
    /// at its directories when it is told to.
    #[must_use]
    pub fn new(cast: Rc<Cast>, frequency: Option<Duration>) -> Self {
        let now = Mono::from_nanos(1_000_000_000_000);
        let mut world = Self {
            cast,
            now,
            wall_ahead: 0,
            kernel: Kernel::default(),
            folder: Folder::default(),
            mail: Mail::default(),
            plans: BTreeMap::new(),
            usual: FAULTLESS,
            monitor: None,
            dead: None,
            disk: Disk::default(),
            told: Told::default(),
            fuse: None,
            frequency,
            keystone: None,
            steps: 0,
            orders: 0,
            story: None,
        };
        world.monitor = Some(Monitor::new(now, frequency));
        world
    }

    /// From now on this comes of a start about which nothing was settled.
    pub fn set_usual(&mut self, plan: Plan) {
        self.usual = plan;
    }

    /// Whether it is settled what comes of the program's next start.
    #[must_use]
    pub fn is_planned(&self, who: Who) -> bool {
        self.plans.get(&who).is_some_and(|plans| !plans.is_empty())
    }

    /// From now on the world writes down what happens in it.
    pub fn tell_story(&mut self) {
        self.story = Some(Vec::new());
    }

    /// What was written down.
    pub fn story(&mut self) -> Vec<String> {
        self.story.take().unwrap_or_default()
    }

    /// The name of a program, or of an instance.
    #[must_use]
    pub fn name(&self, who: Who) -> &ProgramName {
        self.cast.name(who)
    }

    /// What a file of a program says.
    #[must_use]
    pub fn spec(&self, who: Who, recipe: Recipe) -> &Arc<ProgramSpec> {
        self.cast.spec(who, recipe)
    }

    /// The message files that are there.
    #[must_use]
    pub fn messages(&self) -> Vec<String> {
        self.mail.letters().map(|(file, _)| file.clone()).collect()
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            let seconds = Duration::from_nanos(self.now.as_nanos() - 1_000_000_000_000);
            story.push(format!("{:>10.3}  {}", seconds.as_secs_f64(), line()));
        }
    }

    fn clocks(&self) -> Now {
        let millis = i64::try_from(self.now.as_nanos() / 1_000_000).unwrap_or(i64::MAX);
        Now {
            mono: self.now,
            wall: Wall::from_millis(millis.saturating_add(self.wall_ahead)),
        }
    }

    /// Lets something happen.
    ///
    /// # Errors
    /// What must always hold does not hold any more.
    pub fn act(&mut self, action: Action) -> Result<(), Violation> {
        self.note(|| format!("{action:?}"));
        match action {
            Action::Write(who, slot, content) => self.folder.write(who, slot, content),
            Action::Erase(who, slot) => self.folder.erase(who, slot),
            Action::Directory(upheaval) => self.folder.upset(upheaval),
            Action::Send(word, with_id) => self.mail.send(word, with_id),
            Action::Plan(who, plan) => self.plans.entry(who).or_default().push_back(plan),
            Action::Die(who, exit) => {
                self.kernel.die(self.now, who, exit);
                self.watch_kernel();
            }
            Action::Scatter(who) => {
                self.kernel.scatter(self.now, who);
                self.watch_kernel();
            }
            Action::Rise(who) => {
                self.kernel.rise(self.now, who);
                self.watch_kernel();
            }
            Action::Echo(who, echo) => self.echo(who, echo),
            Action::Print(who, old) => self.print(who, old),
            Action::Shutdown => self.tell(Observation::Shutdown),
            Action::KillNow => self.tell(Observation::KillNow),
            Action::EndWith(who) => {
                self.keystone = Some(who);
                self.lay_keystone();
                self.turn()?;
            }
            Action::Look => self.look(Emptiness::Doubted)?,
            Action::Turn => self.turn()?,
            Action::Sleep(span) => self.sleep(span)?,
            Action::Await => self.wait_for_next()?,
            Action::Stall(span) => self.stall(span),
            Action::SetClock(millis) => self.wall_ahead += i64::from(millis),
            Action::Crash(orders) => self.fuse = Some(orders),
            Action::Replace => self.replace()?,
            Action::UpgradeEnds(done) => self.end_upgrade(done)?,
            Action::Calm => self.calm()?,
        }
        Ok(())
    }

    /// A fact comes to the monitor, if there is one.
    fn tell(&mut self, fact: Observation) {
        if let Some(monitor) = &mut self.monitor {
            monitor.tell(fact);
        }
    }

    /// The monitor is told, as at its start, whose end is the end of all.
    fn lay_keystone(&mut self) {
        let name = self.keystone.map(|who| self.cast.name(who).clone());
        if let (Some(name), Some(monitor)) = (name, &mut self.monitor) {
            let upgrading = monitor.ledger.upgrading;
            monitor.ledger.end_with(name.clone());
            if upgrading && !monitor.ledger.upgrading {
                monitor.upgrade_ended(false);
            }
            monitor.colony.end_with(name);
        }
    }

    fn sleep(&mut self, span: Millis) -> Result<(), Violation> {
        let end = self.now.after(Duration::from_millis(u64::from(span)));
        self.sleep_until(end)
    }

    fn sleep_until(&mut self, end: Mono) -> Result<(), Violation> {
        loop {
            self.watch_kernel();
            self.look_when_due()?;
            if self.monitor.as_ref().is_some_and(|it| it.is_due(self.now)) {
                self.turn()?;
            } else {
                invariant::check(self)?;
            }
            if self.now >= end {
                return Ok(());
            }
            // Also when the ledger expects something: the machine may have forgotten it.
            let monitor = self.monitor.as_ref();
            let expected = monitor.and_then(|monitor| monitor.ledger.next_due(self.now));
            let due = [monitor.and_then(Monitor::next_due), expected];
            let next = due.into_iter().flatten().chain(self.kernel.next_due());
            self.now = next.fold(end, Mono::min).max(self.now);
        }
    }

    fn wait_for_next(&mut self) -> Result<(), Violation> {
        let monitor = self.monitor.as_ref();
        let timeout = monitor.and_then(|monitor| monitor.colony.poll_timeout());
        let next = timeout.into_iter().chain(self.kernel.next_due()).min();
        match next {
            Some(next) => self.sleep_until(next.max(self.now)),
            None => Ok(()),
        }
    }

    fn stall(&mut self, span: Millis) {
        self.now = self.now.after(Duration::from_millis(u64::from(span)));
        self.watch_kernel();
    }
}
