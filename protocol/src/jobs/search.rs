//! Searches: their points are drawn at registration, stage after stage is queued, and at the end an experiment is proposed
//! where the claim fails. Nothing that a search saw counts for or against the claim.

use super::conclude::end;
use super::{Error, Result, power, submit};
use crate::id::{AccountId, ExperimentId, ThreadId};
use crate::limit;
use crate::scope::Scope;
use crate::search::{self, Course, Next, TrialRun, Tried};
use crate::spec::{Plan, Seeds, Settings, Spec, limits};
use crate::stored::Stored;
use crate::text;
use crate::verdict::{PairNoise, Power, RunOutcome, escape};
use sqlx::PgConnection;
use sqlx::types::Json;

/// Fewest pairs of a proposed experiment; those of a board's templates have as many.
const FEWEST_PAIRS: u32 = 8;
/// Pairs at the counterexample from which its own noise is taken, and not that of earlier experiments.
const ENOUGH_PAIRS: usize = 4;

/// A registered search, as it is stored.
struct Search {
    author: AccountId,
    spec: Spec,
    seeds: Vec<u32>,
    points: Vec<Settings>,
    scope: Scope,
}

/// Draws the points of a search and queues its first stage, in the transaction that registers it.
///
/// # Errors
/// [`Error::Conflict`] if none of the points that can be drawn is an experiment about the claim.
pub(super) async fn begin(tx: &mut PgConnection, experiment: ExperimentId) -> Result<()> {
    let search = load(tx, experiment, Points::Drawn).await?;
    if search.points.is_empty() {
        return Err(Error::Conflict(
            "No point of this space is an experiment about the claim that can be run: each fails one of the rules by itself or \
             together with the others. Choose other values."
                .into(),
        ));
    }
    enter(tx, experiment, &search.points).await?;
    let author = search.author;
    let (search, _, next) = walk(search, Vec::new()).await?;
    if let Next::Run(wanted) = next {
        queue(tx, experiment, author, &search.spec, &wanted).await?;
    }
    Ok(())
}

/// How a search goes on when no run of it is left to wait for.
pub(super) enum Turn {
    /// Its next stage was queued.
    GoesOn,
    /// Too many runs are missing; whether people cancelled so many of them that nothing would mend it.
    Missing(String, bool),
    /// It has ended.
    Over(Box<Ended>),
}

/// A search that has ended.
pub(super) struct Ended {
    course: Course,
    search: Search,
    /// Differences of the pairs at the counterexample.
    differences: Vec<f64>,
}

/// Queues the next stage, or says why there is none. The caller holds the experiment's lock.
pub(super) async fn go_on(tx: &mut PgConnection, experiment: ExperimentId) -> Result<Turn> {
    let search = load(tx, experiment, Points::Entered).await?;
    let runs = runs(tx, experiment).await?;
    let author = search.author;
    let (search, course, next) = walk(search, runs.clone()).await?;
    Ok(match next {
        Next::Run(wanted) => {
            queue(tx, experiment, author, &search.spec, &wanted).await?;
            Turn::GoesOn
        }
        Next::Missing { reason, by_people } => Turn::Missing(reason, by_people),
        Next::Nothing => {
            let found = course.counterexample.as_ref();
            let differences = found.map_or_else(Vec::new, |found| {
                let Search {
                    spec, scope, seeds, ..
                } = &search;
                search::differences(spec, scope, &found.settings, seeds, &runs)
            });
            Turn::Over(Box::new(Ended {
                course,
                search,
                differences,
            }))
        }
    })
}

/// Stores what a search came to, proposes the experiment that follows, and gives the words of its result post.
pub(super) async fn conclude(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    ended: &Ended,
) -> sqlx::Result<String> {
    let proposed = match &ended.course.counterexample {
        Some(found) => propose(tx, experiment, ended, found).await?,
        None => None,
    };
    sqlx::query!(
        "insert into search_result (experiment_id, course, proposed, question)
         values ($1, $2, $3, (select question_sha256(spec) from experiment where id = $3))",
        experiment as ExperimentId,
        serde_json::to_value(&ended.course).expect("a course is plain data"),
        proposed as Option<ExperimentId>,
    )
    .execute(&mut *tx)
    .await?;
    let criterion = ended.search.spec.criterion.as_ref();
    Ok(criterion.map_or_else(String::new, |criterion| {
        search::ending(&ended.course, criterion, proposed)
    }))
}

/// How a search goes, or went, from the runs that have ended so far.
///
/// # Errors
/// [`Error::NotFound`] for what is no registered search; or if the database is away.
pub async fn search_so_far(tx: &mut PgConnection, experiment: ExperimentId) -> Result<Course> {
    let search = load(tx, experiment, Points::Entered).await?;
    let runs = runs(tx, experiment).await?;
    let (_, course, _) = walk(search, runs).await?;
    Ok(course)
}

