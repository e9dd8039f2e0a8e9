//! A simulated experiment, decided by the board's rule.

use crate::noise::Noise;
use crate::{ALPHA, MARGIN};
use breakmywork_protocol::result::RunResult;
use breakmywork_protocol::spec::{Format, Spec, read};
use breakmywork_protocol::stats;
use breakmywork_protocol::verdict::{self, End, Label, Outcome, RunOutcome, Verdict};
use rand::Rng;

/// Smallest difference of interest of two shares.
pub(crate) const SHARE_MARGIN: f64 = 0.3;
/// How far from the margin the third of three conditions lies: on the side on which it counts for what is wrong.
const ASIDE: f64 = 5.0;
/// Share of seeds that solve the task in the control arm.
const SOLVED: f64 = 0.3;

/// What is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Typical,
    Mean,
    Equivalence,
    NonInferiority,
    SolveRate,
    Interaction,
    Trend,
    Dispersion,
    Cells,
    /// The pairs run one after the other: its number of pairs is the cap. It has a table of its own.
    Sequential,
}

impl Kind {
    pub(crate) const ALL: [Self; 9] = [
        Self::Typical,
        Self::Mean,
        Self::Equivalence,
        Self::NonInferiority,
        Self::SolveRate,
        Self::Interaction,
        Self::Trend,
        Self::Dispersion,
        Self::Cells,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Typical => "difference, typical pair",
            Self::Mean => "difference, mean",
            Self::Equivalence => {
                "equivalence, typical pair (supported and falsified at m; power: falsified at 2m, supported at 0)"
            }
            Self::NonInferiority => {
                "non_inferiority, typical pair (supported and falsified at −m; power: falsified at −2m, supported at 0)"
            }
            Self::SolveRate => "solve_rate",
            Self::Interaction => "interaction, typical seed",
            Self::Trend => "trend, typical seed",
            Self::Sequential => "sequential, typical pair",
            Self::Dispersion => "dispersion (effects are logarithms of the ratio of the spreads)",
            Self::Cells => "cells, two of three",
        }
    }

    pub(crate) fn margin(self) -> f64 {
        match self {
            Self::SolveRate => SHARE_MARGIN,
            _ => MARGIN,
        }
    }

    /// The effect at the very edge of what it predicts; of `non_inferiority` what is denied is a treatment that is worse.
    pub(crate) fn edge(self) -> f64 {
        match self {
            Self::NonInferiority => -self.margin(),
            _ => self.margin(),
        }
    }

    /// What a confirmation of it is: a plan of a fixed number of pairs.
    pub(crate) fn confirmed(self) -> Self {
        match self {
            Self::Sequential => Self::Typical,
            other => other,
        }
    }

    /// The shapes of noise that it can have: seeds that solve a task, or not, have one.
    pub(crate) fn noises(self) -> &'static [Noise] {
        match self {
            Self::SolveRate => &[Noise::Normal],
            _ => &Noise::ALL,
        }
    }

    /// What a shape of noise is called in its table.
    pub(crate) fn noise_name(self, noise: Noise) -> &'static str {
        match self {
            Self::SolveRate => "shares",
            _ => noise.name(),
        }
    }

    /// Its arms, and what they have differently; what they train is nothing to the simulation.
    fn arms(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Interaction => &[("b", ""), ("a", ""), ("d", ""), ("c", "")],
            Self::Trend => &[
                ("b", "task.length = 60\n"),
                ("a", "task.length = 10\n"),
                ("d", "task.length = 30\n"),
            ],
            Self::Cells => &[
                ("b", ""),
                ("a", ""),
                ("d", ""),
                ("c", ""),
                ("f", ""),
                ("e", ""),
            ],
            _ => &[("b", ""), ("a", "")],
        }
    }

    fn criterion(self) -> String {
        let kind = match self {
            Self::Typical => "kind = \"difference\"\nestimand = \"median\"",
            Self::Mean => "kind = \"difference\"\nestimand = \"mean\"",
            Self::Equivalence => "kind = \"equivalence\"",
            Self::NonInferiority => "kind = \"non_inferiority\"",
            Self::SolveRate => "kind = \"solve_rate\"\nthreshold = 0.5",
            Self::Interaction => {
                "kind = \"interaction\"\nother_treatment = \"d\"\nother_control = \"c\""
            }
            Self::Trend => "kind = \"trend\"\nfield = \"task.length\"",
            Self::Dispersion => "kind = \"dispersion\"",
            Self::Cells => {
                "kind = \"cells\"\nconditions = [[\"d\", \"c\"], [\"f\", \"e\"]]\nat_least = 2"
            }
            Self::Sequential => "kind = \"difference\"\nstopping = \"e_value\"",
        };
        format!("{kind}\nmargin = {}\nalpha = {ALPHA}\n", self.margin())
    }
}

/// Which way the third of three conditions points.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Third {
    /// It has the effect.
    For,
    /// It has the opposite one.
    Against,
}

/// An experiment with so many pairs.
#[derive(Debug)]
pub(crate) struct Experiment {
    kind: Kind,
    noise: Noise,
    level: f64,
    spec: Spec,
}

impl Experiment {
    pub(crate) fn new(kind: Kind, noise: Noise, pairs: u32) -> Self {
        Self::at(kind, noise, pairs, ALPHA)
    }

    /// The same at another level.
    pub(crate) fn at(kind: Kind, noise: Noise, pairs: u32, level: f64) -> Self {
        Self {
            kind,
            noise,
            level,
            spec: spec(kind, pairs),
        }
    }

