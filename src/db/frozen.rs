//! What registration froze, as it is handed out.

use super::visible::Visible;
use breakmywork_protocol::id::{ClaimId, ExperimentId};
use breakmywork_protocol::record::{self, Entry, Kind, Subject};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// Entries about an experiment among which its registration and its opening are looked for.
const ENTRIES: i64 = 100;

/// A registered experiment, frozen.
#[derive(Debug, Clone)]
pub struct Frozen {
    /// Key.
    pub id: ExperimentId,
    /// The claim it tests.
    pub claim: ClaimId,
    /// That claim's sentence.
    pub claim_sentence: String,
    /// Who registered it.
    pub author: String,
    /// The exact bytes that were hashed.
    pub canonical: String,
    /// Their SHA-256, in hexadecimal.
    pub sha256: String,
    /// When.
    pub registered_at: DateTime<Utc>,
    /// Whether it was registered to look, not to decide.
    pub exploratory: bool,
    /// The same specification, parsed.
    pub spec: Value,
    /// Whether it is sealed and not opened.
    pub closed: bool,
}

/// What was frozen of an experiment, and its registration on record; none if there is no such registered experiment.
///
/// # Errors
/// If the database is away.
pub async fn find(
    tx: &mut PgConnection,
    experiment: Visible,
) -> sqlx::Result<Option<(Frozen, Option<Entry>)>> {
    registered(tx, experiment.id()).await
}

async fn registered(
    tx: &mut PgConnection,
    id: ExperimentId,
) -> sqlx::Result<Option<(Frozen, Option<Entry>)>> {
    let frozen = sqlx::query_as!(
        Frozen,
        r#"select e.id as "id: ExperimentId", e.claim_id as "claim: ClaimId", claim.sentence as claim_sentence,
                  account.name as author, e.spec_canonical as "canonical!", e.spec_sha256 as "sha256!",
                  e.registered_at as "registered_at!", e.exploratory, e.spec, e.closed
           from experiment e join claim on claim.id = e.claim_id join account on account.id = e.author_id
           where e.id = $1 and e.registered_at is not null"#,
        id as ExperimentId
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(frozen) = frozen else {
        return Ok(None);
    };
    let entries = record::about(tx, Subject::Experiment(id), ENTRIES).await?;
    // Of what was sealed, the entry of its opening says what was registered.
    let [registration, opening] = [Kind::Registration.name(), Kind::Opening.name()];
    let told = |kind: &str| entries.iter().find(|entry| entry.kind == kind).cloned();
    let entry = told(opening).or_else(|| told(registration));
    Ok(Some((frozen, entry)))
}

/// Most amendments of amendments that are followed back.
const AMENDMENTS: i32 = 20;

/// The registrations that this one amends in a line, the first one first and this one last: of the same author, who decides
/// by each, and of several amendments of one registration the first alone. What was registered sealed stands alone: a manifest
/// does not change when it is opened, and tells nothing of it before. Only this one where the line is longer than
/// [`AMENDMENTS`].
///
/// # Errors
/// If the database is away.
pub async fn line(
    tx: &mut PgConnection,
    experiment: Visible,
) -> sqlx::Result<Vec<(Frozen, Option<Entry>)>> {
    let id = experiment.id();
    let mut ids = sqlx::query_scalar!(
        r#"with recursive line as (
             select id, amends, author_id, registered_at, seal_days, 0 as place from experiment where id = $1
             union all
             select e.id, e.amends, e.author_id, e.registered_at, e.seal_days, place + 1
             from line join experiment e on e.id = line.amends
             where place < $2 and line.seal_days is null and e.author_id = line.author_id and e.registered_at is not null and not e.exploratory
               and jsonb_typeof(e.spec -> 'criterion') = 'object'
               and not exists (
                 select from experiment other
                 where other.amends = e.id and other.author_id = e.author_id and not other.exploratory
                   and other.seal_days is null
                   and (other.registered_at, other.id) < (line.registered_at, line.id))
           ) select id as "id!: ExperimentId" from line order by place desc"#,
        id as ExperimentId,
        AMENDMENTS
    )
    .fetch_all(&mut *tx)
    .await?;
    if ids.len() > AMENDMENTS as usize {
        ids = vec![id];
    }
    let mut line = Vec::new();
    for id in ids {
        line.extend(registered(&mut *tx, id).await?);
    }
    Ok(line)
}
