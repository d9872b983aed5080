//! One check: a request, and whether its answer is good.

mod lookup;

use std::io::{self, Read};
use std::sync::Arc;

use ncolony_core::checks::HttpCheck;
use ncolony_core::time::span_in_words;
use rustls::CertificateError;
use ureq::Agent;
use ureq::http::{self, Request, Response};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::transport::DefaultConnector;

use self::lookup::{Lookup, NoThread};
use crate::sys::errno;

/// How much of a body is searched for the text that it has to contain.
const BODY_BYTES_MAX: u64 = 1 << 20;

/// What a request has room for beside its address and its headers.
const REQUEST_BYTES_MIN: usize = 4 << 10;

/// The longest head of an answer that is read.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// What a check has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The server answers as it should.
    Well,
    /// It does not: why, for a person.
    Bad(String),
    /// That cannot be said: the check could not be made here, whoever is asked. Why, for a person.
    Unmade(String),
}

/// Asks servers. Each check has a connection of its own: what is checked is whether the server
/// accepts one, and a connection to a process that has been replaced since would fail for nothing.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    agent: Arc<Agent>,
}

impl Client {
    /// A client that trusts whom the machine trusts.
    pub(crate) fn new() -> Self {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .user_agent(concat!("ncolony-httpcheck/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            // A redirection is an answer, as it was to the original.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(0)
            .max_response_header_size(HEAD_BYTES_MAX)
            // Each check makes its buffers anew: no more of them than can be filled.
            .input_buffer_size(HEAD_BYTES_MAX)
            .allow_non_standard_methods(true)
            .proxy(None)
            .build();
        Self {
            agent: Arc::new(Agent::with_parts(
                config,
                DefaultConnector::default(),
                Lookup,
            )),
        }
    }

    /// Makes a check. It takes no longer than its timeout.
    pub(crate) fn ask(&self, settings: &HttpCheck) -> Outcome {
        match self.answer(settings) {
            Ok(None) => Outcome::Well,
            Ok(Some(wrong)) => Outcome::Bad(wrong),
            Err(error) => failure(&error, settings),
        }
    }

    /// What is wrong with the answer, if there is one.
    fn answer(&self, settings: &HttpCheck) -> Result<Option<String>, ureq::Error> {
        let request = self
            .agent
            .configure_request(request(settings)?)
            .timeout_global(Some(settings.timeout))
            .output_buffer_size(request_bytes_max(settings))
            .build();
        let mut response = self.agent.run(request)?;
        if let Some(wrong) = wrong_status(&response, settings) {
            return Ok(Some(wrong));
        }
        let Some(text) = &settings.text else {
            return Ok(None);
        };
        let mut body = Vec::new();
        let reader = response.body_mut().as_reader();
        reader.take(BODY_BYTES_MAX).read_to_end(&mut body)?;
        Ok((!contains(&body, text.as_bytes()))
            .then(|| format!("its answer does not contain {text:?}")))
    }
}

/// The request of a check.
///
/// # Errors
/// It is none that can be sent.
pub(crate) fn request(settings: &HttpCheck) -> Result<Request<()>, http::Error> {
    let named = Request::builder()
        .method(settings.method.as_str())
        .uri(&settings.url);
    let headers = settings.headers.iter();
    let whole = headers.fold(named, |request, (name, value)| request.header(name, value));
    whole.body(())
}

/// No request of this check is longer.
fn request_bytes_max(settings: &HttpCheck) -> usize {
    let headers = settings.headers.iter();
    let headers: usize = headers
        .map(|(name, value)| name.len() + value.len() + ": \r\n".len())
        .sum();
    REQUEST_BYTES_MIN + settings.method.len() + settings.url.len() + headers
}

fn wrong_status<B>(response: &Response<B>, settings: &HttpCheck) -> Option<String> {
    let good = settings.status.as_ref()?;
    let status = response.status();
    (!good.contains(&status.as_u16())).then(|| format!("it answers {status}"))
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}

/// What it means that a request has failed. A machine that trusts nobody, or has run out of
/// descriptors, memory or threads, says nothing about the server.
fn failure(error: &ureq::Error, settings: &HttpCheck) -> Outcome {
    if let ureq::Error::Rustls(error) = error {
        return Outcome::Unmade(format!("TLS cannot be spoken here: {error}"));
    }
    if let ureq::Error::Other(error) = error
        && let Some(error) = error.downcast_ref::<NoThread>()
    {
        return Outcome::Unmade(error.to_string());
    }
    if let ureq::Error::Io(error) = error
        && errno::is_shortage(error)
    {
        return Outcome::Unmade(errno::of(error));
    }
    Outcome::Bad(in_words(error, settings))
}

fn in_words(error: &ureq::Error, settings: &HttpCheck) -> String {
    if matches!(error, ureq::Error::Timeout(_)) {
        return no_answer_in_time(settings);
    }
    let ureq::Error::Io(error) = error else {
        return error.to_string();
    };
    if is_end_of_time(error) {
        return no_answer_in_time(settings);
    }
    let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref());
    let Some(rustls::Error::InvalidCertificate(wrong)) = of_tls else {
        return errno::of(error);
    };
    if *wrong == CertificateError::UnknownIssuer {
        "its certificate comes from no authority that this machine trusts".to_owned()
    } else {
        format!("its certificate is not good: {wrong}")
    }
}

fn no_answer_in_time(settings: &HttpCheck) -> String {
    format!("no whole answer within {}", span_in_words(settings.timeout))
}

/// Whether reading a body has failed because time was up.
fn is_end_of_time(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    error.kind() == io::ErrorKind::TimedOut || matches!(inner, Some(ureq::Error::Timeout(_)))
}

#[cfg(test)]
mod tests;
