//! The real checks, beside a monitor that keeps no records, as NColony's: there is none at all.

#[cfg(test)]
mod https;
#[cfg(test)]
mod playing;
