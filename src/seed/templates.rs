//! Ready-made specifications to start from. Their texts lie in `examples/specs/`.

use breakmywork_protocol::spec::{self, Format, Spec};
use std::sync::LazyLock;

/// A ready-made specification.
#[derive(Debug, Clone, Copy)]
pub struct Template {
    /// Part of an address: `/experiments/new?template=NAME`.
    pub name: &'static str,
    /// The work of the seed content that its claim is about, by its part of the address.
    pub work: &'static str,
    /// The claim of the seed content that it tests.
    pub claim: &'static str,
    /// What it does, in a few words.
    pub title: &'static str,
    /// One sentence: why one would run it.
    pub about: &'static str,
    /// The specification.
    pub toml: &'static str,
}

/// The templates with what their texts say, read once.
pub fn read_templates() -> &'static [(&'static Template, Spec)] {
    static READ: LazyLock<Vec<(&Template, Spec)>> = LazyLock::new(|| {
        let read = |template: &'static Template| {
            Some((template, spec::read(template.toml, Format::Toml).ok()?))
        };
        TEMPLATES.iter().filter_map(read).collect()
    });
    &READ
}

impl Template {
    /// Whether it tests that claim about that work.
    pub fn tests(&self, work: &str, label: &str) -> bool {
        self.work == work && self.claim == label
    }
}

macro_rules! templates {
    ($($name:literal, $work:literal, $claim:literal, $title:literal, $about:literal;)*) => {
        /// The templates, the one to begin with first.
        pub const TEMPLATES: &[Template] = &[$(Template {
            name: $name,
            work: $work,
            claim: $claim,
            title: $title,
            about: $about,
            toml: include_str!(concat!("../../examples/specs/", $name, ".toml")),
        },)*];
    };
}

