//! The table of metrics: name, unit and direction, shared by criterion, API and pages.

use crate::result::Constant;
use crate::spec::Better::{self, Higher, Lower};
use crate::spec::{Setup, Task, TaskName, Uncertainty, limits};

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Name in specifications and answers.
    pub name: &'static str,
    /// Unit of its values; of nats [`Metric::unit_of`] says per what.
    pub unit: &'static str,
    /// Which direction is better.
    pub better: Better,
    /// Whether a run reports it once, at its end; the others are curves.
    pub at_end: bool,
    /// One sentence for people.
    pub meaning: &'static str,
}

impl Metric {
    /// Whether it says how good a run was; the others describe the run.
    pub fn is_outcome(&self) -> bool {
        !matches!(self.unit, "steps" | "temperature")
    }

    /// Whether twice as much means the same everywhere, so that logarithms may be compared: errors, likelihoods and
    /// perplexities; no shares, and no counts.
    pub fn has_ratios(&self) -> bool {
        !matches!(
            self.unit,
            "share correct" | "steps" | "variance" | "loss" | "rank correlation"
        )
    }

    /// Its name for people, such as "test error".
    pub fn words(&self) -> String {
        match self.name {
            "train_loss" => return "training loss (masks on)".to_owned(),
            "gap" => return "generalisation gap".to_owned(),
            "test_variance" => return "variance of the test predictions".to_owned(),
            "variance_error_rank" => return "rank correlation of variance and error".to_owned(),
            "uncertainty_error_rank" => {
                return "rank correlation of uncertainty and error".to_owned();
            }
            "early_stopped_at" => return "step of the lowest validation loss".to_owned(),
            _ => {}
        }
        let (name, stopped) = match self.name.strip_suffix("_early_stopped") {
            Some(name) => (name, " (stopped early)"),
            None => (self.name, ""),
        };
        let (part, measure) = name.split_once('_').unwrap_or(("", name));
        let part = match part {
            "valid" => "validation ",
            "train" => "training ",
            "" => "",
            _ => "test ",
        };
        let measure = match measure {
            "mse" => "error",
            "rmse" => "root error",
            "nll" => "log loss",
            "bits" => "bits per character",
            other => other,
        };
        format!("{part}{measure}{stopped}")
    }

    /// Unit of its values on that task.
    pub fn unit_of(&self, task: TaskName) -> &'static str {
        let is_loss = self.unit == "nats" || self.name == "gap";
        match task {
            _ if !is_loss => self.unit,
            TaskName::Adding | TaskName::Sentiment => "squared error",
            TaskName::Copy => "nats per symbol",
            TaskName::CharLm => "nats per character",
            TaskName::WordLm => "nats per word",
            TaskName::Music => "nats per frame",
            _ => "nats",
        }
    }
}

