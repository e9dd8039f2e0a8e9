//! What admins do about an account that harms the board, on its page and by script.

use crate::db::accounts::{self, Account};
use crate::error::{Error, Result};
use breakmywork_protocol::id::AccountId;
use sqlx::PgConnection;

/// Disables an account: its sessions and tokens end at once.
///
/// # Errors
/// If there is none of that name, it is an admin's, or it is disabled already.
pub async fn disable(tx: &mut PgConnection, name: &str, by: AccountId, reason: &str) -> Result<()> {
    let account = found(&mut *tx, name).await?;
    // So that no admin, and nobody who got hold of one's session or token, locks the others out.
    if account.role.is_admin() {
        return Err(Error::Forbidden(
            "Admins are disabled on the command line alone: `breakmywork user disable`.".to_owned(),
        ));
    }
    if !accounts::disable(tx, account.id, Some(by), reason).await? {
        return Err(Error::Conflict(
            "This account is disabled already.".to_owned(),
        ));
    }
    tracing::info!(account = %account.id, %by, "account disabled");
    Ok(())
}

/// Lets the person sign in again.
///
/// # Errors
/// If there is no account of that name, or it is not disabled.
pub async fn enable(tx: &mut PgConnection, name: &str, by: AccountId) -> Result<()> {
    let account = found(&mut *tx, name).await?;
    if !accounts::enable(tx, account.id, Some(by)).await? {
        return Err(Error::Conflict("This account is not disabled.".to_owned()));
    }
    tracing::info!(account = %account.id, %by, "account enabled");
    Ok(())
}

async fn found(tx: &mut PgConnection, name: &str) -> Result<Account> {
    accounts::find(tx, name)
        .await?
        .ok_or_else(|| Error::missing("person called", name))
}
