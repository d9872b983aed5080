//! Processes that differ in their number alone, as one program with several instances.
//!
//! All instances have the same `args`. A command that says the process's number is therefore run by
//! a shell, which puts the number of the instance in its place and then becomes the command.

use super::percent::{CLOSE, OPEN};
use super::process::Process;
use super::shlex;

/// Characters that need no quotes in a shell, anywhere in a word.
const PLAIN: &str = "_/.+-:,@%=";

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// The number, as `printf` is to write it.
    Number(String),
}

/// The arguments that run, in each instance, what supervisord runs in each process; `None` where
/// no such arguments are sure to.
pub(super) fn arguments(processes: &[Process]) -> Option<Vec<String>> {
    let first = processes.first()?;
    let words = shlex::split(&first.command).ok()?;
    if processes
        .iter()
        .all(|process| process.command == first.command)
    {
        return Some(words);
    }
    let template = shlex::split(first.template.as_ref()?).ok()?;
    let parts: Vec<Vec<Part>> = template
        .iter()
        .map(|word| parts(word))
        .collect::<Option<_>>()?;
    for (offset, process) in processes.iter().enumerate() {
        let number = first.first.checked_add(i64::try_from(offset).ok()?)?;
        let filled: Vec<String> = parts.iter().map(|word| fill(word, number)).collect();
        if shlex::split(&process.command).ok()? != filled {
            return None;
        }
    }
    let is_safe = first.first >= 0 && !words.first()?.starts_with('-');
    let words = parts.iter().map(|word| shell_word(word, first.first));
    let script = format!("exec {}", words.collect::<Vec<_>>().join(" "));
    is_safe.then(|| vec!["/bin/sh".to_owned(), "-c".to_owned(), script])
}

/// A word of a template; `None` where the number's format is more than a width with zeros.
fn parts(word: &str) -> Option<Vec<Part>> {
    let mut all = Vec::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once(OPEN) {
        let (format, after) = after.split_once(CLOSE)?;
        let digits = format.trim_end_matches(['d', 'i', 'u', 's']);
        let is_text = format.ends_with('s');
        let width: usize = digits.parse().ok()?;
        let is_wide = width > 0;
        if width > 64 || is_text && is_wide || is_wide && !digits.starts_with('0') {
            return None;
        }
        all.push(Part::Text(before.to_owned()));
        all.push(Part::Number(if is_wide {
            format!("%0{width}d")
        } else {
            String::new()
        }));
        rest = after;
    }
    all.push(Part::Text(rest.to_owned()));
    all.retain(|part| *part != Part::Text(String::new()));
    Some(all)
}

fn fill(word: &[Part], number: i64) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::Number(format) => {
            let width = format.trim_matches(['%', 'd']).parse().unwrap_or(0);
            format!("{number:0>width$}")
        }
    };
    word.iter().map(part).collect()
}

fn shell_word(word: &[Part], first: i64) -> String {
    if word.is_empty() {
        return "''".to_owned();
    }
    let number = match first {
        0 => "$NCOLONY_INSTANCE".to_owned(),
        first => format!("$((NCOLONY_INSTANCE + {first}))"),
    };
    let part = |part: &Part| match part {
        Part::Text(text) => quoted(text),
        Part::Number(format) if format.is_empty() => format!("\"{number}\""),
        Part::Number(format) => format!("\"$(printf {format} \"{number}\")\""),
    };
    word.iter().map(part).collect()
}

fn quoted(text: &str) -> String {
    if text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || PLAIN.contains(c))
    {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}