/// Every metric there is.
pub const METRICS: &[Metric] = &[
    curve(
        "train_loss",
        "loss",
        Lower,
        "mean training loss since the last measurement, masks on",
    ),
    curve(
        "valid_mse",
        "squared error",
        Lower,
        "mean squared error, on held-out validation sequences",
    ),
    curve(
        "valid_rmse",
        "on the label's scale",
        Lower,
        "root of the mean squared error, on held-out validation sequences",
    ),
    curve(
        "valid_nll",
        "nats",
        Lower,
        "mean negative log-likelihood of what is predicted, on held-out validation sequences",
    ),
    curve(
        "valid_perplexity",
        "perplexity",
        Lower,
        "exponential of the mean negative log-likelihood of a word, on held-out validation sequences",
    ),
    curve(
        "valid_bits",
        "bits per character",
        Lower,
        "mean negative log-likelihood of a character in bits, on held-out validation sequences",
    ),
    curve(
        "valid_accuracy",
        "share correct",
        Higher,
        "share of predictions that are right, on held-out validation sequences",
    ),
    at_end(
        "test_mse",
        "squared error",
        Lower,
        "mean squared error, on test sequences after the last step",
    ),
    at_end(
        "test_rmse",
        "on the label's scale",
        Lower,
        "root of the mean squared error, on test sequences after the last step",
    ),
    at_end(
        "test_nll",
        "nats",
        Lower,
        "mean negative log-likelihood of what is predicted, on test sequences after the last step",
    ),
    at_end(
        "test_perplexity",
        "perplexity",
        Lower,
        "exponential of the mean negative log-likelihood of a word, on test sequences after the last step",
    ),
    at_end(
        "test_bits",
        "bits per character",
        Lower,
        "mean negative log-likelihood of a character in bits, on test sequences after the last step",
    ),
    at_end(
        "test_accuracy",
        "share correct",
        Higher,
        "share of predictions that are right, on test sequences after the last step",
    ),
    at_end(
        "test_mse_early_stopped",
        "squared error",
        Lower,
        "mean squared error, on test sequences, with the weights of the measurement at which the validation loss was lowest",
    ),
    at_end(
        "test_rmse_early_stopped",
        "on the label's scale",
        Lower,
        "root of the mean squared error, on test sequences, with the weights of the measurement at which the validation loss was lowest",
    ),
    at_end(
        "test_nll_early_stopped",
        "nats",
        Lower,
        "mean negative log-likelihood of what is predicted, on test sequences, with the weights of the measurement at which the validation loss was lowest",
    ),
    at_end(
        "test_perplexity_early_stopped",
        "perplexity",
        Lower,
        "exponential of the mean negative log-likelihood of a word, on test sequences, with the weights of the measurement at which the validation loss was lowest",
    ),
    at_end(
        "test_bits_early_stopped",
        "bits per character",
        Lower,
        "mean negative log-likelihood of a character in bits, on test sequences, with the weights of the measurement at which the validation loss was lowest",
    ),
    at_end(
        "test_accuracy_early_stopped",
        "share correct",
        Higher,
        "share of predictions that are right, on test sequences, with the weights of the measurement at which the validation loss was lowest",
    ),
    at_end(
        "valid_mse_early_stopped",
        "squared error",
        Lower,
        "mean squared error, on held-out validation sequences at the measurement at which the validation loss was lowest",
    ),
    at_end(
        "valid_rmse_early_stopped",
        "on the label's scale",
        Lower,
        "root of the mean squared error, on held-out validation sequences at the measurement at which the validation loss was lowest",
    ),
    at_end(
        "valid_nll_early_stopped",
        "nats",
        Lower,
        "mean negative log-likelihood of what is predicted, on held-out validation sequences at the measurement at which the validation loss was lowest",
    ),
    at_end(
        "valid_perplexity_early_stopped",
        "perplexity",
        Lower,
        "exponential of the mean negative log-likelihood of a word, on held-out validation sequences at the measurement at which the validation loss was lowest",
    ),
    at_end(
        "valid_bits_early_stopped",
        "bits per character",
        Lower,
        "mean negative log-likelihood of a character in bits, on held-out validation sequences at the measurement at which the validation loss was lowest",
    ),
    at_end(
        "valid_accuracy_early_stopped",
        "share correct",
        Higher,
        "share of predictions that are right, on held-out validation sequences at the measurement at which the validation loss was lowest",
    ),
    at_end(
        "train_mse",
        "squared error",
        Lower,
        "mean squared error, on training sequences after the last step, masks at their mean",
    ),
    at_end(
        "train_rmse",
        "on the label's scale",
        Lower,
        "root of the mean squared error, on training sequences after the last step, masks at their mean",
    ),
    at_end(
        "train_nll",
        "nats",
        Lower,
        "mean negative log-likelihood of what is predicted, on training sequences after the last step, masks at their mean",
    ),
    at_end(
        "train_perplexity",
        "perplexity",
        Lower,
        "exponential of the mean negative log-likelihood of a word, on training sequences after the last step, masks at their mean",
    ),
    at_end(
        "train_bits",
        "bits per character",
        Lower,
        "mean negative log-likelihood of a character in bits, on training sequences after the last step, masks at their mean",
    ),
    at_end(
        "train_accuracy",
        "share correct",
        Higher,
        "share of predictions that are right, on training sequences after the last step, masks at their mean",
    ),
    at_end(
        "gap",
        "loss",
        Lower,
        "generalisation gap: mean loss on test sequences less that on training sequences, after the last step, masks at their mean; about 0 for a network that has learned nothing",
    ),
    at_end(
        "test_variance",
        "variance",
        Lower,
        "mean variance over the Monte Carlo samples, of all networks that are averaged, of what is predicted on the test: of the value, of the probability of the right class, or of a key's probability",
    ),
    at_end(
        "variance_error_rank",
        "rank correlation",
        Higher,
        "Spearman's correlation, from −1 to 1, of the variance over the Monte Carlo samples, of all networks that are averaged, with the error, over the outputs of the test: how well the variance tells which answers are wrong; 0 if it says nothing",
    ),
    at_end(
        "uncertainty_error_rank",
        "rank correlation",
        Higher,
        "Spearman's correlation, from −1 to 1, of how uncertain an answer is with its error, over the outputs of the test: by the entropy of what is predicted where `uncertainty` says so, else by the variance over the Monte Carlo samples; 0 if it says nothing",
    ),
    at_end(
        "temperature",
        "temperature",
        Lower,
        "temperature of the softmax that fits the validation data best, after the last step",
    ),
    at_end(
        "temperature_early_stopped",
        "temperature",
        Lower,
        "temperature of the softmax that fits the validation data best, with the weights of the measurement at which the validation loss was lowest",
    ),
    at_end(
        "early_stopped_at",
        "steps",
        Lower,
        "optimizer step of the measurement at which the validation loss was lowest",
    ),
];