/// What a search comes to if its points are drawn anew, whatever is stored of them: for whoever checks.
///
/// # Errors
/// As [`search_so_far`].
pub async fn search_again(tx: &mut PgConnection, experiment: ExperimentId) -> Result<Course> {
    let search = load(tx, experiment, Points::Drawn).await?;
    let runs = runs(tx, experiment).await?;
    let (_, course, _) = walk(search, runs).await?;
    Ok(course)
}

/// Proposes the plain comparison at the counterexample, on seeds that are drawn when somebody registers it. None if the
/// author of the search, or the person whose agent it is, has too many open proposals already.
async fn propose(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    ended: &Ended,
    found: &Tried,
) -> sqlx::Result<Option<ExperimentId>> {
    let author = ended.search.author;
    let proposals = limit::proposals_of(&mut *tx, author).await?;
    if proposals.open.reached(limit::OPEN_PROPOSALS).is_some() {
        return Ok(None);
    }
    let Ok(mut spec) = ended.search.spec.at(&found.settings) else {
        return Ok(None);
    };
    spec.seeds = Seeds::Count(pairs(tx, &spec, author, &ended.differences).await?);
    spec.title = text::cut(
        &format!(
            "Does it fail at {}? {}",
            search::point(&found.settings),
            spec.title
        ),
        limits::TITLE_CHARS,
    );
    let prediction = spec.criterion.as_ref().map(|criterion| criterion.reading());
    let rationale = format!(
        "Search [{experiment}](/experiments/{experiment}) looked at {} points and saw the prediction fail here, at {}: {} of {} \
         pairs lay below the smallest effect of interest. It searched for that, so what it saw is no evidence. This asks the \
         same once more, on seeds that nobody has seen.",
        ended.course.points,
        escape(&search::point(&found.settings)),
        found.below,
        found.pairs,
    );
    let thread =
        sqlx::query_scalar!(r#"insert into thread default values returning id as "id: ThreadId""#)
            .fetch_one(&mut *tx)
            .await?;
    let id = sqlx::query_scalar!(
        r#"insert into experiment (claim_id, author_id, thread_id, title, prediction, rationale, spec_source, spec)
           select claim_id, $2, $3, $4, $5, $6, $7, $8 from experiment where id = $1
           returning id as "id: ExperimentId""#,
        experiment as ExperimentId,
        author as AccountId,
        thread as ThreadId,
        spec.title,
        prediction.unwrap_or_default(),
        rationale,
        spec.to_toml(),
        spec.to_json(),
    )
    .fetch_one(&mut *tx)
    .await?;
    Ok(Some(id))
}

/// Pairs that find no effect with a chance of 0.8, from the noise that was seen there, else from that of earlier
/// experiments; no fewer than a template has.
async fn pairs(
    tx: &mut PgConnection,
    spec: &Spec,
    author: AccountId,
    differences: &[f64],
) -> sqlx::Result<u32> {
    let most = *limits::SEEDS.end() as u32;
    let power = match centred(differences) {
        Some(noise) => {
            let spec = spec.clone();
            tokio::task::spawn_blocking(move || Power::of(&spec, PairNoise::of(&[noise], true)))
                .await
                .map_err(|error| sqlx::Error::Io(std::io::Error::other(error)))?
        }
        None => power::power(&mut *tx, spec, author).await?,
    };
    let enough = power.and_then(|power| power.enough).unwrap_or(most);
    Ok(enough.clamp(FEWEST_PAIRS, most))
}

/// The differences less their median, where there are enough of them.
fn centred(differences: &[f64]) -> Option<Vec<f64>> {
    let middle = crate::stats::median(differences).filter(|_| differences.len() >= ENOUGH_PAIRS)?;
    Some(differences.iter().map(|d| d - middle).collect())
}

/// Where the points of a search are taken from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Points {
    /// They are drawn from its random number.
    Drawn,
    /// As they were entered when they had been drawn.
    Entered,
}

