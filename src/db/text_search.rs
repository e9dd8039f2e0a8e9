//! Full-text search: candidates by index, bounded before any is ranked.
//!
//! Postgres has no index that gives the best first: whatever matches is fetched and ranked. So that a word that stands in a
//! million comments costs no more than a rare one, only some are: what matches among the newest `NEWEST` rows, and
//! `OTHERS` of all rows. Where fewer match, that is all of them.

use crate::text_search::Kind;
use breakmywork_protocol::id::{ClaimId, ExperimentId};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor, PgPool};

/// Newest rows that are looked through one by one.
const NEWEST: i64 = 5_000;
/// Most of these that are ranked.
const NEWEST_RANKED: i64 = 100;
/// Most rows that are taken from the index, in no order.
const OTHERS: i64 = 300;
/// Things that are told apart at most; more are not counted.
pub const MOST: i64 = OTHERS;

/// Longest time of one statement, in milliseconds: what is bounded by then is bounded by this.
const MILLISECONDS: &str = "2000";

/// What is looked for, as the index knows it.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The query; empty if nothing is left of it.
    pub exact: String,
    /// The same with words anywhere that the query wants side by side: what the index alone can answer.
    pub near: String,
    /// Any of its words.
    pub any: String,
    /// How many parts it has.
    pub parts: i32,
    /// Whether the index can find anything by it: not of a query that only excludes.
    pub selects: bool,
}

impl Terms {
    /// The same words, of which one is enough; none if there is but one.
    pub fn any_of_them(&self) -> Option<Self> {
        (self.any != self.exact && !self.any.is_empty()).then(|| Self {
            exact: self.any.clone(),
            near: self.any.clone(),
            ..self.clone()
        })
    }
}

/// Reads a text as search engines do: words, "words side by side", or, -without.
///
/// # Errors
/// If the database is away.
pub async fn terms(db: impl PgExecutor<'_>, text: &str) -> sqlx::Result<Terms> {
    sqlx::query_as!(
        Terms,
        r#"select exact::text as "exact!", regexp_replace(exact::text, '<(-|\d+)>', '&', 'g') as "near!",
             replace(plainto_tsquery('english', $1)::text, ' & ', ' | ') as "any!", numnode(exact) as "parts!",
             querytree(exact) not in ('T', '') as "selects!"
           from (select websearch_to_tsquery('english', $1) as exact) asked"#,
        text
    )
    .fetch_one(db)
    .await
}

/// Something that was found.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Key.
    pub id: i64,
    /// Last part of its address.
    pub key: String,
    /// What it is called, with the words that were looked for between [`BEGIN`] and [`END`].
    pub title: String,
    /// Where the words stand in it, with the same marks.
    pub snippet: String,
    /// Who wrote it.
    pub author: Option<String>,
    /// State of an experiment.
    pub state: Option<String>,
    /// Verdict of an experiment.
    pub outcome: Option<String>,
    /// The claim that an experiment or a comment is about.
    pub claim: Option<ClaimId>,
    /// That claim's label.
    pub claim_label: Option<String>,
    /// The experiment that a comment is about.
    pub experiment: Option<ExperimentId>,
    /// When it came onto the board.
    pub at: DateTime<Utc>,
    /// How well it fits, among things of its kind.
    pub rank: f32,
    /// How many there are, as far as they are counted.
    pub found: i64,
}

/// Stands before a word that was looked for.
pub const BEGIN: char = '\u{2}';
/// Stands after it.
pub const END: char = '\u{3}';

/// Some of what was found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The best of them, or those after.
    pub hits: Vec<Hit>,
    /// How many there are; [`MOST`] stands for that many or more.
    pub all: i64,
}

