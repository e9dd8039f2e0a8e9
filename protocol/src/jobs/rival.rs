//! One experiment, two claims that deny each other: the runs of the one are the runs of the other's test, too.
//!
//! The test of the rival is an experiment of its own without runs of its own: with a criterion that was frozen at the same
//! moment ([`crate::scope::Scope::criterion_of_rival`]), a verdict, a thread, and a standing that only it moves. What is done
//! to the runs is done through the experiment that has them.

use super::{Error, Result, events, submit};
use crate::id::{AccountId, ClaimId, ExperimentId, ThreadId};
use crate::record;
use crate::scope::Scope;
use crate::spec::{Seeds, Spec, limits};
use crate::text;
use crate::verdict::Power;
use sqlx::PgConnection;

/// The specification by which a rival claim is tested with the runs of `spec`. Its seeds are those of `spec`.
///
/// # Errors
/// Why there is none, or why it could decide nothing about the rival, as a sentence.
pub fn spec_of_rival(spec: &Spec, rival: &Scope) -> std::result::Result<Spec, String> {
    let criterion = spec.criterion.as_ref().ok_or_else(|| {
        "An experiment without a criterion tests no claim, and no rival.".to_owned()
    })?;
    if spec.tuning.is_some() {
        return Err(
            "Its arms are tuned, and what they choose is chosen for one prediction: take the rival or [tuning] out of it, and \
             test the rival by an experiment of its own."
                .to_owned(),
        );
    }
    let asked = Spec {
        criterion: Some(rival.criterion_of_rival(criterion)?),
        ..spec.clone()
    };
    // What is refused of an experiment on that claim is refused here: a criterion that cannot lose, or cannot win.
    match asked.undecidable().into_iter().next() {
        Some(problem) => Err(format!(
            "It can decide nothing about the rival: {} {}",
            problem.pointer.trim_start_matches('/').replace('/', "."),
            problem.detail
        )),
        None => Ok(asked),
    }
}

/// Registers the test of the rival claim that a just registered experiment names, if it names one.
///
/// # Errors
/// [`Error::Conflict`] if the two claims are no rivals any more, or its criterion cannot test the rival.
pub(super) async fn register(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    author: AccountId,
    spec: &Spec,
    seeds: &[u32],
    power: Option<&Power>,
) -> Result<()> {
    let row = sqlx::query!(
        r#"select e.title, e.rival_id as "rival!: ClaimId", rival.covers, claim.label, exploratory,
             exists (select from claim_rival where agreed_at is not null and claim_rival.claim_id = least(e.claim_id, e.rival_id)
               and claim_rival.rival_id = greatest(e.claim_id, e.rival_id)) as "agreed!"
           from experiment e join claim rival on rival.id = e.rival_id join claim on claim.id = e.claim_id
           where e.id = $1"#,
        experiment as ExperimentId
    )
    .fetch_optional(&mut *tx)
    .await?;
    // What only looks has no verdict to post anywhere.
    let Some(row) = row.filter(|row| !row.exploratory) else {
        return Ok(());
    };
    if !row.agreed {
        return Err(Error::Conflict(
            "The claim and the rival that this experiment names are no rivals any more. Take the rival out of it, then register it.".into(),
        ));
    }
    let scope: Scope = serde_json::from_value(row.covers)
        .map_err(|_| Error::Conflict("The rival claim’s scope cannot be read.".into()))?;
    // They are drawn already, and drawn from the frozen bytes of the experiment that has the runs.
    let rivals = Spec {
        seeds: Seeds::Listed(seeds.to_vec()),
        ..spec_of_rival(spec, &scope).map_err(Error::Conflict)?
    };
    let prediction = rivals
        .criterion
        .as_ref()
        .map(|criterion| criterion.reading())
        .unwrap_or_default();
    let rationale = format!(
        "Experiment [{experiment}](/experiments/{experiment}) tests {}, of which this claim is the rival. Its runs decide this \
         prediction, too, by a criterion of its own that was fixed in the same moment.",
        row.label
    );
    let thread =
        sqlx::query_scalar!(r#"insert into thread default values returning id as "id: ThreadId""#)
            .fetch_one(&mut *tx)
            .await?;
    let id = sqlx::query_scalar!(
        r#"insert into experiment (claim_id, author_id, thread_id, title, prediction, rationale, spec_source, spec, shares_runs_of)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id as "id: ExperimentId""#,
        row.rival as ClaimId,
        author as AccountId,
        thread as ThreadId,
        text::cut(&format!("Rival: {}", row.title), limits::TITLE_CHARS),
        prediction,
        rationale,
        rivals.to_toml(),
        rivals.to_json(),
        experiment as ExperimentId,
    )
    .fetch_one(&mut *tx)
    .await?;
    let margins = [spec, &rivals].map(|spec| spec.criterion.as_ref().map(|it| it.margin));
    let own_power = match margins[0] == margins[1] {
        // The same pairs against the same number.
        true => power.cloned(),
        false => super::power::power(&mut *tx, &rivals, author).await?,
    };
    submit::freeze(&mut *tx, id, &rivals, false, own_power.as_ref()).await?;
    record::registration(&mut *tx, id).await?;
    let data = serde_json::json!({
        "spec_sha256": rivals.sha256(), "shares_runs_of": experiment, "exploratory": false
    });
    Ok(events::record(tx, id, None, Some(author), "registered", data).await?)
}

/// The experiment and the test of a rival that shares its runs, whichever of the two is given, in the order of their keys.
pub(super) async fn both(
    tx: &mut PgConnection,
    experiment: ExperimentId,
) -> sqlx::Result<Vec<ExperimentId>> {
    sqlx::query_scalar!(
        r#"with whole as (select coalesce(shares_runs_of, id) as id from experiment where id = $1)
           select e.id as "id!: ExperimentId" from experiment e, whole where e.id = whole.id
           union select e.id from experiment e, whole where e.shares_runs_of = whole.id
           order by 1"#,
        experiment as ExperimentId
    )
    .fetch_all(tx)
    .await
}

/// The experiment whose runs decide it: itself, but for the test of a rival.
pub(super) async fn with_runs(
    tx: &mut PgConnection,
    experiment: ExperimentId,
) -> sqlx::Result<ExperimentId> {
    sqlx::query_scalar!(
        r#"select coalesce(shares_runs_of, id) as "id!: ExperimentId" from experiment where id = $1"#,
        experiment as ExperimentId
    )
    .fetch_one(tx)
    .await
}
