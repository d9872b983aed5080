use super::*;

fn file() -> Rc<Path> {
    Path::new("x.conf").into()
}

fn read(text: &str) -> Result<Ini, Refusal> {
    let mut ini = Ini::new(&file());
    ini.read(&file(), text).map(|()| ini)
}

#[track_caller]
fn says(text: &str, option: &str, wanted: Option<&str>) {
    let ini = read(text).unwrap();
    let found = ini
        .setting("s", option)
        .map(|setting| setting.text.as_str());
    assert_eq!(found, wanted, "{text:?}");
}

#[test]
fn options() {
    for text in [
        "[s]\na=b",
        "[s]\na : b",
        "[s]\n  a =b\n",
        "[s]\r\nA=b\r\n",
        "[s] \na= b ; c",
        "[s]\na=b # c",
    ] {
        says(text, "a", Some("b"));
    }
    says("[s]\na=b=c:d", "a", Some("b=c:d"));
    says("[s]\na=", "a", Some(""));
    says("[s]\na=b;c#d", "a", Some("b;c#d"));
    says("[s]\n;a=b\n# a=c", "a", None);
    says("[t]\na=b", "a", None);
}

#[test]
fn comments_are_looked_for_in_rounds() {
    // The first semicolon begins a comment in the first round, so the second hash is not looked at.
    says("[s]\na=b#c #d ;e", "a", Some("b#c #d"));
    says("[s]\na=b;c ;d #e", "a", Some("b;c ;d"));
    says("[s]\na='b ; c'", "a", Some("'b"));
}

#[test]
fn continuations() {
    says("[s]\na=b\n c\n\td", "a", Some("b\nc\nd"));
    says("[s]\na=b\n\n c\n\n\n", "a", Some("b\n\nc"));
    says("[s]\na=b\n ; no\n c", "a", Some("b\nc"));
    says("[s]\na=b\n# no\n c=d", "a", Some("b\nc=d"));
    says("[s]\n  a=b\n  c=d", "c", Some("d"));
    says("[s]\n  a=b\n [t]\n", "a", Some("b"));
    says("[s]\na=b\n [t]\n", "a", Some("b\n[t]"));
    says("[s]\n a=b", "a", Some("b"));
}

#[test]
fn sections_and_options_are_joined() {
    says("[s]\na=1\nb=2\n[t]\n[s]\na=3", "a", Some("3"));
    says("[s]\na=1\nb=2\n[t]\n[s]\na=3", "b", Some("2"));
    says("[DEFAULT]\na=1\n[s]\n", "a", Some("1"));
    let ini = read("[b]\n[a]\n[b]\n[x]y] z\n").unwrap();
    let names: Vec<&str> = ini
        .sections()
        .iter()
        .map(|section| section.name.as_str())
        .collect();
    assert_eq!(names, ["b", "a", "x]y"]);
}

#[test]
fn what_is_no_configuration() {
    for (text, line) in [
        ("a=b\n[s]", 1),
        ("\n\n  a\n", 3),
        ("\u{feff}[s]\n", 1),
        ("[s]\nno\n", 2),
        ("[s]\n\n=b\n", 3),
        ("[s]\n[]\n", 2),
    ] {
        assert_eq!(read(text).unwrap_err().origin.line, line, "{text:?}");
    }
}

#[test]
fn a_second_file_is_read_over_the_first() {
    let mut ini = read("[s]\na=1 \n[t]\nb=%(here)s/x").unwrap();
    ini.put_here("/one");
    let second: Rc<Path> = Path::new("y.conf").into();
    ini.read(&second, "[s]\nc=%(here)s").unwrap();
    ini.put_here("/two");
    assert_eq!(ini.setting("t", "b").unwrap().text, "/one/x");
    let setting = ini.setting("s", "c").unwrap();
    assert_eq!(
        (setting.text.as_str(), setting.origin.to_string()),
        ("/two", "y.conf:2".to_owned())
    );
    assert_eq!(
        ini.setting("s", "a").unwrap().origin.to_string(),
        "x.conf:2"
    );
}

/// Numbers that look like chance and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[test]
fn no_text_makes_the_reader_panic() {
    let pieces = [
        "[",
        "]",
        "s",
        "\n",
        " ",
        "\t",
        "=",
        ":",
        ";",
        "#",
        "%(here)s",
        "é",
        "\u{a0}",
        "\r",
        "\u{1c}",
        "DEFAULT",
        "\0",
        "\u{10ffff}",
    ];
    let mut dice = Dice(7);
    for _ in 0..20_000 {
        let text: String = (0..dice.below(30))
            .map(|_| pieces[usize::try_from(dice.below(pieces.len() as u64)).unwrap()])
            .collect();
        if let Ok(mut ini) = read(&text) {
            ini.put_here("/é");
            let sections = ini.sections().to_vec();
            for section in &sections {
                assert!(
                    ini.settings(section).all(|setting| setting.origin.line > 0),
                    "{text:?}"
                );
            }
        }
    }
}
