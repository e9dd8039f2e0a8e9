//! What entries tell, held against the tables; and verdicts against their runs.

use super::Summary;
use super::finding::{Finding, What};
use super::tuned::tuned;
use crate::id::{ClaimId, ExperimentId};
use crate::jobs;
use crate::record::write::{claim_body, conclusion_body, registration_body};
use crate::record::{Entry, digest, seal, text_digest};
use crate::scope::Point;
use crate::spec::Spec;
use crate::verdict::{self, Verdict};
use serde_json::{Map, Value, json};
use sqlx::PgConnection;

/// Numbers that were computed on different machines differ in their last digits.
const TOLERANCE: f64 = 1e-9;

/// What came of a page of entries.
#[derive(Default)]
pub(super) struct Checked {
    registrations: u64,
    conclusions: u64,
    recomputed: u64,
    of_earlier_rules: u64,
    found: Vec<Finding>,
}

impl Checked {
    /// Adds what was checked, and gives what does not agree.
    pub(super) fn count_in(self, summary: &mut Summary) -> Vec<Finding> {
        summary.registrations += self.registrations;
        summary.conclusions += self.conclusions;
        summary.recomputed += self.recomputed;
        summary.of_earlier_rules += self.of_earlier_rules;
        self.found
    }
}

/// Checks what these entries tell.
pub(super) async fn check(tx: &mut PgConnection, entries: Vec<Entry>) -> sqlx::Result<Checked> {
    let mut checked = Checked::default();
    for entry in entries {
        let Ok(Value::Object(body)) = serde_json::from_str(&entry.body) else {
            let detail = "its body cannot be read";
            checked
                .found
                .push(Finding::of(&entry, What::EntryChanged, detail));
            continue;
        };
        let Some(id) = entry.subject_id else {
            continue;
        };
        match entry.kind.as_str() {
            "claim" => {
                let now = claim_body(tx, ClaimId(id)).await;
                compare(&entry, &body, now, &mut checked.found)?;
            }
            "registration" => {
                checked.registrations += 1;
                if body.contains_key("sealed") {
                    sealed_registration(tx, &entry, &body, &mut checked.found).await?;
                } else {
                    let now = registration_body(tx, ExperimentId(id)).await;
                    compare(&entry, &body, now, &mut checked.found)?;
                    frozen(tx, &entry, &body, &mut checked.found).await?;
                }
            }
            "opening" => {
                let now = seal::opening_body(tx, ExperimentId(id)).await;
                compare(&entry, &body, now.map(|(body, _)| body), &mut checked.found)?;
            }
            "conclusion" => {
                checked.conclusions += 1;
                let now = conclusion_body(tx, ExperimentId(id)).await;
                compare(&entry, &body, now, &mut checked.found)?;
                tuned(tx, &entry, &mut checked.found).await?;
                verdict(tx, &entry, &body, &mut checked).await?;
                search(tx, &entry, &body, &mut checked).await?;
            }
            // What an act left behind is looked for the other way round.
            _ => {}
        }
    }
    Ok(checked)
}

/// Holds a sealed registration against its seal, and what it committed to against the tables: before it is opened, too.
async fn sealed_registration(
    tx: &mut PgConnection,
    entry: &Entry,
    body: &Map<String, Value>,
    found: &mut Vec<Finding>,
) -> sqlx::Result<()> {
    let id = ExperimentId(entry.subject_id.unwrap_or_default());
    let now = seal::sealed_body(tx, id).await;
    compare(entry, body, now, found)?;
    // A seal that is gone was found by that.
    let Some(sealed) = seal::sealed(tx, id).await? else {
        return Ok(());
    };
    if !sealed.keeps {
        let detail = "its commitment is not that of what it is said to have committed to";
        found.push(Finding::of(entry, What::RowChanged, detail));
    }
    compare(entry, &sealed.registration, sealed.now, found)?;
    frozen(tx, entry, &sealed.registration, found).await
}

