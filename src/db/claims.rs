//! Claims, with the count of what tested them.

use crate::board::Reader;
use breakmywork_protocol::id::{AccountId, ClaimId, ExperimentId, ThreadId, WorkId};
use breakmywork_protocol::scope::Scope;
use breakmywork_protocol::stored::Stored;
use chrono::{DateTime, Utc};
use sqlx::PgExecutor;
use sqlx::types::Json;

/// Experiments of a claim that are counted: the newest. More are not told apart.
pub const COUNTED: i64 = 1_000;

/// A claim and how it fared.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Key.
    pub id: ClaimId,
    /// The work it is about.
    pub work: WorkId,
    /// That work's part of the address.
    pub work_slug: String,
    /// That work's title.
    pub work_title: String,
    /// Short name within the work.
    pub label: String,
    /// The claim.
    pub sentence: String,
    /// For what it is said to hold (Markdown).
    pub scope: String,
    /// Where in the work it is said; empty if nobody told.
    pub said_at: String,
    /// What was found elsewhere (Markdown).
    pub evidence: String,
    /// The claim it narrows.
    pub revises: Option<ClaimId>,
    /// Why that one was narrowed.
    pub revision_reason: Option<String>,
    /// Who put it here.
    pub author: Option<String>,
    /// The account of that person.
    pub author_id: Option<AccountId>,
    /// shown, waiting or declined.
    pub moderation: String,
    /// What a moderator said of it.
    pub moderation_reason: Option<String>,
    /// Its last edit; 0 where there was none.
    pub version: i64,
    /// Whom a moderator named as its author, of one that no account put here.
    pub named_author: Option<String>,
    /// The account of its author, put here or named.
    pub answering_id: Option<AccountId>,
    /// Its discussion.
    pub thread: ThreadId,
    /// When it came onto the board.
    pub created_at: DateTime<Utc>,
    /// Over what it speaks and how small an effect counts, as it is stored.
    pub covers: Json<Stored<Scope>>,
    /// How its experiments ended.
    pub supported: i64,
    /// How many falsified it.
    pub falsified: i64,
    /// How many told nothing.
    pub inconclusive: i64,
    /// How many that would have moved it their authors registered and then stopped.
    pub stopped: i64,
    /// How many of the newest [`COUNTED`] are registered or running.
    pub open: i64,
    /// How many there are, withdrawn ones left out; one more than [`COUNTED`] stands for more than that.
    pub experiments: i64,
    /// How many of those that supported it bear on it: in its scope, at its margin, and not disputed.
    pub survived: i64,
    /// How many falsifications were not confirmed.
    pub refuted: i64,
    /// Chance that one of those that supported it would have falsified it, had there been no effect; what was asked again
    /// counts once, and what its author picked out by stopping others counts less.
    pub severity: f64,
    /// The latest experiment that challenges it and waits for its confirmation.
    pub challenged_by: Option<i64>,
    /// The experiment whose falsification was confirmed.
    pub fell_by: Option<i64>,
    /// The wider claim on which that one is, where this one fell with it.
    pub fell_with: Option<ClaimId>,
    /// Verdicts that do not move it.
    pub aside: i64,
}

impl Claim {
    /// Whether everybody sees it, so that it can be tested.
    pub fn is_shown(&self) -> bool {
        self.moderation == "shown"
    }

    /// Who accepts proposals as tests of it: who put it here, else whom a moderator named.
    pub fn answering(&self) -> Option<&str> {
        self.author.as_deref().or(self.named_author.as_deref())
    }

    /// How its experiments ended, in words.
    pub fn tally(&self) -> String {
        let stopped = match self.stopped {
            0 => String::new(),
            1 => ", 1 stopped by its author".to_owned(),
            stopped => format!(", {stopped} stopped by their authors"),
        };
        let aside = match self.aside {
            0 => String::new(),
            1 => "; 1 of the decided ones does not move it".to_owned(),
            aside => format!("; {aside} of the decided ones do not move it"),
        };
        format!(
            "{} supported, {} falsified, {} inconclusive{stopped}{aside}",
            self.supported, self.falsified, self.inconclusive
        )
    }

