//! Experiments, with their claim, author and verdict.

mod proposal_hash;

use super::visible::Visible;
use breakmywork_protocol::id::{AccountId, ClaimId, ExperimentId, ThreadId};
use breakmywork_protocol::jobs;
use breakmywork_protocol::limit::Shared;
use breakmywork_protocol::spec::{self, Problems, Seeds, Spec};
use breakmywork_protocol::stored::Stored;
use breakmywork_protocol::verdict::{Power, Verdict};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor};

/// An experiment as it is shown.
#[derive(Debug, Clone)]
pub struct Experiment {
    /// Key and part of its address.
    pub id: ExperimentId,
    /// The claim it tests.
    pub claim: ClaimId,
    /// That claim's short name.
    pub claim_label: String,
    /// That claim's sentence.
    pub claim_sentence: String,
    /// The work the claim is about.
    pub work_slug: String,
    /// Who proposed it.
    pub author_id: AccountId,
    /// That person's public name.
    pub author: String,
    /// Its discussion.
    pub thread: ThreadId,
    /// Short name.
    pub title: String,
    /// What the claim implies here.
    pub prediction: String,
    /// Why this tests the claim (Markdown).
    pub rationale: String,
    /// The specification with every default filled in.
    pub spec: Value,
    /// Hash of the frozen form.
    pub spec_sha256: Option<String>,
    /// proposed, registered, running, stalled, concluded or withdrawn.
    pub state: String,
    /// Which runs are missing and why, while it is stalled.
    pub stalled_reason: Option<String>,
    /// The experiment of which it was proposed as a variation.
    pub varies: Option<ExperimentId>,
    /// The experiment it amends.
    pub amends: Option<ExperimentId>,
    /// Why.
    pub amend_reason: Option<String>,
    /// When it was proposed.
    pub created_at: DateTime<Utc>,
    /// Last edit before registration.
    pub updated_at: DateTime<Utc>,
    /// When it was frozen.
    pub registered_at: Option<DateTime<Utc>>,
    /// When the verdict was posted.
    pub concluded_at: Option<DateTime<Utc>>,
    /// When it was withdrawn.
    pub withdrawn_at: Option<DateTime<Utc>>,
    /// DOI of a copy of its result in an archive.
    pub doi: Option<String>,
    /// How it ended, once it has.
    pub outcome: Option<String>,
    /// Whether it was registered to look, not to decide.
    pub exploratory: bool,
    /// The random number from which its seeds were drawn.
    pub seed_salt: Option<String>,
    /// Why it does not move the claim's standing, fixed at registration.
    pub outside: Vec<String>,
    /// Once it is falsified: open until a confirmation ends, then confirmed or not_confirmed.
    pub challenge: Option<String>,
    /// The falsifying experiment that it repeats.
    pub confirms: Option<ExperimentId>,
    /// Which of its claim's confirmations it is.
    pub confirmation: Option<i32>,
    /// What it could find, as that was known at registration.
    pub power: Option<Json<Stored<Power>>>,
    /// Of a confirmation: the chance that it falsifies, if what it confirms is there.
    pub planned_power: Option<f64>,
    /// The latest experiment that repeats this one.
    pub confirmed_by: Option<ExperimentId>,
    /// Whether the claim's author has accepted it as a test.
    pub acceptance: Json<Acceptance>,
    /// Whether the author of the rival has accepted it as a test of the rival.
    pub rival_acceptance: Option<Json<Acceptance>>,
    /// The rival of its claim that its runs test, too.
    pub rival: Option<ClaimId>,
    /// Of the test of a rival: the experiment whose runs decide it.
    pub shares_runs_of: Option<ExperimentId>,
    /// The test of the rival, with its verdict by a criterion of its own.
    pub rival_test: Option<ExperimentId>,
    /// The search that found it, if it asks what was found: an author may have edited the proposal.
    pub found_by: Option<ExperimentId>,
    /// When a moderator disputed it.
    pub disputed_at: Option<DateTime<Utc>>,
    /// Who did.
    pub disputed_by: Option<String>,
    /// Why.
    pub dispute_reason: Option<String>,
    /// What its author answers.
    pub dispute_answer: Option<String>,
    /// The verdict with its numbers, as it is stored.
    pub detail: Option<Json<Stored<Verdict>>>,
    /// Runs that count (a retried one does not).
    pub runs: i64,
    /// Runs in a final state.
    pub runs_ended: i64,
    /// Runs on a worker.
    pub runs_running: i64,
    /// Whether it is sealed and not opened.
    pub closed: bool,
    /// Sealed: for at most so many days after its registration.
    pub seal_days: Option<i16>,
    /// When it is opened at the latest.
    pub opens_at: Option<DateTime<Utc>>,
    /// When it was opened.
    pub opened_at: Option<DateTime<Utc>>,
    /// What its registration committed to.
    pub commitment: Option<String>,
    /// The random number in that; none before it is opened.
    pub nonce: Option<String>,
    /// When a moderator hid it, while it was a proposal.
    pub hidden_at: Option<DateTime<Utc>>,
    /// By whom.
    pub hidden_by: Option<String>,
    /// Why.
    pub hidden_reason: Option<String>,
    /// What its author says against that.
    pub appeal: Option<String>,
    /// Why it stays hidden all the same.
    pub appeal_answer: Option<String>,
    /// Whether it is hidden from the reader, so that nothing of its plan and its runs is here.
    pub hidden: bool,
}

