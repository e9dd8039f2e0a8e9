//! Seals of what was opened.

use breakmywork_protocol::id::ExperimentId;
use breakmywork_protocol::record;
use sqlx::PgConnection;

/// The bytes that a sealed registration was committed to, if it is open.
///
/// # Errors
/// If the database is away.
pub async fn opened(
    db: &mut PgConnection,
    experiment: ExperimentId,
) -> sqlx::Result<Option<String>> {
    let seal = sqlx::query!(
        r#"select seal.nonce, seal.registration::jsonb as "registration!"
           from seal join experiment e on e.id = seal.experiment_id
           where e.id = $1 and e.opened_at is not null"#,
        experiment as ExperimentId
    )
    .fetch_optional(db)
    .await?;
    Ok(seal.map(|seal| record::committed(&seal.nonce, &seal.registration)))
}
