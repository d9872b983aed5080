//! Expansions: Python's `%` operator with names, as supervisord applies it to values.

use std::collections::BTreeMap;

/// No expansion that anybody wants is wider.
const WIDTH_MAX: usize = 4096;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// A text.
    Text(String),
    /// A number: `process_num` and `numprocs`.
    Number(i64),
    /// The number of an instance, which is not known yet: its format is kept between [`OPEN`] and
    /// [`CLOSE`].
    Instance,
}

/// What begins the format of a number that is not known yet.
pub(super) const OPEN: char = '\u{e000}';
/// What ends it.
pub(super) const CLOSE: char = '\u{e001}';

/// What the names stand for.
pub(super) type Fields = BTreeMap<String, Field>;

/// How a field is to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Format {
    flags: String,
    width: usize,
    precision: Option<usize>,
    kind: char,
}

impl Format {
    fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }
}

type Characters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// `text % fields`.
///
/// # Errors
/// What supervisord would say, less its name of the option.
pub(super) fn expand(text: &str, fields: &Fields) -> Result<String, String> {
    let mut all = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        if character == '%' {
            conversion(&mut rest, fields, &mut all)?;
        } else {
            all.push(character);
        }
    }
    Ok(all)
}

fn conversion(rest: &mut Characters<'_>, fields: &Fields, all: &mut String) -> Result<(), String> {
    let field = match rest.next_if_eq(&'(') {
        Some(_) => {
            let name = name(rest)?;
            let found = fields.get(&name);
            Some(found.ok_or_else(|| unknown(&name, fields))?)
        }
        None => None,
    };
    let format = format(rest)?;
    if format.kind == '%' {
        all.push('%');
        return Ok(());
    }
    let Some(field) = field else {
        let kind = format.kind;
        // Python puts the text of all names and values there.
        let known = match kind {
            's' | 'r' | 'a' => ", and what supervisord makes of it is no use",
            _ => "",
        };
        return Err(format!(
            "\"%{kind}\" has no name{known}; a percent sign is written %%"
        ));
    };
    all.push_str(&render(field, &format)?);
    Ok(())
}

/// A name up to its closing parenthesis; parentheses inside it count.
fn name(rest: &mut Characters<'_>) -> Result<String, String> {
    let mut name = String::new();
    let mut depth = 1;
    for character in rest.by_ref() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Ok(name);
        }
        name.push(character);
    }
    Err(format!("\"%({name}\" has no closing parenthesis"))
}

fn unknown(name: &str, fields: &Fields) -> String {
    let known: Vec<&str> = fields
        .keys()
        .map(String::as_str)
        .filter(|known| !known.starts_with("ENV_"))
        .collect();
    if name.starts_with("ENV_") {
        return format!(
            "\"%({name})s\" names a variable that is not in the environment; a percent sign is written %%"
        );
    }
    format!(
        "\"%({name})\" names nothing that is known here; known are {} and ENV_ with the name of a variable",
        known.join(", ")
    )
}

fn format(rest: &mut Characters<'_>) -> Result<Format, String> {
    let mut format = Format::default();
    while let Some(flag) = rest.next_if(|c| "-+ #0".contains(*c)) {
        format.flags.push(flag);
    }
    format.width = number(rest)?.unwrap_or(0);
    if rest.next_if_eq(&'.').is_some() {
        format.precision = Some(number(rest)?.unwrap_or(0));
    }
    // C's lengths are taken and mean nothing.
    let _length = rest.next_if(|c| "hlL".contains(*c));
    format.kind = rest.next().ok_or_else(|| {
        "a \"%\" at the end is an incomplete format; a percent sign is written %%".to_owned()
    })?;
    Ok(format)
}

fn number(rest: &mut Characters<'_>) -> Result<Option<usize>, String> {
    let mut number: Option<usize> = None;
    while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
        rest.next();
        let more = number.unwrap_or(0) * 10 + usize::try_from(digit).unwrap_or(0);
        if more > WIDTH_MAX {
            return Err(format!("a width of more than {WIDTH_MAX} is not taken"));
        }
        number = Some(more);
    }
    Ok(number)
}