/// Whether the author of one claim has accepted an experiment as a test of that claim.
#[derive(Debug, Clone, Deserialize)]
pub struct Acceptance {
    /// The claim.
    pub claim: ClaimId,
    /// Its short name.
    pub label: String,
    /// own, accepted, declined or unilateral, fixed at registration, before that as it is now. None of exploratory experiments,
    /// and of those from before they could be accepted.
    pub status: Option<String>,
    /// The claim's author, if an account on the board is.
    pub author: Option<String>,
    /// The last answer; of a confirmation, to what it repeats; of the test of a rival, to what it shares its runs with.
    pub answer: Option<Answer>,
}

impl Acceptance {
    /// What was answered to the experiment as it is registered, or as it stands.
    pub fn answered(&self) -> Option<&Answer> {
        let counts = matches!(self.status.as_deref(), Some("accepted" | "declined"));
        self.answer.as_ref().filter(|_| counts)
    }
}

/// What a claim's author answered to a proposal.
#[derive(Debug, Clone, Deserialize)]
pub struct Answer {
    /// Who.
    pub by: String,
    /// Whether it was accepted as a test.
    pub accepts: bool,
    /// What was said with it.
    pub words: Option<String>,
    /// SHA-256 of the proposal that was answered.
    pub proposal_sha256: String,
    /// When.
    pub answered_at: DateTime<Utc>,
    /// When the proposal was changed after that, so that the answer counts no more.
    pub lapsed_at: Option<DateTime<Utc>>,
}

impl Experiment {
    /// SHA-256 of the proposal as it stands, which an answer to it names; none if its specification cannot be read any more, or
    /// not by the reader. Of a registered one it is remembered: nothing that goes into it changes any more.
    pub fn proposal_sha256(&self) -> Option<String> {
        if let Some(known) = proposal_hash::known(self) {
            return Some(known);
        }
        let spec = self.parsed().ok()?.to_json();
        let hash = jobs::proposal_sha256(
            self.claim,
            &self.title,
            &self.prediction,
            &self.rationale,
            &spec,
            self.rival,
        );
        proposal_hash::remember(self, &hash);
        Some(hash)
    }

    /// Whose authors are asked whether it is a test: its claim, and the rival that it tests, too.
    pub fn acceptances(&self) -> impl Iterator<Item = &Acceptance> {
        let rival = self.rival_acceptance.iter();
        std::iter::once(&self.acceptance)
            .chain(rival)
            .map(|json| &json.0)
    }

    /// The specification as a type.
    ///
    /// # Errors
    /// If an older version wrote something that cannot be read any more.
    pub fn parsed(&self) -> Result<Spec, Problems> {
        Spec::from_stored(&self.spec)
    }

