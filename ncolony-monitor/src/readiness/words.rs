//! What a program says of itself, as `sd_notify(3)` puts it: lines of `KEY=VALUE`.
//!
//! It comes from a program and is believed as far as it goes: what is not understood is passed
//! over, and nothing that it says is longer than is shown.
//!
//! `MAINPID=` is passed over too: the main process of a program is the one that was executed, whose
//! end is its end. `BARRIER=1` needs no answer: the descriptor that it comes with is closed when it
//! is read, and all that was said before it has been heard by then.

use std::time::Duration;

use ncolony_core::colony::Word;

/// No more of a status is shown, in characters.
const STATUS_CHARS: usize = 200;

/// No more lines of one datagram are looked at.
const LINES_MAX: usize = 64;

/// The words of one datagram, in order.
pub(super) fn words(datagram: &[u8]) -> Vec<Word> {
    let lines = datagram.split(|byte| *byte == b'\n');
    lines.take(LINES_MAX).filter_map(word).collect()
}

fn word(line: &[u8]) -> Option<Word> {
    let equals = line.iter().position(|byte| *byte == b'=')?;
    let (key, value) = (&line[..equals], &line[equals + 1..]);
    match (key, value) {
        (b"READY", b"1") => Some(Word::Ready),
        (b"RELOADING", b"1") => Some(Word::Reloading),
        (b"STOPPING", b"1") => Some(Word::Stopping),
        (b"WATCHDOG", b"1") => Some(Word::Well),
        (b"WATCHDOG", b"trigger") => Some(Word::Unwell),
        (b"STATUS", text) => Some(Word::Status(shown(text))),
        (b"EXTEND_TIMEOUT_USEC", number) => {
            let number = std::str::from_utf8(number).ok()?;
            let plain = number.bytes().all(|byte| byte.is_ascii_digit());
            let micros = number.parse().ok().filter(|_| plain)?;
            Some(Word::Extend(Duration::from_micros(micros)))
        }
        _ => None,
    }
}

/// A status for people: nothing in it moves a cursor or begins a new line.
fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    let calm = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(STATUS_CHARS).map(calm).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_heard_in_order() {
        let datagram = b"STATUS=warming up\nMAINPID=1\nREADY=1\nWATCHDOG=1\nX_OURS=\nWATCHDOG=trigger\nRELOADING=1\nSTOPPING=1\nEXTEND_TIMEOUT_USEC=1500000\n";
        let wanted = [
            Word::Status("warming up".to_owned()),
            Word::Ready,
            Word::Well,
            Word::Unwell,
            Word::Reloading,
            Word::Stopping,
            Word::Extend(Duration::from_millis(1500)),
        ];
        assert_eq!(words(datagram), wanted);
    }

    #[test]
    fn what_is_not_understood_is_passed_over() {
        let rubbish: [&[u8]; 10] = [
            b"",
            b"\n\n\n",
            b"READY",
            b"READY=0",
            b"READY=1\0",
            b"ready=1",
            b"=",
            b"\xff\xfe\0=\x80",
            b"EXTEND_TIMEOUT_USEC=-1",
            b"EXTEND_TIMEOUT_USEC=99999999999999999999",
        ];
        for datagram in rubbish {
            assert_eq!(words(datagram), [], "{datagram:?}");
        }
        assert_eq!(words(&[b'='; 4096]), []);
    }

    #[test]
    fn a_status_is_one_calm_line_of_bounded_length() {
        let status = |text: &[u8]| words(&[b"STATUS=", text].concat());
        let one = |text: &str| [Word::Status(text.to_owned())];
        assert_eq!(status(b" a\x1b[31mb\r "), one("a [31mb"));
        assert_eq!(status(b"a\xff"), one("a\u{fffd}"));
        assert_eq!(status(b""), one(""));
        let long = "ä".repeat(1000);
        assert_eq!(status(long.as_bytes()), one(&"ä".repeat(STATUS_CHARS)));
    }

    #[test]
    fn any_bytes_at_all_are_taken() {
        let mut seed = 1_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            seed.to_be_bytes()[0]
        };
        let keys: [&[u8]; 4] = [
            b"STATUS=",
            b"READY=1",
            b"WATCHDOG=",
            b"EXTEND_TIMEOUT_USEC=",
        ];
        for round in 0..2000_u32 {
            let mut datagram = Vec::new();
            for _part in 0..next() % 8 {
                datagram.extend_from_slice(keys[usize::from(next() % 4)]);
                datagram.extend((0..next() % 32).map(|_| next()));
                datagram.push(if next() < 128 { b'\n' } else { next() });
            }
            for word in words(&datagram) {
                if let Word::Status(text) = word {
                    let calm = text.chars().all(|c| !c.is_control());
                    assert!(
                        calm && text.chars().count() <= STATUS_CHARS,
                        "round {round}"
                    );
                }
            }
        }
    }
}
