//! What a new board starts with: the work that asked to be broken, others, their claims, and templates for experiments.

mod templates;

use crate::db::{accounts, claims, rivals};
use crate::error::{Error, Result};
use crate::rival::{self, Who};
use breakmywork_protocol::id::{ClaimId, WorkId};
use breakmywork_protocol::record;
use breakmywork_protocol::scope::Scope;
use serde::Deserialize;
use sqlx::{PgConnection, PgPool};

pub use templates::{TEMPLATES, Template, read_templates};

/// The works and their claims, as data: the work that asked to be broken first.
const CONTENT: [&str; 2] = [include_str!("content.toml"), include_str!("works.toml")];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    works: Vec<Work>,
    #[serde(default)]
    rivals: Vec<Rivals>,
}

/// Two claims that deny each other, each by its work's slug and its label.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rivals {
    claim: (String, String),
    rival: (String, String),
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Work {
    slug: String,
    #[serde(default = "paper")]
    kind: String,
    title: String,
    authors: Vec<String>,
    year: i16,
    url: String,
    #[serde(default)]
    doi: Option<String>,
    #[serde(default)]
    arxiv: Option<String>,
    citation: String,
    phenomenon: String,
    claims: Vec<Claim>,
}

fn paper() -> String {
    "paper".to_owned()
}

fn content() -> impl Iterator<Item = Content> {
    let read = |text| toml::from_str(text).expect("the seed content is checked by a test");
    CONTENT.into_iter().map(read)
}

fn works() -> impl Iterator<Item = Work> {
    content().flat_map(|content| content.works)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claim {
    label: String,
    sentence: String,
    scope: String,
    evidence: String,
    #[serde(default)]
    covers: Scope,
}

/// Puts the seed content in; what is there already stays as it is, since experiments may refer to it.
///
/// Returns the number of claims that were added.
///
/// # Errors
/// If the database is away or not migrated.
pub async fn apply(pool: &PgPool) -> Result<u64> {
    let mut added = 0;
    let mut tx = pool.begin().await?;
    for work in works() {
        // A member may have put the same work on the board, under another slug: that one stays.
        let fresh = sqlx::query_scalar!(
            r#"insert into work (slug, kind, title, authors, year, url, doi, arxiv, citation, phenomenon)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing returning id as "id: WorkId""#,
            work.slug,
            work.kind,
            work.title,
            &work.authors,
            work.year,
            work.url,
            work.doi,
            work.arxiv,
            work.citation,
            work.phenomenon,
        )
        .fetch_optional(&mut *tx)
        .await?;
        match fresh {
            Some(work) => record::work(&mut tx, work, None).await?,
            None => name_on_arxiv(&mut tx, &work).await?,
        }
        for claim in &work.claims {
            let fresh = sqlx::query_scalar!(
                r#"with target as (
                     select id from work where slug = $1
                       and not exists (select from claim where work_id = work.id and label = $2)
                 ), fresh as (insert into thread select from target returning id)
                 insert into claim (work_id, label, sentence, scope, evidence, covers, thread_id)
                 select target.id, $2, $3, $4, $5, $6, fresh.id from target, fresh
                 returning id as "id: ClaimId""#,
                work.slug,
                claim.label,
                claim.sentence,
                claim.scope,
                claim.evidence,
                serde_json::to_value(&claim.covers).expect("a scope is plain data"),
            )
            .fetch_optional(&mut *tx)
            .await?;
            if let Some(claim) = fresh {
                record::claim(&mut tx, claim).await?;
                added += 1;
            }
        }
    }
    for rivals in content().flat_map(|content| content.rivals) {
        declare(&mut tx, &rivals).await?;
    }
    tx.commit().await?;
    Ok(added)
}

