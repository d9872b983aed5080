//! The sockets that programs speak to the monitor through, as `sd_notify(3)` does: datagrams, each
//! with the number and the user of its sender, which the kernel vouches for.

use std::ffi::c_int;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// No datagram may be longer: it is systemd's limit too.
pub(crate) const DATAGRAM_BYTES: usize = 4096;

/// Room for the sender's credentials and for nothing else: descriptors that are sent along have
/// no place, and the kernel closes them.
type Control = [u64; 4];

/// What was found in a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// Nothing for now.
    Nothing,
    /// Something that cannot be used: it is too long, or nobody vouches for its sender.
    Useless,
    /// A datagram of so many bytes.
    Datagram {
        /// How long it is.
        length: usize,
        /// The sender's number, as we see it; 0 where we cannot.
        pid: u32,
        /// The sender's user.
        uid: u32,
    },
}

/// Opens a socket at this address, which nobody may have.
pub(crate) fn bind(address: &SocketAddr) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::bind_addr(address)?;
    socket.set_nonblocking(true)?;
    let on: c_int = 1;
    let length = libc::socklen_t::try_from(size_of::<c_int>()).unwrap_or_default();
    let (level, option) = (libc::SOL_SOCKET, libc::SO_PASSCRED);
    // SAFETY: the kernel reads the bytes of one number.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const on).cast(),
            length,
        )
    };
    if set < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(socket)
}

/// Takes the next datagram out of a socket.
pub(crate) fn receive(
    socket: &UnixDatagram,
    buffer: &mut [u8; DATAGRAM_BYTES],
) -> io::Result<Received> {
    let mut control: Control = [0; 4];
    let mut part = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: DATAGRAM_BYTES,
    };
    // SAFETY: a header of zeroes is valid, and means that nothing is wanted.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = size_of::<Control>() as _;
    let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
    // SAFETY: the kernel writes at most as much as the header says there is room for.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) };
    let Ok(length) = usize::try_from(length) else {
        let error = io::Error::last_os_error();
        let nothing = matches!(
            error.kind(),
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
        );
        return if nothing {
            Ok(Received::Nothing)
        } else {
            Err(error)
        };
    };
    let whole = header.msg_flags & libc::MSG_TRUNC == 0;
    Ok(match sender(&header).filter(|_| whole) {
        Some((pid, uid)) => Received::Datagram { length, pid, uid },
        None => Received::Useless,
    })
}

/// The number and the user of whoever has sent it.
fn sender(header: &libc::msghdr) -> Option<(u32, u32)> {
    // SAFETY: the header is the one that the kernel has just filled in, and what it points to is
    // still there.
    let credentials = unsafe {
        let first = libc::CMSG_FIRSTHDR(header);
        let first = first.as_ref()?;
        let is_sender =
            first.cmsg_level == libc::SOL_SOCKET && first.cmsg_type == libc::SCM_CREDENTIALS;
        is_sender.then(|| {
            libc::CMSG_DATA(first)
                .cast::<libc::ucred>()
                .read_unaligned()
        })?
    };
    Some((u32::try_from(credentials.pid).ok()?, credentials.uid))
}

/// The session that a process is in; `None`: it is not there any more, or cannot be seen.
pub(crate) fn session_of(pid: u32) -> Option<u32> {
    let pid = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 0)?;
    // SAFETY: the call takes a number and touches no memory of ours.
    u32::try_from(unsafe { libc::getsid(pid) }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (UnixDatagram, UnixDatagram) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        let socket = bind(&SocketAddr::from_pathname(&path).unwrap()).unwrap();
        let client = UnixDatagram::unbound().unwrap();
        client.connect(&path).unwrap();
        (socket, client)
    }

    #[test]
    fn a_datagram_comes_with_its_sender() {
        let (socket, client) = pair();
        let mut buffer = [0; DATAGRAM_BYTES];
        assert_eq!(receive(&socket, &mut buffer).unwrap(), Received::Nothing);
        for text in ["READY=1", ""] {
            client.send(text.as_bytes()).unwrap();
            let received = receive(&socket, &mut buffer).unwrap();
            let Received::Datagram { length, pid, uid } = received else {
                panic!("{received:?}");
            };
            assert_eq!(&buffer[..length], text.as_bytes());
            assert_eq!(
                (pid, uid),
                (std::process::id(), super::super::limits::own_user())
            );
        }
    }

    #[test]
    fn one_that_is_too_long_is_of_no_use_and_harms_nobody() {
        let (socket, client) = pair();
        let mut buffer = [0; DATAGRAM_BYTES];
        client.send(&[b'x'; DATAGRAM_BYTES + 1]).unwrap();
        client.send(&[b'x'; DATAGRAM_BYTES]).unwrap();
        assert_eq!(receive(&socket, &mut buffer).unwrap(), Received::Useless);
        let next = receive(&socket, &mut buffer).unwrap();
        assert!(
            matches!(
                next,
                Received::Datagram {
                    length: DATAGRAM_BYTES,
                    ..
                }
            ),
            "{next:?}"
        );
    }

    #[test]
    fn a_process_that_is_gone_is_in_no_session() {
        assert!(session_of(std::process::id()).is_some());
        assert_eq!(session_of(u32::MAX), None);
        assert_eq!(session_of(0), None, "0 would mean ourselves");
    }
}
