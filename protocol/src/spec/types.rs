//! The types of a specification, as they stand after validation.

use super::dropout::Dropout;
use super::limits;
use super::search::Search;
use super::seeds::Seeds;
use super::tuning::Tuning;
use crate::data_set::Holds;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// A whole experiment: base settings, the arms that deviate from them, and the criterion.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Spec {
    /// Short name.
    pub title: String,
    /// One run for each arm and seed.
    pub seeds: Seeds,
    /// What is learned.
    pub task: Task,
    /// The network.
    pub model: Model,
    /// How it is trained.
    pub training: Training,
    /// How it is measured.
    pub evaluation: Evaluation,
    /// The configurations that are compared.
    pub arms: Vec<Arm>,
    /// What decides; a specification that is only trained locally needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub criterion: Option<Criterion>,
    /// Of a search: how many runs it may take, and where it looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// What each arm chooses for itself before it is compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tuning: Option<Tuning>,
}

/// One configuration being compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Arm {
    /// Unique within the specification.
    pub name: String,
    /// Where, when and for whom units are dropped.
    pub dropout: Dropout,
    /// Settings that differ from the base, as sections `task`, `model`, `training`, `evaluation`.
    #[serde(flatten)]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub overrides: serde_json::Map<String, serde_json::Value>,
    /// The base settings with the overrides applied: what a run of this arm trains.
    #[serde(skip)]
    pub setup: Setup,
}

/// Everything that one run of an arm needs besides its seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Setup {
    /// What is learned.
    pub task: Task,
    /// The network.
    pub model: Model,
    /// How it is trained.
    pub training: Training,
    /// How it is measured.
    pub evaluation: Evaluation,
    /// Where, when and for whom units are dropped.
    pub dropout: Dropout,
}

/// What a worker trains: one arm with one seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Plan {
    /// Name of the arm.
    pub arm: String,
    /// Keys every random number of the run.
    pub seed: u32,
    /// The settings of the arm.
    #[serde(flatten)]
    pub setup: Setup,
}

/// What is learned: from generated sequences, or from a data set that a worker has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Which task.
    pub name: TaskName,
    /// Time steps of a sequence; for `copy` the steps between the last symbol and the recall signal, for language
    /// models the steps of a window.
    pub length: u32,
    /// The data set, as `name@version`; only of tasks that learn from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Words that are known, the most frequent of the training text; only of tasks on words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<u32>,
    /// Whether all training windows have the same length; only of language models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<Windows>,
    /// Share of the training data that is learned from, the same part for all seeds; absent, all of it. Only of tasks
    /// that learn from a data set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fraction: Option<f64>,
}

impl Task {
    /// A task on generated sequences.
    pub fn generated(name: TaskName, length: u32) -> Self {
        Self {
            name,
            length,
            data: None,
            vocabulary: None,
            windows: None,
            fraction: None,
        }
    }
}

/// The tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TaskName {
    /// Sum of the two marked numbers of a sequence (Hochreiter & Schmidhuber 1997); squared error.
    Adding,
    /// Recall ten symbols after a delay (same source); cross-entropy over the ten recalled places.
    Copy,
    /// Order of two marked bits: four classes (same source); cross-entropy.
    TemporalOrder,
    /// The next character of a text; cross-entropy.
    CharLm,
    /// The next word of a text; cross-entropy.
    WordLm,
    /// The label of a piece of text (Gal & Ghahramani 2016, section 5.2); squared error.
    Sentiment,
    /// The keys of the next frame of a piece (Boulanger-Lewandowski et al. 2012); cross-entropy, summed over 88 keys.
    Music,
    /// The digit in a picture that is read pixel by pixel (Le, Jaitly & Hinton 2015); cross-entropy.
    SequentialMnist,
    /// The same with the pixels in one fixed random order (same source).
    PermutedMnist,
}

impl TaskName {
    /// All tasks.
    pub const ALL: [Self; 9] = [
        Self::Adding,
        Self::Copy,
        Self::TemporalOrder,
        Self::CharLm,
        Self::WordLm,
        Self::Sentiment,
        Self::Music,
        Self::SequentialMnist,
        Self::PermutedMnist,
    ];

