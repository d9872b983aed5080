//! Why a system call has failed, in words for people.

use std::io;

/// An I/O error in words alone, without the number that Rust puts behind them: `No such file or
/// directory`.
#[must_use]
pub fn in_words(error: &io::Error) -> String {
    let said = error.to_string();
    let number = error.raw_os_error();
    let tail = number.map(|number| format!(" (os error {number})"));
    let words = tail.and_then(|tail| said.strip_suffix(&tail).map(str::to_owned));
    words.unwrap_or(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_stand_alone() {
        let words = |number| in_words(&io::Error::from_raw_os_error(number));
        assert_eq!(words(2), "No such file or directory");
        assert_eq!(words(13), "Permission denied");
        assert_eq!(
            in_words(&io::Error::other("it was replaced")),
            "it was replaced"
        );
    }
}