async fn load(tx: &mut PgConnection, experiment: ExperimentId, from: Points) -> Result<Search> {
    let row = sqlx::query!(
        r#"select experiment.author_id as "author: AccountId", spec, seed_salt as "salt!", covers as "covers: Json<Stored<Scope>>"
           from experiment join claim on claim.id = claim_id
           where experiment.id = $1 and seed_salt is not null and spec ? 'search'"#,
        experiment as ExperimentId
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(Error::NotFound("search"))?;
    let unreadable =
        || Error::Conflict("What is stored of this search cannot be read any more.".into());
    let spec = Spec::from_stored(&row.spec).map_err(|_| unreadable())?;
    let scope = row.covers.0.into_inner().ok_or_else(unreadable)?;
    let seeds = spec.seeds_drawn(Some(&row.salt));
    let mut search = Search {
        author: row.author,
        spec,
        seeds,
        points: Vec::new(),
        scope,
    };
    if from == Points::Entered {
        search.points = entered(tx, experiment).await?;
        return Ok(search);
    }
    // Each point is read and checked: arithmetic that leaves the asynchronous threads.
    Ok(blocking(move || {
        search.points = search::points(&search.spec, &row.salt, &search.scope);
        search
    })
    .await?)
}

/// The points that were drawn: those of the runs that registration queued.
async fn entered(tx: &mut PgConnection, experiment: ExperimentId) -> sqlx::Result<Vec<Settings>> {
    let rows = sqlx::query_scalar!(
        r#"select settings as "settings!: Json<Settings>" from trials_of($1)
           where number in (
             select trial from trial_runs($1)
             where created_at = (select registered_at from experiment where id = $1))
           order by number"#,
        experiment as ExperimentId
    )
    .fetch_all(tx)
    .await?;
    Ok(rows.into_iter().map(|settings| settings.0).collect())
}

async fn walk(search: Search, runs: Vec<TrialRun>) -> Result<(Search, Course, Next)> {
    let (search, walked) = blocking(move || {
        let walked = search::course(
            &search.spec,
            &search.scope,
            &search.points,
            &search.seeds,
            &runs,
        );
        (search, walked)
    })
    .await?;
    let (course, next) = walked.ok_or(Error::NotFound("search"))?;
    Ok((search, course, next))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> sqlx::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| sqlx::Error::Io(std::io::Error::other(error)))
}

/// The newest run of each point, arm and seed that has ended.
async fn runs(tx: &mut PgConnection, experiment: ExperimentId) -> sqlx::Result<Vec<TrialRun>> {
    let rows = sqlx::query!(
        r#"select trial.settings as "settings!: Json<Settings>", run.arm as "arm!", seed as "seed!", state as "state!", failure,
             error, result
           from trial_runs($1) run join trials_of($1) trial on trial.number = run.trial
           where run.counts and state in ('succeeded', 'failed', 'cancelled')
           order by id"#,
        experiment as ExperimentId
    )
    .fetch_all(tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(TrialRun {
                settings: row.settings.0,
                run: RunOutcome {
                    arm: row.arm,
                    seed: u32::try_from(row.seed)
                        .map_err(|error| sqlx::Error::Decode(error.into()))?,
                    end: end(&row.state, row.failure.as_deref(), row.error, row.result),
                },
            })
        })
        .collect()
}

/// Enters points that have no number yet, and gives the numbers of all.
async fn enter(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    points: &[Settings],
) -> sqlx::Result<Vec<i32>> {
    let rows = sqlx::query!(
        r#"select number as "number!", settings as "settings!: Json<Settings>" from trials_of($1) order by number"#,
        experiment as ExperimentId
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut known: Vec<(i32, Settings)> = (rows.into_iter())
        .map(|row| (row.number, row.settings.0))
        .collect();
    let mut numbers = Vec::new();
    for point in points {
        if let Some((number, _)) = known.iter().find(|(_, settings)| settings == point) {
            numbers.push(*number);
            continue;
        }
        let number = known.last().map_or(1, |(number, _)| number + 1);
        sqlx::query!(
            "insert into trial (experiment_id, number, settings) values ($1, $2, $3)",
            experiment as ExperimentId,
            number,
            serde_json::to_value(point).expect("settings are plain data"),
        )
        .execute(&mut *tx)
        .await?;
        known.push((number, point.clone()));
        numbers.push(number);
    }
    Ok(numbers)
}

/// Queues runs of both arms at these points, point after point, pair after pair.
async fn queue(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    author: AccountId,
    spec: &Spec,
    wanted: &[(Settings, Vec<u32>)],
) -> Result<()> {
    let points: Vec<Settings> = wanted.iter().map(|(point, _)| point.clone()).collect();
    let numbers = enter(tx, experiment, &points).await?;
    let mut plans: Vec<(Option<i32>, Plan)> = Vec::new();
    for ((point, seeds), number) in wanted.iter().zip(numbers) {
        let at = spec.at(point).map_err(|problems| {
            Error::Conflict(format!("A point of this search cannot be run: {problems}"))
        })?;
        plans.extend((submit::plans(&at, seeds).into_iter()).map(|plan| (Some(number), plan)));
    }
    submit::queue(tx, experiment, author, &plans).await?;
    Ok(())
}