    /// Its name in a specification.
    pub fn name(self) -> &'static str {
        match self {
            Self::Adding => "adding",
            Self::Copy => "copy",
            Self::TemporalOrder => "temporal_order",
            Self::CharLm => "char_lm",
            Self::WordLm => "word_lm",
            Self::Sentiment => "sentiment",
            Self::Music => "music",
            Self::SequentialMnist => "sequential_mnist",
            Self::PermutedMnist => "permuted_mnist",
        }
    }

    /// Its name in the field, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Adding => "the adding problem",
            Self::Copy => "the copy task",
            Self::TemporalOrder => "temporal order",
            Self::CharLm => "character-level language modelling",
            Self::WordLm => "word-level language modelling",
            Self::Sentiment => "sentiment",
            Self::Music => "polyphonic music",
            Self::SequentialMnist => "sequential MNIST",
            Self::PermutedMnist => "permuted MNIST",
        }
    }

    /// Whether its sequences are generated, so that it needs no data set.
    pub fn is_generated(self) -> bool {
        matches!(self, Self::Adding | Self::Copy | Self::TemporalOrder)
    }

    /// A data set that it can learn from, for examples; none where it needs none.
    pub fn example_data(self) -> Option<&'static str> {
        match self {
            Self::Adding | Self::Copy | Self::TemporalOrder => None,
            Self::CharLm => Some("tiny_shakespeare"),
            Self::WordLm => Some("penn_treebank"),
            Self::Sentiment => Some("cornell_scale"),
            Self::Music => Some("jsb_chorales"),
            Self::SequentialMnist | Self::PermutedMnist => Some("mnist"),
        }
    }

    /// What its data sets hold; nothing where it needs none.
    pub fn reads(self) -> Option<Holds> {
        match self {
            Self::Adding | Self::Copy | Self::TemporalOrder => None,
            Self::CharLm | Self::WordLm => Some(Holds::Text),
            Self::Sentiment => Some(Holds::Reviews),
            Self::Music => Some(Holds::Pieces),
            Self::SequentialMnist | Self::PermutedMnist => Some(Holds::Pictures),
        }
    }

    /// Whether it reads pictures, which may be read in one step.
    pub fn is_of_pictures(self) -> bool {
        self.reads() == Some(Holds::Pictures)
    }

    /// How long its sequences may be, as [`Task::length`] says it.
    pub fn lengths(self) -> RangeInclusive<u32> {
        if self.is_of_pictures() {
            limits::PICTURE_LENGTH
        } else {
            limits::LENGTH
        }
    }

    /// Whether it predicts probabilities; else a number.
    pub fn predicts_probabilities(self) -> bool {
        !matches!(self, Self::Adding | Self::Sentiment)
    }

    /// Whether it reads a text on and on, its state carried from window to window.
    pub fn is_language_model(self) -> bool {
        matches!(self, Self::CharLm | Self::WordLm)
    }

    /// Whether its inputs are words, of which the most frequent are known.
    pub fn has_vocabulary(self) -> bool {
        matches!(self, Self::WordLm | Self::Sentiment)
    }

    /// Whether its inputs are characters or words, which have embeddings.
    pub fn has_tokens(self) -> bool {
        self.is_language_model() || self.has_vocabulary()
    }
}

/// Lengths of training windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Windows {
    /// All have `length` steps.
    Fixed,
    /// About `length` steps, one in twenty about half of it; the learning rate goes with the length (Merity et al. 2017).
    Variable,
}

/// The network: stacked recurrent layers of equal width with a linear output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The recurrent cell.
    pub cell: Cell,
    /// Stacked layers.
    pub layers: u32,
    /// Units of a layer.
    pub hidden: u32,
    /// What keeps the pre-activations in range.
    #[serde(default)]
    pub normalization: Normalization,
    /// Gains of the normalization at the start; absent, 1 of layer and 0.1 of batch normalization. Only with a
    /// normalization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalization_gain: Option<f64>,
    /// Numbers that stand for a character or word; only of tasks that read such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<u32>,
    /// Whether the output's weights are those of the embedding (Press & Wolf 2016; Inan et al. 2016); only of
    /// language models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tied_embeddings: Option<bool>,
    /// All weights and biases begin uniform in ± this; absent, they begin by the width of their layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_range: Option<f64>,
    /// Bias of the forget gate at the start, whatever `initial_range` says; absent, 1, or within that range. Only of the
    /// lstm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forget_bias: Option<f64>,
}

impl Model {
    /// A network without normalization whose inputs are numbers.
    pub fn new(cell: Cell, layers: u32, hidden: u32) -> Self {
        Self {
            cell,
            layers,
            hidden,
            normalization: Normalization::None,
            normalization_gain: None,
            embedding: None,
            tied_embeddings: None,
            initial_range: None,
            forget_bias: None,
        }
    }
}

