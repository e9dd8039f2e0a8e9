//! Why a task cannot be learned from a data set.

use crate::data::{self, Kind};
use breakmywork_protocol::spec::TaskName;

/// Why a task cannot be learned here.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The specification names no data set.
    #[error("the task {task} learns from a data set; name one in task.data", task = .0.name())]
    Unnamed(TaskName),
    /// The data set cannot be read.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// It holds something else.
    #[error(
        "the task {task} cannot be learned from {reference}, which is a data set of kind {kind}; name one in task.data \
         that fits, such as {example}",
        task = task.name(),
        example = task.example_data().unwrap_or_default()
    )]
    OtherKind {
        /// The data set.
        reference: String,
        /// What it holds.
        kind: Kind,
        /// What was to be learned.
        task: TaskName,
    },
    /// There is not enough of it.
    #[error(
        "the {split} split of {reference} has {have} {what}, too few for {need}; use a larger data set, or a smaller \
         task.length, training.batch or evaluation.sequences"
    )]
    TooShort {
        /// The data set.
        reference: String,
        /// Which split.
        split: &'static str,
        /// How much there is.
        have: usize,
        /// Of what.
        what: &'static str,
        /// What it was to be enough for.
        need: String,
    },
    /// It has too many different characters.
    #[error(
        "the text {reference} has {have} different characters; at most {most} can be learned: use the task word_lm"
    )]
    TooManyCharacters {
        /// The data set.
        reference: String,
        /// How many there are.
        have: usize,
        /// How many there may be.
        most: usize,
    },
}
