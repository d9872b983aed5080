//! The real `ncolony-scheduler`.

#[cfg(test)]
mod ends;
#[cfg(test)]
mod playing;
#[cfg(test)]
mod runs;
