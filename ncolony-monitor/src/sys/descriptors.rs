//! Descriptors by number: those that were open when this process was executed, and those that stay
//! open when it is replaced.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// The name that the memory of a state has, for whoever looks into `/proc`.
const STATE: &std::ffi::CStr = c"ncolony-state";

/// Takes a descriptor that was open when this process was executed. `None`: there is none of this
/// number. To be called once for each.
pub(crate) fn adopt(number: RawFd) -> Option<OwnedFd> {
    if number <= 2 || fs::symlink_metadata(format!("/proc/self/fd/{number}")).is_err() {
        return None;
    }
    // SAFETY: the descriptor is open, it was before this process began, and whoever handed it over
    // names it to one taker only.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Whether this descriptor is memory that holds a state.
pub(crate) fn is_state(fd: &OwnedFd) -> bool {
    let path = fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()));
    let name = STATE.to_string_lossy();
    path.is_ok_and(|path| {
        path.to_string_lossy()
            .starts_with(&format!("/memfd:{name}"))
    })
}

/// Closes all descriptors but the standard ones. To be called before this process has opened
/// anything.
pub(crate) fn close_all() {
    // SAFETY: nobody in this process holds yet what it closes.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
    if closed == 0 {
        return;
    }
    // Kernels before 5.9 do not know the call; there we ask for what is open.
    let open = fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .flatten();
    let numbers = open.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    for number in numbers.filter(|number| *number > 2_i32).collect::<Vec<_>>() {
        // SAFETY: as above. That of the directory itself is closed by now.
        unsafe { libc::close(number) };
    }
}

/// Puts a text into memory that has a descriptor.
pub(crate) fn memory_of(text: &[u8]) -> io::Result<File> {
    // SAFETY: the name is a string that ends in NUL; what the call returns is checked.
    let fd = unsafe { libc::memfd_create(STATE.as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given us this descriptor, and nobody else has it.
    let mut file = File::from(unsafe { OwnedFd::from_raw_fd(fd) });
    file.write_all(text)?;
    file.rewind()?;
    Ok(file)
}

/// Has a descriptor stay open when this process is replaced, or not. One that is not open is left
/// alone.
pub(crate) fn keep_over_exec(number: RawFd, keep: bool) {
    let flags = if keep { 0 } else { libc::FD_CLOEXEC };
    // SAFETY: setting a flag on a descriptor, open or not, touches no memory of ours.
    unsafe { libc::fcntl(number, libc::F_SETFD, flags) };
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::IntoRawFd;

    use super::*;

    #[test]
    fn a_state_is_known_by_its_name() {
        let state = memory_of(b"some text").unwrap().into_raw_fd();
        let state = adopt(state).unwrap();
        assert!(is_state(&state));
        let mut text = String::new();
        File::from(state).read_to_string(&mut text).unwrap();
        assert_eq!(text, "some text");
        let other = tempfile::tempfile().unwrap();
        assert!(!is_state(&other.into()));
        assert!(adopt(1).is_none() && adopt(1_000_000).is_none());
    }
}
