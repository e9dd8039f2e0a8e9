//! What a run has to do, counted, and how long a CPU core takes for each of it.

use super::super::dropout::{Dropout, MaskTime, Noise, SiteName};
use super::super::types::*;
use super::held::Data;

/// Kinds of work that cost differently; each field is a count, and each has its seconds in [`Work::seconds`].
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Work {
    /// Optimizer steps.
    steps: f64,
    /// Time steps of the bottom layer, and of those above it.
    cells: f64,
    upper_cells: f64,
    /// Numbers that the cells compute without a product: gates and state; those beyond what a cache holds.
    elements: f64,
    far_elements: f64,
    /// Multiplications of the products in the layers, and of the output.
    products: f64,
    outputs: f64,
    /// Numbers of a softmax.
    softmax: f64,
    /// Random numbers of masks; entries of recurrent matrices that are masked.
    random: f64,
    masked_weights: f64,
    /// Parameters that an optimizer step goes through.
    parameters: f64,
    /// Time steps of sequences that are made ready.
    read: f64,
    /// The same cells as a graph of operations: plain, with layer or batch normalization, with noise for a mask.
    graph_cells: f64,
    layer_cells: f64,
    batch_cells: f64,
    noise_cells: f64,
    /// Numbers that the operations of the graph go through: trained, large, of noise, evaluated.
    graph_elements: f64,
    large_elements: f64,
    noise_elements: f64,
    evaluated_elements: f64,
    /// Entries of recurrent matrices that are masked anew at each step, in the graph; of large ones.
    step_weights: f64,
    large_step_weights: f64,
    /// Passes of a sample over a minibatch.
    sampled: f64,
    /// Millions of time steps of a data set that is read at the start.
    loaded: f64,
}

/// A forward and a backward pass cost three forward ones.
const FORWARD: f64 = 1.0 / 3.0;
/// Sequences that are evaluated at once.
pub(super) const EVALUATED_AT_ONCE: f64 = 256.0;
/// Seconds of a process from its start to its first step.
const START: f64 = 0.03;

impl Work {
    /// Seconds on one core, fitted to the measurements in `measured.jsonl` (`bench/cost.py`).
    pub(super) fn seconds(&self) -> f64 {
        START
            + 4.32e-5 * self.steps
            + 5.66e-7 * self.cells
            + 4.93e-6 * self.upper_cells
            + 1.36e-10 * self.elements
            + 1.85e-9 * self.far_elements
            + 2.96e-11 * self.products
            + 3.43e-11 * self.outputs
            + 1.36e-9 * self.softmax
            + 2.84e-9 * self.random
            + 5.67e-8 * self.masked_weights
            + 4.04e-9 * self.parameters
            + 7.44e-8 * self.read
            + 1.04e-5 * self.graph_cells
            + 2.38e-4 * self.layer_cells
            + 3.02e-4 * self.batch_cells
            + 1.22e-4 * self.noise_cells
            + 2.08e-8 * self.graph_elements
            + 3.23e-9 * self.large_elements
            + 1.62e-8 * self.noise_elements
            + 4.54e-9 * self.evaluated_elements
            + 2.1e-10 * self.step_weights
            + 1.21e-8 * self.large_step_weights
            + 3.88e-4 * self.sampled
            + 3.28e-2 * self.loaded
    }

    /// Seconds on a card that is launched at: an H100 took 9 µs a launch, about 4.5 launches for a step of a layer,
    /// and 30 TFLOP/s in large products (`bench/README.md`); the graph of operations has about 200 launches.
    pub(super) fn card_seconds(&self) -> f64 {
        const START: f64 = 1.0;
        const LAUNCH: f64 = 9e-6;
        const OPERATIONS: f64 = 3e13;
        let graph = self.graph_cells + self.layer_cells + self.batch_cells + self.noise_cells;
        START
            + LAUNCH * (45.0 * self.steps + 4.5 * (self.cells + self.upper_cells) + 200.0 * graph)
            + self.flops() / OPERATIONS
            + 7.44e-8 * self.read
            + 3.28e-2 * self.loaded
    }

    /// Floating-point operations of its matrix products, forwards and backwards.
    pub(super) fn flops(&self) -> f64 {
        // A product counts once for a training pass, which has three of its size, and a third of that for a measurement.
        6.0 * (self.products + self.outputs)
    }

