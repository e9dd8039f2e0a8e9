//! What is measured: sizes of networks, ways to drop, and who competes.

use breakmywork_training::device::DeviceChoice;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// Gradient norm at which everybody clips.
pub(crate) const CLIP: f64 = 5.0;
/// Step size of everybody's gradient descent; small, so that nothing diverges on random text.
pub(crate) const LEARNING_RATE: f64 = 0.1;

/// A language model and its minibatch; an embedding is as wide as a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Size {
    /// Units of a layer.
    pub(crate) hidden: usize,
    /// Stacked LSTM layers.
    pub(crate) layers: usize,
    /// Sequences in a minibatch.
    pub(crate) batch: usize,
    /// Time steps of a window.
    pub(crate) steps: usize,
    /// Different tokens.
    pub(crate) vocabulary: usize,
}

impl Size {
    /// Tokens of a minibatch.
    pub(crate) fn tokens(&self) -> usize {
        self.batch * self.steps
    }

    /// Floating-point operations for a token: forward and twice that backward, two for each weight that multiplies.
    pub(crate) fn flops_a_token(&self) -> f64 {
        let recurrent = self.layers * 4 * self.hidden * (self.hidden + self.hidden);
        let output = self.hidden * self.vocabulary;
        6.0 * (recurrent + output) as f64
    }

    /// Rows, inner size and columns of the large products: inputs of all steps, outputs, and their gradients.
    pub(crate) fn products(&self) -> [[usize; 3]; 5] {
        let (tokens, hidden, gates) = (self.tokens(), self.hidden, 4 * self.hidden);
        [
            [tokens, hidden, gates],
            [hidden, tokens, gates],
            [tokens, gates, hidden],
            [tokens, hidden, self.vocabulary],
            [hidden, tokens, self.vocabulary],
        ]
    }
}

/// A size with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Configuration {
    /// One layer of 64 on ten tokens.
    H64,
    /// One layer of 128 on a hundred tokens.
    H128,
    /// One layer of 256 on characters.
    Char,
    /// Penn Treebank, 2 × 200 (Zaremba et al. 2014).
    PtbSmall,
    /// Penn Treebank, 2 × 650.
    PtbMedium,
    /// Penn Treebank, 2 × 1500.
    PtbLarge,
}

impl Configuration {
    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::H64 => "h64",
            Self::H128 => "h128",
            Self::Char => "char",
            Self::PtbSmall => "ptb-small",
            Self::PtbMedium => "ptb-medium",
            Self::PtbLarge => "ptb-large",
        }
    }

    /// Its sizes.
    pub(crate) fn size(self) -> Size {
        let size = |hidden, layers, batch, steps, vocabulary| Size {
            hidden,
            layers,
            batch,
            steps,
            vocabulary,
        };
        match self {
            Self::H64 => size(64, 1, 64, 100, 10),
            Self::H128 => size(128, 1, 128, 200, 100),
            Self::Char => size(256, 1, 32, 64, 64),
            Self::PtbSmall => size(200, 2, 20, 35, 10_000),
            Self::PtbMedium => size(650, 2, 20, 35, 10_000),
            Self::PtbLarge => size(1500, 2, 20, 35, 10_000),
        }
    }

    /// Name and sizes in words.
    pub(crate) fn title(self) -> String {
        let Size {
            hidden,
            layers,
            batch,
            steps,
            vocabulary,
        } = self.size();
        let name = self.name();
        format!("{name}: {layers}×{hidden} b{batch} T{steps} V{vocabulary}")
    }
}

/// Where units are dropped while training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(crate) enum Dropout {
    /// Nowhere.
    None,
    /// Embedding, input, state and output, the same mask for all gates.
    GalTied,
    /// The same with a mask for each gate.
    GalUntied,
}

impl Dropout {
    /// Name of its preset.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::GalTied => "gal_tied",
            Self::GalUntied => "gal_untied",
        }
    }
}

/// Who trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(crate) enum Contender {
    /// Nobody: the large products alone.
    Peak,
    /// The worker.
    Ours,
    /// `candle_nn::LSTM`.
    CandleNn,
    /// `torch.nn.LSTM`.
    TorchLstm,
    /// A loop in torch with masks inside the recurrence.
    TorchLoop,
}

impl Contender {
    /// All of them, in the order of a round.
    pub(crate) const ALL: [Self; 5] = [
        Self::Peak,
        Self::Ours,
        Self::CandleNn,
        Self::TorchLstm,
        Self::TorchLoop,
    ];

    /// Its name in tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Peak => "matrix products",
            Self::Ours => "ours",
            Self::CandleNn => "candle-nn LSTM",
            Self::TorchLstm => "torch nn.LSTM",
            Self::TorchLoop => "torch loop",
        }
    }

    /// How it can drop inside the recurrence.
    pub(crate) fn dropouts(self) -> &'static [Dropout] {
        match self {
            Self::Ours => &[Dropout::GalUntied, Dropout::GalTied, Dropout::None],
            Self::TorchLoop => &[Dropout::GalUntied, Dropout::GalTied],
            Self::Peak | Self::CandleNn | Self::TorchLstm => &[Dropout::None],
        }
    }

    /// Whether it can be measured there.
    pub(crate) fn competes_on(self, device: DeviceChoice) -> bool {
        device == DeviceChoice::Cpu || !matches!(self, Self::Peak | Self::CandleNn)
    }

    /// Whether it needs a Python with torch.
    pub(crate) fn is_torch(self) -> bool {
        matches!(self, Self::TorchLstm | Self::TorchLoop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_counted_by_weights() {
        let size = Configuration::PtbMedium.size();
        let weights = 2 * (4 * 650 * 1300) + 650 * 10_000;
        assert_eq!(size.flops_a_token(), 6.0 * f64::from(weights));
    }
}