macro_rules! ranked {
    ($db:expr, $terms:expr, $limit:expr, $skip:expr, $table:literal, $columns:literal, marked $title:literal, $text:literal, $joins:literal) => {
        ranked!(
            $db, $terms, $limit, $skip, $table, $columns, "ts_headline('english', ", $title,
            ", $1::text::tsquery, E'HighlightAll=true,StartSel=\\u0002,StopSel=\\u0003')", $text, $joins
        )
    };
    ($db:expr, $terms:expr, $limit:expr, $skip:expr, $table:literal, $columns:literal, plain $title:literal, $text:literal, $joins:literal) => {
        ranked!($db, $terms, $limit, $skip, $table, $columns, "", $title, "", $text, $joins)
    };
    ($db:expr, $terms:expr, $limit:expr, $skip:expr, $table:literal, $columns:literal, $before:literal, $title:literal, $after:literal, $text:literal, $joins:literal) => {
        sqlx::query_as!(
            Hit,
            "with newest as (
               select id from (select id, words " + $table + " order by id desc limit $7) lately
               where words @@ $1::text::tsquery limit $5
             ), others as (select id " + $table + " where words @@ $2::text::tsquery limit $6),
             ranked as materialized (
               select id, ts_rank_cd(words, $1::text::tsquery) as rank, count(*) over () as found
               " + $table + " where id in (select id from newest union select id from others)
                 and words @@ $1::text::tsquery
               order by rank desc, id desc limit $3 offset $4)
             select ranked.id as \"id!\", rank as \"rank!\", found as \"found!\", " + $columns + ",
               " + $before + $title + $after + " as \"title!\",
               ts_headline('english', " + $text + ", $1::text::tsquery,
                 E'MaxFragments=2,MinWords=8,MaxWords=28,StartSel=\\u0002,StopSel=\\u0003') as \"snippet!\"
             from ranked " + $joins +
             " order by rank desc, ranked.id desc",
            $terms.exact,
            $terms.near,
            $limit,
            $skip,
            NEWEST_RANKED,
            OTHERS,
            NEWEST,
        )
        .fetch_all($db)
        .await
    };
}

/// Things of one kind, the best first.
///
/// # Errors
/// If the database is away, or takes longer than two seconds.
pub async fn find(
    pool: &PgPool,
    kind: Kind,
    terms: &Terms,
    text: &str,
    limit: i64,
    skip: i64,
) -> sqlx::Result<Found> {
    let mut tx = pool.begin().await?;
    // Whatever the planner takes a word's frequency for: the index is asked.
    sqlx::query!(
        "select set_config('statement_timeout', $1, true) as time, set_config('enable_seqscan', 'off', true) as scan",
        MILLISECONDS
    )
    .fetch_one(&mut *tx)
    .await?;
    let hits = match kind {
        Kind::Works => works(&mut tx, terms, limit, skip).await?,
        Kind::Claims => claims(&mut tx, terms, limit, skip).await?,
        Kind::Experiments => experiments(&mut tx, terms, limit, skip).await?,
        Kind::Comments => comments(&mut tx, terms, limit, skip).await?,
        Kind::People => people(&mut tx, text, limit, skip).await?,
    };
    tx.commit().await?;
    Ok(Found {
        all: hits.first().map_or(0, |hit| hit.found.min(MOST)),
        hits,
    })
}

async fn works(
    db: &mut PgConnection,
    terms: &Terms,
    limit: i64,
    skip: i64,
) -> sqlx::Result<Vec<Hit>> {
    ranked!(
        db, terms, limit, skip, "from (select id, words from work where moderation = 'shown') shown",
        "slug as key, work.created_at as at, array_to_string(authors, ', ') as author, null::text as state, null::text as outcome,
         null::bigint as \"claim: ClaimId\", null::text as claim_label, null::bigint as \"experiment: ExperimentId\"",
        marked "title", "left(phenomenon, 20000)",
        "join work using (id)"
    )
}

async fn claims(
    db: &mut PgConnection,
    terms: &Terms,
    limit: i64,
    skip: i64,
) -> sqlx::Result<Vec<Hit>> {
    ranked!(
        db, terms, limit, skip, "from (select id, words from claim where moderation = 'shown') shown",
        "claim.id::text as \"key!\", claim.created_at as at, null::text as author, null::text as state, null::text as outcome,
         claim.id as \"claim: ClaimId\", label as claim_label, null::bigint as \"experiment: ExperimentId\"",
        marked "sentence", "left(scope, 20000) || ' ' || left(evidence, 20000)",
        "join claim using (id)"
    )
}