const fn curve(
    name: &'static str,
    unit: &'static str,
    better: Better,
    meaning: &'static str,
) -> Metric {
    Metric {
        name,
        unit,
        better,
        at_end: false,
        meaning,
    }
}

const fn at_end(
    name: &'static str,
    unit: &'static str,
    better: Better,
    meaning: &'static str,
) -> Metric {
    Metric {
        name,
        unit,
        better,
        at_end: true,
        meaning,
    }
}

/// The metric of that name.
pub fn find(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

/// The name of a metric for people; of one that this version does not know, as it is given.
pub fn words(name: &str) -> String {
    find(name).map_or_else(|| name.to_owned(), Metric::words)
}

/// What a task is measured by, the usual one first: the names of its metrics without their prefix.
pub fn measures(task: TaskName) -> &'static [&'static str] {
    match task {
        TaskName::Adding => &["mse"],
        TaskName::Sentiment => &["rmse", "mse"],
        TaskName::CharLm => &["bits", "nll", "accuracy"],
        TaskName::WordLm => &["perplexity", "nll", "accuracy"],
        TaskName::Music => &["nll"],
        TaskName::Copy
        | TaskName::TemporalOrder
        | TaskName::SequentialMnist
        | TaskName::PermutedMnist => &["nll", "accuracy"],
    }
}

/// Whether it says how well an uncertainty ranks errors.
pub(crate) fn is_rank(name: &str) -> bool {
    matches!(name, "variance_error_rank" | "uncertainty_error_rank")
}

/// What an answer that is always the same reaches on sequences that are generated; of data sets their data say it.
pub fn constant(task: &Task) -> Option<Constant> {
    let of = |name| Some(spread(task, name)?.0);
    let loss = match task.name.is_generated() {
        true => of("test_nll").or_else(|| of("test_mse"))?,
        false => return None,
    };
    Some(Constant {
        loss,
        accuracy: of("test_accuracy"),
    })
}

/// A final metric of a network that has learned nothing, and of a perfect one, where the task says it.
///
/// An uncertainty that says nothing of errors is without rank correlation whatever was learned. A gap is no measure of
/// learning and has neither. Of pictures, pieces and texts the first is that of guesses which are all alike; who learns how often each answer
/// comes is already better.
pub fn spread(task: &Task, name: &str) -> Option<(f64, f64)> {
    if is_rank(name) {
        return Some((0.0, 1.0));
    }
    let measure = name
        .strip_prefix("test_")
        .or_else(|| name.strip_prefix("train_"))?;
    let measure = measure.strip_suffix("_early_stopped").unwrap_or(measure);
    let answers = match task.name {
        // The sum of two uniform numbers has a variance of 1/6.
        TaskName::Adding => return (measure == "mse").then_some((1.0 / 6.0, 0.0)),
        TaskName::Music => return (measure == "nll").then_some((88.0 * 2_f64.ln(), 0.0)),
        TaskName::Sentiment => return None,
        TaskName::Copy => 8.0,
        TaskName::TemporalOrder => 4.0,
        TaskName::SequentialMnist | TaskName::PermutedMnist => 10.0,
        TaskName::CharLm => limits::CHARACTERS as f64,
        TaskName::WordLm => f64::from(task.vocabulary?),
    };
    match measure {
        "accuracy" => Some((1.0 / answers, 1.0)),
        "nll" => Some((answers.ln(), 0.0)),
        "bits" => Some((answers.log2(), 0.0)),
        "perplexity" => Some((answers, 1.0)),
        _ => None,
    }
}

