//! Sockets that are listened on for programs: made, looked at, and never read from here.

use std::ffi::c_int;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ncolony_core::descriptor::{Address, Host};
use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// As many connections may wait as the kernel allows; it cuts this down to its own limit.
const BACKLOG: c_int = c_int::MAX;

/// More than any address has.
const ADDRESS_BYTES: usize = 128;

/// An address as the kernel takes it and gives it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    family: c_int,
    bytes: Vec<u8>,
    /// Of IPv6: whether it leaves IPv4 alone.
    only_ipv6: Option<bool>,
}

/// What proves that a path still leads to the same file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

impl Name {
    /// The kernel's words for an address. "All" is one socket for IPv6 and IPv4 where this machine
    /// has IPv6, else one for IPv4.
    pub(crate) fn of(address: &Address) -> Self {
        match address {
            Address::Unix { path, .. } => Self::unix(path),
            Address::Tcp { host, port } => match host {
                Host::All if has_ipv6() => Self::ipv6(Ipv6Addr::UNSPECIFIED, *port, false),
                Host::All => Self::ipv4(Ipv4Addr::UNSPECIFIED, *port),
                Host::Localhost => Self::ipv4(Ipv4Addr::LOCALHOST, *port),
                Host::Ip(IpAddr::V4(ip)) => Self::ipv4(*ip, *port),
                Host::Ip(IpAddr::V6(ip)) => Self::ipv6(*ip, *port, true),
            },
        }
    }

    /// `sockaddr_un`: the family and the path with the byte that ends it.
    fn unix(path: &Path) -> Self {
        let path = [path.as_os_str().as_bytes(), &[0]].concat();
        Self::new(libc::AF_UNIX, &[&path], None)
    }

    /// `sockaddr_in`: the family, the port, the address and eight bytes that fill up.
    fn ipv4(ip: Ipv4Addr, port: u16) -> Self {
        let parts: [&[u8]; 3] = [&port.to_be_bytes(), &ip.octets(), &[0; 8]];
        Self::new(libc::AF_INET, &parts, None)
    }

    /// `sockaddr_in6`: the family, the port, a flow, the address and a scope.
    fn ipv6(ip: Ipv6Addr, port: u16, only: bool) -> Self {
        let parts: [&[u8]; 4] = [&port.to_be_bytes(), &[0; 4], &ip.octets(), &[0; 4]];
        Self::new(libc::AF_INET6, &parts, Some(only))
    }

    fn new(family: c_int, parts: &[&[u8]], only_ipv6: Option<bool>) -> Self {
        // Families are small numbers that the kernel keeps in sixteen bits.
        let number = u16::try_from(family).unwrap_or_default().to_ne_bytes();
        Self {
            family,
            bytes: [&number, parts.concat().as_slice()].concat(),
            only_ipv6,
        }
    }

    fn length(&self) -> libc::socklen_t {
        libc::socklen_t::try_from(self.bytes.len()).unwrap_or_default()
    }
}

fn has_ipv6() -> bool {
    let made = new_socket(libc::AF_INET6);
    !made.is_err_and(|error| error.raw_os_error() == Some(libc::EAFNOSUPPORT))
}

