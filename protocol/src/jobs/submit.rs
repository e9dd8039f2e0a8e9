//! Registration: the experiment freezes and its runs are queued, in one transaction.

use super::{Error, Result, co_sign, events, line, power, rival, seal, search, tuning};
use crate::id::{AccountId, ExperimentId};
use crate::record::{self, Act, Subject};
use crate::scope::{Point, Scope};
use crate::spec::{Plan, Seeds, Spec};
use crate::verdict::Power;
use sqlx::PgConnection;

/// Freezes a proposed experiment, draws its seeds and queues one run for each arm and seed, of a sequential plan for each
/// arm and the first seed, of a search for each of its points and the first seed; of one that is tuned the runs of its trials,
/// and these when its arms have chosen. An `exploratory` one never carries a verdict, and a search is exploratory by nature.
///
/// `spec` must be the experiment's own, read again from what is stored: the
/// caller has just checked it against today's limits. Runs in the caller's transaction: on an error, roll it back.
///
/// # Errors
/// [`Error::NotFound`] for an unknown experiment; [`Error::Conflict`] if it is not proposed any more,
/// if it is not `author`'s, or if it changed since `spec` was read.
pub async fn register(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    author: AccountId,
    spec: &Spec,
    exploratory: bool,
) -> Result<()> {
    let power = power::power(&mut *tx, spec, author).await?;
    register_knowing(tx, experiment, author, spec, exploratory, power.as_ref()).await
}

/// [`register`], where the caller knows already what the experiment can find.
///
/// # Errors
/// As there.
pub async fn register_knowing(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    author: AccountId,
    spec: &Spec,
    exploratory: bool,
    power: Option<&Power>,
) -> Result<()> {
    let stored = lock_proposed(tx, experiment, author, "register").await?;
    // Read again, since a field that this version knows may be missing in what an earlier one stored.
    if Spec::from_stored(&stored).ok().as_ref() != Some(spec) {
        return Err(Error::Conflict(
            "The experiment was edited a moment ago; read it again, then register it.".into(),
        ));
    }
    may_be_registered(&mut *tx, experiment, spec).await?;
    let exploratory = exploratory || spec.is_search();
    let salt = freeze(&mut *tx, experiment, spec, exploratory, power).await?;
    let seeds = spec.seeds_drawn(salt.as_deref());
    if spec.is_search() {
        search::begin(&mut *tx, experiment).await?;
    } else if spec.tuning.is_some() {
        tuning::begin(&mut *tx, experiment, author, spec, salt.as_deref()).await?;
    } else {
        first_runs(&mut *tx, experiment, author, spec, &seeds).await?;
    }
    record::registration(&mut *tx, experiment).await?;
    let data = serde_json::json!({
        "spec_sha256": spec.sha256(), "seed_salt": salt, "runs": spec.runs(), "tuning_runs": spec.tuning_runs(),
        "exploratory": exploratory
    });
    events::record(&mut *tx, experiment, None, Some(author), "registered", data).await?;
    rival::register(tx, experiment, author, spec, &seeds, power).await
}

/// Freezes an experiment, puts its place on its claim's map, and gives the random number that was drawn for its seeds, if the
/// board draws them.
pub(super) async fn freeze(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    spec: &Spec,
    exploratory: bool,
    power: Option<&Power>,
) -> Result<Option<String>> {
    let outside = outside(&mut *tx, experiment, spec).await?;
    let power = power.map(|power| serde_json::to_value(power).expect("a power is plain data"));
    co_sign::hold_to(&mut *tx, experiment, spec).await?;
    let salt = sqlx::query_scalar!(
        "update experiment set state = 'registered', registered_at = now(), updated_at = now(),
            spec = $4, spec_canonical = $2, spec_sha256 = $3, exploratory = $5,
            seed_salt = case when $6 then gen_random_uuid()::text end, outside = $7,
            likeness = $8, power = $9, acceptance = case when not $5 then acceptance_of(id) end,
            opens_at = now() + make_interval(days => seal_days)
         where id = $1 returning seed_salt",
        experiment as ExperimentId,
        spec.canonical(),
        spec.sha256(),
        spec.to_json(),
        exploratory,
        matches!(spec.seeds, Seeds::Count(_)),
        &outside,
        spec.likeness(),
        power,
    )
    .fetch_one(&mut *tx)
    .await?;
    if let Some(point) = Point::of(spec) {
        enter_point(&mut *tx, experiment, &point).await?;
    }
    Ok(salt)
}

