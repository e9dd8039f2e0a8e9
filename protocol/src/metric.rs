//! The table of metrics: name, unit and direction, shared by criterion, API and pages.

use crate::spec::{Better, TaskName};

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Name in specifications and answers.
    pub name: &'static str,
    /// Unit of its values.
    pub unit: &'static str,
    /// Which direction is better.
    pub better: Better,
    /// Whether a run reports it once, at its end; the others are curves.
    pub at_end: bool,
    /// One sentence for people.
    pub meaning: &'static str,
}

/// Every metric there is.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "train_loss",
        unit: "loss",
        better: Better::Lower,
        at_end: false,
        meaning: "mean training loss since the last measurement, masks on",
    },
    Metric {
        name: "valid_mse",
        unit: "squared error",
        better: Better::Lower,
        at_end: false,
        meaning: "mean squared error on held-out validation sequences",
    },
    Metric {
        name: "valid_nll",
        unit: "nats per symbol",
        better: Better::Lower,
        at_end: false,
        meaning: "mean negative log-likelihood on held-out validation sequences",
    },
    Metric {
        name: "valid_accuracy",
        unit: "share correct",
        better: Better::Higher,
        at_end: false,
        meaning: "share of predictions that are right on held-out validation sequences",
    },
    Metric {
        name: "test_mse",
        unit: "squared error",
        better: Better::Lower,
        at_end: true,
        meaning: "mean squared error on test sequences after the last step",
    },
    Metric {
        name: "test_nll",
        unit: "nats per symbol",
        better: Better::Lower,
        at_end: true,
        meaning: "mean negative log-likelihood on test sequences after the last step",
    },
    Metric {
        name: "test_accuracy",
        unit: "share correct",
        better: Better::Higher,
        at_end: true,
        meaning: "share of predictions that are right on test sequences after the last step",
    },
    Metric {
        name: "test_mse_early_stopped",
        unit: "squared error",
        better: Better::Lower,
        at_end: true,
        meaning: "mean squared error on test sequences, with the weights of the measurement at which the validation loss was lowest",
    },
    Metric {
        name: "test_nll_early_stopped",
        unit: "nats per symbol",
        better: Better::Lower,
        at_end: true,
        meaning: "mean negative log-likelihood on test sequences, with the weights of the measurement at which the validation loss was lowest",
    },
    Metric {
        name: "test_accuracy_early_stopped",
        unit: "share correct",
        better: Better::Higher,
        at_end: true,
        meaning: "share of predictions that are right on test sequences, with the weights of the measurement at which the validation loss was lowest",
    },
    Metric {
        name: "train_mse",
        unit: "squared error",
        better: Better::Lower,
        at_end: true,
        meaning: "mean squared error on training sequences after the last step, masks at their mean",
    },
    Metric {
        name: "train_nll",
        unit: "nats per symbol",
        better: Better::Lower,
        at_end: true,
        meaning: "mean negative log-likelihood on training sequences after the last step, masks at their mean",
    },
    Metric {
        name: "train_accuracy",
        unit: "share correct",
        better: Better::Higher,
        at_end: true,
        meaning: "share of predictions that are right on training sequences after the last step, masks at their mean",
    },
    Metric {
        name: "test_variance",
        unit: "variance",
        better: Better::Lower,
        at_end: true,
        meaning: "mean variance over the Monte Carlo samples of what is predicted for a test sequence: of the value, or of the probability of the right class",
    },
    Metric {
        name: "early_stopped_at",
        unit: "steps",
        better: Better::Lower,
        at_end: true,
        meaning: "optimizer step of the measurement at which the validation loss was lowest",
    },
];

/// The metric of that name.
pub fn find(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

/// Names of the final metrics that a run of that task reports, the usual one first; `samples` as in its evaluation.
pub fn final_metrics(task: TaskName, samples: u32) -> Vec<&'static str> {
    let mut names = match task {
        TaskName::Adding => vec!["test_mse", "test_mse_early_stopped", "train_mse"],
        TaskName::Copy | TaskName::TemporalOrder => vec![
            "test_nll",
            "test_accuracy",
            "test_nll_early_stopped",
            "test_accuracy_early_stopped",
            "train_nll",
            "train_accuracy",
        ],
    };
    names.push("early_stopped_at");
    if samples > 0 {
        names.push("test_variance");
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_final_metric_of_every_task_is_in_the_table_and_is_one_of_the_end() {
        for task in [TaskName::Adding, TaskName::Copy, TaskName::TemporalOrder] {
            for name in final_metrics(task, 1) {
                assert!(find(name).is_some_and(|metric| metric.at_end), "{name}");
            }
        }
    }
}