    /// Simulates it where the truth is `effect`: supported, falsified, reversed. Of three conditions two have this effect,
    /// and the third has a large one for or against the prediction, as `third` says.
    pub(crate) fn ends(&self, effect: f64, third: Third, rng: &mut impl Rng) -> [bool; 3] {
        let verdict = self.verdict(effect, third, rng);
        [
            verdict.outcome == Outcome::Supported,
            verdict.outcome == Outcome::Falsified,
            verdict.label == Some(Label::Reversed),
        ]
    }

    /// Simulates it where the truth is `effect`; of three conditions as for [`Self::ends`].
    pub(crate) fn verdict(&self, effect: f64, third: Third, rng: &mut impl Rng) -> Verdict {
        let seeds = self.spec.seeds_drawn(None);
        let runs = self.runs(seeds.len(), effect, third, rng);
        self.decided(&seeds, runs)
    }

    /// Whether it falsifies the prediction. Where the second test, which must agree, does not, the exact ones of many pairs,
    /// which take long, are not asked.
    pub(crate) fn falsified(&self, effect: f64, third: Third, rng: &mut impl Rng) -> bool {
        let seeds = self.spec.seeds_drawn(None);
        let runs = self.runs(seeds.len(), effect, third, rng);
        let arm = |place: usize| -> Vec<f64> { runs.iter().map(|seed| seed[place].1).collect() };
        let differences = match self.kind {
            Kind::Mean => apart(&arm(1), &arm(0), 1.0),
            Kind::Dispersion => {
                let [treatment, control] = [0, 1].map(|place| from_median(&arm(place)));
                apart(&control, &treatment, self.kind.margin().exp())
            }
            _ => Vec::new(),
        };
        let beyond = match self.kind {
            Kind::Mean => self.kind.margin(),
            _ => 0.0,
        };
        let objects =
            stats::paired(&differences).is_some_and(|paired| paired.bounds(self.level).1 >= beyond);
        !objects && self.decided(&seeds, runs).outcome == Outcome::Falsified
    }

    /// The runs of so many seeds.
    fn runs(
        &self,
        seeds: usize,
        effect: f64,
        third: Third,
        rng: &mut impl Rng,
    ) -> Vec<Vec<(&'static str, f64)>> {
        (0..seeds)
            .map(|_| self.values(effect, third, rng))
            .collect()
    }

    fn decided(&self, seeds: &[u32], runs: Vec<Vec<(&'static str, f64)>>) -> Verdict {
        let outcomes: Vec<RunOutcome> = (seeds.iter().zip(runs))
            .flat_map(|(&seed, values)| {
                values.into_iter().map(move |(arm, value)| RunOutcome {
                    arm: arm.into(),
                    seed,
                    end: finished(value),
                })
            })
            .collect();
        verdict::conclusion(&self.spec, seeds, &outcomes, self.level)
    }

    /// Final metrics of a seed's runs; lower is better.
    fn values(&self, effect: f64, third: Third, rng: &mut impl Rng) -> Vec<(&'static str, f64)> {
        if self.kind == Kind::SolveRate {
            let mut unsolved = |share: f64| f64::from(u8::from(!rng.random_bool(share)));
            return vec![("b", unsolved(SOLVED + effect)), ("a", unsolved(SOLVED))];
        }
        if self.kind == Kind::Dispersion {
            let mut noise = || self.noise.draw(self.kind.centre(), rng);
            let (treatment, control) = (noise(), noise());
            return vec![("b", treatment * (-effect).exp()), ("a", control)];
        }
        if self.kind == Kind::Cells {
            let mut gain = |effect: f64| -(effect + self.noise.draw(self.kind.centre(), rng));
            let aside = match third {
                Third::For => MARGIN + ASIDE,
                Third::Against => -ASIDE,
            };
            let [first, second, other] = [effect, effect, aside].map(&mut gain);
            let treatments = [("b", first), ("d", second), ("f", other)];
            return [treatments, ["a", "c", "e"].map(|arm| (arm, 0.0))].concat();
        }
        let difference = effect + self.noise.draw(self.kind.centre(), rng);
        match self.kind {
            // What both conditions have in common: it differs from seed to seed and must not count.
            Kind::Interaction => {
                let common: f64 = rng.random_range(-1.0..1.0);
                vec![
                    ("b", -difference - common),
                    ("a", 0.0),
                    ("d", -common),
                    ("c", 0.0),
                ]
            }
            // A slope on a level that differs from seed to seed and must not count.
            Kind::Trend => {
                let level: f64 = rng.random_range(-1.0..1.0);
                let at = |length: f64| level - difference * length;
                vec![("b", at(60.0)), ("a", at(10.0)), ("d", at(30.0))]
            }
            _ => vec![("b", -difference), ("a", 0.0)],
        }
    }
}

/// What two arms differ by, seed by seed, the second one counted so many times.
fn apart(one: &[f64], other: &[f64], times: f64) -> Vec<f64> {
    let seeds = one.iter().zip(other);
    seeds.map(|(one, other)| one - times * other).collect()
}

fn from_median(values: &[f64]) -> Vec<f64> {
    let middle = stats::median(values).expect("there are runs");
    values.iter().map(|value| (value - middle).abs()).collect()
}

fn spec(kind: Kind, pairs: u32) -> Spec {
    let text = format!(
        "title = \"t\"\nseeds = {pairs}\n[task]\nname = \"sentiment\"\ndata = \"d\"\n[training]\nepochs = 1\n{}[criterion]\nmetric = \"test_mse\"\ntreatment = \"b\"\ncontrol = \"a\"\n{}",
        kind.arms()
            .iter()
            .map(|(arm, own)| format!("[[arms]]\nname = \"{arm}\"\n{own}"))
            .collect::<String>(),
        kind.criterion()
    );
    read(&text, Format::Toml).expect("a good specification")
}

fn finished(value: f64) -> End {
    End::Finished(Box::new(RunResult::simulated(&[("test_mse", value)])))
}
