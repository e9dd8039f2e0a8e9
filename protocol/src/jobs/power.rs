//! What an experiment can find, from the noise of those that ended; and who asked its question before.

use crate::id::{AccountId, ExperimentId};
use crate::spec::Spec;
use crate::verdict::{PairNoise, Power};
use serde::Serialize;
use sqlx::{PgConnection, PgExecutor};
use std::collections::BTreeMap;

/// Experiments that are looked at: the latest.
const LOOKED_AT: i64 = 100;

/// What the specification can find if `author` registers it now; `None` where that cannot be said.
///
/// The noise is that of the author's own experiments of that task and size; else of the person in the middle, by how much
/// their pairs vary: a few make no experiment of somebody else's look hopeless with noisy runs, nor certain with quiet ones.
///
/// # Errors
/// If the database is away.
pub async fn power(
    db: impl PgExecutor<'_>,
    spec: &Spec,
    author: AccountId,
) -> sqlx::Result<Option<Power>> {
    let likenesses = spec.noisy_like();
    // Two halves, each with its own limit: no number of experiments of others pushes a person's own out of sight.
    let rows = sqlx::query!(
        r#"select l.likeness as "likeness!", n.author_id as "author!: AccountId", n.differences as "differences!"
           from unnest($1::text[]) l (likeness)
           cross join lateral (
             (select author_id, differences from noise
              where likeness = l.likeness and author_id = $2 order by noted_at desc limit $3)
             union all
             (select author_id, differences from noise
              where likeness = l.likeness and author_id <> $2 order by noted_at desc limit $3)
           ) n"#,
        &likenesses,
        author as AccountId,
        LOOKED_AT
    )
    .fetch_all(db)
    .await?;
    let mut people: BTreeMap<String, BTreeMap<i64, Vec<Vec<f64>>>> = BTreeMap::new();
    for row in rows {
        let of_it = people.entry(row.likeness).or_default();
        let theirs = of_it.entry(row.author.0).or_default();
        theirs.push(row.differences);
    }
    // Of several conditions the noisiest speaks for all: nothing is promised that one of them does not keep.
    let noise = (people.into_values())
        .filter_map(|people| counted(people, author))
        .max_by(|one, other| one.sd.total_cmp(&other.sd));
    // A thousand samples for each number of pairs: a moment of arithmetic, which leaves the asynchronous threads.
    let spec = spec.clone();
    tokio::task::spawn_blocking(move || Power::of(&spec, noise))
        .await
        .map_err(|error| sqlx::Error::Io(std::io::Error::other(error)))
}

/// Of the noise that several people measured that which counts for `author`.
fn counted(mut people: BTreeMap<i64, Vec<Vec<f64>>>, author: AccountId) -> Option<PairNoise> {
    match people.remove(&author.0) {
        Some(own) => PairNoise::of(&own, true),
        None => {
            let mut of_others: Vec<PairNoise> = (people.values())
                .filter_map(|experiments| PairNoise::of(experiments, false))
                .collect();
            of_others.sort_by(|one, other| one.sd.total_cmp(&other.sd));
            // Of two in the middle the quieter one.
            let middle = of_others.len().saturating_sub(1) / 2;
            of_others.into_iter().nth(middle)
        }
    }
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

/// An earlier experiment that asked exactly the same of the same claim: all but title, seeds and when it stops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AskedBefore {
    /// That experiment: the latest one that was answered, else the latest.
    pub experiment: ExperimentId,
    /// registered, running, stalled or concluded.
    pub state: String,
    /// Its verdict, if it has one.
    pub outcome: Option<String>,
    /// How all of those before it fared, as far as they are looked at: the latest hundred.
    pub attempts: AskedAttempts,
}

/// How those fared that asked the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AskedAttempts {
    /// That supported the prediction.
    pub supported: i64,
    /// That falsified it.
    pub falsified: i64,
    /// That told nothing.
    pub inconclusive: i64,
    /// That their authors stopped after they were registered.
    pub stopped: i64,
    /// That ended otherwise: inadmissible, or aborted by somebody else.
    pub otherwise: i64,
    /// That have not ended.
    pub open: i64,
}

impl AskedAttempts {
    /// How many there are.
    pub fn all(&self) -> i64 {
        self.supported
            + self.falsified
            + self.inconclusive
            + self.stopped
            + self.otherwise
            + self.open
    }

    /// How they fared, in words: "2 supported, 40 stopped by their authors".
    pub fn words(&self) -> String {
        let named = [
            (self.supported, "supported"),
            (self.falsified, "falsified"),
            (self.inconclusive, "inconclusive"),
            (self.stopped, "stopped by their authors"),
            (self.otherwise, "ended otherwise"),
            (self.open, "not ended"),
        ];
        let there = named.iter().filter(|(number, _)| *number > 0);
        let words: Vec<String> = there
            .map(|(number, word)| format!("{number} {word}"))
            .collect();
        words.join(", ")
    }
}

/// Who asked the question of an experiment before it: the latest one that was answered, else the latest; and how all of them
/// fared.
///
/// It is told and not refused: to ask again is how a result is repeated, and no claim falls by asking often
/// ([`super::confirm`]).
///
/// # Errors
/// If the database is away.
pub async fn asked_before(
    db: impl PgExecutor<'_>,
    experiment: ExperimentId,
) -> sqlx::Result<Option<AskedBefore>> {
    let row = sqlx::query!(
        r#"select e.id as "experiment: ExperimentId", e.state, v.outcome as "outcome?",
             count(*) filter (where v.outcome = 'supported') over () as "supported!",
             count(*) filter (where v.outcome = 'falsified') over () as "falsified!",
             count(*) filter (where v.outcome = 'inconclusive') over () as "inconclusive!",
             count(*) filter (where v.outcome is not null and e.stopped) over () as "stopped!",
             count(*) filter (where v.outcome is null) over () as "open!",
             count(*) over () as "all!"
           from experiment mine
           cross join lateral (
             select id, state, coalesce(person_of(stopped_by) = person_of(author_id), false) as stopped from experiment twin
             where claim_id = mine.claim_id and question_sha256(spec) = question_sha256(mine.spec) and id < mine.id
               and registered_at is not null and not exploratory and confirms is null and not closed
             order by id desc limit $2
           ) e
           left join verdict v on v.experiment_id = e.id
           where mine.id = $1 and mine.confirms is null
           order by v.outcome in ('supported', 'falsified') desc nulls last, e.id desc limit 1"#,
        experiment as ExperimentId,
        LOOKED_AT
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| AskedBefore {
        experiment: row.experiment,
        state: row.state,
        outcome: row.outcome,
        attempts: AskedAttempts {
            supported: row.supported,
            falsified: row.falsified,
            inconclusive: row.inconclusive,
            stopped: row.stopped,
            otherwise: row.all
                - row.supported
                - row.falsified
                - row.inconclusive
                - row.stopped
                - row.open,
            open: row.open,
        },
    }))
}
