//! The threads that make checks.

use std::io;
use std::sync::mpsc::{Receiver, SendError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Something to do, for whoever is free.
type Job = Box<dyn FnOnce() + Send>;

/// Threads, made when they are needed and kept: as many as have ever had something to do at the
/// same time, and never more than was said.
#[derive(Debug)]
pub(crate) struct Crew {
    most: usize,
    members: usize,
    busy: usize,
    handing_out: Sender<Job>,
    jobs: Arc<Mutex<Receiver<Job>>>,
}

impl Crew {
    /// Of at most so many.
    pub(crate) fn of_at_most(most: usize) -> Self {
        let (handing_out, jobs) = channel();
        Self {
            most,
            members: 0,
            busy: 0,
            handing_out,
            jobs: Arc::new(Mutex::new(jobs)),
        }
    }

    /// How many more can be given something to do.
    pub(crate) fn free(&self) -> usize {
        self.most.saturating_sub(self.busy)
    }

    /// Gives somebody something to do. The caller is told by the job itself when it is done, and
    /// says so by [`Crew::is_done`].
    ///
    /// # Errors
    /// There is nobody to do it, and the kernel gives no further thread.
    pub(crate) fn work(&mut self, job: impl FnOnce() + Send + 'static) -> io::Result<()> {
        if self.busy >= self.members {
            let jobs = Arc::clone(&self.jobs);
            thread::Builder::new()
                .name("check".into())
                .spawn(move || serve(&jobs))?;
            self.members += 1;
        }
        let handed_out = self.handing_out.send(Box::new(job));
        handed_out.map_err(|SendError(_)| io::Error::from(io::ErrorKind::BrokenPipe))?;
        self.busy += 1;
        Ok(())
    }

    /// A job has been done.
    pub(crate) fn is_done(&mut self) {
        self.busy = self.busy.saturating_sub(1);
    }
}

/// What a member does, until the crew is no more.
fn serve(jobs: &Mutex<Receiver<Job>>) {
    loop {
        // Whoever holds the lock takes the next job; it is held while waiting, and by one only.
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        job();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Barrier;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn who_is_free_is_used_again_and_another_is_made_only_for_more_at_a_time() {
        let mut crew = Crew::of_at_most(2);
        let (saying, said) = channel();
        let mut threads = HashSet::new();
        for _ in 0..10 {
            let saying = saying.clone();
            crew.work(move || saying.send(thread::current().id()).unwrap())
                .unwrap();
            assert_eq!(crew.free(), 1);
            threads.insert(said.recv().unwrap());
            crew.is_done();
        }
        assert_eq!((threads.len(), crew.free()), (1, 2));

        let meeting = Arc::new(Barrier::new(3));
        for _ in 0..2 {
            let meeting = Arc::clone(&meeting);
            crew.work(move || {
                meeting.wait();
            })
            .unwrap();
        }
        assert_eq!(crew.free(), 0);
        meeting.wait();
    }

    #[test]
    fn nobody_stays_when_the_crew_is_no_more() {
        let mut crew = Crew::of_at_most(1);
        let jobs = Arc::downgrade(&crew.jobs);
        crew.work(|| {}).unwrap();
        drop(crew);
        let deadline = Instant::now() + Duration::from_secs(60);
        while jobs.upgrade().is_some() {
            assert!(Instant::now() < deadline, "a thread waits for ever");
            thread::yield_now();
        }
    }
}