async fn experiments(
    db: &mut PgConnection,
    terms: &Terms,
    limit: i64,
    skip: i64,
) -> sqlx::Result<Vec<Hit>> {
    // Those that are sealed have no words, and so are never candidates.
    ranked!(
        db, terms, limit, skip, "from (select id, words from experiment where hidden_at is null) shown",
        "e.id::text as \"key!\", e.created_at as \"at!\", account.name as \"author?\", state, outcome as \"outcome?\",
         claim.id as \"claim: ClaimId\", label as \"claim_label?\", null::bigint as \"experiment: ExperimentId\"",
        marked "title", "prediction || ' ' || rationale",
        "join public_experiment e using (id) join claim on claim.id = e.claim_id join account on account.id = e.author_id
         left join verdict on verdict.experiment_id = e.id"
    )
}

async fn comments(
    db: &mut PgConnection,
    terms: &Terms,
    limit: i64,
    skip: i64,
) -> sqlx::Result<Vec<Hit>> {
    ranked!(
        db, terms, limit, skip, "from comment",
        "comment.id::text as \"key!\", comment.created_at as at, account.name as \"author?\", e.state as \"state?\",
         null::text as outcome, claim.id as \"claim: ClaimId\", claim.label as \"claim_label?\",
         e.id as \"experiment?: ExperimentId\"",
        plain "coalesce(e.title, claim.sentence, 'A hidden proposal')", "body",
        "join comment using (id) left join account on account.id = author_id
         left join public_experiment e on e.thread_id = comment.thread_id
         left join claim on claim.thread_id = comment.thread_id or claim.id = e.claim_id"
    )
}

/// People whose name begins as a word of the text does.
async fn people(
    db: &mut PgConnection,
    text: &str,
    limit: i64,
    skip: i64,
) -> sqlx::Result<Vec<Hit>> {
    // What no name has ends a beginning that nothing has, so it is left out.
    let beginnings: Vec<String> = text
        .split(' ')
        .map(|word| word.trim_start_matches('@').to_lowercase())
        .filter(|word| {
            word.len() > 1
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        })
        .collect();
    sqlx::query_as!(
        Hit,
        r#"with found as (
             select distinct p.id, p.name, p.created_at, p.role from unnest($1::text[]) beginning
             -- Nothing in a name comes after a tilde.
             cross join lateral (
               select id, name, created_at, role from account
               where name ~>=~ beginning and name ~<~ (beginning || '~') order by name using ~<~ limit $4
             ) p
           )
           select id, name as "key!", name as "title!", role as "snippet!", null::text as author, null::text as state,
             null::text as outcome, null::bigint as "claim: ClaimId", null::text as claim_label,
             null::bigint as "experiment: ExperimentId", created_at as at, 1::real as "rank!", count(*) over () as "found!"
           from found order by length(name), name limit $2 offset $3"#,
        &beginnings,
        limit,
        skip,
        NEWEST_RANKED,
    )
    .fetch_all(db)
    .await
}

/// Whether there is such an experiment; of a sealed one everybody may know that.
///
/// # Errors
/// If the database is away.
pub async fn experiment_is_there(db: impl PgExecutor<'_>, id: i64) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from public_experiment where id = $1) as "there!""#,
        id
    )
    .fetch_one(db)
    .await
}

/// Whether somebody has that name.
///
/// # Errors
/// If the database is away.
pub async fn person_is_there(db: impl PgExecutor<'_>, name: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from account where name = $1) as "there!""#,
        name
    )
    .fetch_one(db)
    .await
}

/// The first two claims with that label.
///
/// # Errors
/// If the database is away.
pub async fn claims_labelled(db: impl PgExecutor<'_>, label: &str) -> sqlx::Result<Vec<ClaimId>> {
    sqlx::query_scalar!(
        r#"select id as "id: ClaimId" from claim where label = $1 and moderation = 'shown' order by id limit 2"#,
        label
    )
    .fetch_all(db)
    .await
}
