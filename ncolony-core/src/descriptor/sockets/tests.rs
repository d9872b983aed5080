use core::net::Ipv4Addr;

use super::*;
use crate::descriptor::Descriptor;

fn parse(sockets: &str) -> Result<Vec<SocketSpec>, ConfigError> {
    let text = format!(r#"{{"args": ["x"], "sockets": {sockets}}}"#);
    Descriptor::parse(text.as_bytes()).map(|read| read.sockets)
}

fn listen(address: &str) -> Result<Address, ConfigError> {
    let sockets = parse(&format!(r#"[{{"name": "web", "listen": "{address}"}}]"#))?;
    Ok(sockets[0].address.clone())
}

fn tcp(host: Host, port: u16) -> Address {
    Address::Tcp { host, port }
}

#[test]
fn addresses_and_how_they_are_written() {
    let v4 = Host::Ip(Ipv4Addr::new(10, 0, 0, 7).into());
    let cases = [
        ("tcp://10.0.0.7:80", tcp(v4, 80), "tcp://10.0.0.7:80"),
        ("tcp://*:65535", tcp(Host::All, 65535), "tcp://*:65535"),
        ("tcp://:1", tcp(Host::All, 1), "tcp://*:1"),
        (
            "tcp://localhost:80",
            tcp(Host::Localhost, 80),
            "tcp://localhost:80",
        ),
        (
            "tcp://[::1]:80",
            tcp(Host::Ip(Ipv6Addr::LOCALHOST.into()), 80),
            "tcp://[::1]:80",
        ),
        (
            "unix:///run/web.sock",
            Address::Unix {
                path: "/run/web.sock".into(),
                mode: 0o600,
            },
            "unix:///run/web.sock",
        ),
    ];
    for (text, wanted, written) in cases {
        let read = listen(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(read, wanted, "{text}");
        assert_eq!(read.to_string(), written);
    }
}

#[test]
fn a_bad_address_names_its_key_and_says_what_would_do() {
    let long = format!("unix:///{}", "x".repeat(PATH_BYTES_MAX));
    let cases = [
        ("", "tcp://HOST:PORT"),
        ("udp://*:53", "tcp://HOST:PORT"),
        ("tcp://localhost", "no port"),
        ("tcp://localhost:0", "1 to 65535"),
        ("tcp://localhost:65536", "1 to 65535"),
        ("tcp://localhost:+80", "1 to 65535"),
        ("tcp://localhost:", "1 to 65535"),
        ("tcp://example.org:80", "not looked up"),
        ("tcp://1.2.3:80", "not looked up"),
        ("tcp://::1:80", "brackets"),
        ("tcp://[::1", "brackets"),
        ("tcp://[localhost]:80", "brackets"),
        ("tcp://[fe80::1%eth0]:80", "brackets"),
        ("unix://web.sock", "absolute"),
        ("unix:///run/", "absolute"),
        (&long, "107"),
    ];
    for (text, wanted) in cases {
        let error = listen(text).expect_err(text);
        assert_eq!(error.key.as_deref(), Some("sockets[0].listen"), "{text}");
        assert!(error.message.contains(wanted), "{text}: {error}");
        assert!(error.line.is_some() && error.column.is_some(), "{text}");
    }
    let path = format!("unix:///{}", "x".repeat(PATH_BYTES_MAX - 1));
    assert!(listen(&path).is_ok(), "the longest that there may be");
}

#[test]
fn what_is_wrong_with_a_socket_names_its_key() {
    let long = format!(
        r#"[{{"name": "{}", "listen": "tcp://*:80"}}]"#,
        "x".repeat(256)
    );
    let cases = [
        ("{}", "sockets"),
        ("[1]", "sockets[0]"),
        (r#"[{"listen": "tcp://*:80"}]"#, "sockets[0]"),
        (r#"[{"name": "a"}]"#, "sockets[0]"),
        (
            r#"[{"name": 1, "listen": "tcp://*:80"}]"#,
            "sockets[0].name",
        ),
        (
            r#"[{"name": "", "listen": "tcp://*:80"}]"#,
            "sockets[0].name",
        ),
        (
            r#"[{"name": "a:b", "listen": "tcp://*:80"}]"#,
            "sockets[0].name",
        ),
        (
            r#"[{"name": "a\tb", "listen": "tcp://*:80"}]"#,
            "sockets[0].name",
        ),
        (
            r#"[{"name": "ä", "listen": "tcp://*:80"}]"#,
            "sockets[0].name",
        ),
        (&long, "sockets[0].name"),
        (
            r#"[{"name": "a", "listen": "tcp://*:80", "mode": "0600"}]"#,
            "sockets[0].mode",
        ),
        (
            r#"[{"name": "a", "listen": "unix:///a", "mode": 600}]"#,
            "sockets[0].mode",
        ),
        (
            r#"[{"name": "a", "listen": "unix:///a", "mode": "1777"}]"#,
            "sockets[0].mode",
        ),
        (
            r#"[{"name": "a", "listen": "unix:///a", "user": "b"}]"#,
            "sockets[0].user",
        ),
        (
            r#"[{"name": "a", "listen": "tcp://*:80"}, {"name": "a", "listen": "tcp://*:81"}]"#,
            "sockets[1]",
        ),
        (
            r#"[{"name": "a", "listen": "tcp://*:80"}, {"name": "b", "listen": "tcp://:80"}]"#,
            "sockets[1]",
        ),
        (
            r#"[{"name": "a", "listen": "unix:///a"}, {"name": "b", "listen": "unix:///a", "mode": "0660"}]"#,
            "sockets[1]",
        ),
    ];
    for (text, key) in cases {
        let error = parse(text).expect_err(text);
        assert_eq!(error.key.as_deref(), Some(key), "{text}: {error}");
    }
}

#[test]
fn it_is_shown_as_it_is_written() {
    let text = r#"[{"name":"a b","listen":"unix:///run/a","mode":"0660"},{"name":"web","listen":"tcp://[::]:80"}]"#;
    let read = parse(text).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    assert_eq!(parse("[]").unwrap(), []);
}
