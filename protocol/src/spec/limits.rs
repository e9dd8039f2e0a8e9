//! Every limit on a specification, in one place. Pages and documents show these.

use std::ops::RangeInclusive;

/// Longest specification as text, in bytes.
pub const TEXT_BYTES: usize = 64 * 1024;
/// Longest title, in characters.
pub const TITLE_CHARS: usize = 200;
/// Longest arm name, in characters.
pub const ARM_CHARS: usize = 60;
/// Arms of an experiment.
pub const ARMS: RangeInclusive<usize> = 1..=12;
/// Conditions in some of which an effect is predicted.
pub const CONDITIONS: RangeInclusive<usize> = 2..=12;
/// Seeds of an experiment. At most 40: the exact sign-flip test enumerates 2^(n/2) sums twice.
pub const SEEDS: RangeInclusive<usize> = 1..=40;
/// Fewest seeds of an experiment that is registered: with 5 pairs no exact two-sided p-value is below .0625.
pub const SEEDS_REGISTERED: usize = 6;
/// Runs of a search, those that make what it found smaller included.
pub const SEARCH_BUDGET: RangeInclusive<u32> = 8..=1_000;
/// Fields that a search looks over.
pub const SEARCH_FIELDS: RangeInclusive<usize> = 1..=6;
/// Values of a field that a search tries.
pub const SEARCH_VALUES: RangeInclusive<usize> = 1..=24;
/// Points that a search draws: each is read, and drawn on its page.
pub const SEARCH_POINTS: u32 = 128;
/// Pairs of a search's points at the end.
pub const SEARCH_SEEDS: RangeInclusive<u32> = 2..=16;
/// Trials that make what a search found smaller.
pub const SEARCH_SHRINKING: u32 = 24;
/// Fields that are tuned.
pub const TUNED_FIELDS: RangeInclusive<usize> = 1..=4;
/// Values of a tuned field.
pub const TUNED_VALUES: RangeInclusive<usize> = 2..=16;
/// Trials of an arm.
pub const TRIALS: RangeInclusive<u32> = 2..=32;
/// Seeds of a trial.
pub const TUNING_SEEDS: RangeInclusive<u32> = 1..=10;
/// Runs of all trials of an experiment together.
pub const TUNING_RUNS: usize = 1_000;
/// Time steps of a sequence.
pub const LENGTH: RangeInclusive<u32> = 3..=1_000;
/// Time steps in which a picture is read.
pub const PICTURE_LENGTH: RangeInclusive<u32> = 1..=784;
/// Stacked layers.
pub const LAYERS: RangeInclusive<u32> = 1..=4;
/// Units of a layer.
pub const HIDDEN: RangeInclusive<u32> = 1..=1_500;
/// Sequences in a minibatch.
pub const BATCH: RangeInclusive<u32> = 1..=1_024;
/// Networks of a run, whose predictions are averaged.
pub const NETWORKS: RangeInclusive<u32> = 1..=10;
/// Optimizer steps of a run, over all of its networks.
pub const STEPS: RangeInclusive<u32> = 1..=1_000_000;
/// Held-out sequences in a measurement.
pub const SEQUENCES: RangeInclusive<u32> = 1..=10_000;
/// Monte Carlo samples of the masks at test.
pub const SAMPLES: RangeInclusive<u32> = 0..=1_000;
/// Share of the optimizer steps in which a site drops.
pub const UNTIL: RangeInclusive<f64> = 0.001..=1.0;
/// Softmax temperature at evaluation.
pub const TEMPERATURE: RangeInclusive<f64> = 0.05..=20.0;
/// What is added to the adding problem's numbers at test.
pub const SHIFT: RangeInclusive<f64> = -100.0..=100.0;
/// Weight decay.
pub const WEIGHT_DECAY: RangeInclusive<f64> = 0.0..=1.0;
/// Weight of a penalty on activations.
pub const PENALTY: RangeInclusive<f64> = 0.0..=1e3;
/// Step size.
pub const LEARNING_RATE: RangeInclusive<f64> = 1e-8..=100.0;
/// Gradient norm; 0 does not clip.
pub const CLIP: RangeInclusive<f64> = 0.0..=1e6;
/// One-sided level. At most the conventional one: a claim is not to be moved by less.
pub const ALPHA: RangeInclusive<f64> = 0.0001..=0.05;
/// Measurements of a run: each writes points of the learning curve.
pub const MEASUREMENTS: u32 = 2_000;
/// Measurements of all runs of an experiment together: each is kept for good and drawn on its page.
pub const MEASUREMENTS_IN_ALL: f64 = 100_000.0;
/// Known words.
pub const VOCABULARY: RangeInclusive<u32> = 10..=50_000;
/// Different characters that a text may have.
pub const CHARACTERS: usize = 5_000;
/// Width of an embedding.
pub const EMBEDDING: RangeInclusive<u32> = 1..=1_500;
/// Half the width of the interval in which weights begin.
pub const INITIAL_RANGE: RangeInclusive<f64> = 0.0001..=10.0;
/// Bias of the forget gate at the start.
pub const FORGET_BIAS: RangeInclusive<f64> = -10.0..=10.0;
/// Gain of a normalization at the start.
pub const NORMALIZATION_GAIN: RangeInclusive<f64> = 0.001..=10.0;
/// Share of the training data.
pub const FRACTION: RangeInclusive<f64> = 0.001..=1.0;
/// Passes over a data set.
pub const EPOCHS: RangeInclusive<u32> = 1..=1_000;
/// Factor on the learning rate.
pub const ANNEAL: RangeInclusive<f64> = 0.01..=1.0;
/// Time steps of an epoch that the cost of an experiment is estimated with: the Penn Treebank has 929,589.
pub const EPOCH_TIME_STEPS: f64 = 1e6;
/// Memory that one run may need by the estimate, in bytes: a worker with less than that keeps the smaller ones.
pub const RUN_MEMORY: u64 = 16_000_000_000;
