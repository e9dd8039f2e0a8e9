//! What falls with a claim: each narrower claim in whose scope lies what made it fall. Else a claim that was narrowed in
//! advance would fall and go on under another name.

use super::tuning;
use crate::id::{ClaimId, ExperimentId};
use crate::news;
use crate::scope::{Earlier, Scope, Sorting};
use crate::spec::Spec;
use crate::stored::Stored;
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};

/// A narrower claim, and an experiment whose falsification of a wider one is confirmed and lies in its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct InheritedFall {
    /// The narrower claim.
    pub claim: ClaimId,
    /// The experiment on the wider one.
    pub experiment: ExperimentId,
}

/// What made these claims fall, or any, and every narrower claim that falls by it, asked of scopes and specifications as they
/// are stored. Whether it is disputed is for whoever tells the standing.
///
/// # Errors
/// If the database is away.
pub async fn inherited_falls(
    tx: &mut PgConnection,
    wider: Option<&[ClaimId]>,
) -> sqlx::Result<Vec<InheritedFall>> {
    let rows = sqlx::query!(
        r#"select e.id as "experiment: ExperimentId", e.spec, narrower.id as "claim!: ClaimId",
             narrower.covers as "covers!: Json<Stored<Scope>>"
           from experiment e cross join lateral narrower_claims(e.claim_id) narrower
           where e.challenge = 'confirmed' and ($1::bigint[] is null or e.claim_id = any ($1))
           order by e.id, narrower.id"#,
        wider as Option<&[ClaimId]>
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut falls = Vec::new();
    for row in rows {
        let (Some(covers), Ok(spec)) = (row.covers.0.get(), Spec::from_stored(&row.spec)) else {
            continue;
        };
        if bears(&mut *tx, covers, row.experiment, &spec).await? {
            falls.push(InheritedFall {
                claim: row.claim,
                experiment: row.experiment,
            });
        }
    }
    Ok(falls)
}

/// Whether a falsification bears on a narrower claim: by the rule by which experiments are sorted when a claim is narrowed.
async fn bears(
    tx: &mut PgConnection,
    covers: &Scope,
    experiment: ExperimentId,
    spec: &Spec,
) -> sqlx::Result<bool> {
    let chosen = match spec.tuning {
        Some(_) => tuning::chosen(tx, experiment).await?,
        None => Default::default(),
    };
    let falsified = Earlier {
        outcome: Some("falsified"),
        chosen: Some(&chosen).filter(|chosen| !chosen.is_empty()),
        ..Earlier::default()
    };
    Ok(covers.resort(spec, falsified).0 == Sorting::StillApplies)
}

/// Lets what is narrower fall with these claims, where it does; gives what fell now.
pub(super) async fn inherit(
    tx: &mut PgConnection,
    wider: &[ClaimId],
) -> sqlx::Result<Vec<ClaimId>> {
    // Of one who narrows a claim and what makes it fall in that moment, the second sees the first.
    sqlx::query!(
        "select from claim where id = any ($1) order by id for no key update",
        wider as &[ClaimId]
    )
    .execute(&mut *tx)
    .await?;
    let falls = inherited_falls(&mut *tx, Some(wider)).await?;
    store(tx, &falls).await
}

async fn store(tx: &mut PgConnection, falls: &[InheritedFall]) -> sqlx::Result<Vec<ClaimId>> {
    let (claims, experiments): (Vec<i64>, Vec<i64>) = falls
        .iter()
        .map(|fall| (fall.claim.0, fall.experiment.0))
        .unzip();
    sqlx::query_scalar!(
        r#"insert into inherited_fall (claim_id, experiment_id) select * from unnest($1::bigint[], $2::bigint[])
           on conflict do nothing returning claim_id as "claim: ClaimId""#,
        &claims,
        &experiments
    )
    .fetch_all(tx)
    .await
}

/// The same of a claim that came onto the board just now: by what made the claims fall that it narrows.
///
/// # Errors
/// If the database is away: then roll `tx` back.
pub async fn inherit_from_wider(tx: &mut PgConnection, claim: ClaimId) -> sqlx::Result<()> {
    let wider = sqlx::query_scalar!(
        r#"with recursive line as (
             select revises as id from claim where id = $1
             union select c.revises from line join claim c on c.id = line.id)
           select id as "id!: ClaimId" from line where id is not null"#,
        claim as ClaimId
    )
    .fetch_all(&mut *tx)
    .await?;
    for fallen in inherit(&mut *tx, &wider).await? {
        news::of_standing(&mut *tx, fallen).await?;
    }
    Ok(())
}

/// The same of every claim: what fell before this was asked. Gives how many fell now.
///
/// # Errors
/// If the database is away.
pub async fn inherit_all(pool: &PgPool) -> sqlx::Result<usize> {
    let mut tx = pool.begin().await?;
    let falls = inherited_falls(&mut tx, None).await?;
    let fallen = store(&mut tx, &falls).await?;
    for &claim in &fallen {
        news::of_standing(&mut tx, claim).await?;
    }
    tx.commit().await?;
    Ok(fallen.len())
}

/// Tells where those claims stand that fell with another by this experiment, or by what it confirms.
pub(super) async fn tell_heirs(
    tx: &mut PgConnection,
    experiment: ExperimentId,
) -> sqlx::Result<()> {
    let heirs = sqlx::query_scalar!(
        r#"select claim_id as "claim: ClaimId" from inherited_fall
           where experiment_id in ($1, (select confirms from experiment where id = $1)) order by claim_id"#,
        experiment as ExperimentId
    )
    .fetch_all(&mut *tx)
    .await?;
    for claim in heirs {
        news::of_standing(&mut *tx, claim).await?;
    }
    Ok(())
}
