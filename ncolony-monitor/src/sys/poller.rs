//! Waiting for many descriptors at once, outside the loop that decides.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The token of the waker.
const WAKER: u64 = u64::MAX;

/// A set of descriptors to wait for, each with a token.
#[derive(Debug)]
pub(crate) struct Poller {
    epoll: Epoll,
    waker: EventFd,
}

/// The set itself can be waited for: it is ready when something in it is.
impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}

impl AsRawFd for Poller {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

impl Poller {
    /// An empty set.
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let waker = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        epoll.add(&waker, EpollEvent::new(EpollFlags::EPOLLIN, WAKER))?;
        Ok(Self { epoll, waker })
    }

    /// Makes it something that the loop can wait for. To be called where the loop's runtime can be
    /// reached.
    fn in_loop(self) -> io::Result<AsyncFd<Self>> {
        // SAFETY: the number is that of the set that we own, and stays so while we live.
        Ok(unsafe { AsyncFd::register_with_interest(self, Interest::READABLE) }?)
    }

    /// Tells from now on when more has come into `fd`, and when its last writer has gone: once
    /// each time, so that what is left in it, and a writer that stays away, wake nobody again.
    pub(crate) fn add_news(&self, fd: &impl AsFd, token: u64) -> io::Result<()> {
        let when = EpollFlags::EPOLLIN | EpollFlags::EPOLLET;
        Ok(self.epoll.add(fd, EpollEvent::new(when, token))?)
    }

    /// Waits for so long, unless somebody wakes us.
    pub(crate) fn pause(&self, span: std::time::Duration) {
        let mut fds = [PollFd::new(self.waker.as_fd(), PollFlags::POLLIN)];
        // A signal may cut it short; it was only to save work.
        let _cut_short = nix::poll::ppoll(&mut fds, Some(TimeSpec::from(span)), None);
    }

    /// Ends a wait that goes on in another thread.
    pub(crate) fn wake(&self) {
        // It fails only when the counter is full, and then the waiter is being woken anyway.
        let _full = self.waker.write(1);
    }

    /// Waits, for at most `timeout_ms` if given, and puts the tokens that are ready into `ready`.
    pub(crate) fn wait(&self, timeout_ms: Option<u16>, ready: &mut Vec<u64>) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); 64];
        let timeout = timeout_ms.map_or(EpollTimeout::NONE, EpollTimeout::from);
        ready.clear();
        let count = match self.epoll.wait(&mut events, timeout) {
            Ok(count) => count,
            Err(Errno::EINTR) => 0,
            Err(errno) => return Err(errno.into()),
        };
        for event in &events[..count] {
            if event.data() == WAKER {
                let _empty = self.waker.read();
            } else {
                ready.push(event.data());
            }
        }
        Ok(())
    }
}

/// Descriptors that tell the loop when there is news of them, each with a token. The set is made
/// when the first comes.
#[derive(Debug, Default)]
pub(crate) struct News {
    poller: Option<AsyncFd<Poller>>,
}

impl News {
    /// Watches one more. To be called where the loop's runtime can be reached.
    ///
    /// # Errors
    /// The kernel has no room to watch it.
    pub(crate) fn add(&mut self, fd: &impl AsFd, token: u64) -> io::Result<()> {
        if self.poller.is_none() {
            self.poller = Some(Poller::new()?.in_loop()?);
        }
        match &self.poller {
            Some(poller) => poller.get_ref().add_news(fd, token),
            None => Ok(()),
        }
    }

    /// Waits until there is news.
    pub(crate) async fn changed(&self) {
        match &self.poller {
            Some(poller) => {
                if let Ok(mut ready) = poller.readable().await {
                    ready.clear_ready();
                }
            }
            None => std::future::pending().await,
        }
    }

    /// The tokens of those of which there is news, or of some of them; none where that cannot be
    /// asked now.
    pub(crate) fn take(&self) -> Vec<u64> {
        let mut ready = Vec::new();
        if let Some(poller) = &self.poller {
            let _asked_again_later = poller.get_ref().wait(Some(0), &mut ready);
        }
        ready
    }
}
