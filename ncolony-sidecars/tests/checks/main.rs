//! The real checks, beside a monitor that keeps no records, as NColony's: there is none at all.

#[cfg(test)]
mod beats;
#[cfg(test)]
mod hearts;
#[cfg(test)]
mod https;
#[cfg(test)]
mod playing;
#[cfg(test)]
mod servers;