    /// All that a run of the setup does.
    pub(super) fn of(setup: &Setup) -> Self {
        let counted = Counted::of(setup);
        let data = Data::of(setup);
        let mut work = Self {
            loaded: data.loaded / 1e6,
            ..Self::default()
        };
        let batch = f64::from(setup.training.batch);
        let networks = f64::from(setup.training.networks());
        let steps = networks * data.steps(&setup.training);
        work.steps = steps;
        work.pass(&counted, 1.0, steps, batch, counted.slow(), true);
        work.random += steps * counted.masks(batch);
        work.masked_weights += steps * counted.fixed_weights();
        work.parameters += steps * counted.parameters;
        let every = setup.evaluation.every.map(f64::from);
        let measurements = match (every, setup.training.epochs) {
            (Some(every), _) => (steps / every.max(1.0)).ceil(),
            (None, epochs) => networks * f64::from(epochs.unwrap_or(1)),
        };
        let samples = setup.evaluation.samples;
        work.evaluation(&counted, measurements, &data.held_out(1), 0);
        // At the end: the last and the best weights on the test, and the last on training sequences.
        let tested = Counted {
            length: f64::from(super::tested_length(setup)),
            ..Counted::of(setup)
        };
        work.evaluation(&tested, 2.0 * networks, &data.held_out(2), samples);
        if let Temperature::Fitted(_) = setup.evaluation.temperature {
            // Of both weights, in about so many passes.
            const FITTED: f64 = 6.0;
            work.evaluation(&counted, 2.0 * FITTED, &data.held_out(1), 0);
        }
        work.evaluation(&counted, networks, &data.held_out(0), 0);
        if samples > 0 {
            // The gap is measured with the masks at their mean.
            work.evaluation(&tested, networks, &data.held_out(2), 0);
        }
        if networks > 1.0 {
            // What one network has from its curve is measured of their average.
            work.evaluation(&counted, 2.0 * networks, &data.held_out(1), 0);
        }
        work
    }

    /// So many passes over held-out minibatches of so many sequences.
    fn evaluation(&mut self, counted: &Counted<'_>, passes: f64, held: &(f64, f64), samples: u32) {
        let (pieces, size) = (passes * held.0, held.1);
        let times = f64::from(samples.max(1));
        let slow = match samples {
            0 => counted.normalization != Normalization::None,
            _ => counted.slow(),
        };
        self.pass(counted, FORWARD, pieces * times, size, slow, false);
        if samples > 0 {
            self.sampled += pieces * times;
            self.random += pieces * times * counted.masks(size);
        }
    }

    /// That share of the work of training on `count` minibatches of `batch` sequences.
    fn pass(
        &mut self,
        c: &Counted<'_>,
        share: f64,
        count: f64,
        batch: f64,
        slow: bool,
        trained: bool,
    ) {
        let times = share * count;
        let time_steps = c.length * batch;
        self.read += count * time_steps;
        // A token's input is multiplied once however often it comes.
        let inputs = c
            .vocabulary
            .map_or(time_steps, |known| known.min(time_steps));
        self.products += times * (time_steps * c.recurrent + inputs * c.input);
        self.outputs += times * c.read_out * batch * c.classes * c.hidden;
        self.softmax += times * c.read_out * batch * c.classes;
        let cells = c.length * c.layers;
        let one_layer = time_steps * c.hidden * (c.gates + 1.0);
        let elements = one_layer * c.layers;
        if !slow {
            const CACHED: f64 = 1e6;
            self.cells += times * c.length;
            self.upper_cells += times * c.length * (c.layers - 1.0);
            self.elements += times * elements;
            self.far_elements += times * (elements - CACHED).max(0.0);
            return;
        }
        let noisy = c.noisy();
        self.graph_cells += times * cells;
        self.noise_cells += times * c.length * noisy;
        let normalized = match c.normalization {
            Normalization::None => 1.0,
            Normalization::Layer => {
                self.layer_cells += times * cells;
                2.0
            }
            Normalization::Batch => {
                self.batch_cells += times * cells;
                2.0
            }
        };
        self.noise_elements += times * one_layer * noisy;
        if trained {
            const LARGE: f64 = 8192.0;
            self.graph_elements += times * normalized * elements;
            if batch * c.hidden >= LARGE {
                self.large_elements += times * (normalized * elements + one_layer * noisy);
            }
        } else {
            self.evaluated_elements += times * normalized * elements;
        }
        if c.weights_by_step() {
            const LARGE: f64 = 1e5;
            let matrix = c.hidden * c.hidden * c.gates;
            self.step_weights += times * cells * matrix;
            if matrix > LARGE {
                self.large_step_weights += times * cells * matrix;
            }
        }
    }
}