/// What keeps the pre-activations in range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Normalization {
    /// Nothing.
    #[default]
    None,
    /// Layer normalization of the LSTM's products and of its cell state (Ba, Kiros & Hinton 2016).
    Layer,
    /// Recurrent batch normalization of the same, with statistics of each time step (Cooijmans et al. 2016).
    Batch,
}

impl Normalization {
    /// The gain that its sources begin with; none where nothing is normalized.
    pub fn usual_gain(self) -> Option<f64> {
        match self {
            Self::None => None,
            Self::Layer => Some(1.0),
            Self::Batch => Some(0.1),
        }
    }
}

/// Recurrent cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// `h = tanh(W x + U h + b)` (Elman 1990).
    Rnn,
    /// Gated recurrent unit (Cho et al. 2014), reset gate applied after the recurrent product.
    Gru,
    /// Long short-term memory with forget gate (Gers et al. 2000), its bias 1 at the start (Jozefowicz et al. 2015).
    Lstm,
}

impl Cell {
    /// All cells.
    pub const ALL: [Self; 3] = [Self::Rnn, Self::Gru, Self::Lstm];

    /// Its name in a specification.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rnn => "rnn",
            Self::Gru => "gru",
            Self::Lstm => "lstm",
        }
    }
}

/// How the network is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// The optimizer.
    pub optimizer: Optimizer,
    /// Its step size.
    pub learning_rate: f64,
    /// Sequences in a minibatch.
    pub batch: u32,
    /// Optimizer steps; absent where `epochs` says how long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    /// Passes over the training data; only of tasks that learn from a data set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<u32>,
    /// What the learning rate is multiplied by after each epoch from `anneal_after` on; only with `epochs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anneal: Option<f64>,
    /// Epochs at the full learning rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anneal_after: Option<u32>,
    /// Whether the loss that is minimized is the mean over the steps read, or their sum (mean over sequences).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_over_time: Option<LossOverTime>,
    /// Largest global gradient norm; 0 does not clip.
    pub clip: f64,
    /// Share of every parameter that each step takes away beside the gradient step (decoupled, Loshchilov & Hutter 2019).
    #[serde(default)]
    pub weight_decay: f64,
    /// What `weight_decay` is multiplied by.
    #[serde(default)]
    pub decay_by: DecayBy,
    /// Weight of the mean square of the dropped output at the steps read, added to the loss: activation
    /// regularization (Merity, McCann & Socher 2017).
    #[serde(default)]
    pub ar: f64,
    /// Weight of the mean square of the top state's change from step to step, undropped: temporal activation
    /// regularization (same source).
    #[serde(default)]
    pub tar: f64,
    /// Networks that are trained one after the other, each with weights, order and masks of its own, and whose predictions
    /// are averaged at the end; absent, one. Steps and epochs are those of each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub networks: Option<u32>,
}

impl Training {
    /// How many networks a run trains.
    pub fn networks(&self) -> u32 {
        self.networks.unwrap_or(1)
    }

    /// Optimizer steps of a run, over all of its networks; `None` where epochs say how long.
    pub fn run_steps(&self) -> Option<u32> {
        let steps = self.steps?;
        Some(steps.saturating_mul(self.networks()))
    }
}

/// What weight decay is multiplied by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DecayBy {
    /// p ← (1 − η λ) p, as AdamW and AWD-LSTM do.
    #[default]
    LearningRate,
    /// p ← (1 − λ) p, as Gal & Ghahramani's language models do.
    Step,
}

/// How the losses of a sequence's steps become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LossOverTime {
    /// Their mean.
    Mean,
    /// Their sum, as Zaremba et al. and Gal & Ghahramani train: it matters for learning rate and clipping.
    Sum,
}

/// Optimizers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Optimizer {
    /// Plain stochastic gradient descent.
    Sgd,
    /// Adam (Kingma & Ba 2015), β₁ .9, β₂ .999, ε 1e-8.
    Adam,
    /// Gradient descent that averages its weights once validation stops improving (Merity et al. 2017).
    NtAsgd,
}

