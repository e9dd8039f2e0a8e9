//! Who trained an experiment's runs again, and what came out.

use crate::{
    db::{
        experiments::Experiment,
        reproductions::{self, Reproduction},
        visible::Visible,
    },
    render::number,
    reproduction,
};
use breakmywork_protocol::reproduction::kind;
use sqlx::PgPool;

/// Reports that are counted, the newest.
const COUNTED: i64 = 200;
/// Those that are named.
const NAMED: usize = 20;

/// The part of the page.
#[derive(Debug)]
pub(super) struct Reproduced {
    /// How often with which word, in one sentence.
    pub(super) sentence: String,
    /// Who, the newest first.
    pub(super) named: Vec<Named>,
    /// Whether there are more than are named.
    pub(super) more: bool,
}

/// One report.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) report: Reproduction,
    /// What the board finds, for people.
    pub(super) word: &'static str,
    /// Kind of hardware.
    pub(super) hardware: String,
}

/// What there is of an experiment that has ended and has runs of its own; nothing of any other. One query, of so many rows at
/// most.
///
/// # Errors
/// If the database is away.
pub(super) async fn of(
    pool: &PgPool,
    experiment: &Experiment,
    visible: Visible,
) -> sqlx::Result<Option<Reproduced>> {
    if experiment.state != "concluded" || experiment.runs == 0 {
        return Ok(None);
    }
    let mut all = reproductions::of(pool, visible, None, COUNTED + 1).await?;
    let whole = all.len() <= COUNTED as usize;
    all.truncate(COUNTED as usize);
    let sentence = sentence(&all, whole);
    let more = all.len() > NAMED;
    let named = all.into_iter().take(NAMED).map(|report| Named {
        word: report.word().words(),
        hardware: kind(&report.device, &report.arithmetic),
        report,
    });
    Ok(Some(Reproduced {
        sentence,
        named: named.collect(),
        more,
    }))
}

fn sentence(all: &[Reproduction], whole: bool) -> String {
    let (people, counts) = reproduction::counted(all);
    if people == 0 {
        return match all.is_empty() {
            true => "Nobody has reported yet what came out when they did.".to_owned(),
            false => "Nobody but its author has reported what came out when they did.".to_owned(),
        };
    }
    let counts: Vec<String> = counts
        .into_iter()
        .map(|(word, kind, times)| format!("{times} {} on {kind}", word.words()))
        .collect();
    let people = number::plural(people, "person", "people");
    match whole {
        true => format!("Trained again by {people}: {}.", counts.join(", ")),
        false => format!(
            "Trained again by {people} in the newest {COUNTED} reports: {}.",
            counts.join(", ")
        ),
    }
}
