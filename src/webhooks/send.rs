//! One request to a receiver, and what comes of it.

use super::limits::Limits;
use super::names::{Guarded, Names, Refusal};
use crate::config::{Settings, Webhooks};
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Error};

/// For all of it, from the name to the answer's head.
const WHOLE: Duration = Duration::from_secs(10);
/// For finding the address, and for connecting to it.
const PART: Duration = Duration::from_secs(5);
/// Largest head of an answer; its body is not read.
const HEAD_BYTES: usize = 16 * 1024;

/// Sends; cheap to clone.
#[derive(Debug, Clone)]
pub struct Sender {
    agent: Agent,
    pub(super) limits: Limits,
}

/// What is sent.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) url: String,
    pub(super) message: String,
    pub(super) timestamp: i64,
    /// Signatures, with spaces between them.
    pub(super) signatures: String,
    pub(super) body: String,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) answer: Answer,
    /// Milliseconds that it took.
    pub(super) ms: i64,
}

/// What the receiver said, if anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// A status.
    Status(u16),
    /// Nothing, and why.
    None(String),
    /// It was not asked: only after so many seconds.
    Later(u32),
}

impl Sender {
    /// What sends for a board that has webhooks; none for one that has not.
    pub fn new(settings: &Settings, names: Arc<dyn Names>) -> Option<Self> {
        if settings.webhooks == Webhooks::Off {
            return None;
        }
        let limits = Limits::default();
        let guarded = Guarded {
            names,
            allowed: settings.webhooks,
            limits: limits.clone(),
        };
        let agent = format!(
            "BreakMyWork/{} (+{})",
            env!("CARGO_PKG_VERSION"),
            settings.address("/docs/webhooks")
        );
        let config = Agent::config_builder()
            .https_only(settings.webhooks == Webhooks::Public)
            .http_status_as_error(false)
            // Where an answer points to was not looked at, and a proxy would do the looking.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .tls_config(breakmywork_roots::tls())
            .user_agent(agent)
            .accept_encoding("identity")
            .timeout_global(Some(WHOLE))
            .timeout_resolve(Some(PART))
            .timeout_connect(Some(PART))
            .max_response_header_size(HEAD_BYTES)
            .max_idle_connections(0)
            .max_idle_connections_per_host(0)
            .build();
        Some(Self {
            agent: Agent::with_parts(config, DefaultConnector::default(), guarded),
            limits,
        })
    }

    /// Sends on a thread of its own, which a stopping server does not wait for.
    pub(super) async fn send(&self, request: Request) -> Outcome {
        let (tell, told) = tokio::sync::oneshot::channel();
        let sender = self.clone();
        let thread = std::thread::Builder::new().name("webhook".to_owned());
        let spawned = thread.spawn(move || tell.send(sender.send_now(&request)));
        let outcome = match spawned {
            Ok(_) => told.await.ok(),
            Err(_) => None,
        };
        outcome.unwrap_or_else(|| Outcome {
            answer: Answer::None("it could not be sent; the server has too much to do".to_owned()),
            ms: 0,
        })
    }

    fn send_now(&self, request: &Request) -> Outcome {
        let begun = Instant::now();
        let sent = self
            .agent
            .post(&request.url)
            .header("content-type", "application/json")
            .header("webhook-id", &request.message)
            .header("webhook-timestamp", request.timestamp.to_string())
            .header("webhook-signature", &request.signatures)
            .send(&request.body);
        let answer = match sent {
            Ok(response) => Answer::Status(response.status().as_u16()),
            Err(error) => unanswered(&error),
        };
        let ms = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        Outcome { answer, ms }
    }
}

/// Why there was no answer, in words that tell nothing of the server's network.
fn unanswered(error: &Error) -> Answer {
    let words = match error {
        Error::Other(cause) => match cause.downcast_ref::<Refusal>() {
            Some(Refusal::Busy(wait)) => return Answer::Later(*wait),
            Some(refusal @ Refusal::NotPublic) => return Answer::None(refusal.to_string()),
            None => "it could not be sent",
        },
        Error::HostNotFound => "the host of the address is not known",
        Error::Timeout(ureq::Timeout::Resolve) => "the host of the address was not found in time",
        Error::Timeout(ureq::Timeout::Connect) => "nothing answered there in time",
        Error::Timeout(_) => "there was no answer within 10 seconds",
        Error::Rustls(rustls) => return Answer::None(format!("TLS failed: {rustls}")),
        Error::Tls(_) => "TLS failed",
        Error::LargeResponseHeader(..) => "the head of the answer was too large",
        Error::Protocol(_) => "the answer was no HTTP",
        Error::Io(cause) => return Answer::None(broken(cause)),
        _ => "it could not be sent",
    };
    Answer::None(words.to_owned())
}

fn broken(cause: &std::io::Error) -> String {
    // What TLS says of a certificate comes wrapped.
    if let Some(inner) = cause.get_ref()
        && cause.kind() == ErrorKind::InvalidData
    {
        return format!("TLS failed: {inner}");
    }
    let words = match cause.kind() {
        ErrorKind::ConnectionRefused => "nothing listens there",
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => {
            "the connection broke off before there was an answer"
        }
        ErrorKind::TimedOut => "nothing answered there in time",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            "there is no way to that address"
        }
        _ => "the connection failed",
    };
    words.to_owned()
}
