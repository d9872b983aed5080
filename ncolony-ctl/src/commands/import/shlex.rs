//! Python's `shlex`: how supervisord splits a command into words, and a list of variables into
//! tokens.

/// Splits a command into words as `shlex.split` does: blanks, both kinds of quotes, backslashes.
///
/// # Errors
/// A quotation that does not end, or a backslash that nothing follows.
pub(super) fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                quotation(&mut rest, character, word)?;
            }
            '\\' => {
                let next = rest
                    .next()
                    .ok_or("nothing follows the backslash at its end")?;
                word.get_or_insert_default().push(next);
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

fn quotation(rest: &mut std::str::Chars<'_>, quote: char, word: &mut String) -> Result<(), String> {
    loop {
        match rest.next() {
            None => return Err(format!("the quotation that {quote} begins does not end")),
            Some(end) if end == quote => return Ok(()),
            Some('\\') if quote == '"' => match rest.next() {
                None => return Err("nothing follows the backslash at its end".to_owned()),
                Some(escaped @ ('"' | '\\')) => word.push(escaped),
                Some(other) => word.extend(['\\', other]),
            },
            Some(other) => word.push(other),
        }
    }
}

/// The characters of a bare value in a list of variables.
fn is_of_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_/.+-():".contains(character)
}

/// Reads `KEY=value,KEY2="value, too"`, by the rules of Supervisor 4.3 and before: a quotation is a
/// value of its own, and nothing in it is escaped.
///
/// # Errors
/// What is left over is no variable, or a quotation does not end.
pub(super) fn variables(text: &str) -> Result<Vec<(String, String)>, String> {
    let tokens = tokens(text)?;
    let mut all: Vec<(String, String)> = Vec::new();
    // Supervisord takes whatever stands between two variables for the comma.
    for variable in tokens.chunks(4) {
        let [key, equals, value, ..] = variable else {
            return Err(unfinished(text));
        };
        if equals != "=" {
            return Err(unfinished(text));
        }
        let value = value.trim_matches(['\'', '"']).to_owned();
        match all.iter_mut().find(|(known, _)| known == key) {
            Some((_, old)) => *old = value,
            None => all.push((key.clone(), value)),
        }
    }
    Ok(all)
}

fn unfinished(text: &str) -> String {
    format!(
        "{text:?} is not a list like KEY=\"value\",KEY2=\"value\"; values with other characters than letters, digits and _/.+-(): need quotes"
    )
}

/// The tokens of `shlex.shlex(text)` with a few more characters in words.
fn tokens(text: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            ' ' | '\t' | '\r' | '\n' => {}
            '#' => skip_line(&mut rest),
            quote @ ('\'' | '"') => {
                let mut token = String::from(quote);
                loop {
                    match rest.next() {
                        None => {
                            return Err(format!("the quotation that {quote} begins does not end"));
                        }
                        Some(end) if end == quote => break,
                        Some(other) => token.push(other),
                    }
                }
                token.push(quote);
                tokens.push(token);
            }
            first if is_of_word(first) => {
                let mut token = String::from(first);
                word(&mut rest, &mut token);
                tokens.push(token);
            }
            other => tokens.push(other.to_string()),
        }
    }
    Ok(tokens)
}

/// The rest of a bare word, in which quotes are characters like others.
fn word(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, token: &mut String) {
    while let Some(next) = rest.peek().copied() {
        match next {
            ' ' | '\t' | '\r' | '\n' => break,
            '#' => skip_line(rest),
            next if is_of_word(next) || next == '\'' || next == '"' => {
                rest.next();
                token.push(next);
            }
            _ => break,
        }
    }
}

fn skip_line(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    for character in rest.by_ref() {
        if character == '\n' {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_command() {
        for (text, words) in [
            ("", vec![]),
            (" \n\t", vec![]),
            ("a  b\nc", vec!["a", "b", "c"]),
            ("''", vec![""]),
            ("a'b c'd", vec!["ab cd"]),
            (r#""a\"b\\c\d" e"#, vec![r#"a"b\c\d"#, "e"]),
            (r"'a\'b", vec![r"a\b"]),
            (r"a\ b \\ \'", vec!["a b", r"\", "'"]),
            ("# a", vec!["#", "a"]),
            ("é=ü", vec!["é=ü"]),
        ] {
            assert_eq!(
                split(text),
                Ok(words.into_iter().map(str::to_owned).collect()),
                "{text}"
            );
        }
        for text in ["'", "\"a\\", "a\\", "\"\\\""] {
            assert!(split(text).is_err(), "{text}");
        }
    }

    #[track_caller]
    fn are(text: &str, wanted: &[(&str, &str)]) {
        let wanted = wanted
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        assert_eq!(variables(text), Ok(wanted.collect()), "{text}");
    }

    #[test]
    fn lists_of_variables() {
        are("", &[]);
        are("A=1", &[("A", "1")]);
        are(
            "A=1,B=/usr/bin:/bin,",
            &[("A", "1"), ("B", "/usr/bin:/bin")],
        );
        are("A=\"1, 2\" ,\n B='x\"y'", &[("A", "1, 2"), ("B", "x\"y")]);
    }

    #[test]
    fn a_quotation_in_a_word_is_part_of_it() {
        are("A=b\"c\"d", &[("A", "b\"c\"d")]);
        are("A=\"\"", &[("A", "")]);
        are("A=1;B=2", &[("A", "1"), ("B", "2")]);
        are("A=1,A=2", &[("A", "2")]);
        are("A==1", &[("A", "=")]);
    }

    #[test]
    fn what_is_no_list() {
        for text in ["A='it''s',B=2", "A", "A=", "A=1 B=2", "A=a@b", "A='x", "=,"] {
            assert!(variables(text).is_err(), "{text}");
        }
    }
}