fn render(field: &Field, format: &Format) -> Result<String, String> {
    match (field, format.kind) {
        (Field::Text(text), 's') => Ok(padded(&cut(text, format), format)),
        (Field::Text(text), 'c') if text.chars().count() == 1 => Ok(padded(text, format)),
        (Field::Text(_), 'd' | 'i' | 'u' | 'o' | 'x' | 'X' | 'c') => Err(format!(
            "\"%{}\" wants a number, and this is a text; write %(…)s",
            format.kind
        )),
        (Field::Number(number), 's') => Ok(padded(&cut(&number.to_string(), format), format)),
        (Field::Number(number), 'd' | 'i' | 'u' | 'o' | 'x' | 'X') => Ok(digits(*number, format)),
        (Field::Instance, 's' | 'd' | 'i' | 'u') => {
            let precision = format.precision.map(|digits| format!(".{digits}"));
            let (flags, width) = (&format.flags, format.width);
            let precision = precision.unwrap_or_default();
            Ok(format!(
                "{OPEN}{flags}{width}{precision}{}{CLOSE}",
                format.kind
            ))
        }
        (Field::Text(_) | Field::Number(_) | Field::Instance, kind) => Err(format!(
            "the format character {kind:?} is not taken; write %(…)s or %(…)d, and a percent sign as %%"
        )),
    }
}

fn cut(text: &str, format: &Format) -> String {
    match format.precision {
        Some(most) => text.chars().take(most).collect(),
        None => text.to_owned(),
    }
}

/// A whole number with its sign, its base's mark, its zeros.
fn digits(number: i64, format: &Format) -> String {
    let size = number.unsigned_abs();
    let (mark, digits) = match format.kind {
        'o' => ("0o", format!("{size:o}")),
        'x' => ("0x", format!("{size:x}")),
        'X' => ("0X", format!("{size:X}")),
        _ => ("", size.to_string()),
    };
    let mark = if format.has('#') { mark } else { "" };
    let least = format.precision.unwrap_or(0);
    let sign = match (number < 0, format.has('+'), format.has(' ')) {
        (true, _, _) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        (false, false, false) => "",
    };
    let digits = format!("{digits:0>least$}");
    let before = sign.len() + mark.len();
    if format.has('0') && !format.has('-') {
        let room = format.width.saturating_sub(before);
        return format!("{sign}{mark}{digits:0>room$}");
    }
    padded(&format!("{sign}{mark}{digits}"), format)
}

fn padded(text: &str, format: &Format) -> String {
    let width = format.width;
    if format.has('-') {
        format!("{text:<width$}")
    } else {
        format!("{text:>width$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        [
            ("here", Field::Text("/etc".to_owned())),
            ("process_num", Field::Number(7)),
            ("ENV_A", Field::Text("é%s".to_owned())),
            ("a(b)", Field::Text("nested".to_owned())),
            ("instance", Field::Instance),
        ]
        .map(|(name, field)| (name.to_owned(), field))
        .into()
    }

    #[test]
    fn as_python_does_it() {
        for (text, wanted) in [
            ("", ""),
            ("100%%", "100%"),
            ("%(here)s/x", "/etc/x"),
            ("%(process_num)02d", "07"),
            ("%(process_num)d%(process_num)s", "77"),
            (
                "[%(process_num)4d|%(process_num)-4d|%(process_num)+d]",
                "[   7|7   |+7]",
            ),
            (
                "%(process_num)#x %(process_num).3d %(process_num)ld",
                "0x7 007 7",
            ),
            ("%(ENV_A)s", "é%s"),
            ("[%(ENV_A)5s|%(ENV_A)-5.1s]", "[  é%s|é    ]"),
            ("%(a(b))s", "nested"),
            ("%(here)%", "%"),
            ("%5%", "%"),
            ("%(instance)02d", "\u{e000}02d\u{e001}"),
        ] {
            assert_eq!(expand(text, &fields()).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_python_refuses() {
        for (text, part) in [
            ("50%", "incomplete"),
            ("%(here", "parenthesis"),
            ("%(nope)s", "known are"),
            ("%(ENV_NOPE)s", "not in the environment"),
            ("%d", "no name"),
            ("%(here)d", "wants a number"),
            ("%(here)y", "not taken"),
            ("%(process_num)9999999d", "width"),
        ] {
            let error = expand(text, &fields()).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
