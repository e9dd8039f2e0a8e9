//! What each arm chooses before it is compared: from the runs of its trials, and from nothing else.
//!
//! An arm takes the trial with the best median of the registered validation metric over the tuning's seeds; a run that
//! diverged is worse than every number, and of equals the first counts. Every run must have ended with a result or by
//! diverging: what is missing might have won.

use crate::result::RunResult;
use crate::spec::{Spec, Trial, TunedSettings, Tuning, is_natural_bound, number};
use crate::text;
use crate::verdict::{End, escape};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Largest factor between what was chosen and what was tried next to it; a little more than ten, which is a usual grid.
const LARGEST_FACTOR: f64 = 10.5;

/// Missing runs that are named.
const NAMED: usize = 5;

/// A run of a trial, and how it ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    /// Number of its trial.
    pub trial: u32,
    /// Its seed.
    pub seed: u32,
    /// Its end.
    pub end: End,
}

/// What a run of a trial says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Score {
    /// The validation metric.
    Value(f64),
    /// It diverged: worse than every number.
    Diverged,
}

/// What every arm has chosen, by its name.
pub type Choice = BTreeMap<String, Trial>;

/// Why nothing can be chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Missing {
    /// Which runs are missing, and why.
    pub reason: String,
    /// Whether people cancelled all of them.
    pub by_people: bool,
}

/// The choice of every arm that has trials among these, each run with all of these seeds.
///
/// # Errors
/// [`Missing`] if a run has no result to choose by.
pub fn choose(
    tuning: &Tuning,
    trials: &[Trial],
    seeds: &[u32],
    tried: &[Tried],
) -> Result<Choice, Missing> {
    let mut missing = Vec::new();
    let mut by_people = true;
    let mut medians: Vec<Score> = Vec::new();
    for trial in trials {
        let mut scores = Vec::new();
        for seed in seeds {
            let run = |run: &&Tried| (run.trial, run.seed) == (trial.number, *seed);
            let end = tried.iter().find(run).map(|run| &run.end);
            match score(tuning, end) {
                Ok(score) => scores.push(score),
                Err(reason) => {
                    by_people &= end == Some(&End::Cancelled);
                    missing.push(format!(
                        "trial {} of \"{}\", seed {seed}: {reason}",
                        trial.number, trial.arm
                    ));
                }
            }
        }
        medians.push(median(tuning, scores));
    }
    if !missing.is_empty() {
        return Err(Missing {
            reason: format!(
                "The arms cannot choose their settings: {} of {} tuning runs have no result, and one of them might have won. {}",
                missing.len(),
                trials.len() * seeds.len(),
                text::first_of(&missing, NAMED, "; ")
            ),
            by_people,
        });
    }
    let mut choice: BTreeMap<String, (Score, &Trial)> = BTreeMap::new();
    for (trial, median) in trials.iter().zip(medians) {
        let best = choice.entry(trial.arm.clone()).or_insert((median, trial));
        if better(tuning, &median, &best.0) == Ordering::Less {
            *best = (median, trial);
        }
    }
    Ok(choice
        .into_iter()
        .map(|(arm, (_, trial))| (arm, trial.clone()))
        .collect())
}

/// What a run says; why it says nothing where it has no result.
pub fn score(tuning: &Tuning, end: Option<&End>) -> Result<Score, String> {
    match end {
        Some(End::Diverged) => Ok(Score::Diverged),
        Some(End::Finished(result)) => of_result(tuning, result).ok_or_else(|| {
            format!(
                "its worker does not report {} at the end; give it this board's release",
                tuning.metric
            )
        }),
        Some(End::Missing(reason)) => Err(reason.clone()),
        Some(End::Cancelled) => Err("cancelled".into()),
        None => Err("not there".into()),
    }
}

fn of_result(tuning: &Tuning, result: &RunResult) -> Option<Score> {
    result
        .metrics
        .get(&tuning.metric)
        .map(|value| Score::Value(*value))
}

/// The median; of an even number the mean of the middle two, and if the worse of these diverged, so has the median.
pub fn median(tuning: &Tuning, mut scores: Vec<Score>) -> Score {
    scores.sort_by(|one, other| better(tuning, one, other));
    let middle = scores.len() / 2;
    match (scores.len(), scores.get(middle)) {
        (_, None | Some(Score::Diverged)) => Score::Diverged,
        (count, Some(Score::Value(upper))) if count % 2 == 0 => match scores[middle - 1] {
            Score::Value(lower) => Score::Value(f64::midpoint(lower, *upper)),
            Score::Diverged => Score::Diverged,
        },
        (_, Some(median)) => *median,
    }
}

