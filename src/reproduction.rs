//! Reports of readers who trained an experiment's runs again. The board holds their numbers against its own; what they
//! themselves say of them is not asked.

use crate::db::experiments::{self, Experiment};
use crate::db::reproductions::{self as table, Ended};
use crate::db::{accounts, visible::Visible};
use crate::error::{Error, FieldProblem, Result};
use crate::render::number;
use breakmywork_protocol::id::{AccountId, ExperimentId, ReproductionId, RunId};
use breakmywork_protocol::reproduction::{
    Agreement, MOST_RUNS, Machine, Report, Reported, TOLERANCE, Word, agreement, kind, overall,
};
use breakmywork_protocol::{metric, text};
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};

/// Reports of one person within an hour.
const PER_HOUR: i64 = 30;

/// Longest name of a device, and of a version, in characters.
const NAME: usize = 200;
const VERSION: usize = 60;

/// The experiment, as everybody may see it: what is sealed or hidden is not there for its author either.
///
/// # Errors
/// If there is none.
pub async fn find(db: &mut PgConnection, id: ExperimentId) -> Result<(Experiment, Visible)> {
    let experiment = experiments::find(&mut *db, id, None)
        .await?
        .ok_or_else(|| Error::missing("experiment", id))?;
    let visible = experiment.seen()?;
    Ok((experiment, visible))
}

/// Stores a member's report of an experiment that has ended, with the word that the board finds.
///
/// # Errors
/// Everything that is wrong with it by field; not ended, trained by a worker of the member's own, too many within an hour, or
/// no such experiment: then roll `tx` back.
pub async fn report(
    tx: &mut PgConnection,
    id: ExperimentId,
    member: AccountId,
    report: &Report,
) -> Result<ReproductionId> {
    let (experiment, visible) = find(tx, id).await?;
    if experiment.state != "concluded" {
        return Err(Error::Conflict(format!(
            "Experiment {id} has not ended. Report what came out once it has: GET /api/v1/experiments/{id} says so by `state`."
        )));
    }
    let mut problems = wrong_with(&report.machine);
    let ended = table::ended(&mut *tx, visible).await?;
    problems.extend(wrong_runs(&report.runs, &ended));
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    accounts::lock(tx, member).await?;
    if table::within_an_hour(&mut *tx, member).await? >= PER_HOUR {
        return Err(Error::TooMany {
            detail: format!(
                "You reported {} within an hour. Wait a while, then report this one.",
                number::plural(PER_HOUR, "reproduction", "reproductions")
            ),
            retry_after: 600,
        });
    }
    let runs: Vec<RunId> = report.runs.iter().map(|run| run.run).collect();
    if table::trained_by(&mut *tx, member, &runs).await? {
        return Err(Error::Conflict(
            "A worker with a token of yours trained some of these runs for the board. Somebody else is to repeat them.".into(),
        ));
    }
    let compared = compared(&report.machine, &report.runs, &ended);
    let word = overall(compared.iter().map(|run| run.agreement.word));
    Ok(table::keep(tx, visible, member, &report.machine, word, &report.runs).await?)
}

/// A run that was reported, beside the board's own.
#[derive(Debug, Clone)]
pub struct Compared<'a> {
    /// The board's run.
    pub ended: &'a Ended,
    /// What is said of it.
    pub agreement: Agreement,
}

/// Holds what was reported against what the board has. Where the same program computes in the same way, every bit is asked
/// for.
pub fn compared<'a>(machine: &Machine, runs: &[Reported], ended: &'a [Ended]) -> Vec<Compared<'a>> {
    let by_id: BTreeMap<RunId, &Ended> = ended.iter().map(|one| (one.id, one)).collect();
    let compare = |run: &Reported| {
        let ended = *by_id.get(&run.run)?;
        let result = ended.result();
        let repeats = result.is_some_and(|result| Machine::of(&result.provenance).repeats(machine));
        let tolerance = if repeats { 0.0 } else { TOLERANCE };
        let expected = result.map(|result| &result.metrics);
        Some(Compared {
            ended,
            agreement: agreement(expected, run.metrics.as_ref(), tolerance),
        })
    };
    runs.iter().filter_map(compare).collect()
}

