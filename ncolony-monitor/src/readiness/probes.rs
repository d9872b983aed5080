//! Who is looked at whether it is ready.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ncolony_core::colony::{Generation, Observation};
use ncolony_core::descriptor::{Condition, Endpoint, Page};
use ncolony_core::time::Mono;
use ncolony_core::{ProgramName, ProgramSpec};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;

use super::thread::Awaited;
use super::{Commands, Finding, News, Pace, Subject, knock};
use crate::sys::limits::Limit;

/// So many connections are tried at the same time.
const KNOCKS_MAX: usize = 64;

/// So many threads look at files at the same time.
const THREADS_MAX: usize = 16;

/// All of them.
#[derive(Debug)]
pub(crate) struct Probes {
    tasks: BTreeMap<ProgramName, Task>,
    /// Those that a command looks at.
    pub(crate) commands: Commands,
    knocks_max: usize,
    knocks: Arc<Semaphore>,
    threads: Arc<Semaphore>,
    sender: UnboundedSender<(Subject, Finding)>,
    findings: UnboundedReceiver<(Subject, Finding)>,
    /// Facts that nobody has taken yet.
    found: Vec<Observation>,
}

/// A look that waits in the loop, and ends when this is dropped.
#[derive(Debug)]
struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Probes {
    /// Nobody is looked at yet. `open_files` is the limit that holds for us: of a small one looks
    /// take a small part.
    pub(crate) fn new(open_files: Option<Limit>) -> Self {
        let knocks = open_files.map_or(KNOCKS_MAX, |limit| {
            let share = usize::try_from(limit.hard / 32).unwrap_or(KNOCKS_MAX);
            share.clamp(1, KNOCKS_MAX)
        });
        let (sender, findings) = unbounded_channel();
        Self {
            tasks: BTreeMap::new(),
            commands: Commands::default(),
            knocks_max: knocks,
            knocks: Arc::new(Semaphore::new(knocks)),
            threads: Arc::new(Semaphore::new(THREADS_MAX)),
            sender,
            findings,
            found: Vec::new(),
        }
    }

    /// Looks at a start from now on. It takes the place of an earlier one of the same program.
    /// Nothing is to be done here where the program speaks for itself, or its log does.
    pub(crate) fn begin(&mut self, spec: &Arc<ProgramSpec>, generation: Generation, started: Mono) {
        self.end(&spec.name);
        let Some(ready) = &spec.policy.ready else {
            return;
        };
        let subject = Subject {
            name: spec.name.clone(),
            generation,
        };
        let look = match &ready.when {
            Condition::Notify | Condition::Log(_) => return,
            Condition::Exec(args) => {
                return self
                    .commands
                    .begin(subject, spec, args.clone(), Pace::of(ready));
            }
            Condition::File(path) => {
                let threads = Arc::clone(&self.threads);
                Look::File(Awaited::new(path.clone(), started, threads))
            }
            Condition::Tcp(endpoint) => Look::Port(endpoint.clone()),
            Condition::Http(page) => Look::Page(page.clone()),
        };
        let task = again_and_again(
            subject,
            look,
            Pace::of(ready),
            Arc::clone(&self.knocks),
            self.sender.clone(),
        );
        let task = Task(tokio::spawn(task).abort_handle());
        self.tasks.insert(spec.name.clone(), task);
    }

    /// How many descriptors looks need at most.
    pub(crate) fn descriptors(&self) -> usize {
        self.tasks.len().min(self.knocks_max)
    }

    /// Looks at a program no more.
    pub(crate) fn end(&mut self, name: &ProgramName) {
        self.tasks.remove(name);
        self.commands.end(name);
    }

    /// What its log has shown.
    pub(crate) fn found(&mut self, subject: &Subject, finding: Finding) {
        self.found.push(subject.observe(finding));
    }

    /// Waits until something was found.
    pub(crate) async fn changed(&mut self) {
        if let Some((subject, finding)) = self.findings.recv().await {
            self.found(&subject, finding);
        }
    }

    /// All that was found.
    pub(crate) fn take(&mut self) -> Vec<Observation> {
        while let Ok((subject, finding)) = self.findings.try_recv() {
            self.found(&subject, finding);
        }
        std::mem::take(&mut self.found)
    }
}

/// What is looked at again and again.
enum Look {
    Port(Endpoint),
    Page(Page),
    File(Awaited),
}

async fn again_and_again(
    subject: Subject,
    mut look: Look,
    mut pace: Pace,
    knocks: Arc<Semaphore>,
    sender: UnboundedSender<(Subject, Finding)>,
) {
    let mut news = News::default();
    loop {
        let place = if look.is_far() {
            // It is closed by nobody.
            knocks.acquire().await.ok()
        } else {
            None
        };
        let once = tokio::time::timeout(pace.patience(), look.once()).await;
        drop(place);
        let finding = once.unwrap_or_else(|_| Err(pace.gave_up()));
        let is_over = finding.is_ok();
        if let Some(finding) = news.take(finding) {
            // It fails only when the loop is gone, and then nobody wants to know.
            let _gone = sender.send((subject.clone(), finding));
        }
        if is_over {
            return;
        }
        let pause: Duration = pace.next();
        tokio::time::sleep(pause).await;
    }
}

impl Look {
    /// Whether it waits for somebody elsewhere.
    fn is_far(&self) -> bool {
        match self {
            Self::Port(_) | Self::Page(_) => true,
            Self::File(_) => false,
        }
    }

    async fn once(&mut self) -> Finding {
        match self {
            Self::Port(endpoint) => knock::knock(endpoint).await,
            Self::Page(page) => knock::ask(page).await,
            Self::File(file) => file.look().await,
        }
    }
}
