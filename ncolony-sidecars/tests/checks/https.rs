//! Servers behind TLS: whom the machine trusts is trusted, and nobody else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd,
};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use crate::playing::{Field, until};

/// An authority of our own.
struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        Self {
            certificate,
            issuer,
        }
    }

    /// How a server speaks that has a certificate from here for this name.
    fn server(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into());
        Arc::new(config.unwrap())
    }
}

/// Serves as long as the test lives; gives its URL and the number of requests that it has answered.
fn serve(config: Arc<ServerConfig>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let answered = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&answered);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            // A client that does not trust us goes away in the middle.
            let lines = BufReader::new(&mut stream).lines();
            if lines.map_while(Result::ok).any(|line| line.is_empty()) {
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell";
                if stream
                    .write_all(answer)
                    .and_then(|()| stream.flush())
                    .is_ok()
                {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    });
    (url, answered)
}

#[test]
fn a_certificate_of_an_authority_that_the_machine_trusts_is_good_and_no_other_is() {
    let (ours, strange) = (Authority::new("ours"), Authority::new("strange"));
    let field = Field::new();
    let trusted = field.path("trusted.pem");
    fs::write(&trusted, ours.certificate.pem()).unwrap();
    let expired = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    };
    let servers = [
        ("good", ours.server("127.0.0.1", |_| ())),
        ("strange", strange.server("127.0.0.1", |_| ())),
        ("misnamed", ours.server("www.example.org", |_| ())),
        ("expired", ours.server("127.0.0.1", expired)),
    ];
    let answered: BTreeMap<&str, Arc<AtomicUsize>> = servers
        .into_iter()
        .map(|(name, config)| {
            let (url, answered) = serve(config);
            let extra = json!({
                "url": url, "period": 0.5, "timeout": 20, "grace": 0, "maxBad": 0,
                "expect": {"text": "well"}
            });
            field.program(name, "ncolony.httpcheck", &extra);
            (name, answered)
        })
        .collect();
    let variables = [("SSL_CERT_FILE", trusted.to_str().unwrap())];
    let _check = field.httpcheck(&variables);

    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", plain.local_addr().unwrap());
    let asked = json!({"url": url, "period": 0.5, "timeout": 20, "grace": 0, "maxBad": 0});
    field.program("plain", "ncolony.httpcheck", &asked);
    thread::spawn(move || {
        for stream in plain.incoming() {
            // It goes away at once.
            drop(
                stream
                    .unwrap()
                    .write_all(b"HTTP/1.1 200 OK\r\n\r\nno handshake at all"),
            );
        }
    });

    let mut reasons = BTreeMap::new();
    until(
        "the bad ones are restarted, and the good one is asked",
        || {
            reasons.extend(field.requests());
            let asked = answered["good"].load(Ordering::Relaxed);
            (reasons.len() >= 4 && asked >= 3).then_some(())
        },
    );
    assert!(!reasons.contains_key("good"), "{reasons:#?}");
    for (name, why) in [
        ("strange", "no authority that this machine trusts"),
        ("misnamed", "www.example.org"),
        ("expired", "expired"),
    ] {
        assert!(reasons[name].contains(why), "{reasons:#?}");
        assert_eq!(answered[name].load(Ordering::Relaxed), 0, "{name}");
    }
}

#[test]
fn where_nobody_is_trusted_no_check_can_be_made_and_nobody_is_restarted() {
    let field = Field::new();
    let (url, _) = serve(Authority::new("ours").server("127.0.0.1", |_| ()));
    let asked = json!({"url": url, "period": 0.1, "grace": 0, "maxBad": 0});
    field.program("good", "ncolony.httpcheck", &asked);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", closed.local_addr().unwrap());
    drop(closed);
    let asked = json!({"url": url, "period": 0.2, "grace": 0, "maxBad": 0});
    field.program("witness", "ncolony.httpcheck", &asked);
    let nothing = field.path("nothing.pem");
    let variables = [("SSL_CERT_FILE", nothing.to_str().unwrap())];
    let _check = field.httpcheck(&variables);

    let restarted = field.until_requested("witness", 4);
    assert_eq!(restarted, BTreeSet::from(["witness".to_owned()]));
    let about = field.said_of("good: the check of its server");
    assert!(
        about.len() == 1 && about[0].contains("CA certificates"),
        "{about:?}"
    );
}