/// What is wrong with what a machine is said to be.
fn wrong_with(machine: &Machine) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    let mut wrong = |field: &str, detail: String| {
        problems.push(FieldProblem::new(format!("/machine/{field}"), detail));
    };
    let known = machine.device.arithmetics();
    if !known.contains(&machine.arithmetic.as_str()) {
        let detail = format!(
            "of a {} it is one of {}.",
            machine.device.name(),
            known.join(", ")
        );
        wrong("arithmetic", detail);
    }
    if !(1..=4096).contains(&machine.threads) {
        wrong("threads", "must be from 1 to 4096.".into());
    }
    for (field, text, most) in [
        ("device_name", &machine.device_name, NAME),
        ("worker_version", &machine.worker_version, VERSION),
        ("code_version", &machine.code_version, VERSION),
    ] {
        let plain = text
            .chars()
            .all(|char| char.is_ascii_graphic() || char == ' ');
        if !plain || text.trim().is_empty() || text.len() > most {
            wrong(
                field,
                format!("must be 1 to {most} plain characters (ASCII)."),
            );
        }
    }
    problems
}

/// What is wrong with the runs that are reported.
fn wrong_runs(runs: &[Reported], ended: &[Ended]) -> Vec<FieldProblem> {
    if runs.is_empty() || runs.len() > MOST_RUNS {
        let detail = format!("must be 1 to {MOST_RUNS} runs, not {}.", runs.len());
        return vec![FieldProblem::new("/runs", detail)];
    }
    let by_id: BTreeMap<RunId, &Ended> = ended.iter().map(|one| (one.id, one)).collect();
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for (at, run) in runs.iter().enumerate() {
        let mut wrong = |field: &str, detail: String| {
            problems.push(FieldProblem::new(format!("/runs/{at}{field}"), detail));
        };
        if !seen.insert(run.run) {
            wrong("/run", format!("run {} is there twice.", run.run));
            continue;
        }
        let Some(own) = by_id.get(&run.run) else {
            let detail = format!(
                "run {} is none that this experiment compares and that has a result; GET …/runs lists them.",
                run.run
            );
            wrong("/run", detail);
            continue;
        };
        let seed: i64 = run.seed.into();
        if seed != own.seed {
            let detail = format!("the seed of run {} is {}.", run.run, own.seed);
            wrong("/seed", detail);
        }
        if !own.diverged() && own.result().is_none() {
            wrong(
                "/run",
                "what the board has of its result cannot be read any more.".into(),
            );
            continue;
        }
        let expected = own.result().map(|result| &result.metrics);
        let Some(metrics) = &run.metrics else {
            continue;
        };
        for name in metrics.keys() {
            let known = match expected {
                Some(expected) => expected.contains_key(name),
                // It diverged on the board: whatever metric came out is another end.
                None => metric::find(name).is_some(),
            };
            if !known {
                let named = text::cut(name, 60);
                let detail = format!("run {} has no metric {named:?}.", run.run);
                let place = name.replace('~', "~0").replace('/', "~1");
                wrong(&format!("/metrics/{}", text::cut(&place, 60)), detail);
                break;
            }
        }
        for name in expected.into_iter().flat_map(BTreeMap::keys) {
            if !metrics.contains_key(name) {
                wrong(&format!("/metrics/{name}"), "is missing.".into());
            }
        }
        if let Some((name, _)) = metrics.iter().find(|(_, value)| !value.is_finite()) {
            wrong(
                &format!("/metrics/{name}"),
                "must be a finite number.".into(),
            );
        }
    }
    problems
}

/// Takes a report back.
///
/// # Errors
/// If there is none, or it is another's.
pub async fn remove(tx: &mut PgConnection, id: ReproductionId, member: AccountId) -> Result<()> {
    let found = table::find(&mut *tx, id)
        .await?
        .ok_or_else(|| Error::missing("reproduction", id))?;
    if found.account != member {
        return Err(Error::Forbidden(format!(
            "Reproduction {id} is not yours; only who reported it takes it back."
        )));
    }
    table::remove(tx, id, member).await?;
    Ok(())
}

/// How often each word was found on each kind of hardware, the good words first; and by how many people in all. What the
/// experiment's own author reports is not counted.
pub fn counted(all: &[table::Reproduction]) -> (usize, Vec<(Word, String, usize)>) {
    let others = || all.iter().filter(|one| !one.is_author);
    let people: BTreeSet<AccountId> = others().map(|one| one.person).collect();
    let mut counts: BTreeMap<(Word, String), usize> = BTreeMap::new();
    for one in others() {
        let kind = kind(&one.device, &one.arithmetic);
        *counts.entry((one.word(), kind)).or_default() += 1;
    }
    let counts = counts
        .into_iter()
        .map(|((word, kind), times)| (word, kind, times));
    (people.len(), counts.collect())
}
