//! A claim as a report: what is claimed, how it fared, and for each verdict what anybody needs to check it.

use super::escape;
use crate::db::{claims::Claim, experiments::Experiment, works::Work};
use crate::render::{badge, number, verdict_words};
use askama::Template;
use chrono::{DateTime, Utc};

/// The report as Markdown.
#[derive(Debug, Template)]
#[template(path = "report.md", escape = "none")]
pub struct Markdown(pub Report);

/// The report as a LaTeX document.
#[derive(Debug, Template)]
#[template(path = "report.tex", escape = "none", syntax = "brackets")]
pub struct Tex(pub Report);

/// What is reported.
#[derive(Debug, Clone)]
pub struct Report {
    claim: Claim,
    work: Work,
    url: String,
    home: String,
    at: DateTime<Utc>,
    /// Where the record ended.
    record: Option<String>,
    tests: Vec<Test>,
}

/// An experiment with its verdict.
#[derive(Debug, Clone)]
struct Test {
    id: i64,
    title: String,
    prediction: String,
    author: String,
    registered_at: String,
    concluded_at: String,
    outcome: String,
    /// The effect with its bounds.
    observed: Option<String>,
    pairs: Option<String>,
    level: Option<String>,
    /// Why it does not move the claim.
    outside: Vec<String>,
    sha256: String,
    /// The seeds, separated by commas.
    seeds: String,
    /// Name of the file with what was compared.
    file: &'static str,
}

impl Test {
    fn of(experiment: Experiment) -> Option<Self> {
        let date =
            |at: Option<DateTime<Utc>>| at.map(|at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string());
        let spec = experiment.parsed().ok();
        let seeds: Vec<String> = experiment.seeds().iter().map(ToString::to_string).collect();
        let verdict = experiment.verdict();
        Some(Self {
            id: experiment.id.0,
            outcome: experiment.outcome.clone()?,
            registered_at: date(experiment.registered_at)?,
            concluded_at: date(experiment.concluded_at)?,
            sha256: experiment.spec_sha256.clone()?,
            observed: verdict.and_then(|verdict| {
                let bounds = verdict.interval.map_or_else(String::new, |[low, high]| {
                    format!(" [{}, {}]", number::signed(low), number::signed(high))
                });
                let effect = number::signed(verdict.effect?);
                Some(format!("{effect}{bounds} {}", verdict.unit))
            }),
            pairs: verdict.map(verdict_words::pairs),
            level: verdict.map(|verdict| number::plain(verdict.level)),
            file: match spec.is_some_and(|spec| spec.tuning.is_some()) {
                true => "chosen",
                false => "spec",
            },
            seeds: seeds.join(","),
            title: experiment.title,
            prediction: experiment.prediction,
            author: experiment.author,
            outside: experiment.outside,
        })
    }
}

impl Report {
    /// Of a claim, with those of these experiments that have a verdict.
    pub fn new(
        claim: Claim,
        work: Work,
        experiments: Vec<Experiment>,
        url: String,
        home: String,
        record: Option<String>,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            tests: experiments.into_iter().filter_map(Test::of).collect(),
            claim,
            work,
            url,
            home,
            record,
            at,
        }
    }

    fn standing(&self) -> String {
        badge::claim(&self.claim).word
    }

    /// Over what the claim speaks, line by line.
    fn covers(&self) -> Vec<(&'static str, String)> {
        let covers = self.claim.covers.0.get().map(|covers| covers.words());
        covers.unwrap_or_default()
    }

    fn verdicts(&self) -> i64 {
        self.claim.supported + self.claim.falsified + self.claim.inconclusive
    }

    fn date(&self) -> String {
        self.at.format("%Y-%m-%d").to_string()
    }
}