/// What of the experiment lies outside what its claim says. A confirmation asks what it repeats asked, which lay within;
/// the arms of a tuned one have their own settings there.
async fn outside(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    spec: &Spec,
) -> sqlx::Result<Vec<String>> {
    let row = sqlx::query!(
        r#"select covers, confirms is not null as "confirms!"
           from claim join experiment on claim_id = claim.id where experiment.id = $1"#,
        experiment as ExperimentId
    )
    .fetch_one(tx)
    .await?;
    if row.confirms {
        return Ok(Vec::new());
    }
    Ok(serde_json::from_value::<Scope>(row.covers).map_or_else(
        |_| vec!["The claim's scope cannot be read.".to_owned()],
        |scope| scope.outside(spec),
    ))
}

/// Queues the runs that are compared: all of them, or of a sequential plan those of the first seed.
pub(super) async fn first_runs(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    author: AccountId,
    spec: &Spec,
    seeds: &[u32],
) -> sqlx::Result<()> {
    let at_once = if spec.is_sequential() { 1 } else { seeds.len() };
    queue(tx, experiment, author, &pairs(spec, &seeds[..at_once])).await
}

/// Queues the runs of a sequential plan's next seed, in the transaction that ended the last run before it.
pub(super) async fn next_pair(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    author: AccountId,
    spec: &Spec,
    seed: u32,
) -> sqlx::Result<()> {
    queue(tx, experiment, author, &pairs(spec, &[seed])).await
}

/// Inserts runs in this order, each with the number of its trial if it is of one, and lets their
/// owner wait for them: that is the author, or the person whom that agent acts for, so that the queue knows people alone. A
/// confirmation waits in the board's line, whoever registered it: behind what they put there before, it could be parked.
pub(super) async fn queue(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    owner: AccountId,
    runs: &[(Option<i32>, Plan)],
) -> sqlx::Result<()> {
    let trials: Vec<Option<i32>> = runs.iter().map(|(trial, _)| *trial).collect();
    let plans: Vec<&Plan> = runs.iter().map(|(_, plan)| plan).collect();
    let jsons: Vec<serde_json::Value> = plans
        .iter()
        .map(|plan| serde_json::to_value(plan).expect("a plan is plain data"))
        .collect();
    let arms: Vec<String> = plans.iter().map(|plan| plan.arm.clone()).collect();
    let seeds: Vec<i64> = plans.iter().map(|plan| i64::from(plan.seed)).collect();
    let steps: Vec<Option<i32>> = plans
        .iter()
        .map(|plan| {
            let steps = plan.setup.training.run_steps();
            steps.map(|steps| i32::try_from(steps).expect("steps are limited"))
        })
        .collect();
    let data_sets: Vec<Option<String>> = plans
        .iter()
        .map(|plan| plan.setup.task.data.clone())
        .collect();
    sqlx::query!(
        "insert into run (experiment_id, owner_id, arm, seed, plan, steps, data_set, trial)
         select $1, coalesce((select board.id from account board join experiment e on e.id = $1
                              where board.is_board and e.confirms is not null), person_of($2)), arm, seed, plan, steps, data_set, trial
         from unnest($3::text[], $4::bigint[], $5::jsonb[], $6::integer[], $7::text[], $8::integer[]) with ordinality
           as p (arm, seed, plan, steps, data_set, trial, place)
         order by place",
        experiment as ExperimentId,
        owner as AccountId,
        &arms,
        &seeds,
        &jsons,
        &steps as &[Option<i32>],
        &data_sets as &[Option<String>],
        &trials as &[Option<i32>],
    )
    .execute(&mut *tx)
    .await?;
    line::enter_all(&mut *tx, experiment).await
}

