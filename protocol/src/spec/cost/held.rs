//! How much data a run goes through: of known data sets what they hold, of others a usual amount.

use super::super::limits::EPOCH_TIME_STEPS;
use super::super::types::*;
use crate::data_set::{Holds, Reference};

/// Sequences of each split, or tokens of a text.
pub(super) struct Data<'a> {
    setup: &'a Setup,
    sizes: [f64; 3],
    /// Whether the sizes are those of the data set, and not usual ones.
    known: bool,
    /// Time steps of the data set.
    pub(super) loaded: f64,
}

impl<'a> Data<'a> {
    pub(super) fn of(setup: &'a Setup) -> Self {
        let task = &setup.task;
        let length = f64::from(super::sequence_length(task));
        let reference = task
            .data
            .as_deref()
            .and_then(|name| name.parse::<Reference>().ok());
        let known = reference.and_then(|reference| reference.known());
        // An unknown data set: about as much as the Penn Treebank, a tenth of it held out.
        let whole = if task.name.is_language_model() {
            1.0
        } else {
            length
        };
        let usual = [
            EPOCH_TIME_STEPS / whole,
            EPOCH_TIME_STEPS / whole / 10.0,
            EPOCH_TIME_STEPS / whole / 10.0,
        ];
        let mut sizes = match known {
            _ if task.name.is_generated() => [f64::INFINITY; 3],
            None => usual,
            Some(known) => std::array::from_fn(|split| {
                let (sequences, steps) = (known.sequences[split] as f64, known.steps[split] as f64);
                match known.holds {
                    Holds::Text if task.name == TaskName::CharLm => known.characters[split] as f64,
                    Holds::Text => steps,
                    // A longer piece is cut.
                    Holds::Reviews => sequences + (steps / length).floor(),
                    Holds::Pieces => sequences.max((steps / length).floor()),
                    Holds::Pictures => sequences,
                }
            }),
        };
        let loaded = if task.name.is_generated() {
            0.0
        } else {
            sizes.iter().sum::<f64>() * whole
        };
        // All of it is read, and a part of it learned from.
        sizes[0] = (sizes[0] * task.fraction.unwrap_or(1.0)).max(1.0);
        Self {
            setup,
            sizes,
            known: known.is_some(),
            loaded,
        }
    }

    /// Sequences or tokens that are there to be learned from, and how many a minibatch needs at least, where it is known
    /// that they are too few.
    pub(super) fn too_few(&self) -> Option<(f64, f64)> {
        let (task, batch) = (&self.setup.task, f64::from(self.setup.training.batch));
        let needed = match task.name.is_language_model() {
            // Each stream has one window, and what follows its last step.
            true => batch * f64::from(task.length + 1),
            false => batch,
        };
        (self.known && self.sizes[0] < needed).then_some((self.sizes[0], needed))
    }

    /// Optimizer steps of that training.
    pub(super) fn steps(&self, training: &Training) -> f64 {
        let batch = f64::from(training.batch);
        let minibatch = match self.setup.task.name.is_language_model() {
            true => batch * f64::from(self.setup.task.length),
            false => batch,
        };
        match training.steps {
            Some(steps) => f64::from(steps),
            None => f64::from(training.epochs.unwrap_or(1)) * (self.sizes[0] / minibatch).max(1.0),
        }
    }

    /// Minibatches of a measurement on that split, and the sequences of each.
    pub(super) fn held_out(&self, split: usize) -> (f64, f64) {
        let sequences = f64::from(self.setup.evaluation.sequences);
        if self.setup.task.name.is_language_model() {
            // Of the training text as much as the test has.
            let tokens = match split {
                0 => self.sizes[0].min(self.sizes[2]),
                _ => self.sizes[split],
            };
            let streams = sequences.min((tokens / 2.0).floor()).max(1.0);
            let windows = (tokens / streams - 1.0) / f64::from(self.setup.task.length);
            return (windows.max(1.0), streams);
        }
        let sequences = sequences.min(self.sizes[split]);
        let pieces = (sequences / super::work::EVALUATED_AT_ONCE).ceil();
        (pieces, sequences / pieces)
    }
}