fn new_socket(family: c_int) -> io::Result<OwnedFd> {
    // SAFETY: the call takes three numbers; what it returns is checked below.
    let number = unsafe { libc::socket(family, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    check(number)?;
    // SAFETY: the kernel has just given us this descriptor, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

fn check(result: c_int) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// A socket that has its name and does not listen yet. Until its mode is set, nobody but its owner
/// may use the file of a Unix socket.
pub(crate) fn bind(name: &Name) -> io::Result<OwnedFd> {
    let socket = new_socket(name.family)?;
    if name.family == libc::AF_UNIX {
        // The file that the name makes has the mode of the socket, less the mask.
        nix::sys::stat::fchmod(&socket, nix::sys::stat::Mode::S_IRUSR)?;
    } else {
        // What an earlier owner of the port left behind is no reason to wait.
        set_option(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    }
    if let Some(only) = name.only_ipv6 {
        set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, only.into())?;
    }
    let bytes = name.bytes.as_ptr().cast();
    // SAFETY: the kernel reads as many bytes as we say, and the name has them.
    check(unsafe { libc::bind(socket.as_raw_fd(), bytes, name.length()) })?;
    Ok(socket)
}

/// From here on connections are taken in, and wait for the program.
pub(crate) fn listen(socket: &OwnedFd) -> io::Result<()> {
    // SAFETY: the call takes two numbers.
    check(unsafe { libc::listen(socket.as_raw_fd(), BACKLOG) })
}

/// Whether somebody listens at the name of a Unix socket. It is asked by knocking, without waiting
/// for an answer.
pub(crate) fn is_answered(name: &Name) -> io::Result<bool> {
    let socket = new_socket(name.family)?;
    fcntl(&socket, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    let bytes = name.bytes.as_ptr().cast();
    // SAFETY: the kernel reads as many bytes as we say, and the name has them.
    let connected = check(unsafe { libc::connect(socket.as_raw_fd(), bytes, name.length()) });
    match connected {
        Ok(()) => Ok(true),
        Err(error) => match error.raw_os_error() {
            Some(libc::ECONNREFUSED | libc::ENOENT) => Ok(false),
            // Its queue is full, or it is no stream: somebody has it all the same.
            Some(libc::EAGAIN | libc::EPROTOTYPE) => Ok(true),
            Some(_) | None => Err(error),
        },
    }
}

/// Whether a descriptor is a socket that listens, at this name.
pub(crate) fn listens_at(socket: BorrowedFd<'_>, name: &Name) -> bool {
    let only_ipv6 = |socket| option(socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY);
    option(socket, libc::SOL_SOCKET, libc::SO_ACCEPTCONN) == Some(1)
        && option(socket, libc::SOL_SOCKET, libc::SO_TYPE) == Some(libc::SOCK_STREAM)
        && name_of(socket).is_some_and(|bytes| bytes == name.bytes)
        && name
            .only_ipv6
            .is_none_or(|only| only_ipv6(socket) == Some(only.into()))
}

/// The path that a Unix socket was bound to.
pub(crate) fn path_of(socket: BorrowedFd<'_>) -> Option<PathBuf> {
    let bytes = name_of(socket)?;
    let family = u16::from_ne_bytes([*bytes.first()?, *bytes.get(1)?]);
    let path = bytes.get(2..)?.split(|byte| *byte == 0).next()?;
    let is_path = c_int::from(family) == libc::AF_UNIX && path.first() == Some(&b'/');
    is_path.then(|| PathBuf::from(std::ffi::OsString::from_vec(path.to_vec())))
}

/// Makes a socket wait when there is no connection, as a new one does: a program may have left it
/// otherwise for its successor.
pub(crate) fn make_waiting(socket: &OwnedFd) -> io::Result<()> {
    let flags = OFlag::from_bits_truncate(fcntl(socket, FcntlArg::F_GETFL)?);
    if flags.contains(OFlag::O_NONBLOCK) {
        fcntl(socket, FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK))?;
    }
    Ok(())
}

fn name_of(socket: BorrowedFd<'_>) -> Option<Vec<u8>> {
    let mut bytes = vec![0_u8; ADDRESS_BYTES];
    let mut length = libc::socklen_t::try_from(ADDRESS_BYTES).ok()?;
    let room = bytes.as_mut_ptr().cast();
    // SAFETY: the kernel writes at most as many bytes as we say there are.
    check(unsafe { libc::getsockname(socket.as_raw_fd(), room, &raw mut length) }).ok()?;
    bytes.truncate(usize::try_from(length).ok()?);
    Some(bytes)
}

const NUMBER_BYTES: libc::socklen_t = 4;

fn option(socket: BorrowedFd<'_>, level: c_int, option: c_int) -> Option<c_int> {
    let mut value: c_int = 0;
    let mut length = NUMBER_BYTES;
    let room = (&raw mut value).cast();
    let socket = socket.as_raw_fd();
    // SAFETY: the kernel writes at most the four bytes of the number.
    check(unsafe { libc::getsockopt(socket, level, option, room, &raw mut length) }).ok()?;
    Some(value)
}

fn set_option(socket: &OwnedFd, level: c_int, option: c_int, value: c_int) -> io::Result<()> {
    let value = (&raw const value).cast();
    // SAFETY: the kernel reads the four bytes of the number.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, value, NUMBER_BYTES) })
}

/// Which file of a socket may be given to a program's user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Nobody but us could have put it there.
    Anybodys,
    /// Others could have, and it was made just now: it is root's, and has no other name.
    Roots,
    /// It is this one, which was ours before.
    Known(FileId),
}

/// Gives the file of a Unix socket its mode and its owner; `None` leaves ours. The file is held
/// meanwhile, so that nothing that is put in its place gets them.
///
/// # Errors
/// It is not there, is no socket, or cannot be given away.
pub(crate) fn give_file(
    path: &Path,
    mode: u32,
    (uid, gid): (Option<u32>, Option<u32>),
    whose: Whose,
) -> io::Result<FileId> {
    let mut options = OpenOptions::new();
    options.read(true);
    options.custom_flags(libc::O_PATH | libc::O_NOFOLLOW);
    let file = options.open(path)?;
    let found = file.metadata()?;
    let id = FileId::of(&found).ok_or_else(not_a_socket)?;
    let is_ours = match whose {
        Whose::Anybodys => true,
        Whose::Roots => found.nlink() == 1 && found.uid() == 0,
        Whose::Known(known) => id == known,
    };
    if !is_ours {
        return Err(io::Error::other(
            "others than root can write its directory, and have put a socket of their own there",
        ));
    }
    let held = by_number(&file);
    fs::set_permissions(&held, Permissions::from_mode(mode))?;
    if uid.is_some() || gid.is_some() {
        std::os::unix::fs::chown(&held, uid, gid)?;
    }
    Ok(id)
}

/// A path that leads to what is open, whatever its name leads to by now.
fn by_number(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// The error that says that a file is no socket.
pub(crate) fn not_a_socket() -> io::Error {
    io::Error::from_raw_os_error(libc::ENOTSOCK)
}

impl FileId {
    /// The socket that a path leads to, if it leads to one.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        Self::of(&fs::symlink_metadata(path).ok()?)
    }

    fn of(metadata: &fs::Metadata) -> Option<Self> {
        metadata.file_type().is_socket().then(|| Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }
}

/// The numbers of those descriptors of a process that are sockets.
///
/// # Errors
/// We may not look.
pub(crate) fn sockets_of(pid: u32) -> io::Result<Vec<RawFd>> {
    let directory = format!("/proc/{pid}/fd");
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let is_socket = fs::read_link(entry.path())
            .is_ok_and(|target| target.as_os_str().as_bytes().starts_with(b"socket:["));
        if is_socket && let Some(number) = entry.file_name().to_str() {
            numbers.extend(number.parse::<RawFd>());
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Whether an error says that the name is taken.
pub(crate) fn is_taken(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EADDRINUSE)
}

/// What the errno alone does not say of an address that cannot be had.
pub(crate) fn hint(address: &Address, error: &io::Error) -> &'static str {
    match (error.raw_os_error(), address) {
        (Some(libc::EADDRINUSE), _) => "; something listens there already, `ss -lp` shows what",
        (Some(libc::EADDRNOTAVAIL), _) => "; no interface of this machine has this address",
        (Some(libc::EACCES), Address::Tcp { .. }) => {
            "; a port below 1024 needs root or the capability CAP_NET_BIND_SERVICE"
        }
        (Some(libc::ENOTSOCK), _) => "; what is there is no socket, so remove it first",
        (Some(libc::ENOENT), _) => "; its directory must be there before",
        (Some(libc::EPERM), _) => "; its file cannot be given to the program's user",
        (Some(_) | None, _) => "",
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn names_are_what_the_kernel_gives_back() {
        let any = Name::ipv6(Ipv6Addr::UNSPECIFIED, 0, false);
        let addresses = [
            Name::ipv4(Ipv4Addr::LOCALHOST, 0),
            Name::ipv4(Ipv4Addr::UNSPECIFIED, 0),
            any,
            Name::ipv6(Ipv6Addr::UNSPECIFIED, 0, true),
        ];
        for name in addresses
            .iter()
            .filter(|name| name.only_ipv6.is_none() || has_ipv6())
        {
            let socket = bind(name).unwrap();
            // The kernel has chosen a port.
            let mut given = name.clone();
            given.bytes[2..4].copy_from_slice(&name_of(socket.as_fd()).unwrap()[2..4]);
            assert!(
                !listens_at(socket.as_fd(), &given),
                "it does not listen yet"
            );
            listen(&socket).unwrap();
            assert!(listens_at(socket.as_fd(), &given), "{given:?}");
            assert!(!listens_at(socket.as_fd(), name), "{name:?}");
            if let Some(only) = given.only_ipv6 {
                given.only_ipv6 = Some(!only);
                assert!(!listens_at(socket.as_fd(), &given), "{given:?}");
            }
            assert_eq!(path_of(socket.as_fd()), None);
        }
    }

    #[test]
    fn a_unix_socket_has_a_file_and_is_answered_while_it_listens() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        let name = Name::unix(&path);
        let socket = bind(&name).unwrap();
        let id = give_file(&path, 0o640, (None, None), Whose::Anybodys).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        assert_eq!(FileId::at(&path), Some(id));
        assert!(!is_answered(&name).unwrap());
        listen(&socket).unwrap();
        assert!(is_answered(&name).unwrap() && listens_at(socket.as_fd(), &name));
        assert_eq!(path_of(socket.as_fd()), Some(path.clone()));
        assert!(
            sockets_of(std::process::id())
                .unwrap()
                .contains(&socket.as_raw_fd())
        );
        drop(socket);
        // A process that another test is just starting holds it until it executes.
        let is_closed = |_| !is_answered(&name).unwrap();
        assert!((0..100_000).any(is_closed));
        fs::remove_file(&path).unwrap();
        fs::write(&path, "words").unwrap();
        let error = give_file(&path, 0o600, (None, None), Whose::Anybodys).unwrap_err();
        let address = Address::Unix {
            path: path.clone(),
            mode: 0o600,
        };
        assert!(hint(&address, &error).contains("no socket"));
        assert_eq!(FileId::at(&path), None);
    }

    #[test]
    fn what_a_program_did_to_its_socket_is_taken_back() {
        let socket = bind(&Name::ipv4(Ipv4Addr::LOCALHOST, 0)).unwrap();
        fcntl(&socket, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        make_waiting(&socket).unwrap();
        let flags = OFlag::from_bits_truncate(fcntl(&socket, FcntlArg::F_GETFL).unwrap());
        assert!(!flags.contains(OFlag::O_NONBLOCK));
    }
}
