//! Whom admins let train runs on machines of their own, on pages, by script and on the command line.

use crate::db::accounts::{self, Account};
use crate::db::volunteers as table;
use crate::error::{Error, Result};
use breakmywork_protocol::id::AccountId;
use sqlx::PgConnection;

/// Admits a member as a volunteer; one who was contradicted is believed again.
///
/// # Errors
/// If there is nobody of that name, it is an agent's or an admin's, is disabled, or is one already.
pub async fn admit(tx: &mut PgConnection, name: &str, by: Option<AccountId>) -> Result<()> {
    let account = found(&mut *tx, name).await?;
    let against = match &account {
        Account {
            sponsor: Some(sponsor),
            ..
        } => format!("{name} is an agent. Admit {sponsor}, whom it acts for."),
        Account { role, .. } if role.is_admin() => {
            format!("{name} is an admin, whose workers are the board’s own already.")
        }
        Account {
            disabled_at: Some(_),
            ..
        } => "This account is disabled. Enable it first.".to_owned(),
        _ if table::admit(&mut *tx, account.id, by).await? => {
            tracing::info!(account = %account.id, "admitted as a volunteer");
            return Ok(());
        }
        _ => format!("{name} is a volunteer already."),
    };
    Err(Error::Conflict(against))
}

/// Takes that back: the worker stops with its next request.
///
/// # Errors
/// If there is nobody of that name, or who is no volunteer.
pub async fn dismiss(
    tx: &mut PgConnection,
    name: &str,
    by: Option<AccountId>,
    reason: &str,
) -> Result<()> {
    let account = found(&mut *tx, name).await?;
    if !table::dismiss(tx, account.id, by, reason).await? {
        return Err(Error::Conflict(format!("{name} is no volunteer.")));
    }
    tracing::info!(account = %account.id, "a volunteer no more");
    Ok(())
}

async fn found(tx: &mut PgConnection, name: &str) -> Result<Account> {
    accounts::find(tx, name)
        .await?
        .ok_or_else(|| Error::missing("person called", name))
}
