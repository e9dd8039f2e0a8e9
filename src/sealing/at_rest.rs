//! All secrets of the database at once: how they stand, and each sealed again with the key that seals now.

use super::{KeyId, Keys, Sealable, Stored, Unopened};
use crate::auth::second_factor;
use crate::db::secrets::{self, At, Place, Row};
use crate::webhooks::sign;
use sqlx::PgPool;
use std::collections::BTreeMap;
use std::fmt;

/// How many secrets there are, by the key that they are sealed with; by none are those in clear.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing(pub BTreeMap<Option<KeyId>, u64>);

impl Standing {
    /// What they are sealed with that is not among these keys.
    pub fn missing<'a>(&'a self, keys: &'a Keys) -> impl Iterator<Item = (KeyId, u64)> + 'a {
        let sealed = self
            .0
            .iter()
            .filter_map(|(key, count)| Some(((*key)?, *count)));
        sealed.filter(|(id, _)| keys.find(*id).is_none())
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// There are secrets that no key opens.
    #[error("{0}")]
    Missing(Missing),
    /// The database is away.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Keys that were not given, and how many secrets each seals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing(Vec<(KeyId, u64)>);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = (self.0.iter())
            .map(|(id, count)| format!("{id} (of {count})"))
            .collect();
        write!(
            f,
            "Secrets of second factors and webhooks in the database are sealed with keys that are not here: {}. Bring \
             the file back that holds them, or add its lines to the one of --secret-key-file \
             (BREAKMYWORK_SECRET_KEY_FILE); `up` has that of its embedded database as secret-key in the data directory. If a key is lost for \
             good: `breakmywork secrets forget` says whose secrets those are and lets the board go on without them. \
             Then their owners make new secrets for their webhooks, and who has no code on paper needs \
             `breakmywork user second-factor-off NAME`.",
            keys.join(", ")
        )
    }
}

/// Counts them.
///
/// # Errors
/// If the database is away.
pub async fn standing(pool: &PgPool) -> sqlx::Result<Standing> {
    let mut standing = Standing::default();
    let mut at = At::default();
    while let Some(rows) = secrets::next(pool, &mut at).await? {
        for row in rows {
            *standing.0.entry(row.stored.key()).or_default() += 1;
        }
    }
    Ok(standing)
}

/// Makes sure that all can be opened, and seals those again that stand in clear or are sealed with an older key.
///
/// # Errors
/// If some cannot, before anything is changed; or if the database is away.
pub async fn start(pool: &PgPool, keys: &Keys) -> Result<(), Trouble> {
    let standing = standing(pool).await?;
    let missing: Vec<_> = standing.missing(keys).collect();
    if !missing.is_empty() {
        return Err(Trouble::Missing(Missing(missing)));
    }
    warn_of_clear(keys);
    Ok(reseal(pool, keys).await?)
}

/// Says what to do where there is no key.
pub fn warn_of_clear(keys: &Keys) {
    if keys.is_empty() {
        tracing::warn!(
            "secrets of second factors and webhooks stand in the database in clear: `breakmywork secrets make-key FILE` \
             makes a key, and --secret-key-file FILE (BREAKMYWORK_SECRET_KEY_FILE) seals them with it"
        );
    }
}

/// Seals with the first key what stands in clear or is sealed with another one. Several processes may do so at once: each
/// secret is replaced only if nobody changed it. What cannot be opened stays, with a line in the log.
///
/// # Errors
/// If the database is away.
pub async fn reseal(pool: &PgPool, keys: &Keys) -> sqlx::Result<()> {
    let sealed = change(pool, keys, keys).await?;
    if sealed > 0 {
        let key = keys.ids().next().map(|id| id.to_string());
        tracing::info!(sealed, key, "sealed secrets with the first key");
    }
    Ok(())
}

/// Puts all back in clear that these keys open, and says how many those were.
///
/// # Errors
/// If the database is away.
pub async fn unseal(pool: &PgPool, keys: &Keys) -> sqlx::Result<u64> {
    change(pool, keys, &Keys::default()).await
}

async fn change(pool: &PgPool, from: &Keys, to: &Keys) -> sqlx::Result<u64> {
    let wanted = to.ids().next();
    let mut changed = 0;
    let mut closed: Vec<String> = Vec::new();
    let mut at = At::default();
    while let Some(rows) = secrets::next(pool, &mut at).await? {
        for row in rows.iter().filter(|row| row.stored.key() != wanted) {
            match again(row, from, to) {
                Ok(stored) => changed += u64::from(secrets::replace(pool, row, &stored).await?),
                Err(why) => closed.push(format!("{}: {why}", named(row))),
            }
        }
    }
    if let Some(first) = closed.first() {
        tracing::error!(
            closed = closed.len(),
            "secrets do not open; the first is {first}"
        );
    }
    Ok(changed)
}

fn again(row: &Row, from: &Keys, to: &Keys) -> Result<Stored, Unopened> {
    fn of<S: Sealable>(row: &Row, from: &Keys, to: &Keys) -> Result<Stored, Unopened> {
        let secret: S = from.open(row.owner, &row.stored)?;
        Ok(to.seal(row.owner, &secret))
    }
    match row.place {
        Place::SecondFactor => of::<second_factor::Secret>(row, from, to),
        Place::Webhook | Place::WebhookBefore => of::<sign::Secret>(row, from, to),
    }
}

/// Those that these keys do not open, in words that name their owners; with `replace`, random ones that nobody knows are put in
/// their place. So no code of an app is right any more and no signature verifies, until their owners make new ones: nothing
/// is let in or sent with less than before.
///
/// # Errors
/// If the database is away.
pub async fn forget(pool: &PgPool, keys: &Keys, replace: bool) -> sqlx::Result<Vec<String>> {
    let mut lost = Vec::new();
    let mut at = At::default();
    while let Some(rows) = secrets::next(pool, &mut at).await? {
        for row in rows.iter().filter(|row| again(row, keys, keys).is_err()) {
            let random = match row.place {
                Place::SecondFactor => keys.seal(row.owner, &second_factor::Secret::new()),
                Place::Webhook | Place::WebhookBefore => keys.seal(row.owner, &sign::Secret::new()),
            };
            if !replace || secrets::replace(pool, row, &random).await? {
                lost.push(named(row));
            }
        }
    }
    Ok(lost)
}

fn named(row: &Row) -> String {
    match row.place {
        Place::SecondFactor => format!("the second factor of {}", row.name),
        Place::Webhook => format!("webhook {} of {}", row.row, row.name),
        Place::WebhookBefore => format!("the secret before of webhook {} of {}", row.row, row.name),
    }
}