/// The value on a learning curve of a network that has learned nothing, where the task says it: of characters it does not say
/// how many there are, only how many there may be.
pub fn unlearned(task: &Task, curve: &str) -> Option<f64> {
    if task.name == TaskName::CharLm {
        return None;
    }
    let measure = curve.strip_prefix("valid_")?;
    let (nothing, _) = spread(task, &format!("test_{measure}"))?;
    Some(nothing)
}

/// Names of the metrics by which settings may be chosen, the usual one first: of validation, at the last measurement or at
/// that with the lowest loss. A run reports them with its result.
pub fn validation_metrics(task: TaskName) -> Vec<&'static str> {
    let name = |measure: &&str, suffix| find(&format!("valid_{measure}{suffix}"));
    let of_last = measures(task)
        .iter()
        .filter_map(|measure| name(measure, ""));
    let of_best = (measures(task).iter()).filter_map(|measure| name(measure, "_early_stopped"));
    of_last.chain(of_best).map(|metric| metric.name).collect()
}

/// Names of the final metrics that a run with that setup reports.
pub fn of(setup: &Setup) -> Vec<&'static str> {
    let evaluation = &setup.evaluation;
    let several = setup.training.networks() > 1;
    // Several networks differ in what they predict as several masks do.
    let samples = evaluation.samples.max(u32::from(several));
    let mut names = final_metrics(setup.task.name, samples, evaluation.uncertainty);
    // Each of them stops at a step of its own.
    names.retain(|name| !several || *name != "early_stopped_at");
    names
}

/// Names of the final metrics that a run of that task reports, the usual one first; `samples` and `uncertainty` as in its
/// evaluation. A temperature that was fitted is reported beside them.
pub fn final_metrics(
    task: TaskName,
    samples: u32,
    uncertainty: Option<Uncertainty>,
) -> Vec<&'static str> {
    let mut names = Vec::new();
    for (prefix, suffix) in [("test", ""), ("test", "_early_stopped"), ("train", "")] {
        for measure in measures(task) {
            let name = format!("{prefix}_{measure}{suffix}");
            names.extend(find(&name).map(|metric| metric.name));
        }
    }
    names.push("gap");
    names.push("early_stopped_at");
    if samples > 0 {
        names.extend(["test_variance", "variance_error_rank"]);
    }
    if samples > 0 || uncertainty.is_some() {
        names.push("uncertainty_error_rank");
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_words_of_its_own() {
        let mut words: Vec<String> = METRICS.iter().map(Metric::words).collect();
        assert!(words.iter().all(|words| !words.contains('_')), "{words:?}");
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), METRICS.len());
        assert_eq!(super::words("test_mse"), "test error");
        assert_eq!(
            super::words("valid_bits_early_stopped"),
            "validation bits per character (stopped early)"
        );
        assert_eq!(super::words("a_later_one"), "a_later_one");
    }

    #[test]
    fn every_task_has_validation_metrics_and_none_of_them_decides() {
        for task in TaskName::ALL {
            let names = validation_metrics(task);
            assert_eq!(names.len(), 2 * measures(task).len(), "{task:?}");
            assert!(
                names
                    .iter()
                    .all(|name| !final_metrics(task, 1, None).contains(name))
            );
        }
    }

    #[test]
    fn every_final_metric_of_every_task_is_in_the_table_and_is_one_of_the_end() {
        for task in TaskName::ALL {
            let names = final_metrics(task, 1, None);
            // Nothing was lost for want of a row in the table.
            assert_eq!(names.len(), 3 * measures(task).len() + 5, "{task:?}");
            for name in names {
                assert!(find(name).is_some_and(|metric| metric.at_end), "{name}");
            }
        }
    }
}
