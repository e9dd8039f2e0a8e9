//! Sealed experiments: of a plan that is sealed only a commitment is public, until it is opened.
//!
//! Whatever ends an experiment opens it, in the transaction that ends it; else the sweep does when its date has come. Nobody
//! can keep one closed: the database holds that what has ended is open (constraint `experiment_ended_is_open`).

use super::reap::is_of_rows;
use super::{Result, events};
use crate::id::{CommentId, ExperimentId, ThreadId};
use crate::{news, record};
use sqlx::{PgConnection, PgPool};

/// Experiments that one sweep opens; the next one goes on.
const AT_ONCE: i64 = 100;

/// Opens an experiment that is closed, and says whether it was: on record, in its thread and to whoever watches.
pub(super) async fn open(tx: &mut PgConnection, experiment: ExperimentId) -> sqlx::Result<bool> {
    let opened = sqlx::query!(
        r#"update experiment set opened_at = now() where id = $1 and closed
           returning thread_id as "thread: ThreadId", registered_at is not null as "registered!""#,
        experiment as ExperimentId
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(opened) = opened else {
        return Ok(false);
    };
    if opened.registered {
        let commitment = record::opening(&mut *tx, experiment).await?;
        post(&mut *tx, experiment, opened.thread, &commitment).await?;
    }
    let data = serde_json::json!({});
    events::record(tx, experiment, None, None, "opened", data).await?;
    Ok(true)
}

async fn post(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    thread: ThreadId,
    commitment: &str,
) -> sqlx::Result<()> {
    let words = format!(
        "**Opened.** This experiment was registered sealed. Its plan, its runs and the random number that hid them are public now. \
         At its registration the board recorded `{commitment}`, which `sha256sum` gives of \
         [what it had committed to](/experiments/{experiment}/commitment.json)."
    );
    let post = sqlx::query_scalar!(
        r#"insert into comment (thread_id, kind, experiment_id, body) values ($1, 'opening', $2, $3)
           returning id as "id: CommentId""#,
        thread as ThreadId,
        experiment as ExperimentId,
        words
    )
    .fetch_one(&mut *tx)
    .await?;
    news::of_post(tx, post).await?;
    Ok(())
}

/// Opens what is closed and whose date has come. What cannot be opened is logged and stepped over.
pub(super) async fn open_due(pool: &PgPool) -> Result<()> {
    let due = sqlx::query_scalar!(
        r#"select id as "id: ExperimentId" from experiment where closed and opens_at <= now() order by opens_at limit $1"#,
        AT_ONCE
    )
    .fetch_all(pool)
    .await?;
    for experiment in due {
        let opened = async {
            let mut tx = pool.begin().await?;
            let opened = open(&mut tx, experiment).await?;
            tx.commit().await?;
            Ok(opened)
        };
        match opened.await {
            Ok(true) => tracing::info!(%experiment, "its date has come: opened"),
            Ok(false) => {}
            Err(error) if is_of_rows(&error) => {
                tracing::error!(%experiment, %error, "a sealed experiment could not be opened");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