    /// Where the claim stands, from the verdicts.
    pub fn standing(&self) -> Standing {
        match (self.fell_by, self.challenged_by, self.survived) {
            (Some(_), _, _) => Standing::Falsified,
            (None, Some(_), _) => Standing::Challenged,
            (None, None, 0) if self.refuted == 0 => Standing::Untested,
            (None, None, survived) => Standing::Standing(survived),
        }
    }
}

/// Where a claim stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// No verdict for or against it.
    Untested,
    /// It survived that many attempts to break it; what falsified a prediction of it was not confirmed.
    Standing(i64),
    /// A prediction of it was falsified, and the confirmation on other seeds has not ended.
    Challenged,
    /// What falsified a prediction of it was confirmed.
    Falsified,
}

macro_rules! select_claims {
    ($tail:literal $(, $argument:expr)*) => {
        select_claims!(from "claim", $tail $(, $argument)*)
    };
    // Of what a function gives as rows of the table.
    (from $source:literal, $tail:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            Claim,
            r#"select claim.id as "id!: ClaimId", work_id as "work!: WorkId", work.slug as work_slug,
                 work.title as work_title, label as "label!", sentence as "sentence!", scope as "scope!", said_at as "said_at!",
                 evidence as "evidence!", claim.moderation as "moderation!", claim.moderation_reason,
                 author_id as "author_id: AccountId",
                 (select coalesce(max(id), 0) from board_edit where claim_id = claim.id) as "version!",
                 covers as "covers!: Json<Stored<Scope>>", revises as "revises: ClaimId", revision_reason, account.name as "author?",
                 (select name from account where account.id = named_author_id) as named_author,
                 coalesce(named_author_id, author_id) as "answering_id: AccountId",
                 claim.thread_id as "thread!: ThreadId", claim.created_at as "created_at!",
                 coalesce(tally.supported, 0) as "supported!", coalesce(tally.falsified, 0) as "falsified!",
                 coalesce(tally.inconclusive, 0) as "inconclusive!", coalesce(tally.stopped, 0) as "stopped!", tried.open as "open!",
                 tried.experiments as "experiments!", coalesce(tally.survived, 0) as "survived!",
                 coalesce(tally.refuted, 0) as "refuted!",
                 -- Below that it is no number any more, and Postgres would say so.
                 1 - exp(greatest(coalesce(tally.doubt, 0) / 1e9::double precision, -700)) as "severity!",
                 coalesce(tally.aside, 0) as "aside!", tally.challenged_by as "challenged_by?", tally.fell_by as "fell_by?",
                 (select e.claim_id from public_experiment e where e.id = tally.fell_by and e.claim_id <> claim.id) as "fell_with?: ClaimId"
               from "# + $source + r#"
               -- One by one: no table is read whole, whatever the planner believes of how large it is.
               cross join lateral (select slug, title from work where work.id = claim.work_id offset 0) work
               left join account on account.id = author_id
               -- One more than `COUNTED`: whoever proposes thousands makes nobody count them all.
               cross join lateral tried_on(claim.id) as tried
               left join lateral (select * from claim_tally t where t.claim_id = claim.id offset 0) tally on true "# + $tail
            $(, $argument)*
        )
    };
}

/// The claims of a work that a reader sees, by label.
///
/// # Errors
/// If the database is away.
pub async fn of_work(
    db: impl PgExecutor<'_>,
    work: WorkId,
    reader: Reader,
) -> sqlx::Result<Vec<Claim>> {
    select_claims!(
        "where work_id = $1 and (claim.moderation = 'shown' or $2 or author_id = $3)
         order by left(label, 1), substring(label from '[0-9]+')::int, label limit 1000",
        work.0,
        reader.is_moderator,
        reader.id as Option<AccountId>
    )
    .fetch_all(db)
    .await
}

/// A claim that everybody sees: what is done with a claim is done with one of these.
///
/// # Errors
/// If the database is away.
pub async fn find(db: impl PgExecutor<'_>, id: ClaimId) -> sqlx::Result<Option<Claim>> {
    seen(db, id, Reader::default()).await
}