templates! {
    "fixed-or-fresh", "recurrent-dropout", "C2",
        "Fixed against fresh state masks",
        "The comparison at its smallest: the same recurrent dropout mask at every time step, or a new one at each. On generated sequences, which cannot be overfitted, so it does not move the claim.";
    "each-at-its-best", "recurrent-dropout", "C2",
        "The same, each arm at its best",
        "Both arms first choose learning rate and drop rate, by the same search and on seeds of their own: so neither was badly tuned.";
    "order-solved", "recurrent-dropout", "C3",
        "Does noise drown the signal?",
        "How many seeds still learn the order of two distant bits when the state's mask changes at every step.";
    "dropout-or-none", "recurrent-dropout", "C1",
        "State dropout against none",
        "Generated data cannot be overfitted, so here dropout has nothing to gain: does the claim say so?";
    "samples-or-mean", "recurrent-dropout", "C7",
        "Averaging over masks against masks at their mean",
        "The same trained networks, tested twice: with predictions averaged over fifty masks, and in one pass with masks at their mean.";
    "gates-untied", "recurrent-dropout", "C8",
        "A mask for each gate against one for all",
        "The two forms of the method, untied and tied, at the same rates.";
    "state-or-cell", "recurrent-dropout", "C9",
        "A mask on the state against one on the cell",
        "RNNDrop as published, and beside it the same mask without the gap between training and test: how much of its deficit is the gap?";
    "gru-too", "recurrent-dropout", "C14",
        "The same with a gated recurrent unit",
        "Fixed against fresh state masks with a GRU: the LSTM's ordering should repeat.";
    "where-it-fails", "recurrent-dropout", "C3",
        "Search for where the claim fails",
        "The board draws points over rate, length, units and learning rate, keeps those that lie worst for the claim, makes the worst one simpler and proposes an experiment there.";
    "fixed-or-fresh-text", "recurrent-dropout", "C2",
        "Fixed against fresh state masks, on text",
        "The central claim where it speaks: a text can be overfitted, so this one moves the claim.";
    "fixed-or-fresh-music", "recurrent-dropout", "C2",
        "Fixed against fresh state masks, on music",
        "The same on four-part chorales: small data, long-known numbers.";
    "noise-grows-with-length", "recurrent-dropout", "C3",
        "Does the gap grow with the length?",
        "Fixed against fresh masks on sequences of 60 steps and of 15: the claim says that the gap is wider on the long ones.";
    "gal-or-zaremba", "recurrent-dropout", "C5",
        "Gal against Zaremba, each at its best",
        "Both methods first choose two rates by the same search: the paper tuned two for one method and one for the other.";
    "ensembles", "recurrent-dropout", "S36",
        "Five networks each",
        "The predictions of five networks averaged, with variational dropout and with dropout off the recurrence; beside them one network with twenty masks.";
    "dropout-or-none-text", "recurrent-dropout", "C1",
        "State dropout against none, on text",
        "The control is stopped where it validates best, as a careful person would.";
    "size-pays-off", "recurrent-dropout", "C6",
        "Do larger models pay off only with the method?",
        "Four times the units, with variational dropout and without any: the claim says that only with it they gain.";
    "off-the-recurrence", "recurrent-dropout", "C2",
        "The same mask off the recurrence, too?",
        "Masks on inputs and outputs alone. The paper shares them over time as well; later work found no difference.";
    "gates-alike", "recurrent-dropout", "C8",
        "Are tied and untied gates the same?",
        "Asked as an equivalence: supported if neither is better by 0.02 nats.";
    "samples-or-mean-text", "recurrent-dropout", "C7",
        "Averaging over masks, on text",
        "The same trained networks, tested with twenty masks and with none: the paper found 0.6 to 1.8 points of perplexity.";
    "words-dropped", "recurrent-dropout", "C4",
        "Dropping whole words from the embedding",
        "A fifth of the word types is gone in each window, everywhere it occurs.";
    "type-or-place", "recurrent-dropout", "C4",
        "Word types against places",
        "In long windows words repeat, so that dropping a type everywhere should differ more from dropping places.";
    "only-together", "recurrent-dropout", "C12",
        "Only together?",
        "State and embedding dropout at rates 0 and 0.5, on film reviews, by the gap between training and test.";
    "decay-matters", "recurrent-dropout", "C11",
        "Does weight decay matter for it?",
        "If decay is the prior of a Bayesian reading, it should gain more there than under fresh masks.";
    "state-or-cell-text", "recurrent-dropout", "C9",
        "State against cell masks, on text",
        "RNNDrop as it was published, on data where the claim speaks.";
    "cell-scaled-alike", "recurrent-dropout", "C9",
        "RNNDrop with consistent scaling",
        "The same mask without the difference between training and test: if that alone helps, C9 compared with a handicap.";
    "cell-and-words", "recurrent-dropout", "C4",
        "Embedding dropout beside RNNDrop",
        "The paper adds it to its own method only; if it helps any method, it is no part of one.";
    "long-past-the-best", "recurrent-dropout", "C10",
        "Long past the best epoch",
        "Thirty epochs on a fifth of the film reviews, without early stopping: who overfits?";
    "against-early-stopping", "recurrent-dropout", "C10",
        "Against early stopping",
        "A reviewer of the paper remarked that early stopping beat every dropout method there.";
    "gru-too-text", "recurrent-dropout", "C14",
        "The same with a GRU, on text",
        "Where the claim speaks: the LSTM’s ordering should repeat.";
    "memory-in-place", "recurrent-dropout", "C3",
        "Fresh noise that leaves the memory in place",
        "Zoneout is fresh noise, too, and keeps old values: if it copies where fresh masks cannot, noise alone does not drown the signal.";
    "naive-or-gal-constant", "recurrent-dropout", "C5",
        "Without learning-rate decay",
        "The paper’s Figure 2 holds the learning rate constant and trains on: variational below naive.";
    "training-loss", "recurrent-dropout", "C5",
        "A regularizer, or an easier problem?",
        "Measured on the training text with masks at their mean: a regularizer should fit it worse, and Press and Wolf found the opposite.";
    "which-schedule", "recurrent-dropout", "C5",
        "How much of it is the schedule?",
        "The two methods were compared under different learning-rate schedules: here both get both.";
    "posterior-concentrates", "recurrent-dropout", "C13",
        "Does the posterior concentrate?",
        "More data should leave less uncertainty: sixteen times as much text, for as many steps.";
    "update-or-cell", "recurrent-dropout-without-memory-loss", "S1",
        "Dropping the update against dropping the memory",
        "How many seeds learn the order of two distant bits, with fresh masks in two places.";
    "update-or-fixed-state", "recurrent-dropout-without-memory-loss", "S2",
        "Fresh update masks against Gal’s fixed ones",
        "The cheapest attack on the central claim read as one about all recurrent masks.";
    "zoneout-or-none", "zoneout", "S3",
        "Zoneout against none",
        "Krueger et al. went from 1.356 to 1.27 bits per character on the Penn Treebank.";
    "temperature-or-samples", "pushing-the-bounds-of-dropout", "S4",
        "A temperature in place of fifty masks",
        "The same weights, tested in one pass at the temperature that fits validation best, and averaged over fifty masks.";
    "fifty-masks", "dropout-as-a-bayesian-approximation", "S5",
        "Averaging at temperature 1",
        "What Gal’s work reports, at a margin of half a hundredth of a nat.";
    "dropconnect-or-state", "awd-lstm", "S6",
        "DropConnect against a state mask",
        "One mask of the recurrent weights for the whole minibatch, as in AWD-LSTM.";
    "one-mask-for-all", "awd-lstm", "S7",
        "One mask for the whole minibatch",
        "What AWD-LSTM does for the embedding, and a fork of Keras for the state.";
    "fresh-off-the-recurrence", "state-of-the-art-of-evaluation", "S8",
        "Fresh masks off the recurrence",
        "The other side of the paper’s advice to share every mask over time.";
    "zaremba-and-state", "recurrent-regularization-zaremba", "S9",
        "Zaremba’s dropout with and without the recurrence",
        "Why practice left the recurrent connections alone.";
    "plain-network-noise", "regularization-and-nonlinearities", "S10",
        "Fresh noise in a plain network",
        "A plain recurrent language model, with a fresh state mask and without any.";
    "before-or-inside", "where-to-apply-dropout", "S11",
        "Before the layer against inside it",
        "The same rate at two positions, with fresh masks.";
    "fast-or-none", "fast-dropout-rnn", "S12",
        "Fast dropout against none",
        "Bayer et al. went from 8.58 to 8.01 nats a frame on the JSB chorales.";
    "none-or-fast", "regularizing-rnns-on-music", "S13",
        "Without fast dropout",
        "The rival claim on the same data: training without it is no worse.";
    "gated-or-plain", "sequence-modeling-bai", "S14",
        "An LSTM against a plain network",
        "Bai et al. report 8.45 and 8.91 nats a frame.";
    "gru-or-lstm", "sequence-modeling-bai", "S35",
        "A GRU against an LSTM",
        "Bai et al. report 8.43 and 8.45 nats a frame.";
    "tied-or-variational", "using-the-output-embedding", "S15",
        "Tied embeddings against variational dropout",
        "Press and Wolf went from 78.4 to 74.3 by tying alone; the untied variational model has 75.2.";
    "clip-or-not", "difficulty-of-training-rnns", "S16",
        "Clipping against none",
        "How many seeds of a plain network learn the order of two distant bits by gradient descent.";
    "variance-by-rate", "dropout-as-a-bayesian-approximation", "S17",
        "Variance by the drop rate",
        "Verdoja and Kyrki: how sure the masks are is set by the rate, whatever the data say.";
    "variance-and-data", "dropout-as-a-bayesian-approximation", "S18",
        "Variance as data grow",
        "Osband: what does not shrink with data is risk and no uncertainty. Supported if a sixteenth of the text leaves less than 0.002 more of it.";
    "batch-norm-or-none", "batch-normalized-rnns", "S20",
        "Batch normalization of the recurrence",
        "Laurent et al. saw no gain; Cooijmans et al. went from 1.38 to 1.32 bits per character.";
    "small-gain", "recurrent-batch-normalization", "S21",
        "A small gain against one of 1",
        "Cooijmans et al. start their gains at 0.1 and say that 1 does not work.";
    "batch-or-layer", "batch-renormalization", "S22",
        "Batch against layer normalization",
        "In minibatches of 64 and of 4, for as many steps.";
    "gap-by-epochs", "train-faster-generalize-better", "S24",
        "The gap by the number of epochs",
        "Hardt et al. bound the gap by the steps taken; three lengths of training on the chorales.";
    "spread-by-width", "loss-surfaces", "S26",
        "Spread over seeds by width",
        "Thirty seeds of two widths on the chorales: Choromanska et al. say that the spread falls.";
    "forget-bias", "empirical-exploration", "S29",
        "Forget bias 1 against 0",
        "One number at the start of training, on the adding problem.";
    "dropout-early-only", "dropout-reduces-underfitting", "S31",
        "Dropout in the first tenth of training",
        "By the loss on the training text at the end: a small network underfits it.";
    "variance-off-the-data", "dropout-as-a-bayesian-approximation", "S32",
        "Variance off the data",
        "Trained on numbers from 0 to 1, tested on those and on numbers from 1 to 2.";
    "variance-or-entropy", "dropout-as-a-bayesian-approximation", "S33",
        "Which tells better where it is wrong?",
        "The variance of twenty masks and the entropy of one pass, each ranked against the error of every character of the test.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    /// Each reads, passes every gate, and takes less than an hour of one core.
    #[test]
    fn each_can_be_registered_as_it_is() {
        let mut problems = String::new();
        for template in TEMPLATES {
            let spec = match spec::read(template.toml, Format::Toml) {
                Ok(spec) => spec,
                Err(found) => {
                    let _ = writeln!(problems, "{}: {found}", template.name);
                    continue;
                }
            };
            if let Err(found) = spec.registrable() {
                let _ = writeln!(problems, "{}: {found}", template.name);
            }
            let minutes = spec::cpu_seconds(&spec) / 60.0;
            if minutes > 60.0 {
                let _ = writeln!(problems, "{}: {minutes} minutes", template.name);
            }
        }
        assert!(problems.is_empty(), "{problems}");
        assert_eq!(read_templates().len(), TEMPLATES.len());
    }

    /// The sentence of each criterion, beside its claim and why it would not move it: reviewed when it changes.
    #[test]
    fn each_says_what_its_claim_says() {
        let mut told = String::new();
        for template in TEMPLATES {
            let Ok(spec) = spec::read(template.toml, Format::Toml) else {
                continue;
            };
            let (sentence, scope) = super::super::claim_of(template).expect("a claim of the seed");
            let reading = spec.criterion.as_ref().map(|criterion| criterion.reading());
            let outside = match spec.is_search() {
                true => Vec::new(),
                false => scope.outside(&spec),
            };
            let minutes = spec::cpu_seconds(&spec) / 60.0;
            let _ = writeln!(
                told,
                "{} ({}): {sentence}\n  {}\n  {} runs, {minutes:.1} minutes of a core\n  {}\n",
                template.name,
                template.claim,
                reading.unwrap_or_default(),
                spec.runs(),
                if outside.is_empty() {
                    "moves the claim".into()
                } else {
                    outside.join(" ")
                },
            );
        }
        insta::assert_snapshot!("templates", told);
    }
}