/// How the network is measured. Validation puts the masks at their mean; the test may sample them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// Optimizer steps between two measurements on held-out sequences; absent, it is measured after each epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u32>,
    /// Held-out sequences in a measurement, at most as many as there are; for language models the streams into which
    /// the held-out text is cut.
    pub sequences: u32,
    /// Monte Carlo dropout samples at test; 0 is deterministic, masks at their mean.
    pub samples: u32,
    /// What is held against the error of each answer; absent, the variance over the samples, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncertainty: Option<Uncertainty>,
    /// Divides the logits of a softmax wherever it is measured; 1 leaves them.
    #[serde(default)]
    pub temperature: Temperature,
    /// Added to the numbers of the adding problem at test, which are then from [shift, 1 + shift); absent, nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift: Option<f64>,
    /// Time steps of a test sequence, as the task's `length` means them; absent, those of training. Only of generated
    /// sequences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u32>,
}

/// How uncertain an answer is taken to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Uncertainty {
    /// By the entropy of the probabilities that are predicted: of one pass, or of their average over the samples.
    Entropy,
}

/// What the logits of a softmax are divided by where it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Temperature {
    /// That number.
    Given(f64),
    /// The number with which the loss is lowest on those data, at the end of training; 1 until then.
    Fitted(FittedOn),
}

impl Temperature {
    /// What holds during training.
    pub fn in_training(self) -> f64 {
        match self {
            Self::Given(number) => number,
            Self::Fitted(_) => 1.0,
        }
    }
}

impl Default for Temperature {
    fn default() -> Self {
        Self::Given(1.0)
    }
}

/// The data that a temperature is fitted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FittedOn {
    /// The validation data (Guo et al. 2017).
    Valid,
}

/// What decides, fixed before the first run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Criterion {
    /// How the arms are compared.
    pub kind: CriterionKind,
    /// What is estimated; only where differences of the metric are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimand: Option<Estimand>,
    /// Final metric of a run, by its name in [`crate::metric`].
    pub metric: String,
    /// Arm that the claim predicts to be better.
    pub treatment: String,
    /// Arm it is compared with.
    pub control: String,
    /// Of `interaction`: the treatment under the other condition, where the claim predicts a smaller advantage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_treatment: Option<String>,
    /// Of `interaction`: the control under the other condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_control: Option<String>,
    /// Of `trend`: the setting that is swept, by its path, such as `task.length`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Of `trend`: whether the slope is taken per unit of the field, or of its logarithm per doubling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field_scale: Option<Scale>,
    /// Of `cells`: the conditions beside the one of `treatment` and `control`, each as its treatment and its control.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<[String; 2]>,
    /// Of `cells`: in how many of the conditions the claim predicts the effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<u32>,
    /// Which direction of the metric is better.
    pub better: Better,
    /// Smallest effect of interest, on `scale` (for `solve_rate`: a difference of rates).
    pub margin: f64,
    /// On which scale differences are taken.
    pub scale: Scale,
    /// One-sided level of the verdict.
    pub alpha: f64,
    /// For `solve_rate`: a run has solved the task when its metric is at least this good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Of `difference` in the typical pair: when to stop before all seeds have run; if absent, all of them run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopping: Option<Stopping>,
}

/// When a sequential plan stops: its seeds run one pair at a time, and their number is the cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stopping {
    /// As soon as the e-value for, or against, the prediction reaches 1/`alpha`.
    EValue,
}

/// How the arms are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CriterionKind {
    /// The treatment is better by the margin: seed-paired differences.
    Difference,
    /// The arms differ by less than the margin, either way: seed-paired differences.
    Equivalence,
    /// The treatment is worse by less than the margin, or better: seed-paired differences. It is what `difference` predicts of
    /// the two arms the other way round, denied.
    NonInferiority,
    /// Difference of the shares of seeds that solve the task, paired.
    SolveRate,
    /// The treatment's advantage is greater by the margin than it is under another condition: four runs for each seed.
    Interaction,
    /// The metric improves along a swept setting, from the control's value to the treatment's: a slope for each seed.
    Trend,
    /// The treatment spreads less over the seeds, by the factor that the margin is the logarithm of.
    Dispersion,
    /// The treatment is better by the margin in at least so many of several conditions, each a pair of arms.
    Cells,
    /// Settings are looked for at which the treatment is not better by the margin. It decides nothing.
    Search,
}

/// What the differences of the seed pairs are to estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Estimand {
    /// The typical pair: half of all pairs are better, half worse. Its test holds for noise of any shape.
    Median,
    /// The mean over all pairs. Its test assumes that the noise is not skewed.
    Mean,
}

/// Direction of improvement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Errors and losses.
    Lower,
    /// Accuracies.
    Higher,
}

/// Scale of differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Plain difference.
    Additive,
    /// Difference of logarithms: a ratio.
    Log,
}
