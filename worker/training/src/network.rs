//! The shape of a network.

use crate::tasks::{Head, ReadOut, Reads, Shape};
use breakmywork_protocol::spec::{Cell, Model, Normalization};

/// The shape of a network: everything about it but its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// The recurrent cell.
    pub cell: Cell,
    /// Stacked layers.
    pub layers: usize,
    /// Units of a layer.
    pub hidden: usize,
    /// What keeps the pre-activations in range.
    pub normalization: Normalization,
    /// Numbers that enter the first layer at a step: the task's, or an embedding.
    pub inputs: usize,
    /// Tokens that have an embedding, if tokens are read.
    pub vocabulary: Option<usize>,
    /// Gains of the normalization at the start.
    pub normalization_gain: f64,
    /// Whether the output's weights are the embedding's.
    pub tied: bool,
    /// All parameters begin uniform in ± this, if it is given.
    pub initial_range: Option<f64>,
    /// Bias of the forget gate at the start, whatever the range is, if it is given.
    pub forget_bias: Option<f64>,
    /// What the linear output means.
    pub head: Head,
    /// At which time steps the output is read.
    pub read_out: ReadOut,
}

impl Network {
    /// The network of that specification for that task.
    pub fn new(model: &Model, shape: Shape) -> Self {
        let (inputs, vocabulary) = match shape.reads {
            Reads::Numbers(width) => (width, None),
            Reads::Tokens(vocabulary) => {
                let width = model.embedding.unwrap_or(model.hidden) as usize;
                (width, Some(vocabulary))
            }
        };
        Self {
            cell: model.cell,
            layers: model.layers as usize,
            hidden: model.hidden as usize,
            normalization: model.normalization,
            normalization_gain: model
                .normalization_gain
                .or(model.normalization.usual_gain())
                .unwrap_or(1.0),
            inputs,
            vocabulary,
            tied: model.tied_embeddings == Some(true),
            initial_range: model.initial_range,
            forget_bias: model.forget_bias,
            head: shape.head,
            read_out: shape.read_out,
        }
    }

    /// Width of what enters a layer.
    pub fn layer_inputs(&self, layer: usize) -> usize {
        if layer == 0 { self.inputs } else { self.hidden }
    }

    /// How many gates x and h enter; the GRU's candidate counts as one.
    pub fn gates(&self) -> usize {
        match self.cell {
            Cell::Rnn => 1,
            Cell::Gru => 3,
            Cell::Lstm => 4,
        }
    }
}