/// Refuses what a moderator hid; and to seal what tells by itself: a plan whose length or stages show how it goes, and one that
/// is registered with a rival claim.
async fn may_be_registered(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    spec: &Spec,
) -> Result<()> {
    let row = sqlx::query!(
        r#"select seal_days is not null as "sealed!", rival_id is not null as "has_rival!", hidden_at is not null as "hidden!"
           from experiment where id = $1"#,
        experiment as ExperimentId
    )
    .fetch_one(tx)
    .await?;
    let against = match row.sealed {
        _ if row.hidden => "A moderator hid this proposal; what is hidden cannot be registered.",
        true if spec.is_sequential() || spec.is_search() => {
            "A sequential plan or a search shows by its length how it goes, so it cannot be sealed."
        }
        true if spec.tuning.is_some() => {
            "A tuned plan shows by its stages what it tries, so it cannot be sealed. Take [tuning] out of it, then register it."
        }
        true if row.has_rival => {
            "A sealed experiment tests one claim: the test of a rival would show it. Take the rival out of it, then register it."
        }
        _ => return Ok(()),
    };
    Err(Error::Conflict(against.into()))
}

/// Enters where the experiment lies, for the map of what was tried of its claim; again when its arms have chosen a rate.
pub(super) async fn enter_point(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    point: &Point,
) -> sqlx::Result<()> {
    let limited = |number: u32| i32::try_from(number).expect("sizes and lengths are limited");
    sqlx::query!(
        "insert into experiment_point (experiment_id, claim_id, task, cell, data_set, hidden, length, rate)
         select id, claim_id, $2, $3, $4, $5, $6, $7 from experiment where id = $1
         on conflict (experiment_id) do update set rate = excluded.rate",
        experiment as ExperimentId,
        point.task.name(),
        point.cell.name(),
        point.data,
        limited(point.hidden),
        limited(point.length),
        point.rate,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// The runs that a verdict compares, of no trial.
fn pairs(spec: &Spec, seeds: &[u32]) -> Vec<(Option<i32>, Plan)> {
    let plans = plans(spec, seeds).into_iter();
    plans.map(|plan| (None, plan)).collect()
}

/// The runs, seeds outermost: pairs complete one after the other, so an early stop leaves whole pairs.
pub(super) fn plans(spec: &Spec, seeds: &[u32]) -> Vec<Plan> {
    seeds
        .iter()
        .flat_map(|&seed| {
            spec.arms.iter().map(move |arm| Plan {
                arm: arm.name.clone(),
                seed,
                setup: arm.setup.clone(),
            })
        })
        .collect()
}

/// Withdraws an experiment that has not been registered; a registered one is stopped by cancelling its runs. One that was to
/// be sealed becomes public.
/// Runs in the caller's transaction.
///
/// # Errors
/// [`Error::NotFound`] for an unknown experiment; [`Error::Conflict`] if it is registered or not `author`'s.
pub async fn withdraw(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    author: AccountId,
) -> Result<()> {
    lock_proposed(tx, experiment, author, "withdraw").await?;
    seal::open(&mut *tx, experiment).await?;
    sqlx::query!(
        "update experiment set state = 'withdrawn', withdrawn_at = now(), updated_at = now() where id = $1",
        experiment as ExperimentId
    )
    .execute(&mut *tx)
    .await?;
    let data = serde_json::json!({});
    let subject = Subject::Experiment(experiment);
    record::act(
        &mut *tx,
        subject,
        Act::Withdrawn,
        Some(author),
        data.clone(),
    )
    .await?;
    events::record(&mut *tx, experiment, None, Some(author), "withdrawn", data).await?;
    Ok(())
}

/// Locks an experiment that `author` may still change, and gives its stored specification.
async fn lock_proposed(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    author: AccountId,
    verb: &str,
) -> Result<serde_json::Value> {
    let row = sqlx::query!(
        "select author_id, state, spec from experiment where id = $1 for no key update",
        experiment as ExperimentId
    )
    .fetch_optional(tx)
    .await?
    .ok_or(Error::NotFound("experiment"))?;
    if row.author_id != author.0 {
        return Err(Error::Conflict(format!(
            "Only its author can {verb} an experiment."
        )));
    }
    if row.state != "proposed" {
        return Err(Error::Conflict(format!(
            "This experiment is {}; what is registered or withdrawn stays on the record.",
            row.state
        )));
    }
    Ok(row.spec)
}