/// Holds an entry against what would be written today. What a later release says beyond it is not held against it.
fn compare(
    entry: &Entry,
    body: &Map<String, Value>,
    now: sqlx::Result<Value>,
    found: &mut Vec<Finding>,
) -> sqlx::Result<()> {
    let now = match now {
        Ok(now) => now,
        Err(sqlx::Error::RowNotFound) => {
            let detail = format!("the {} is not there as it was recorded", entry.subject);
            found.push(Finding::of(entry, What::RowMissing, detail));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for (name, recorded) in body {
        let there = &now[name];
        let finding = match name.as_str() {
            // Said of the entry itself.
            "backfilled" | "rule" => continue,
            "runs" if recorded.is_object() => {
                found.extend(changed_runs(entry, recorded, there));
                continue;
            }
            // A data set's content may have become known later.
            "data_sets" if same_where_known(recorded, there) => continue,
            "verdict_sha256" | "post_sha256" | "course_sha256" if there.is_null() => {
                What::RowMissing
            }
            _ => What::RowChanged,
        };
        // As JSON writes them: numbers have been to the database and back.
        if digest(recorded) != digest(there) {
            let detail = format!("{name} was {recorded}, now it is {there}");
            found.push(Finding::of(entry, finding, detail));
        }
    }
    Ok(())
}

fn same_where_known(recorded: &Value, there: &Value) -> bool {
    let known = recorded.as_object().into_iter().flatten();
    known.into_iter().all(|(name, sha256)| {
        there
            .get(name)
            .is_some_and(|there| sha256.is_null() || there == sha256)
    })
}

fn changed_runs(entry: &Entry, recorded: &Value, there: &Value) -> Vec<Finding> {
    let nothing = Map::new();
    let [recorded, there] = [recorded, there].map(|runs| runs.as_object().unwrap_or(&nothing));
    let gone_or_changed = recorded
        .iter()
        .filter_map(|(run, hash)| match there.get(run) {
            None => Some(format!("run {run} is gone")),
            Some(other) if other != hash => {
                Some(format!("run {run} was {hash}, now it is {other}"))
            }
            Some(_) => None,
        });
    let new = there
        .keys()
        .filter(|run| !recorded.contains_key(*run))
        .map(|run| format!("run {run} was added"));
    gone_or_changed
        .chain(new)
        .map(|detail| Finding::of(entry, What::RunChanged, detail))
        .collect()
}

/// The stored bytes of a specification must hash to what was recorded, and what is read must be what was frozen.
async fn frozen(
    tx: &mut PgConnection,
    entry: &Entry,
    body: &Map<String, Value>,
    found: &mut Vec<Finding>,
) -> sqlx::Result<()> {
    let row = sqlx::query!(
        r#"select e.spec, e.spec_canonical as "canonical!", e.claim_id, asked.claim_id as "claim: ClaimId", asked.title, asked.prediction,
             asked.rationale, asked.spec as asked, asked.rival_id as "rival: ClaimId",
             e.confirms is null and e.acceptance in ('accepted', 'declined') as answered,
             (select proposal_sha256 from answer_to(e.id, e.claim_id)) as proposal_sha256,
             (select to_jsonb(p) - 'experiment_id' from experiment_point p where p.experiment_id = e.id) as point
           from experiment e join experiment asked on asked.id = coalesce(e.shares_runs_of, e.id)
           where e.id = $1 and e.spec_canonical is not null"#,
        entry.subject_id
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else {
        return Ok(());
    };
    let computed = text_digest(&row.canonical);
    if body.get("spec_sha256").and_then(Value::as_str) != Some(&computed) {
        let detail = format!("the frozen specification's bytes now hash to {computed}");
        found.push(Finding::of(entry, What::RowChanged, detail));
    }
    let frozen = serde_json::from_str::<Value>(&row.canonical);
    if frozen.is_ok_and(|frozen| digest(&frozen) != digest(&row.spec)) {
        let detail = "the specification that is read is not the one that was frozen";
        found.push(Finding::of(entry, What::RowChanged, detail));
    }
    let [title, prediction, rationale] = [&row.title, &row.prediction, &row.rationale];
    let proposal = jobs::proposal_sha256(
        row.claim, title, prediction, rationale, &row.asked, row.rival,
    );
    if row.answered == Some(true) && row.proposal_sha256.as_ref() != Some(&proposal) {
        let detail = "what the claim's author answered to is not what was registered";
        found.push(Finding::of(entry, What::RowChanged, detail));
    }
    // What cannot be read any more has no place to be held against.
    let point = match Spec::from_stored(&row.spec) {
        Ok(spec) => Some(
            jobs::settled(
                &mut *tx,
                ExperimentId(entry.subject_id.unwrap_or_default()),
                &spec,
            )
            .await?,
        ),
        Err(_) => None,
    };
    if let Some(point) = point.as_ref().and_then(Point::of) {
        let follows = json!({
            "claim_id": row.claim_id, "task": point.task.name(), "cell": point.cell.name(), "data_set": point.data,
            "hidden": point.hidden, "length": point.length, "rate": point.rate,
        });
        let there = row.point.unwrap_or_default();
        if let Some(difference) = first_difference(&follows, &there, "") {
            let detail = format!(
                "its place on the claim's map does not follow from its specification: {difference}"
            );
            found.push(Finding::of(entry, What::RowChanged, detail));
        }
    }
    Ok(())
}

/// The verdict's columns must say what its numbers say, and its numbers must follow from the runs.
async fn verdict(
    tx: &mut PgConnection,
    entry: &Entry,
    body: &Map<String, Value>,
    checked: &mut Checked,
) -> sqlx::Result<()> {
    let row = sqlx::query!(
        "select outcome, effect, p_value, detail from verdict where experiment_id = $1",
        entry.subject_id
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else {
        return Ok(());
    };
    for (name, column) in [
        ("outcome", Value::from(row.outcome)),
        ("effect", Value::from(row.effect)),
        ("p_value", Value::from(row.p_value)),
    ] {
        if first_difference(&column, &row.detail[name], name).is_some() {
            let detail = format!(
                "the verdict's {name} is {column}, its numbers say {}",
                row.detail[name]
            );
            checked
                .found
                .push(Finding::of(entry, What::RowChanged, detail));
        }
    }
    // What was given by another rule is on record; this one would say something else.
    if body.get("rule").and_then(Value::as_u64) != Some(u64::from(verdict::RULE)) {
        checked.of_earlier_rules += 1;
        return Ok(());
    }
    checked.recomputed += 1;
    let told = row.detail.clone();
    let Ok(stored) = serde_json::from_value::<Verdict>(row.detail) else {
        let detail = "the verdict's numbers cannot be read";
        checked
            .found
            .push(Finding::of(entry, What::NotReproduced, detail));
        return Ok(());
    };
    let id = ExperimentId(entry.subject_id.unwrap_or_default());
    let again = match jobs::verdict_again(tx, id).await {
        Ok(again) => again,
        Err(jobs::Error::Database(error)) => return Err(error),
        Err(other) => {
            let detail = format!("the verdict cannot be computed again: {other}");
            checked
                .found
                .push(Finding::of(entry, What::NotReproduced, detail));
            return Ok(());
        }
    };
    let [stored, mut again] = [stored, again].map(|verdict| numbers(&verdict));
    forget_new_checks(&mut again, &told);
    if let Some(difference) = first_difference(&stored, &again, "") {
        let detail = format!("computed again from its runs, the verdict differs: {difference}");
        checked
            .found
            .push(Finding::of(entry, What::NotReproduced, detail));
    }
    Ok(())
}

/// The points of a search, those that it kept, and what it found must follow from its registration and its runs.
async fn search(
    tx: &mut PgConnection,
    entry: &Entry,
    body: &Map<String, Value>,
    checked: &mut Checked,
) -> sqlx::Result<()> {
    let row = sqlx::query_scalar!(
        "select course from search_result where experiment_id = $1",
        entry.subject_id
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(stored) = row else {
        return Ok(());
    };
    if body.get("rule").and_then(Value::as_u64) != Some(u64::from(verdict::RULE)) {
        checked.of_earlier_rules += 1;
        return Ok(());
    }
    checked.recomputed += 1;
    let id = ExperimentId(entry.subject_id.unwrap_or_default());
    let detail = match jobs::search_again(tx, id).await {
        Ok(again) => {
            let again = serde_json::to_value(again).expect("a course is plain data");
            first_difference(&stored, &again, "").map(|difference| {
                format!(
                    "computed again from its runs, the course of the search differs: {difference}"
                )
            })
        }
        Err(jobs::Error::Database(error)) => return Err(error),
        Err(other) => Some(format!(
            "the course of the search cannot be computed again: {other}"
        )),
    };
    let found = detail.map(|detail| Finding::of(entry, What::NotReproduced, detail));
    checked.found.extend(found);
    Ok(())
}

/// Leaves out checks that the release which gave the verdict did not have yet: they decide nothing. One that was taken out of
/// a stored verdict is found by its hash.
fn forget_new_checks(again: &mut Value, told: &Value) {
    if let (Some(again), Some(told)) = (
        again.get_mut("checks").and_then(Value::as_object_mut),
        told.get("checks").and_then(Value::as_object),
    ) {
        again.retain(|name, _| told.contains_key(name));
    }
}

/// A verdict without its words, which a release may word better.
fn numbers(verdict: &Verdict) -> Value {
    let mut verdict = verdict.clone();
    verdict.explanation.clear();
    for pair in &mut verdict.pairs {
        pair.note.clear();
    }
    serde_json::to_value(verdict).expect("a verdict is plain data")
}

/// Where two values first differ, beyond rounding.
fn first_difference(a: &Value, b: &Value, place: &str) -> Option<String> {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => {
            let (x, y) = (x.as_f64()?, y.as_f64()?);
            let close = (x - y).abs() <= TOLERANCE * x.abs().max(y.abs()).max(TOLERANCE);
            (!close).then(|| format!("{place} {x} is now {y}"))
        }
        (Value::Array(x), Value::Array(y)) if x.len() == y.len() => {
            let items = x.iter().zip(y).enumerate();
            items
                .into_iter()
                .find_map(|(at, (x, y))| first_difference(x, y, &format!("{place}/{at}")))
        }
        (Value::Object(x), Value::Object(y)) if x.len() == y.len() => {
            x.iter().find_map(|(name, x)| {
                first_difference(
                    x,
                    y.get(name).unwrap_or(&Value::Null),
                    &format!("{place}/{name}"),
                )
            })
        }
        _ if a == b => None,
        _ => Some(format!("{place} {a} is now {b}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_check_that_came_later_is_not_looked_for_and_every_other_number_is() {
        let told = json!({ "effect": 1.0, "checks": { "mean": 1.0, "wilcoxon": null } });
        let later = json!({ "effect": 1.0, "checks": { "mean": 1.0, "wilcoxon": null, "bootstrap": [0.5, 1.5] } });
        let mut again = later.clone();
        forget_new_checks(&mut again, &told);
        assert_eq!(first_difference(&told, &again, ""), None);
        // What was told must come out again.
        let mut other = later.clone();
        forget_new_checks(
            &mut other,
            &json!({ "checks": { "mean": 2.0, "bootstrap": [0.5, 1.5] } }),
        );
        assert_eq!(
            other["checks"],
            json!({ "mean": 1.0, "bootstrap": [0.5, 1.5] })
        );
        let mut whole = later.clone();
        forget_new_checks(&mut whole, &later);
        assert_eq!(whole, later);
    }
}