/// Which of two is better: that one is less.
pub fn better(tuning: &Tuning, one: &Score, other: &Score) -> Ordering {
    match (one, other) {
        (Score::Value(one), Score::Value(other)) if tuning.less_is_better() => one.total_cmp(other),
        (Score::Value(one), Score::Value(other)) => other.total_cmp(one),
        (Score::Value(_), Score::Diverged) => Ordering::Less,
        (Score::Diverged, Score::Value(_)) => Ordering::Greater,
        (Score::Diverged, Score::Diverged) => Ordering::Equal,
    }
}

/// The fields of what an arm chose that have the lowest or the highest value of all its trials: its optimum may lie beyond.
/// Where there is nothing beyond, there is nothing to tell.
pub fn at_edges<'a>(
    trials: impl Iterator<Item = &'a Trial> + Clone,
    chosen: &Trial,
) -> Vec<String> {
    let own = trials.filter(|trial| trial.arm == chosen.arm);
    let is_edge = |(field, value): &(&String, &f64)| {
        let mut others = own.clone().filter_map(|trial| trial.settings.get(*field));
        let below = others.clone().any(|other| other < value);
        let above = others.any(|other| other > value);
        let inside = below && above;
        !inside && !is_natural_bound(field, **value)
    };
    let edges = chosen.settings.iter().filter(is_edge);
    edges.map(|(field, _)| field.clone()).collect()
}

/// The fields of what an arm chose beside which it tried nothing within that factor, on one side or the other: its optimum may
/// lie in the gap. What has no ratio, next to 0 or below it, has none.
pub fn beside_gaps<'a>(
    trials: impl Iterator<Item = &'a Trial> + Clone,
    chosen: &Trial,
) -> Vec<String> {
    let own = trials.filter(|trial| trial.arm == chosen.arm);
    let is_far = |(field, value): &(&String, &f64)| {
        let others = own.clone().filter_map(|trial| trial.settings.get(*field));
        let positive = others.copied().filter(|other| *other > 0.0);
        let below = positive.clone().filter(|other| other < *value);
        let above = positive.filter(|other| other > *value);
        let [below, above] = [
            below.max_by(f64::total_cmp).map(|other| *value / other),
            above.min_by(f64::total_cmp).map(|other| other / *value),
        ];
        let factors = [below, above].into_iter().flatten();
        **value > 0.0 && factors.fold(1.0, f64::max) > LARGEST_FACTOR
    };
    let gaps = chosen.settings.iter().filter(is_far);
    gaps.map(|(field, _)| field.clone()).collect()
}

/// What was chosen, by arm.
pub fn settings(choice: &Choice) -> BTreeMap<String, TunedSettings> {
    let settings = choice
        .iter()
        .map(|(arm, trial)| (arm.clone(), trial.settings.clone()));
    settings.collect()
}

/// TunedSettings in words: `training.learning_rate 0.01, dropout.state.rate 0.25`.
pub fn in_words(settings: &TunedSettings) -> String {
    let words = settings
        .iter()
        .map(|(field, value)| format!("{field} {}", number(*value)));
    words.collect::<Vec<_>>().join(", ")
}

/// What was chosen, for the result post.
pub fn told(spec: &Spec, salt: Option<&str>, choice: &Choice) -> String {
    let Some(tuning) = &spec.tuning else {
        return String::new();
    };
    let trials = spec.trials(salt);
    let mut words = format!(
        "**Tuned before.** Each arm had {} trials on {} seeds of their own, chosen by the median of {}; the comparison ran on \
         fresh seeds.",
        tuning.trials(),
        tuning.seeds,
        crate::metric::words(&tuning.metric)
    );
    for arm in &spec.arms {
        let Some(chosen) = choice.get(&arm.name) else {
            continue;
        };
        words.push_str(&format!(
            " “{}” chose {}",
            escape(&arm.name),
            in_words(&chosen.settings)
        ));
        let edges = at_edges(trials.iter(), chosen);
        if !edges.is_empty() {
            words.push_str(&format!(
                ", at the edge of what it tried of {}, so its optimum may lie beyond",
                edges.join(" and ")
            ));
        }
        let gaps = beside_gaps(trials.iter(), chosen);
        if !gaps.is_empty() {
            words.push_str(&format!(
                ", beside a gap of more than a factor of ten in what it tried of {}, so its optimum may lie there",
                gaps.join(" and ")
            ));
        }
        words.push('.');
    }
    words
}

#[cfg(test)]
mod tests;