    /// The seeds that its runs have; none yet where the board is still to draw them.
    pub fn seeds(&self) -> Vec<u32> {
        match (
            Seeds::deserialize(&self.spec["seeds"]),
            &self.spec_sha256,
            &self.seed_salt,
        ) {
            (Ok(Seeds::Listed(seeds)), ..) => seeds,
            (Ok(Seeds::Count(count)), Some(sha256), Some(salt)) => {
                spec::drawn_seeds(sha256, salt, count)
            }
            _ => Vec::new(),
        }
    }

    /// The verdict with its numbers; none before it is posted, or if what is stored of it cannot be read any more.
    pub fn verdict(&self) -> Option<&Verdict> {
        self.detail.as_ref()?.get()
    }

    /// Whether there is a verdict whose numbers cannot be read.
    pub fn is_unreadable(&self) -> bool {
        self.outcome.is_some() && self.verdict().is_none()
    }

    /// Address of its page.
    pub fn address(&self) -> String {
        format!("/experiments/{}", self.id)
    }

    /// Whether its author may still change it.
    pub fn can_change(&self) -> bool {
        self.state == "proposed" && self.hidden_at.is_none()
    }

    /// Whether moderators may hide it: before it is registered, and so evidence. Of a sealed one nobody reads what to object to.
    pub fn can_be_hidden(&self) -> bool {
        self.registered_at.is_none() && !self.closed && self.hidden_at.is_none()
    }
}

/// Experiments, `$hidden` being whether what a moderator hid is hidden from the reader.
macro_rules! select_experiments {
    ($hidden:literal, $tail:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Experiment,
            r#"select e.id as "id: ExperimentId", e.claim_id as "claim: ClaimId", claim.label as claim_label,
                 claim.sentence as claim_sentence, work.slug as work_slug,
                 e.author_id as "author_id: AccountId", account.name as author,
                 e.thread_id as "thread: ThreadId", e.title, e.prediction, e.rationale, e.spec,
                 (select origin_id from experiment_variation where experiment_id = e.id) as "varies: ExperimentId",
                 e.spec_sha256, e.state, e.stalled_reason, e.amends as "amends: ExperimentId", e.amend_reason, e.created_at,
                 e.updated_at, e.registered_at, e.concluded_at, e.withdrawn_at, e.doi,
                 e.exploratory, e.seed_salt, e.outside,
                 e.challenge, e.confirms as "confirms: ExperimentId", e.confirmation, e.planned_power,
                 e.power as "power?: Json<Stored<Power>>",
                 (select max(id) from experiment c where c.confirms = e.id) as "confirmed_by: ExperimentId",
                 acceptance_told(e.id, e.claim_id) as "acceptance!: Json<Acceptance>", e.rival_id as "rival: ClaimId",
                 case when e.rival_id is not null then acceptance_told(e.id, e.rival_id) end as "rival_acceptance: Json<Acceptance>",
                 e.shares_runs_of as "shares_runs_of: ExperimentId",
                 (select r.id from experiment r where r.shares_runs_of = e.id) as "rival_test: ExperimentId",
                 (select s.experiment_id from search_result s
                  where s.proposed = e.id and s.question = question_sha256(e.spec)) as "found_by: ExperimentId",
                 e.disputed_at, (select name from account where account.id = e.disputed_by) as disputed_by,
                 e.dispute_reason, e.dispute_answer, verdict.outcome as "outcome?", verdict.detail as "detail?: Json<Stored<Verdict>>",
                 tally.runs as "runs!", tally.ended as "runs_ended!", tally.running as "runs_running!",
                 e.closed, e.seal_days, e.opens_at, e.opened_at, seal.commitment as "commitment?",
                 case when e.opened_at is not null then seal.nonce end as nonce,
                 e.hidden_at, (select name from account where account.id = e.hidden_by) as hidden_by, e.hidden_reason,
                 e.appeal, e.appeal_answer, e.hidden_at is not null and "# + $hidden + r#" as "hidden!"
               from experiment e
               join claim on claim.id = e.claim_id
               join work on work.id = claim.work_id
               join account on account.id = e.author_id
               left join verdict on verdict.experiment_id = e.id
               left join seal on seal.experiment_id = e.id
               cross join lateral (
                 -- Each retry stands for one run that has ended and counts no more.
                 select count(*) - count(retry_of) as runs,
                   count(*) filter (where state in ('succeeded', 'failed', 'cancelled')) - count(retry_of) as ended,
                   count(*) filter (where state = 'running') as running
                 from run
                 where run.experiment_id = e.id
               ) tally "# + $tail
            $(, $argument)*
        )
    };
}

