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
        meaning: "share of validation predictions that are right",
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
        meaning: "share of test predictions that are right after the last step",
    },
];

/// The metric of that name.
pub fn find(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

/// Names of the final metrics that a task reports.
pub fn final_metrics(task: TaskName) -> &'static [&'static str] {
    match task {
        TaskName::Adding => &["test_mse"],
        TaskName::Copy | TaskName::TemporalOrder => &["test_nll", "test_accuracy"],
    }
}
