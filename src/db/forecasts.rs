//! Forecasts. What belongs to others is read by [`tallies`], [`of_author`] and [`given`] alone; `crate::forecast` says when.

use crate::forecast::{Percent, Stage, Tally};
use breakmywork_protocol::id::{AccountId, ExperimentId};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

/// An experiment as far as forecasts go, and what one reader gave.
#[derive(Debug, Clone)]
pub struct About {
    /// proposed, registered, running, stalled, concluded or withdrawn.
    pub state: String,
    /// Whether it is sealed and not opened.
    pub closed: bool,
    /// Whether a moderator hides it.
    pub hidden: bool,
    /// Whether it carries no verdict.
    pub exploratory: bool,
    /// The proposal's last change.
    pub updated_at: DateTime<Utc>,
    /// How it ended, once it has.
    pub outcome: Option<String>,
    /// Whether a moderator disputes it.
    pub disputed: bool,
    /// Whether there is anything to see of its runs.
    pub shows_results: bool,
    /// What the reader gave, in percent.
    pub own: Option<i16>,
    /// When.
    pub own_at: Option<DateTime<Utc>>,
}

impl About {
    /// Whether it takes forecasts.
    pub fn stage(&self) -> Stage {
        match self.state.as_str() {
            // Whether it is exploratory, or has results, is not for everybody to know.
            _ if self.hidden => Stage::Hidden,
            _ if self.closed => Stage::Sealed,
            _ if self.exploratory => Stage::Exploratory,
            "concluded" | "withdrawn" => Stage::Ended,
            _ if self.shows_results => Stage::Closed,
            _ => Stage::Open,
        }
    }

    /// Whether the claim survived, where the outcome says so.
    pub fn survived(&self) -> Option<bool> {
        self.outcome.as_deref().and_then(survived)
    }
}

/// Whether the claim survived an experiment with this outcome; none where that decides nothing.
pub fn survived(outcome: &str) -> Option<bool> {
    match outcome {
        "supported" => Some(true),
        "falsified" => Some(false),
        _ => None,
    }
}

macro_rules! select_about {
    ($tail:literal, $($argument:expr),*) => {
        sqlx::query_as!(
            About,
            r#"select e.state, e.closed, e.hidden_at is not null as "hidden!", e.exploratory or e.spec ? 'search' as "exploratory!", e.updated_at, v.outcome as "outcome?", e.disputed_at is not null as "disputed!",
                 (e.concluded_at is null and experiment_shows_results(e.id)) as "shows_results!",
                 f.percent as "own?", f.created_at as "own_at?"
               from experiment e
               left join verdict v on v.experiment_id = e.id
               left join forecast f on f.experiment_id = e.id and f.account_id = $2
               where e.id = $1 "# + $tail,
            $($argument),*
        )
    };
}

/// An experiment as far as forecasts go, and what `reader` gave.
///
/// # Errors
/// If the database is away.
pub async fn about(
    db: impl PgExecutor<'_>,
    experiment: ExperimentId,
    reader: Option<AccountId>,
) -> sqlx::Result<Option<About>> {
    select_about!("", experiment as ExperimentId, reader as Option<AccountId>)
        .fetch_optional(db)
        .await
}

/// The same; the experiment does not change until the transaction ends.
///
/// # Errors
/// If the database is away.
pub async fn lock_about(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    reader: AccountId,
) -> sqlx::Result<Option<About>> {
    select_about!(
        "for share of e",
        experiment as ExperimentId,
        reader as AccountId
    )
    .fetch_optional(tx)
    .await
}

/// Stores a forecast.
///
/// # Errors
/// If the database is away, or there is one already.
pub async fn create(
    tx: &mut PgConnection,
    experiment: ExperimentId,
    account: AccountId,
    percent: Percent,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into forecast (experiment_id, account_id, percent) values ($1, $2, $3)",
        experiment as ExperimentId,
        account as AccountId,
        percent.get(),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// How many somebody gave within the last hour.
///
/// # Errors
/// If the database is away.
pub async fn within_an_hour(db: impl PgExecutor<'_>, account: AccountId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from forecast
           where account_id = $1 and created_at > now() - interval '1 hour'"#,
        account as AccountId,
    )
    .fetch_one(db)
    .await
}