/// Says under which DOI its result lies in an archive, `None` that it does not; whether that is new.
///
/// # Errors
/// If the database is away.
pub async fn set_doi(
    db: impl PgExecutor<'_>,
    id: ExperimentId,
    doi: Option<&str>,
) -> sqlx::Result<bool> {
    sqlx::query!(
        "update experiment set doi = $2 where id = $1 and doi is distinct from $2",
        id as ExperimentId,
        doi
    )
    .execute(db)
    .await
    .map(|done| done.rows_affected() > 0)
}

/// Every state that an experiment can be in, in the order of its life.
pub const STATES: [&str; 6] = [
    "proposed",
    "registered",
    "running",
    "stalled",
    "concluded",
    "withdrawn",
];

/// Says of which experiment another one is a variation; once.
///
/// # Errors
/// If the database is away.
pub async fn insert_variation(
    db: impl PgExecutor<'_>,
    id: ExperimentId,
    origin: ExperimentId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into experiment_variation (experiment_id, origin_id) values ($1, $2) on conflict do nothing",
        id as ExperimentId,
        origin as ExperimentId
    )
    .execute(db)
    .await?;
    Ok(())
}

/// An experiment that is a variation of another one, or its origin.
#[derive(Debug, Clone)]
pub struct Variation {
    /// Key.
    pub id: ExperimentId,
    /// Its title.
    pub title: String,
    /// Whether it is the one that is varied.
    pub is_origin: bool,
}

/// What an experiment varies, and the newest that vary it; none that is sealed.
///
/// # Errors
/// If the database is away.
pub async fn variations(
    db: impl PgExecutor<'_>,
    of: Visible,
    limit: i64,
) -> sqlx::Result<Vec<Variation>> {
    sqlx::query_as!(
        Variation,
        r#"select e.id as "id!: ExperimentId", title as "title!", is_origin as "is_origin!"
           from ((select origin_id as id, true as is_origin from experiment_variation where experiment_id = $1)
                 union all
                 (select experiment_id, false from experiment_variation where origin_id = $1
                  order by experiment_id desc limit $2)) v
             join public_experiment e using (id)
           where not closed and state <> 'withdrawn' order by is_origin desc, e.id desc"#,
        of.id() as ExperimentId,
        limit
    )
    .fetch_all(db)
    .await
}

/// These experiments as everybody may see them, newest first: what a page of REST shows.
///
/// # Errors
/// If the database is away.
pub async fn all_of(
    db: impl PgExecutor<'_>,
    experiments: &[ExperimentId],
) -> sqlx::Result<Vec<Experiment>> {
    let all = select_experiments!(
        "true",
        "where e.id = any ($1) order by e.id desc",
        experiments as &[ExperimentId],
    )
    .fetch_all(db)
    .await?;
    Ok(all.into_iter().map(|one| one.seen_by(None)).collect())
}

/// One experiment as `reader` may see it; nobody in particular sees what is public.
///
/// # Errors
/// If the database is away.
pub async fn find(
    db: impl PgExecutor<'_>,
    id: ExperimentId,
    reader: Option<AccountId>,
) -> sqlx::Result<Option<Experiment>> {
    let found = select_experiments!(
        "e.author_id is distinct from $2
           and not exists (select from account where account.id = $2 and role in ('moderator', 'admin'))",
        "where e.id = $1",
        id as ExperimentId,
        reader as Option<AccountId>,
    )
    .fetch_optional(db)
    .await?;
    Ok(found.map(|found| found.seen_by(reader)))
}

/// The specification as it was typed (TOML).
///
/// # Errors
/// If the database is away or there is no such experiment.
pub async fn source(db: impl PgExecutor<'_>, experiment: Visible) -> sqlx::Result<String> {
    sqlx::query_scalar!(
        "select spec_source from experiment where id = $1",
        experiment.id() as ExperimentId
    )
    .fetch_one(db)
    .await
}