/// A board of before knows a work without its number, by which it is found to be the same as another. What a member put here or
/// a moderator edited stays as it is.
async fn name_on_arxiv(tx: &mut PgConnection, work: &Work) -> Result<()> {
    sqlx::query!(
        "update work set arxiv = $2 where slug = $1 and arxiv is null and added_by is null
           and not exists (select from board_edit where board_edit.work_id = work.id)
           and not exists (select from work other where other.arxiv = $2 and other.moderation = 'shown')",
        work.slug,
        work.arxiv,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Says for the board that two claims deny each other, unless somebody ever said so, or the contrary.
async fn declare(tx: &mut PgConnection, rivals: &Rivals) -> Result<()> {
    let mut ids = Vec::new();
    for (work, label) in [&rivals.claim, &rivals.rival] {
        ids.extend(claims::labelled(&mut *tx, work, label).await?);
    }
    let [claim, rival] = ids[..] else {
        return Ok(());
    };
    if rivals::was_told(&mut *tx, [claim, rival]).await? {
        return Ok(());
    }
    let board = Who {
        id: accounts::board(&mut *tx).await?,
        is_moderator: true,
    };
    match rival::declare(tx, claim, rival, board, &rivals.reason).await {
        // Their authors may have made other claims of them.
        Err(Error::Invalid(why)) => {
            tracing::info!(%claim, %rival, ?why, "these claims are no rivals any more");
            Ok(())
        }
        done => done,
    }
}

/// The sentence and the scope of the claim that a template tests.
#[cfg(test)]
fn claim_of(template: &Template) -> Option<(String, Scope)> {
    let work = works().find(|work| work.slug == template.work)?;
    let mut claims = work.claims.into_iter();
    let claim = claims.find(|claim| claim.label == template.claim)?;
    Some((claim.sentence, claim.covers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::{NewClaim, NewWork, check_claim, check_work};
    use crate::db::board;
    use breakmywork_protocol::db::MIGRATOR;
    use std::collections::BTreeSet;

    /// What a member may not put on the board, the seed does not either.
    #[test]
    fn it_is_as_members_are_asked_to_write() {
        let mut labels = BTreeSet::new();
        for work in works() {
            let checked = check_work(&NewWork {
                kind: work.kind,
                title: work.title,
                authors: work.authors,
                year: work.year.to_string(),
                url: work.url,
                doi: work.doi.unwrap_or_default(),
                arxiv: work.arxiv.unwrap_or_default(),
                citation: work.citation,
                phenomenon: work.phenomenon,
            });
            assert!(checked.is_ok(), "{}: {checked:?}", work.slug);
            for claim in work.claims {
                let label = claim.label.clone();
                let stated = NewClaim {
                    sentence: claim.sentence,
                    said_at: String::new(),
                    scope: claim.scope,
                    evidence: claim.evidence,
                    covers: claim.covers,
                };
                let checked = check_claim(stated, false);
                assert!(checked.is_ok(), "{label}: {checked:?}");
                assert!(labels.insert(label.clone()), "{label} is there twice");
                let ready = TEMPLATES
                    .iter()
                    .any(|it| it.work == work.slug && it.claim == label);
                let says_why = claim_says_why(&label, &work.slug);
                assert!(
                    ready != says_why,
                    "{label} has a ready experiment, or says why not"
                );
            }
        }
    }

    fn claim_says_why(label: &str, slug: &str) -> bool {
        let mut works = works().filter(|work| work.slug == slug);
        let mut claims = works.next().expect("it is there").claims.into_iter();
        let claim = claims
            .find(|claim| claim.label == label)
            .expect("it is there");
        ["Not testable here yet:", "No ready experiment:"]
            .iter()
            .any(|begin| claim.evidence.contains(begin))
    }

    #[sqlx::test(migrator = "MIGRATOR")]
    async fn it_is_put_in_once(pool: PgPool) -> Result<()> {
        let all: u64 = works().map(|work| work.claims.len() as u64).sum();
        assert!(all > 40, "{all}");
        assert_eq!(apply(&pool).await?, all);
        assert_eq!(apply(&pool).await?, 0);
        let threads = sqlx::query_scalar!("select count(distinct thread_id) from claim")
            .fetch_one(&pool)
            .await?;
        assert_eq!(threads, Some(all as i64));
        // A work of before gets its number, by which it is found to be there.
        sqlx::query("update work set arxiv = null where slug = 'recurrent-dropout'")
            .execute(&pool)
            .await?;
        assert_eq!(apply(&pool).await?, 0);
        let known = board::known_work(&pool, None, Some("1512.05287"), None).await?;
        assert_eq!(
            known.map(|work| work.slug).as_deref(),
            Some("recurrent-dropout")
        );
        // What people changed stays as they left it.
        sqlx::query!("update claim set sentence = 'Ours.' where label = 'S1'")
            .execute(&pool)
            .await?;
        assert_eq!(apply(&pool).await?, 0);
        let ours = sqlx::query_scalar!("select count(*) from claim where sentence = 'Ours.'")
            .fetch_one(&pool)
            .await?;
        assert_eq!(ours, Some(1));
        // Two papers that say the opposite are rivals, once; and stay none where somebody ended that.
        let rivals = async || {
            sqlx::query_scalar!(
                r#"select count(*) as "count!" from claim_rival r join claim c on c.id = r.claim_id
                   join claim other on other.id = r.rival_id
                   where c.label = 'S12' and other.label = 'S13' and r.agreed_at is not null"#
            )
            .fetch_one(&pool)
            .await
        };
        assert_eq!(rivals().await?, 1);
        let mut tx = pool.begin().await?;
        let who = Who {
            id: accounts::board(&mut *tx).await?,
            is_moderator: true,
        };
        let s12 = claims::labelled(&mut *tx, "fast-dropout-rnn", "S12").await?;
        let s13 = claims::labelled(&mut *tx, "regularizing-rnns-on-music", "S13").await?;
        let [s12, s13] = [s12, s13].map(|id| id.expect("it is there"));
        rival::end(&mut tx, s12, s13, who, "both can hold").await?;
        tx.commit().await?;
        apply(&pool).await?;
        assert_eq!(rivals().await?, 0);
        Ok(())
    }
}
