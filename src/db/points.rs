//! Where the experiments of a claim lie.

use crate::scope_map::{Fate, Tried};
use breakmywork_protocol::id::{ClaimId, ExperimentId};
use breakmywork_protocol::scope::Point;
use breakmywork_protocol::spec::{Cell, TaskName};
use sqlx::PgExecutor;

/// The newest registered experiments of a claim that everybody may see, newest first: where each lies and what it says about the claim.
///
/// # Errors
/// If the database is away.
pub async fn newest(
    db: impl PgExecutor<'_>,
    claim: ClaimId,
    limit: i64,
) -> sqlx::Result<Vec<Tried>> {
    let rows = sqlx::query!(
        r#"select p.experiment_id as "id: ExperimentId", p.task, p.cell, p.data_set, p.hidden, p.length, p.rate,
             e.exploratory or e.disputed_at is not null or cardinality(e.outside) > 0 as "aside!",
             e.confirms is not null as "confirms!", v.outcome as "outcome?"
           from (select * from experiment_point where claim_id = $1 order by experiment_id desc limit $2) p
           join experiment e on e.id = p.experiment_id and not e.closed
           left join verdict v on v.experiment_id = p.experiment_id
           order by p.experiment_id desc"#,
        claim as ClaimId,
        limit,
    )
    .fetch_all(db)
    .await?;
    // A task or cell that this version does not know has no place on its map.
    let known = rows.into_iter().filter_map(|row| {
        Some(Tried {
            id: row.id,
            point: Point {
                task: TaskName::ALL.into_iter().find(|it| it.name() == row.task)?,
                cell: Cell::ALL.into_iter().find(|it| it.name() == row.cell)?,
                data: row.data_set,
                hidden: row.hidden.try_into().ok()?,
                length: row.length.try_into().ok()?,
                rate: row.rate,
            },
            fate: fate(row.aside, row.outcome.as_deref()),
            confirms: row.confirms,
        })
    });
    Ok(known.collect())
}

fn fate(aside: bool, outcome: Option<&str>) -> Fate {
    match outcome {
        _ if aside => Fate::Aside,
        None => Fate::UnderWay,
        Some("supported") => Fate::Supported,
        Some("falsified") => Fate::Falsified,
        Some("inconclusive") => Fate::Inconclusive,
        Some(_) => Fate::Aside,
    }
}
