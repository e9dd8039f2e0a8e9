//! Whose a request is, and how many more of theirs are taken in this minute.

use crate::address::Origin;
use crate::auth::rates::{Asker, WINDOW};
use crate::auth::token::{ApiAccount, Scope};
use crate::error::Error;
use crate::state::AppState;
use axum::extract::{OptionalFromRequestParts, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use breakmywork_protocol::jobs::outside;

/// How many requests are taken in which time, and what is left of them (draft-ietf-httpapi-ratelimit-headers-10).
pub(super) const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub(super) const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// Marks what this server asks of itself, for a request that was counted.
#[derive(Debug, Clone, Copy)]
pub struct Counted;

/// Counts a request of an account, or of an address if no token was sent or one that is not good. Reading needs no token;
/// one that is sent must be good for it all the same: a script learns of its mistake at once.
pub async fn count(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let found =
        <ApiAccount as OptionalFromRequestParts<AppState>>::from_request_parts(&mut parts, &state)
            .await
            .map(|found| found.map(|account| account.held_to(&state.settings)));
    let (name, asker) = match &found {
        Ok(Some(account)) => ("account", Asker::Account(account.id)),
        _ => {
            let proxies = state.settings.trusted_proxies;
            let origin = Origin::of_sender(&parts.extensions, &parts.headers, proxies);
            ("address", Asker::Address(origin))
        }
    };
    // A worker of the board's own beats and reports as its runs need it; a volunteer's is held to the limit.
    let works = matches!(&found, Ok(Some(account)) if account.require(Scope::Work).is_ok() && account.volunteer().is_none())
        && parts.uri.path().starts_with(outside::PATH);
    let counted = parts.extensions.get::<Counted>().is_some();
    let spent = match works || counted {
        true => Ok(None),
        false => state.rates.spend(asker),
    };
    let left = match &spent {
        Ok(left) => left.map(|left| (left.remaining, left.reset)),
        Err(wait) => Some((0, *wait)),
    };
    let mut response = match (spent, found) {
        (Err(retry_after), _) => Error::TooMany {
            detail: format!(
                "This {name} has sent more requests than are taken in a minute. Wait {retry_after} s."
            ),
            retry_after,
        }
        .into_response(),
        (_, Err(refused)) => refused.into_response(),
        (_, Ok(account)) => {
            let reads = parts.method.is_safe();
            let readable = account
                .as_ref()
                .filter(|_| reads)
                .map_or(Ok(()), |account| account.require(Scope::Read));
            match readable {
                Err(refused) => refused.into_response(),
                Ok(()) => {
                    // Asked for once a request.
                    if let Some(account) = account {
                        parts.extensions.insert(account);
                    }
                    next.run(Request::from_parts(parts, body)).await
                }
            }
        }
    };
    if let (Some(most), Some((left, reset))) = (state.rates.most(), left) {
        say(response.headers_mut(), name, most, left, reset);
    }
    response
}

fn say(headers: &mut HeaderMap, name: &str, most: u32, left: u32, reset: u32) {
    let policy = format!("\"{name}\";q={most};w={}", WINDOW.as_secs());
    let left = format!("\"{name}\";r={left};t={reset}");
    for (header, value) in [(POLICY, policy), (LEFT, left)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(header, value);
        }
    }
}