/// A claim, if that reader sees it.
///
/// # Errors
/// If the database is away.
pub async fn seen(
    db: impl PgExecutor<'_>,
    id: ClaimId,
    reader: Reader,
) -> sqlx::Result<Option<Claim>> {
    select_claims!(
        "where claim.id = $1 and (claim.moderation = 'shown' or $2 or author_id = $3)",
        id.0,
        reader.is_moderator,
        reader.id as Option<AccountId>
    )
    .fetch_optional(db)
    .await
}

/// Claims that wait for a moderator, after that one, the longest first; of one person or of all.
///
/// # Errors
/// If the database is away.
pub async fn waiting(
    db: impl PgExecutor<'_>,
    by: Option<AccountId>,
    after: ClaimId,
    limit: i64,
) -> sqlx::Result<Vec<Claim>> {
    select_claims!(
        "where claim.moderation = 'waiting' and ($1::bigint is null or author_id = $1) and claim.id > $2
         order by claim.id limit $3",
        by as Option<AccountId>,
        after as ClaimId,
        limit
    )
    .fetch_all(db)
    .await
}

/// Those of these claims that everybody sees, in no order.
///
/// # Errors
/// If the database is away.
pub async fn of_ids(db: impl PgExecutor<'_>, ids: &[ClaimId]) -> sqlx::Result<Vec<Claim>> {
    select_claims!(
        "where claim.id = any ($1) and claim.moderation = 'shown'",
        ids as &[ClaimId]
    )
    .fetch_all(db)
    .await
}

/// What the claim of an experiment speaks about; none if that cannot be read any more, or if there is no such experiment.
pub async fn scope_of(
    db: impl PgExecutor<'_>,
    experiment: ExperimentId,
) -> sqlx::Result<Option<Scope>> {
    let covers = sqlx::query_scalar!(
        r#"select covers as "covers: Json<Stored<Scope>>" from claim join experiment on claim_id = claim.id
           where experiment.id = $1"#,
        experiment as ExperimentId
    )
    .fetch_optional(db)
    .await?;
    Ok(covers.and_then(|covers| covers.0.into_inner()))
}

/// The claims that this one narrows, one after the other, the nearest first: as many as a line has labels.
pub async fn ancestors(db: impl PgExecutor<'_>, id: ClaimId) -> sqlx::Result<Vec<Claim>> {
    // Each is older than what narrows it.
    select_claims!(
        "where claim.id in (
             with recursive line as (
                 select revises as id, 1 as place from claim where id = $1
                 union all select c.revises, place + 1 from line join claim c on c.id = line.id where place < 27
             ) select id from line where id is not null)
         order by claim.id desc",
        id.0
    )
    .fetch_all(db)
    .await
}

/// The claims that narrow this one.
pub async fn revisions(db: impl PgExecutor<'_>, id: ClaimId) -> sqlx::Result<Vec<Claim>> {
    select_claims!("where revises = $1 order by claim.id", id.0)
        .fetch_all(db)
        .await
}

/// The claims that survived the severest tests, those that fell or are challenged next, then those that are tried most of
/// the oldest and of the ones that most of the newest thousand experiments are on.
///
/// # Errors
/// If the database is away.
pub async fn severest(db: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<Vec<Claim>> {
    select_claims!(
        from "claims_of(array(select id from severest_claims($1))) claim",
        "where claim.moderation = 'shown'
         order by coalesce(tally.doubt, 0), tally.fell_by is null and tally.challenged_by is null, tried.experiments desc, claim.id
         limit $1",
        limit
    )
    .fetch_all(db)
    .await
}

/// These claims, in their order.
pub async fn these(db: impl PgExecutor<'_>, ids: &[ClaimId]) -> sqlx::Result<Vec<Claim>> {
    select_claims!(
        "where claim.id = any($1) and claim.moderation = 'shown' order by array_position($1, claim.id)",
        ids as &[ClaimId]
    )
    .fetch_all(db)
    .await
}

/// Claims that nobody has proposed an experiment on, the oldest first.
pub async fn untried(db: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<Vec<Claim>> {
    select_claims!(
        "where claim.id in (
             select claim.id from public_claim claim
             where not exists (select from experiment where claim_id = claim.id and state <> 'withdrawn' and hidden_at is null)
             order by claim.id limit $1)
         order by claim.id",
        limit
    )
    .fetch_all(db)
    .await
}

/// A claim to choose.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Key.
    pub id: ClaimId,
    /// Short name within the work.
    pub label: String,
    /// The claim.
    pub sentence: String,
    /// Its work's title.
    pub work_title: String,
}

