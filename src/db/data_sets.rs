//! Which live workers have a data set, and why a run still waits for it.

use super::queue::Waiting;
use super::runs::{Cell, Run};
use super::workers::name as name_of;
use breakmywork_protocol::data_set::{self, Reference};
use sqlx::PgExecutor;
use std::collections::{BTreeMap, BTreeSet};

/// Workers that are named in a sentence.
const NAMED: usize = 5;

/// What the live workers have of some data sets, at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Availability {
    live: usize,
    /// By data set: every one that was asked for.
    holders: BTreeMap<String, Holders>,
}

/// Names of the live workers that have something under a data set's name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Holders {
    same: Vec<String>,
    other: Vec<String>,
}

/// A data set that something needs, and who has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// As `name@version`.
    pub data_set: String,
    /// Names of the live workers that have it, as `/workers` lists them.
    pub workers: Vec<String>,
    /// Names of the live workers that have another content under its name.
    pub other_content: Vec<String>,
    /// Live workers in all.
    pub live: usize,
}

/// What the live workers have of these data sets.
///
/// # Errors
/// If the database is away.
pub async fn availability<'a>(
    db: impl PgExecutor<'_>,
    data_sets: impl IntoIterator<Item = &'a str>,
) -> sqlx::Result<Availability> {
    let names: BTreeSet<&str> = data_sets.into_iter().collect();
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    if names.is_empty() {
        return Ok(Availability::default());
    }
    let workers = sqlx::query!(
        r#"select w.id as "id!",
             array(select o.name from worker_data_set o join data_set d on d.name = o.name
                   where o.worker_id = w.id and o.name = any ($1) and o.sha256 = d.sha256) as "same!: Vec<String>",
             array(select o.name from worker_data_set o join data_set d on d.name = o.name
                   where o.worker_id = w.id and o.name = any ($1) and o.sha256 <> d.sha256) as "other!: Vec<String>"
           from live_worker w order by w.id"#,
        &names
    )
    .fetch_all(db)
    .await?;
    let mut found = Availability {
        live: workers.len(),
        holders: names
            .into_iter()
            .map(|name| (name, Holders::default()))
            .collect(),
    };
    for worker in workers {
        for name in worker.same {
            let holders = found.holders.entry(name).or_default();
            holders.same.push(name_of(&worker.id));
        }
        for name in worker.other {
            let holders = found.holders.entry(name).or_default();
            holders.other.push(name_of(&worker.id));
        }
    }
    Ok(found)
}

/// What the live workers have of the data sets that the queued ones among these runs need.
///
/// # Errors
/// If the database is away.
pub async fn of_runs(db: impl PgExecutor<'_>, runs: &[Run]) -> sqlx::Result<Availability> {
    let queued = runs.iter().filter(|run| run.state == "queued");
    availability(db, queued.filter_map(|run| run.data_set.as_deref())).await
}

/// The same for the runs of an experiment's table.
///
/// # Errors
/// If the database is away.
pub async fn of_cells(db: impl PgExecutor<'_>, runs: &[Cell]) -> sqlx::Result<Availability> {
    let queued = runs.iter().filter(|run| run.state == "queued");
    availability(db, queued.filter_map(|run| run.data_set.as_deref())).await
}

/// What the live workers have of the data sets that these runs need.
///
/// # Errors
/// If the database is away.
pub async fn of_waiting(
    db: impl PgExecutor<'_>,
    waiting: &[Waiting],
) -> sqlx::Result<Availability> {
    let needed = waiting.iter().filter_map(|run| run.data_set.as_deref());
    availability(db, needed).await
}

impl Availability {
    /// Who has this data set; none for a run that needs none, or a data set that was not asked for.
    pub fn wait(&self, data_set: Option<&str>) -> Option<Wait> {
        let (name, holders) = self.holders.get_key_value(data_set?)?;
        Some(Wait {
            data_set: name.clone(),
            workers: holders.same.clone(),
            other_content: holders.other.clone(),
            live: self.live,
        })
    }

    /// Who has the data set that this run waits for; none if it does not wait or needs none.
    pub fn of(&self, run: &Run) -> Option<Wait> {
        match run.state.as_str() {
            "queued" => self.wait(run.data_set.as_deref()),
            _ => None,
        }
    }

    /// Whether no live worker has it.
    pub fn is_missing(&self, data_set: Option<&str>) -> bool {
        self.wait(data_set).is_some_and(|wait| wait.is_missing())
    }

    /// Those that no live worker has.
    pub fn missing(&self) -> Vec<Wait> {
        self.all().filter(Wait::is_missing).collect()
    }

    /// Those that no live worker has, or that some have with another content.
    pub fn troubles(&self) -> Vec<Wait> {
        let troubled = |wait: &Wait| wait.is_missing() || !wait.other_content.is_empty();
        self.all().filter(troubled).collect()
    }

