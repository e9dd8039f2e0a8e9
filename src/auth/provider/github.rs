//! GitHub, and GitHub Enterprise: OAuth 2 with PKCE, then who the user is. It signs nothing, so what it says counts because it
//! says it itself, over TLS.

use super::Provider;
use super::ask::{Asked, Identity, Trouble};
use super::http::Http;
use crate::render::url::component;
use axum::http::{Method, Request, header};
use openidconnect::{HttpRequest, PkceCodeChallenge, PkceCodeVerifier, SyncHttpClient};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Where it is, unless the operator names another one.
pub(super) const ISSUER: &str = "https://github.com";

/// Where it says who a user is; an Enterprise of one's own has that below its own address.
const USER: &str = "https://api.github.com/user";

/// Where a browser is sent. No scope is asked for: who somebody is, is public.
pub(super) fn address(provider: &Provider, asked: &Asked, back: &str) -> String {
    let verifier = PkceCodeVerifier::new(asked.verifier.clone());
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
    format!(
        "{}/login/oauth/authorize?client_id={}&redirect_uri={}&state={}&code_challenge={}&code_challenge_method=S256",
        provider.issuer,
        component(&provider.client_id),
        component(back),
        asked.state,
        component(challenge.as_str()),
    )
}

#[derive(Deserialize)]
struct Token {
    access_token: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
}

/// Who came back with a code.
pub(super) fn identity(
    http: &Http,
    provider: &Provider,
    asked: &Asked,
    code: &str,
    back: &str,
) -> Result<Identity, Trouble> {
    let form: Vec<String> = [
        ("client_id", provider.client_id.as_str()),
        ("client_secret", provider.client_secret.reveal()),
        ("code", code),
        ("redirect_uri", back),
        ("code_verifier", &asked.verifier),
    ]
    .iter()
    .map(|(name, value)| format!("{name}={}", component(value)))
    .collect();
    let exchange = Request::builder()
        .method(Method::POST)
        .uri(format!("{}/login/oauth/access_token", provider.issuer))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json")
        .body(form.join("&").into_bytes());
    let token: Token = ask(http, exchange)?;
    let access = token.access_token.ok_or_else(|| {
        let why = token.error.unwrap_or_else(|| "no token".to_owned());
        Trouble::Refused(format!("it took no code: {why}"))
    })?;
    let who = match provider.issuer.as_str() {
        ISSUER => USER.to_owned(),
        own => format!("{own}/api/v3/user"),
    };
    let who = Request::builder()
        .uri(who)
        .header(header::ACCEPT, "application/vnd.github+json")
        .header(header::AUTHORIZATION, format!("Bearer {access}"))
        .body(Vec::new());
    let user: User = ask(http, who)?;
    Ok(Identity {
        subject: user.id.to_string(),
        shown: user.login,
    })
}

fn ask<T: DeserializeOwned>(
    http: &Http,
    request: Result<HttpRequest, axum::http::Error>,
) -> Result<T, Trouble> {
    let request = request.map_err(|error| Trouble::Refused(error.to_string()))?;
    let answer = http.call(request)?;
    if !answer.status().is_success() {
        return Err(Trouble::Refused(format!("it answered {}", answer.status())));
    }
    // What it answered may hold a token, so it is not told.
    serde_json::from_slice(answer.body())
        .map_err(|_| Trouble::Refused("its answer cannot be read".to_owned()))
}
