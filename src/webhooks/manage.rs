//! What owners do with their webhooks: what pages and REST have in common.

use super::address;
use super::sign::Secret;
use crate::config::Settings;
use crate::db::accounts;
use crate::db::webhooks::log::{self, Delivery};
use crate::db::webhooks::{self as table, Paused, Webhook, What};
use crate::error::{Error, Result};
use breakmywork_protocol::id::{AccountId, DeliveryId, WebhookId};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

/// Webhooks of one account.
pub const MOST: i64 = 5;

/// A webhook that was just added.
#[derive(Debug, Clone)]
pub struct Added {
    /// Key.
    pub id: WebhookId,
    /// What its requests are signed with, as its owner is shown it this once.
    pub secret: String,
}

/// What is to become of a webhook; what is not named stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Another address.
    pub url: Option<String>,
    /// What it is told of.
    pub what: Option<What>,
    /// Whether it is to rest.
    pub paused: Option<bool>,
}

/// Adds one.
///
/// # Errors
/// An address that is not sent to, as many as an account may have, or a board without webhooks.
pub async fn add(
    tx: &mut PgConnection,
    settings: &Settings,
    account: AccountId,
    url: &str,
    what: What,
) -> Result<Added> {
    there_are_any(settings)?;
    let target = checked(settings, url)?;
    accounts::lock(&mut *tx, account).await?;
    if table::count(&mut *tx, account).await? >= MOST {
        return Err(Error::Conflict(format!(
            "You have {MOST} webhooks, as many as an account may have. Remove one first."
        )));
    }
    let secret = Secret::new();
    let sealed = settings.secret_keys.seal(account, &secret);
    let id = table::add(tx, account, &target, what, &sealed).await?;
    Ok(Added {
        id,
        secret: secret.shown(),
    })
}

/// Changes one.
///
/// # Errors
/// Somebody else's, or an address that is not sent to.
pub async fn change(
    tx: &mut PgConnection,
    settings: &Settings,
    account: AccountId,
    id: WebhookId,
    change: &Change,
) -> Result<Webhook> {
    let found = own(&mut *tx, account, id).await?;
    if let Some(url) = &change.url {
        there_are_any(settings)?;
        table::set_target(&mut *tx, id, &checked(settings, url)?).await?;
    }
    if let Some(what) = change.what {
        table::set_what(&mut *tx, id, what).await?;
    }
    match change.paused {
        Some(true) if found.paused.is_none() => table::pause(&mut *tx, id, Paused::Owner).await?,
        Some(false) => table::resume(&mut *tx, id).await?,
        Some(true) | None => {}
    }
    own(tx, account, id).await
}

/// Gives it another secret, shown this once, and says until when the one before is used, too.
///
/// # Errors
/// Somebody else's.
pub async fn rotate(
    tx: &mut PgConnection,
    settings: &Settings,
    account: AccountId,
    id: WebhookId,
) -> Result<(String, DateTime<Utc>)> {
    let secret = Secret::new();
    let sealed = settings.secret_keys.seal(account, &secret);
    let until = table::rotate(tx, account, id, &sealed).await?;
    let until = until.ok_or_else(|| missing(id))?;
    Ok((secret.shown(), until))
}

/// Queues a ping, also of one that is paused.
///
/// # Errors
/// Somebody else's, one whose last ping waits, or a board without webhooks.
pub async fn ping(
    tx: &mut PgConnection,
    settings: &Settings,
    account: AccountId,
    id: WebhookId,
) -> Result<Delivery> {
    there_are_any(settings)?;
    own(&mut *tx, account, id).await?;
    let queued = log::ping(&mut *tx, id).await?.ok_or_else(|| {
        Error::Conflict("A test is on its way. What came of it will stand in the log.".to_owned())
    })?;
    delivery(tx, id, queued).await
}

/// Queues something once more, by the same name.
///
/// # Errors
/// Somebody else's, one that is paused, what waits already or was a ping, or a board without webhooks.
pub async fn again(
    tx: &mut PgConnection,
    settings: &Settings,
    account: AccountId,
    id: WebhookId,
    wanted: DeliveryId,
) -> Result<Delivery> {
    there_are_any(settings)?;
    let found = own(&mut *tx, account, id).await?;
    delivery(&mut *tx, id, wanted).await?;
    if found.paused.is_some() {
        return Err(Error::Conflict(
            "This webhook is paused. Resume it first.".to_owned(),
        ));
    }
    if !log::again(&mut *tx, id, wanted).await? {
        return Err(Error::Conflict(
            "It waits to be sent already, or was a test: send another test instead.".to_owned(),
        ));
    }
    delivery(tx, id, wanted).await
}

/// One of an account's webhooks.
///
/// # Errors
/// Somebody else's.
pub async fn own(db: impl PgExecutor<'_>, account: AccountId, id: WebhookId) -> Result<Webhook> {
    let found = table::find(db, account, id).await?;
    found.ok_or_else(|| missing(id))
}

async fn delivery(tx: &mut PgConnection, webhook: WebhookId, id: DeliveryId) -> Result<Delivery> {
    let found = log::find(tx, webhook, id).await?;
    found.ok_or_else(|| Error::missing("delivery with number", id))
}

/// There is none of yours with that number.
pub fn missing(id: WebhookId) -> Error {
    Error::missing("webhook of yours with number", id)
}

fn checked(settings: &Settings, url: &str) -> Result<address::Target> {
    address::checked(url, settings.webhooks).map_err(|detail| Error::field("/url", detail))
}

fn there_are_any(settings: &Settings) -> Result<()> {
    match settings.sends_webhooks() {
        true => Ok(()),
        false => Err(Error::Conflict(
            "This board has no webhooks; its operator has turned them off.".to_owned(),
        )),
    }
}
