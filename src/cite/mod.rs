//! Citing what the board found: a verdict or a claim as BibTeX and CFF, and a claim as a report that others can check.

pub mod escape;
pub mod report;

use crate::db::{claims::Claim, experiments::Experiment, works::Work};
use crate::render::badge;
use askama::Template;
use chrono::{DateTime, Datelike, Utc};

/// A citation as BibTeX, which nearly every reference manager reads: what was found, and the work that it tests.
#[derive(Debug, Template)]
#[template(path = "cite.bib", escape = "none", syntax = "brackets")]
pub struct BibTex(pub Citation);

/// The same as CFF 1.2.0 (citation-file-format), which GitHub and Zenodo read.
#[derive(Debug, Template)]
#[template(path = "cite.cff", escape = "none")]
pub struct Cff(pub Citation);

/// What is cited.
#[derive(Debug, Clone)]
pub struct Citation {
    /// Under which it is cited.
    key: String,
    title: String,
    /// Accounts by their names here.
    authors: Vec<String>,
    at: DateTime<Utc>,
    url: String,
    /// What came out, and of what.
    note: String,
    /// The frozen specification's hash.
    sha256: Option<String>,
    /// Of a copy in an archive.
    doi: Option<String>,
    work: Work,
}

impl Citation {
    /// Of the verdict on an experiment; none before there is one.
    pub fn of_verdict(experiment: &Experiment, work: Work, url: String) -> Option<Self> {
        let outcome = experiment.outcome.as_deref()?;
        Some(Self {
            key: format!("breakmywork-experiment-{}", experiment.id),
            title: experiment.title.clone(),
            authors: vec![experiment.author.clone()],
            at: experiment.concluded_at?,
            url,
            note: format!(
                "Experiment {} on Break My Work. Verdict: {outcome}. Tests claim {}: {}",
                experiment.id, experiment.claim_label, experiment.claim_sentence
            ),
            sha256: experiment.spec_sha256.clone(),
            doi: experiment.doi.clone(),
            work,
        })
    }

    /// Of a claim, as it stands now.
    pub fn of_claim(claim: &Claim, work: Work, url: String, now: DateTime<Utc>) -> Self {
        Self {
            key: format!("breakmywork-claim-{}", claim.id),
            title: claim.sentence.clone(),
            authors: claim.answering().map(str::to_owned).into_iter().collect(),
            at: now,
            url,
            note: format!(
                "Claim {} on Break My Work: {}. {}",
                claim.label,
                badge::claim(claim).word,
                claim.tally()
            ),
            sha256: None,
            doi: None,
            work,
        }
    }
}

impl BibTex {
    /// Each in braces: no account's name has a family.
    fn authors(&self) -> String {
        let names: Vec<String> = self.0.authors.iter().map(|name| whole(name)).collect();
        match names.is_empty() {
            true => "{Break My Work}".to_owned(),
            false => names.join(" and "),
        }
    }

    /// A name that BibTeX would take apart stays whole.
    fn work_authors(&self) -> String {
        let authors = self.0.work.authors.iter();
        let written: Vec<String> = authors
            .map(
                |name| match name.contains(',') || name.to_lowercase().contains(" and ") {
                    true => whole(name),
                    false => escape::tex(name),
                },
            )
            .collect();
        written.join(" and ")
    }
}

impl Cff {
    /// The DOI of the work, if the format takes it. The address says the same.
    fn work_doi(&self) -> Option<&str> {
        taken(self.0.work.doi.as_deref()?)
    }

    fn doi(&self) -> Option<&str> {
        taken(self.0.doi.as_deref()?)
    }
}

/// A DOI that CFF takes: its schema knows fewer letters than a DOI may have, and a file with another one is none.
fn taken(doi: &str) -> Option<&str> {
    let is_known = |char: char| char.is_ascii_alphanumeric() || ":/_;-.()[]\\".contains(char);
    doi.chars().all(is_known).then_some(doi)
}

fn whole(name: &str) -> String {
    format!("{{{}}}", escape::tex(name))
}