/// What `author` proposed with the same words within the last two minutes: a form sent twice.
///
/// # Errors
/// If the database is away.
pub async fn just_proposed(
    db: impl PgExecutor<'_>,
    claim: ClaimId,
    author: AccountId,
    draft: &Draft,
    amends: Option<ExperimentId>,
) -> sqlx::Result<Option<ExperimentId>> {
    sqlx::query_scalar!(
        r#"select id as "id: ExperimentId" from experiment
           where author_id = $1 and claim_id = $2 and spec_source = $3 and prediction = $4
             and seal_days is not distinct from $5 and amends is not distinct from $6 and created_at > now() - interval '2 minutes'
           order by id desc limit 1"#,
        author as AccountId,
        claim as ClaimId,
        draft.spec_source,
        draft.prediction,
        draft.seal_days,
        amends as Option<ExperimentId>,
    )
    .fetch_optional(db)
    .await
}

/// What is written of a proposal; checked by [`crate::proposal`].
#[derive(Debug, Clone)]
pub struct Draft {
    /// Short name.
    pub title: String,
    /// What the claim implies here.
    pub prediction: String,
    /// Why this tests the claim (Markdown).
    pub rationale: String,
    /// The specification as it was typed (TOML).
    pub spec_source: String,
    /// The specification, read.
    pub spec: Spec,
    /// Sealed, for at most so many days after its registration.
    pub seal_days: Option<i16>,
}

/// Stores a new proposal and its thread; call in a transaction.
///
/// # Errors
/// If the database is away or a constraint does not hold.
pub async fn create(
    tx: &mut PgConnection,
    claim: ClaimId,
    author: AccountId,
    draft: &Draft,
    amends: Option<(ExperimentId, &str)>,
) -> sqlx::Result<ExperimentId> {
    sqlx::query_scalar!(
        r#"with fresh as (insert into thread default values returning id)
           insert into experiment (claim_id, author_id, thread_id, title, prediction, rationale, spec_source, spec, amends, amend_reason, seal_days)
           select $1, $2, fresh.id, $3, $4, $5, $6, $7, $8, $9, $10 from fresh
           returning id as "id: ExperimentId""#,
        claim as ClaimId,
        author as AccountId,
        draft.title,
        draft.prediction,
        draft.rationale,
        draft.spec_source,
        draft.spec.to_json(),
        amends.map(|(id, _)| id) as Option<ExperimentId>,
        amends.map(|(_, reason)| reason),
        draft.seal_days,
    )
    .fetch_one(tx)
    .await
}

/// Keeps an experiment from being changed by anybody else until the transaction ends.
///
/// # Errors
/// If the database is away.
pub async fn lock(tx: &mut PgConnection, id: ExperimentId) -> sqlx::Result<()> {
    sqlx::query!(
        "select from experiment where id = $1 for no key update",
        id as ExperimentId
    )
    .fetch_optional(tx)
    .await?;
    Ok(())
}

/// Replaces a proposal's text; false if it is not `author`'s, hidden or not proposed any more, or if it changed after
/// `version`, its last change that the author knew.
///
/// # Errors
/// If the database is away or a constraint does not hold.
pub async fn update(
    tx: &mut PgConnection,
    id: ExperimentId,
    author: AccountId,
    version: Option<DateTime<Utc>>,
    draft: &Draft,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update experiment set title = $3, prediction = $4, rationale = $5, spec_source = $6, spec = $7, updated_at = now()
         where id = $1 and author_id = $2 and state = 'proposed' and hidden_at is null and ($8::timestamptz is null or updated_at = $8)",
        id as ExperimentId,
        author as AccountId,
        draft.title,
        draft.prediction,
        draft.rationale,
        draft.spec_source,
        draft.spec.to_json(),
        version,
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Experiments of a person that are registered and not concluded, for the quota.
///
/// # Errors
/// If the database is away.
pub async fn open_of(db: impl PgExecutor<'_>, author: AccountId) -> sqlx::Result<Shared> {
    sqlx::query_as!(
        Shared,
        r#"select count(*) as "all!", count(*) filter (where author_id = $1) as "own!",
                  (select sponsor_id is not null from account where id = $1) as "is_agent!"
           from experiment
           where author_id = any (accounts_of($1)) and state in ('registered', 'running')"#,
        author as AccountId,
    )
    .fetch_one(db)
    .await
}
