//! A result in an archive: whoever deposits it there says under which DOI, and citations name it.

use crate::board;
use crate::db::experiments::{self as table, Experiment};
use crate::error::{Error, Result};
use breakmywork_protocol::id::{AccountId, ExperimentId};
use breakmywork_protocol::record::{self, Act, Subject};
use serde_json::json;
use sqlx::PgConnection;

/// Says under which DOI the result lies in an archive, on record; nothing typed takes that back.
///
/// # Errors
/// As [`may_say`]; if it is no DOI (pointer `/doi`).
pub async fn say(
    tx: &mut PgConnection,
    id: ExperimentId,
    who: AccountId,
    admin: bool,
    typed: &str,
) -> Result<()> {
    let experiment = table::find(&mut *tx, id, Some(who))
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    may_say(&experiment, who, admin)?;
    let doi = match typed.trim() {
        "" => None,
        typed => Some(board::doi(typed).map_err(|detail| Error::field("/doi", detail))?),
    };
    if table::set_doi(&mut *tx, id, doi.as_deref()).await? {
        let subject = Subject::Experiment(id);
        record::act(
            tx,
            subject,
            Act::Deposited,
            Some(who),
            json!({ "doi": doi }),
        )
        .await?;
    }
    Ok(())
}

/// Whether that person may say where the result of the experiment lies.
///
/// # Errors
/// If not, with the reason: it is another's, or there is no result yet.
pub fn may_say(experiment: &Experiment, who: AccountId, admin: bool) -> Result<()> {
    if !admin && experiment.author_id != who {
        return Err(Error::Forbidden(
            "Only its author or an admin says where the result of an experiment lies.".into(),
        ));
    }
    if experiment.outcome.is_none() {
        return Err(Error::Conflict(format!(
            "Experiment {} has no verdict yet, so there is no result to deposit.",
            experiment.id
        )));
    }
    Ok(())
}
