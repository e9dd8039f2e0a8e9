//! Requests to providers: few, small, and soon over.

use super::ask::Trouble;
use super::is_safe;
use openidconnect::{HttpRequest, HttpResponse, SyncHttpClient};
use std::time::Duration;
use ureq::Agent;

/// For all of a request.
const WHOLE: Duration = Duration::from_secs(5);
/// Largest answer; keys and descriptions of providers are a few kilobytes.
const BODY_BYTES: u64 = 256 * 1024;
/// Largest head of one.
const HEAD_BYTES: usize = 16 * 1024;
/// Tries of a request that changes nothing.
const TRIES: usize = 2;

/// Asks; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Http(Agent);

impl Default for Http {
    fn default() -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // Where an answer points to is not what the operator named.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .tls_config(breakmywork_roots::tls())
            .user_agent(format!("BreakMyWork/{}", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(WHOLE))
            .max_response_header_size(HEAD_BYTES)
            .max_idle_connections(0)
            .max_idle_connections_per_host(0)
            .build();
        Self(Agent::new_with_config(config))
    }
}

impl Http {
    fn once(&self, request: HttpRequest) -> Result<HttpResponse, Trouble> {
        let sent = match request.body().is_empty() {
            true => self.0.run(request.map(|_| ())),
            false => self.0.run(request),
        };
        let away = |error| Trouble::Away(breakmywork_roots::explained(&error));
        let response = sent.map_err(away)?;
        let (parts, mut body) = response.into_parts();
        let body = body.with_config().limit(BODY_BYTES).read_to_vec();
        let body = body.map_err(|error| Trouble::Away(error.to_string()))?;
        if parts.status.is_server_error() {
            return Err(Trouble::Away(format!("it answered {}", parts.status)));
        }
        Ok(HttpResponse::from_parts(parts, body))
    }
}

impl SyncHttpClient for Http {
    type Error = Trouble;

    fn call(&self, request: HttpRequest) -> Result<HttpResponse, Trouble> {
        let address = request.uri().to_string();
        if !is_safe(&address) {
            return Err(Trouble::Refused(format!("{address} is not safe to ask")));
        }
        // A code is good once: what came of the first try is not known.
        let tries = if request.method().is_safe() { TRIES } else { 1 };
        let mut trouble = Trouble::Away(String::new());
        for _ in 0..tries {
            match self.once(request.clone()) {
                Ok(response) => return Ok(response),
                Err(error) => trouble = error,
            }
        }
        Err(trouble)
    }
}
