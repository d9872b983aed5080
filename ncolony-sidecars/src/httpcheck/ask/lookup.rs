//! Looks up the names of servers, and takes no longer than it may: on a thread of its own, because
//! the C library cannot be told to stop.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::vec::IntoIter;

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use crate::sys::errno;

/// The most addresses of a name that are tried.
const ADDRESSES_MAX: usize = 16;

/// Looks up names, as the client's own resolver does, which panics where there can be no thread.
#[derive(Debug)]
pub(super) struct Lookup;

/// There can be no thread: that says nothing about a server.
#[derive(Debug)]
pub(super) struct NoThread(io::Error);

impl NoThread {
    /// What the kernel said.
    pub(super) fn because(error: io::Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for NoThread {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = errno::of(&self.0);
        write!(
            formatter,
            "no thread can be made to look up its name: {why}"
        )
    }
}

impl std::error::Error for NoThread {}

impl Resolver for Lookup {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let parts = uri.scheme().zip(uri.authority());
        let name = parts.and_then(|(scheme, at)| DefaultResolver::host_and_port(scheme, at));
        let name = name.ok_or(Error::HostNotFound)?;
        let mut all = self.empty();
        let found = addresses(name, timeout)?;
        for address in config.ip_family().keep_wanted(found).take(ADDRESSES_MAX) {
            all.push(address);
        }
        if all.is_empty() {
            return Err(Error::HostNotFound);
        }
        Ok(all)
    }
}

fn addresses(name: String, timeout: NextTimeout) -> Result<IntoIter<SocketAddr>, Error> {
    let (tell, told) = sync_channel(1);
    let look = move || {
        // Nobody may want to know any more.
        let _unheard = tell.send(name.to_socket_addrs());
    };
    let made = thread::Builder::new().name("lookup".into()).spawn(look);
    made.map_err(|error| Error::Other(Box::new(NoThread::because(error))))?;
    let found = told.recv_timeout(*timeout.after);
    Ok(found.map_err(|_| Error::Timeout(timeout.reason))??)
}