/// What everybody but the experiment's author gave, and how often; accounts that were disabled do not count.
///
/// # Errors
/// If the database is away.
pub async fn tallies(
    db: impl PgExecutor<'_>,
    experiment: ExperimentId,
) -> sqlx::Result<Vec<(Percent, i64)>> {
    let rows = sqlx::query!(
        r#"select f.percent, count(*) as "times!"
           from forecast f
           join experiment e on e.id = f.experiment_id
           join account author on author.id = e.author_id
           join account a on a.id = f.account_id
           where f.experiment_id = $1 and f.account_id <> coalesce(author.sponsor_id, author.id) and a.disabled_at is null
           group by f.percent"#,
        experiment as ExperimentId,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (Percent::stored(row.percent), row.times))
        .collect())
}

/// What the experiment's author gave.
///
/// # Errors
/// If the database is away.
pub async fn of_author(
    db: impl PgExecutor<'_>,
    experiment: ExperimentId,
) -> sqlx::Result<Option<Percent>> {
    let percent = sqlx::query_scalar!(
        "select f.percent from forecast f
         join experiment e on e.id = f.experiment_id
         join account author on author.id = e.author_id and coalesce(author.sponsor_id, author.id) = f.account_id
         where f.experiment_id = $1",
        experiment as ExperimentId,
    )
    .fetch_optional(db)
    .await?;
    Ok(percent.map(Percent::stored))
}

/// A forecast of an experiment that has ended.
#[derive(Debug, Clone)]
pub struct Given {
    /// Who gave it.
    pub account: AccountId,
    /// That person's public name.
    pub name: String,
    /// In percent.
    pub percent: i16,
    /// Whether it is that of the experiment's author, or of whom that agent acts for.
    pub is_author: bool,
    /// When it was given.
    pub created_at: DateTime<Utc>,
}

