//! What an experiment can find, from the noise of those that ended; and whether its question was answered before.

use super::Result;
use crate::id::{AccountId, ExperimentId};
use crate::spec::{Problem, Spec, limits};
use crate::verdict::{PairNoise, Power};
use sqlx::{PgConnection, PgExecutor};
use std::collections::BTreeMap;

/// Experiments whose noise is looked at: the latest.
const LOOKED_AT: i64 = 100;

/// What the specification can find if `author` registers it now; `None` where that cannot be said.
///
/// The noise is that of the author's own experiments of that task and size; else of the person whose pairs vary least,
/// so that nobody can make an experiment of somebody else's look hopeless by running noisy ones.
///
/// # Errors
/// If the database is away.
pub async fn power(
    db: impl PgExecutor<'_>,
    spec: &Spec,
    author: AccountId,
) -> sqlx::Result<Option<Power>> {
    let Some(likeness) = spec.likeness() else {
        return Ok(None);
    };
    let rows = sqlx::query!(
        r#"select author_id as "author: AccountId", differences from noise
           where likeness = $1 order by noted_at desc limit $2"#,
        likeness,
        LOOKED_AT
    )
    .fetch_all(db)
    .await?;
    let mut people: BTreeMap<i64, Vec<Vec<f64>>> = BTreeMap::new();
    for row in rows {
        people
            .entry(row.author.0)
            .or_default()
            .push(row.differences);
    }
    let noise = match people.remove(&author.0) {
        Some(own) => PairNoise::of(&own, true),
        None => people
            .values()
            .filter_map(|experiments| PairNoise::of(experiments, false))
            .min_by(|one, other| one.sd.total_cmp(&other.sd)),
    };
    // A thousand samples for each number of pairs: a moment of arithmetic, which leaves the asynchronous threads.
    let spec = spec.clone();
    tokio::task::spawn_blocking(move || Power::of(&spec, noise))
        .await
        .map_err(|error| sqlx::Error::Io(std::io::Error::other(error)))
}

/// Keeps the noise of an experiment that ends.
pub(super) async fn keep(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    differences: &[f64],
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into noise (experiment_id, author_id, likeness, differences)
         select id, author_id, likeness, $2 from experiment where id = $1 and likeness is not null
         on conflict do nothing",
        experiment as ExperimentId,
        differences
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What the experiments that asked a proposed one's question of its claim say against asking it again: once it was answered, it is
/// asked again with at least twice the seeds, so that nobody can ask until luck answers.
///
/// # Errors
/// If the database is away.
pub async fn asked_before(
    tx: &mut PgConnection,
    proposed: ExperimentId,
    spec: &Spec,
) -> Result<Option<Problem>> {
    let twin = sqlx::query!(
        r#"select e.id as "id: ExperimentId", v.outcome,
             jsonb_array_length(v.detail -> 'pairs') as "pairs!"
           from experiment e join verdict v on v.experiment_id = e.id
           where claim_id = (select claim_id from experiment where id = $1) and registered_at is not null
             and question_sha256(spec) = question_sha256($2)
             and confirms is null and disputed_at is null and v.outcome in ('supported', 'falsified')
           order by 3 desc, e.id limit 1"#,
        proposed as ExperimentId,
        spec.to_json()
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(twin) = twin else { return Ok(None) };
    let least = 2 * twin.pairs;
    if spec.seeds.count() >= usize::try_from(least).unwrap_or(usize::MAX) {
        return Ok(None);
    }
    let most = *limits::SEEDS.end();
    let next = if usize::try_from(least).is_ok_and(|least| least <= most) {
        format!("Take {least} seeds or more")
    } else {
        "Ask something that it does not answer".to_owned()
    };
    Ok(Some(Problem {
        pointer: "/seeds".into(),
        detail: format!(
            "are too few to ask this again: experiment {} asked exactly this of {} pairs, and it was {}. {next}, or register it \
             as exploratory.",
            twin.id, twin.pairs, twin.outcome
        ),
    }))
}