/// Sizes of a network and its task.
struct Counted<'a> {
    dropout: &'a Dropout,
    normalization: Normalization,
    length: f64,
    layers: f64,
    hidden: f64,
    gates: f64,
    /// Numbers that the bottom layer reads at a step.
    width: f64,
    /// Known tokens, where tokens are read.
    vocabulary: Option<f64>,
    classes: f64,
    /// Time steps at which the output is read.
    read_out: f64,
    /// Entries of the bottom layer's input matrices, and of all others in the layers.
    input: f64,
    recurrent: f64,
    parameters: f64,
}

/// Different characters of an English text.
const CHARACTERS: f64 = 66.0;
/// Keys of a piano.
const KEYS: f64 = 88.0;
/// Pixels of a picture.
const PIXELS: f64 = 784.0;

impl<'a> Counted<'a> {
    fn of(setup: &'a Setup) -> Self {
        let (task, model) = (&setup.task, &setup.model);
        let length = f64::from(super::sequence_length(task));
        let embedding = f64::from(model.embedding.unwrap_or(0));
        let words = f64::from(task.vocabulary.unwrap_or(0));
        let (width, classes, read_out) = match task.name {
            TaskName::Adding => (2.0, 1.0, 1.0),
            TaskName::Copy => (10.0, 8.0, 10.0),
            TaskName::TemporalOrder => (6.0, 4.0, 1.0),
            TaskName::CharLm => (embedding, CHARACTERS, length),
            TaskName::WordLm => (embedding, words, length),
            TaskName::Sentiment => (embedding, 1.0, 1.0),
            TaskName::Music => (KEYS, KEYS, length),
            TaskName::SequentialMnist | TaskName::PermutedMnist => (PIXELS / length, 10.0, 1.0),
        };
        let vocabulary = task.name.has_tokens().then_some(match task.name {
            TaskName::CharLm => CHARACTERS,
            _ => words,
        });
        let gates = match model.cell {
            Cell::Rnn => 1.0,
            Cell::Gru => 3.0,
            Cell::Lstm => 4.0,
        };
        let (layers, hidden) = (f64::from(model.layers), f64::from(model.hidden));
        let input = gates * hidden * width;
        let recurrent = gates * hidden * hidden * (2.0 * layers - 1.0);
        Self {
            dropout: &setup.dropout,
            normalization: model.normalization,
            length,
            layers,
            hidden,
            gates,
            width,
            vocabulary,
            classes,
            read_out,
            input,
            recurrent,
            parameters: input + recurrent + hidden * classes + width * vocabulary.unwrap_or(0.0),
        }
    }

    /// Whether training goes through the graph of operations, as the worker's engine has it.
    fn slow(&self) -> bool {
        self.normalization != Normalization::None || self.noisy() > 0.0 || self.weights_by_step()
    }

    /// Sites with noise in place of masks.
    fn noisy(&self) -> f64 {
        let noisy =
            |(_, site): &(SiteName, &super::super::dropout::Site)| site.noise == Noise::Moments;
        self.dropout.sites().filter(noisy).count() as f64
    }

    fn weights_by_step(&self) -> bool {
        let site = self.dropout.recurrent_weights.as_ref();
        site.is_some_and(|site| site.time == MaskTime::PerStep)
    }

    /// Entries of recurrent matrices that are masked once a minibatch.
    fn fixed_weights(&self) -> f64 {
        let site = self.dropout.recurrent_weights.as_ref();
        let fixed = site.is_some_and(|site| site.rate > 0.0 && site.time == MaskTime::Fixed);
        if fixed {
            self.layers * self.gates * self.hidden * self.hidden
        } else {
            0.0
        }
    }

    /// Random numbers that the masks of a minibatch take.
    fn masks(&self, batch: f64) -> f64 {
        let upper = (self.layers - 1.0) * self.hidden;
        let mut numbers = 0.0;
        for (name, site) in self.dropout.sites().filter(|(_, site)| site.rate > 0.0) {
            let rows = if site.shared() { 1.0 } else { batch };
            let gates = if site.untied() { self.gates } else { 1.0 };
            let times = match site.time {
                MaskTime::Fixed => 1.0,
                MaskTime::PerStep => self.length,
            };
            let apart = self.dropout.between.is_some();
            numbers += match name {
                SiteName::Embedding => self.length * batch,
                SiteName::RecurrentWeights => {
                    times * self.layers * self.gates * self.hidden * self.hidden
                }
                SiteName::Input if apart => times * rows * gates * self.width,
                SiteName::Input => times * rows * gates * (self.width + upper),
                SiteName::Between => times * rows * gates * upper,
                SiteName::Output => times * rows * self.hidden,
                _ => times * rows * gates * self.layers * self.hidden,
            };
        }
        numbers
    }
}