/// Who forecast what, by account, after `after`: nothing before the experiment has ended.
///
/// # Errors
/// If the database is away.
pub async fn given(
    db: impl PgExecutor<'_>,
    experiment: ExperimentId,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<Given>> {
    sqlx::query_as!(
        Given,
        r#"select a.id as "account: AccountId", a.name, f.percent, f.account_id = coalesce(author.sponsor_id, author.id) as "is_author!", f.created_at
           from forecast f
           join experiment e on e.id = f.experiment_id
           join account author on author.id = e.author_id
           join account a on a.id = f.account_id
           where f.experiment_id = $1 and f.account_id > $2 and a.disabled_at is null
             and (e.concluded_at is not null or e.withdrawn_at is not null)
           order by f.account_id limit $3"#,
        experiment as ExperimentId,
        after,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Somebody's resolved forecasts that count: of experiments of others which are not disputed, where the verdict says
/// whether the claim survived. With the number of people whose experiments these are.
///
/// # Errors
/// If the database is away.
pub async fn resolved(
    db: impl PgExecutor<'_>,
    account: AccountId,
) -> sqlx::Result<(Vec<Tally>, i64)> {
    let rows = sqlx::query!(
        r#"with counted as (
             select f.percent, v.outcome = 'supported' as survived, e.author_id
             from forecast f
             join experiment e on e.id = f.experiment_id
             join verdict v on v.experiment_id = e.id
             where f.account_id = $1 and e.author_id <> all (accounts_of($1)) and e.disputed_at is null
               and v.outcome in ('supported', 'falsified'))
           select percent, survived as "survived!", count(*) as "times!",
             (select count(distinct author_id) from counted) as "authors!"
           from counted group by percent, survived"#,
        account as AccountId,
    )
    .fetch_all(db)
    .await?;
    let authors = rows.first().map_or(0, |row| row.authors);
    let tallies = rows.into_iter().map(|row| Tally {
        percent: Percent::stored(row.percent),
        survived: row.survived,
        times: row.times,
    });
    Ok((tallies.collect(), authors))
}

/// A forecast on its owner's page.
#[derive(Debug, Clone)]
pub struct Owned {
    /// The experiment.
    pub experiment: ExperimentId,
    /// Its short name.
    pub title: String,
    /// Its state.
    pub state: String,
    /// How it ended, once it has.
    pub outcome: Option<String>,
    /// Whether a moderator disputes it.
    pub disputed: bool,
    /// Whether it is the forecaster's own experiment.
    pub is_author: bool,
    /// In percent.
    pub percent: i16,
    /// When it was given.
    pub created_at: DateTime<Utc>,
}

impl Owned {
    /// What became of it, in words.
    pub fn fate(&self) -> &'static str {
        let survived = self.outcome.as_deref().and_then(survived);
        match (self.state.as_str(), survived) {
            ("concluded" | "withdrawn", None) => "void: nothing was decided",
            (_, None) => "not ended; nobody else sees this one",
            _ if self.is_author => "of an experiment of one’s own: not scored",
            _ if self.disputed => "disputed: not scored until that is resolved",
            (_, Some(true)) => "the claim survived",
            (_, Some(false)) => "the claim did not survive",
        }
    }
}

/// Somebody's latest forecasts, the newest experiment first, before `before`; those of experiments that have not ended
/// for their owner alone.
///
/// # Errors
/// If the database is away.
pub async fn of_account(
    db: impl PgExecutor<'_>,
    account: AccountId,
    for_owner: bool,
    before: ExperimentId,
    limit: i64,
) -> sqlx::Result<Vec<Owned>> {
    sqlx::query_as!(
        Owned,
        r#"select e.id as "experiment!: ExperimentId", e.title as "title!", e.state as "state!", v.outcome as "outcome?",
             e.disputed_at is not null as "disputed!", e.author_id = any (accounts_of($1)) as "is_author!", f.percent, f.created_at
           from forecast f
           join public_experiment e on e.id = f.experiment_id
           left join verdict v on v.experiment_id = e.id
           where f.account_id = $1 and e.id < $3
             and ($2 or e.concluded_at is not null or e.withdrawn_at is not null)
           order by e.id desc limit $4"#,
        account as AccountId,
        for_owner,
        before as ExperimentId,
        limit,
    )
    .fetch_all(db)
    .await
}

/// An experiment that came out as its forecasters did not expect.
#[derive(Debug, Clone)]
pub struct Surprise {
    /// The experiment.
    pub id: ExperimentId,
    /// Its short name.
    pub title: String,
    /// supported or falsified.
    pub outcome: String,
    /// How many members with a record, but its author, gave a forecast.
    pub forecasts: i64,
    /// Mean of their probabilities, from 0 to 1.
    pub mean: f64,
}

/// What makes a forecaster's word count.
#[derive(Debug, Clone, Copy)]
pub struct Seasoned {
    /// How old the account was when the forecast was given.
    pub days: i32,
    /// How many other forecasts of theirs were resolved.
    pub resolved: i64,
    /// Of how many people's experiments.
    pub people: i64,
}

/// Experiments whose verdict was farthest from what at least `forecasters` seasoned members expected, and on the other side of an
/// even chance: those that bear on their claim and are not disputed.
///
/// # Errors
/// If the database is away.
pub async fn surprises(
    db: impl PgExecutor<'_>,
    forecasters: i64,
    seasoned: Seasoned,
    limit: i64,
) -> sqlx::Result<Vec<Surprise>> {
    sqlx::query_as!(
        Surprise,
        r#"with seasoned as (
             select f.account_id
             from forecast f
             join public_experiment e on e.id = f.experiment_id
             join verdict v on v.experiment_id = e.id
             join account author on author.id = e.author_id and coalesce(author.sponsor_id, author.id) <> f.account_id
             where e.disputed_at is null and v.outcome in ('supported', 'falsified')
             group by f.account_id
             -- The one that is looked at is among them.
             having count(*) > $4 and count(distinct coalesce(author.sponsor_id, author.id)) >= $5
           )
           select e.id as "id: ExperimentId", e.title, v.outcome, crowd.forecasts as "forecasts!", crowd.mean as "mean!"
           from (
             select f.experiment_id, count(*) as forecasts, avg(f.percent)::float8 / 100 as mean
             from forecast f
             join experiment e on e.id = f.experiment_id
             join account author on author.id = e.author_id and coalesce(author.sponsor_id, author.id) <> f.account_id
             join account a on a.id = f.account_id and a.disabled_at is null
               and a.created_at < f.created_at - make_interval(days => $3)
             join seasoned on seasoned.account_id = f.account_id
             where e.state = 'concluded' and e.disputed_at is null and cardinality(e.outside) = 0
             group by f.experiment_id having count(*) >= $1
           ) crowd
           join experiment e on e.id = crowd.experiment_id
           join verdict v on v.experiment_id = e.id
           where v.outcome = 'supported' and crowd.mean < 0.5 or v.outcome = 'falsified' and crowd.mean > 0.5
           order by abs(crowd.mean - 0.5) desc, e.id desc limit $2"#,
        forecasters,
        limit,
        seasoned.days,
        seasoned.resolved,
        seasoned.people,
    )
    .fetch_all(db)
    .await
}