    fn all(&self) -> impl Iterator<Item = Wait> {
        self.holders.keys().filter_map(|name| self.wait(Some(name)))
    }
}

impl Wait {
    /// Whether no live worker has it.
    pub fn is_missing(&self) -> bool {
        self.workers.is_empty()
    }

    /// Whether every live worker has it, so that only the turn is waited for.
    pub fn is_everywhere(&self) -> bool {
        !self.is_missing() && self.workers.len() == self.live
    }

    /// Who has it, as the end of a sentence.
    pub fn who(&self) -> String {
        match (self.workers.len(), self.live) {
            (0, 0) => "and no worker is running at this moment".to_owned(),
            (0, 1) => "which the one live worker does not have".to_owned(),
            (0, live) => format!("which none of the {live} live workers has"),
            (1, live) => format!(
                "which 1 of the {live} live workers has ({})",
                named(&self.workers)
            ),
            (some, live) => format!(
                "which {some} of the {live} live workers have ({})",
                named(&self.workers)
            ),
        }
    }

    /// Which workers have another content under its name; empty if none has.
    pub fn conflict(&self) -> String {
        let workers = named(&self.other_content);
        match self.other_content.len() {
            0 => String::new(),
            1 => format!(
                "Worker {workers} has another content under this name and gets no runs of it."
            ),
            _ => format!(
                "Workers {workers} have another content under this name and get no runs of it."
            ),
        }
    }

    /// The command that adds it to a worker.
    pub fn command(&self) -> String {
        match self.data_set.parse::<Reference>() {
            Ok(reference) => reference.command(),
            Err(_) => "breakmywork-worker data list".into(),
        }
    }

    /// Whether its name may be a slip, before anything is frozen: no live worker has it, and nobody knows it.
    pub fn doubt(&self) -> String {
        let name = self.data_set.split('@').next().unwrap_or_default();
        if !self.is_missing() || data_set::known().any(|known| known == name) {
            return String::new();
        }
        let known: Vec<&str> = data_set::known().collect();
        format!(
            "Make sure of the name: it is none of those that are known everywhere ({}).",
            known.join(", ")
        )
    }

    /// What the run waits for, for a row of a table whose head says who has what.
    pub fn short(&self) -> String {
        if self.is_missing() {
            return format!("data set {}", self.data_set);
        }
        if self.is_everywhere() {
            return "its turn".into();
        }
        format!("a worker with {} ({})", self.data_set, named(&self.workers))
    }

    /// Why the run waits and what helps, in plain words.
    pub fn reason(&self) -> String {
        if self.is_everywhere() {
            return format!(
                "Waits for its turn; every live worker has its data set {}.",
                self.data_set
            );
        }
        let mut words = format!("Waits for the data set {}, {}.", self.data_set, self.who());
        if self.is_missing() {
            words += &format!(
                " An operator adds it to a worker's folder with `{}`.",
                self.command()
            );
        }
        if !self.other_content.is_empty() {
            words += " ";
            words += &self.conflict();
        }
        words
    }
}

/// The first few names.
fn named(workers: &[String]) -> String {
    let first = workers[..workers.len().min(NAMED)].join(", ");
    match workers.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(data_set: &str, workers: &[&str], other: &[&str], live: usize) -> Wait {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Wait {
            data_set: data_set.into(),
            workers: owned(workers),
            other_content: owned(other),
            live,
        }
    }

    #[test]
    fn the_reason_says_who_has_it_and_how_to_add_it() {
        for (wait, reason) in [
            (
                wait("penn_treebank@1", &[], &[], 2),
                "Waits for the data set penn_treebank@1, which none of the 2 live workers has. An operator adds it \
                 to a worker's folder with `breakmywork-worker data import penn_treebank --train FILE --valid FILE \
                 --test FILE`.",
            ),
            (
                wait("mine@2", &[], &["h"], 1),
                "Waits for the data set mine@2, which the one live worker does not have. An operator adds it to a \
                 worker's folder with `breakmywork-worker data import mine@2 FILE`. Worker h has another content under this name and gets no \
                 runs of it.",
            ),
            (
                wait("mine@2", &["a", "b"], &[], 4),
                "Waits for the data set mine@2, which 2 of the 4 live workers have (a, b).",
            ),
            (
                wait("wikitext_2@1", &["a", "b"], &[], 2),
                "Waits for its turn; every live worker has its data set wikitext_2@1.",
            ),
            (
                wait("mine@2", &["1", "2", "3", "4", "5", "6", "7"], &[], 8),
                "Waits for the data set mine@2, which 7 of the 8 live workers have (1, 2, 3, 4, 5 and 2 more).",
            ),
        ] {
            assert_eq!(wait.reason(), reason);
        }
    }
}