/// The claim of that label about that work.
///
/// # Errors
/// If the database is away.
pub async fn labelled(
    db: impl PgExecutor<'_>,
    work: &str,
    label: &str,
) -> sqlx::Result<Option<ClaimId>> {
    sqlx::query_scalar!(
        r#"select c.id as "id!: ClaimId" from public_claim c join work on work.id = work_id
           where slug = $1 and label = $2"#,
        work,
        label
    )
    .fetch_optional(db)
    .await
}

/// Claims to choose from, by work and label: those of the chosen one's work first, at most `limit`.
///
/// # Errors
/// If the database is away.
pub async fn choices(
    db: impl PgExecutor<'_>,
    chosen: Option<ClaimId>,
    limit: i64,
) -> sqlx::Result<Vec<Choice>> {
    sqlx::query_as!(
        Choice,
        r#"select c.id as "id!: ClaimId", label as "label!", sentence as "sentence!", work.title as work_title
           from public_claim c join work on work.id = work_id
           order by work_id is distinct from (select work_id from claim where id = $1), work_id,
             left(label, 1), substring(label from '[0-9]+')::int, label limit $2"#,
        chosen as Option<ClaimId>,
        limit,
    )
    .fetch_all(db)
    .await
}

/// The claims that everybody sees before that one, the newest first, with how they fared.
///
/// # Errors
/// If the database is away.
pub async fn before(
    db: impl PgExecutor<'_>,
    claim: ClaimId,
    limit: i64,
) -> sqlx::Result<Vec<Claim>> {
    select_claims!(
        "where claim.moderation = 'shown' and claim.id < $1 order by claim.id desc limit $2",
        claim.0,
        limit
    )
    .fetch_all(db)
    .await
}

/// The claims that everybody sees after that one, the oldest first; those with one label alone, if one is asked for.
///
/// # Errors
/// If the database is away.
pub async fn after(
    db: impl PgExecutor<'_>,
    claim: ClaimId,
    label: Option<&str>,
    limit: i64,
) -> sqlx::Result<Vec<Claim>> {
    select_claims!(
        "where claim.moderation = 'shown' and claim.id > $1 and ($2::text is null or label = $2)
         order by claim.id limit $3",
        claim.0,
        label,
        limit
    )
    .fetch_all(db)
    .await
}

/// The claims that survived tests and that everybody sees, the severest first, behind one of them; from the first on, if none is
/// given.
///
/// # Errors
/// If the database is away.
pub async fn by_severity(
    db: impl PgExecutor<'_>,
    behind: Option<ClaimId>,
    limit: i64,
) -> sqlx::Result<Vec<Claim>> {
    select_claims!(
        from "claims_of(array(select id from claims_by_severity($1, $2))) claim",
        "where claim.moderation = 'shown'
         order by coalesce(tally.doubt, 0), claim.id",
        behind as Option<ClaimId>,
        limit
    )
    .fetch_all(db)
    .await
}

/// The claims of a work after one of them that a reader sees, by number; the one with a label alone, if one is asked for.
///
/// # Errors
/// If the database is away.
pub async fn of_work_after(
    db: impl PgExecutor<'_>,
    work: WorkId,
    reader: Reader,
    claim: ClaimId,
    label: Option<&str>,
    limit: i64,
) -> sqlx::Result<Vec<Claim>> {
    select_claims!(
        "where work_id = $1 and (claim.moderation = 'shown' or $2 or author_id = $3) and claim.id > $4
           and ($5::text is null or label = $5)
         order by claim.id limit $6",
        work.0,
        reader.is_moderator,
        reader.id as Option<AccountId>,
        claim.0,
        label,
        limit
    )
    .fetch_all(db)
    .await
}
