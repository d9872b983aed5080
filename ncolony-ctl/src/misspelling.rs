//! Keys that look like misspelt ones of ours. The monitor takes every unknown key for somebody
//! else's, as it must; a person who reads `check` may know better.

use ncolony_core::ConfigError;
use ncolony_core::checks::{HttpCheck, Watched};
use ncolony_core::descriptor::KEYS;
use serde::de::IgnoredAny;
use strsim::osa_distance;

/// Warnings about the keys of a program file, where it is JSON at all.
pub(crate) fn warnings(text: &str) -> Vec<ConfigError> {
    // The walk below relies on the text being well formed.
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return Vec::new();
    }
    let warning = |(offset, key): (usize, String)| {
        let meant = meant(&key)?;
        let before = &text[..offset];
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Some(ConfigError {
            message: format!("this key has no meaning to the monitor; did you mean {meant:?}?"),
            line: Some(before.matches('\n').count() + 1),
            column: Some(column),
            key: Some(key),
        })
    };
    keys(text).into_iter().filter_map(warning).collect()
}

/// The key of ours that this one was probably meant to be.
fn meant(key: &str) -> Option<&'static str> {
    // A name with a dot belongs to somebody, by its prefix.
    let keys: &[&'static str] = match key.split_once('.') {
        None => &KEYS,
        Some(("ncolony", _)) => &[Watched::KEY, HttpCheck::KEY],
        Some(_) => return None,
    };
    if keys.contains(&key) {
        return None;
    }
    let plain = key.to_lowercase().replace('-', "_");
    let near = keys
        .iter()
        .map(|known| (osa_distance(&plain, known), *known));
    let (distance, known) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= (known.len() / 3).clamp(1, 3)).then_some(known)
}

/// The keys of the outermost object of a well-formed text, and where they stand.
fn keys(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut key_comes = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        match c {
            '{' | '[' => {
                depth += 1;
                key_comes = c == '{';
            }
            '}' | ']' => depth = depth.saturating_sub(1),
            ',' => key_comes = true,
            '"' => {
                length = string_length(rest);
                if depth == 1 && key_comes {
                    let offset = text.len() - rest.len();
                    found.extend(serde_json::from_str(&rest[..length]).map(|key| (offset, key)));
                }
                key_comes = false;
            }
            _ => {}
        }
        rest = &rest[length..];
    }
    found
}

/// The bytes of the string literal that `text` begins with, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (offset, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return offset + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_keys_are_found() {
        let cases = [
            ("arg", "args"),
            ("envs", "env"),
            ("env-inherit", "env_inherit"),
            ("Threshold", "threshold"),
            ("treshold", "threshold"),
            ("killtme", "killtime"),
            ("groups", "group"),
            ("stop_singal", "stop_signal"),
            ("ncolony.beat_check", "ncolony.beatcheck"),
            ("ncolony.httpchek", "ncolony.httpcheck"),
        ];
        for (key, known) in cases {
            assert_eq!(meant(key), Some(known), "{key}");
        }
    }

    #[test]
    fn keys_of_others_are_left_alone() {
        for key in KEYS {
            assert_eq!(meant(key), None);
        }
        for key in [
            "ncolony.beatcheck",
            "ncolony.httpcheck",
            "ncolony.owner",
            "example.beatcheck",
            "description",
            "owner",
            "ncolony-scheduler",
            "notes",
        ] {
            assert_eq!(meant(key), None, "{key}");
        }
    }

    #[test]
    fn only_keys_of_the_outermost_object_count_and_they_have_a_place() {
        let text = "{\"args\": [\"group\", {\"grop\": 1}],\n  \"é\\\"\": 1, \"grop\": {\"a\": []}}";
        let found: Vec<String> = keys(text).into_iter().map(|(_, key)| key).collect();
        assert_eq!(found, ["args", "é\"", "grop"]);
        let warnings = warnings(text);
        assert_eq!(warnings.len(), 1);
        assert_eq!((warnings[0].line, warnings[0].column), (Some(2), Some(13)));
        assert!(warnings[0].message.contains("\"group\""));
    }

    #[test]
    fn what_is_not_json_has_no_keys() {
        assert_eq!(warnings("{\"grop\": "), []);
    }
}
