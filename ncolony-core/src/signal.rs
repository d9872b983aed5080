//! Signals by name and number, as Linux has them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Signals 1 to 31 by name, in order. (The numbers of all but MIPS, Alpha, SPARC and PA-RISC.)
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// Other names that people know some signals by.
const ALIASES: [(&str, u8); 3] = [("IOT", 6), ("CLD", 17), ("POLL", 29)];

/// The first real-time signal that programs may use (the C library keeps 32 and 33).
const REAL_TIME_MIN: u8 = 34;
/// The last signal there is.
const REAL_TIME_MAX: u8 = 64;

/// A signal that can be sent: 1 to 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Signal(u8);

impl Signal {
    /// Ends a program politely.
    pub const TERM: Self = Self(15);
    /// Ends a program at once.
    pub const KILL: Self = Self(9);
    /// Lets a stopped program go on.
    pub const CONT: Self = Self(18);
    /// By custom: read your configuration again.
    pub const HUP: Self = Self(1);

    /// The signal of this number, if there is one.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        u8::try_from(number)
            .ok()
            .filter(|n| (1..=REAL_TIME_MAX).contains(n))
            .map(Self)
    }

    /// The signal of this name (`TERM`, `SIGTERM`, `term`, `SIGRTMIN+3`) or number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(number) = text.parse::<i64>() {
            return Self::from_number(number);
        }
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        if let Some(index) = NAMES.iter().position(|known| *known == name) {
            return Self::from_number(i64::try_from(index).ok()? + 1);
        }
        if let Some((_, number)) = ALIASES.iter().find(|(alias, _)| *alias == name) {
            return Some(Self(*number));
        }
        Self::parse_real_time(name)
    }

    fn parse_real_time(name: &str) -> Option<Self> {
        let number = if let Some(offset) = name.strip_prefix("RTMIN") {
            let up = if offset.is_empty() {
                0
            } else {
                offset.strip_prefix('+')?.parse().ok()?
            };
            REAL_TIME_MIN.checked_add(up)?
        } else {
            let offset = name.strip_prefix("RTMAX")?;
            let down = if offset.is_empty() {
                0
            } else {
                offset.strip_prefix('-')?.parse().ok()?
            };
            REAL_TIME_MAX.checked_sub(down)?
        };
        (REAL_TIME_MIN..=REAL_TIME_MAX)
            .contains(&number)
            .then_some(Self(number))
    }

    /// The number that the kernel knows it by.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0 as i32
    }
}

/// With its prefix: `SIGTERM`, `SIGRTMIN+3`.
impl fmt::Display for Signal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.get(usize::from(self.0) - 1) {
            Some(name) => write!(out, "SIG{name}"),
            None if self.0 < REAL_TIME_MIN => write!(out, "SIG{}", self.0),
            None if self.0 == REAL_TIME_MIN => out.write_str("SIGRTMIN"),
            None => write!(out, "SIGRTMIN+{}", self.0 - REAL_TIME_MIN),
        }
    }
}

impl TryFrom<String> for Signal {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bare = text.strip_prefix("SIG").unwrap_or(&text);
        Self::parse(bare).ok_or_else(|| format!("{text:?} is not a signal"))
    }
}

impl From<Signal> for String {
    fn from(signal: Signal) -> Self {
        signal.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_reads_back_from_its_name_and_number() {
        for number in 1..=i64::from(REAL_TIME_MAX) {
            let signal = Signal::from_number(number).unwrap();
            assert_eq!(
                Signal::try_from(signal.to_string()).unwrap(),
                signal,
                "{signal}"
            );
            assert_eq!(Signal::parse(&number.to_string()), Some(signal));
        }
    }

    #[test]
    fn spellings() {
        for text in ["TERM", "SIGTERM", "term", "15"] {
            assert_eq!(Signal::parse(text), Some(Signal::TERM));
        }
        assert_eq!(Signal::parse("RTMIN+3").map(Signal::number), Some(37));
        assert_eq!(Signal::parse("SIGRTMAX").map(Signal::number), Some(64));
    }

    #[test]
    fn what_is_no_signal() {
        for text in [
            "",
            "SIG",
            "0",
            "65",
            "-1",
            "TERMINATE",
            "RTMIN+31",
            "RTMAX-40",
            "RTMIN-1",
        ] {
            assert_eq!(Signal::parse(text), None, "{text}");
        }
    }
}
