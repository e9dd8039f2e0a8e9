//! What the links in mails do, for whoever has them, signed in or not.

use super::{Cache, show};
use crate::{
    db::mail,
    error::{Error, Result},
    extract::{Path, Visit},
    state::AppState,
};
use askama::Template;
use axum::{extract::State, response::Response};

#[derive(Debug, Template)]
#[template(path = "mail_link.html")]
struct Link {
    visit: Visit,
    title: &'static str,
    words: String,
    /// What is still to be pressed.
    button: Option<&'static str>,
}

fn gone() -> Error {
    Error::NotFound(
        "This link is good no more: it was used, or there is a later one. Your account's page says what is wanted now."
            .to_owned(),
    )
}

/// Asks whoever followed the link whether the address is to be confirmed: programs follow links, too.
pub async fn ask_to_confirm(
    State(state): State<AppState>,
    visit: Visit,
    Path(secret): Path<String>,
) -> Result<Response> {
    let (name, address) = mail::to_confirm(&state.pool, &secret)
        .await?
        .ok_or_else(gone)?;
    let page = Link {
        visit,
        title: "Confirm your address",
        words: format!("Mails for the account {name} will go to {address}."),
        button: Some("Confirm this address"),
    };
    show(&page, Cache::Never)
}

/// Confirms an address.
pub async fn confirm(
    State(state): State<AppState>,
    visit: Visit,
    Path(secret): Path<String>,
) -> Result<Response> {
    if !mail::confirm(&state.pool, &secret).await? {
        return Err(gone());
    }
    let page = Link {
        visit,
        title: "Confirmed",
        words: "Mails of what you follow go there from now on. Each has a link that ends them."
            .to_owned(),
        button: None,
    };
    show(&page, Cache::Never)
}

/// Asks whoever followed the link whether mails are to end.
pub async fn ask_to_unsubscribe(
    State(state): State<AppState>,
    visit: Visit,
    Path(key): Path<String>,
) -> Result<Response> {
    let address = mail::of_key(&state.pool, &key).await?.ok_or_else(gone)?;
    let page = Link {
        visit,
        title: "No more mail",
        words: format!("Break My Work will send no more mail to {address}."),
        button: Some("Send no more mail"),
    };
    show(&page, Cache::Never)
}

/// Ends all mails to the owner of the key, whoever asks: a person here, or a mail program by one click (RFC 8058).
pub async fn unsubscribe(
    State(state): State<AppState>,
    visit: Visit,
    Path(key): Path<String>,
) -> Result<Response> {
    if !mail::unsubscribe(&state.pool, &key).await? {
        return Err(gone());
    }
    let page = Link {
        visit,
        title: "No more mail",
        words:
            "No more mail will come. You still follow what you followed: it is in your inbox here."
                .to_owned(),
        button: None,
    };
    show(&page, Cache::Never)
}
