//! The network: stacked recurrent layers with a linear output, in plain candle operations.
//!
//! This is the reference path: every operation is candle's own and differentiated by candle. Choices made
//! for speed, all measured: each gate has its own weight matrix, so nothing is cut with a gradient (candle
//! pads the gradient of a `narrow` to full size); a 1 is appended to each layer's input, so a bias is a row of
//! the matrix and not a broadcast, whose gradient is a slow reduction; and x, 1 and h share one product.

mod embedding;
mod gru;
mod layer;
mod lstm;
mod normalize;
mod normalized;
mod parameters;
mod rnn;
mod step;

pub use normalize::{Moments, Statistics};
pub(crate) use parameters::Arranged;
pub use parameters::Parameters;

use crate::dropout::Masks;
use crate::network::Network;
use crate::tasks::{Batch, Head, Inputs};
use breakmywork_protocol::spec::{Cell, Normalization, SiteName};
use candle_core::{D, Result, Tensor};

/// Weights as the forward pass uses them: tracked for training, or detached for evaluation.
#[derive(Debug, Clone)]
pub struct Weights {
    /// For each layer its matrices, in the order of [`Network::matrices`].
    layers: Vec<Vec<Tensor>>,
    /// A row for each token, if tokens are read.
    embedding: Option<Tensor>,
    output: Tensor,
    output_bias: Tensor,
    /// By what batch normalization goes, if not by the minibatch.
    statistics: Option<Statistics>,
}

impl Weights {
    /// The tensors by where they belong; tied ones stand for themselves.
    pub(crate) fn arranged(&self) -> Arranged {
        Arranged {
            layers: self.layers.clone(),
            embedding: self.embedding.clone(),
            output: Some(self.output.clone()),
            output_bias: self.output_bias.clone(),
        }
    }

    /// The same with those statistics for batch normalization, as at test.
    pub fn with_statistics(self, statistics: Option<Statistics>) -> Self {
        Self { statistics, ..self }
    }
}

/// What one forward pass leaves.
#[derive(Debug)]
pub struct Pass {
    /// The outputs at the steps read, one below the other: (steps read · batch) × width of the head.
    pub outputs: Tensor,
    /// The top layer's states at the steps read, with the output's masks.
    dropped: Tensor,
    /// The top layer's states at every step, without.
    states: Vec<Tensor>,
    /// The states after the last step.
    pub carried: Carried,
    /// The minibatch's statistics, where it was normalized by them.
    pub statistics: Statistics,
}

/// The states h and c of each layer, for a sequence that goes on; without a graph.
#[derive(Debug, Clone)]
pub struct Carried {
    /// From the bottom: batch × hidden each. Only an lstm has a c; the others carry zeros.
    pub layers: Vec<[Tensor; 2]>,
}

impl Pass {
    /// What is added to the loss; `None` where both weights are 0. Means are over all entries, as in AWD-LSTM's code.
    pub fn penalty(&self, ar: f64, tar: f64) -> Result<Option<Tensor>> {
        let mut terms = Vec::new();
        if ar > 0.0 {
            terms.push((self.dropped.sqr()?.mean_all()? * ar)?);
        }
        if tar > 0.0 && self.states.len() > 1 {
            let changes = self
                .states
                .windows(2)
                .map(|pair| (&pair[1] - &pair[0])?.sqr()?.mean_all());
            let changes = changes.collect::<Result<Vec<_>>>()?;
            terms.push((Tensor::stack(&changes, 0)?.mean_all()? * tar)?);
        }
        let sum = |sum: Option<Tensor>, term: Tensor| match sum {
            None => Ok(Some(term)),
            Some(sum) => (sum + term).map(Some),
        };
        terms.into_iter().try_fold(None, sum)
    }
}

impl Network {
    /// Name, rows and row of the bias of each matrix of a layer whose input has that width.
    fn matrices(&self, inputs: usize) -> Vec<Matrix> {
        let mut matrices = match self.cell {
            Cell::Rnn => rnn::matrices(inputs, self.hidden),
            Cell::Gru => gru::matrices(inputs, self.hidden),
            Cell::Lstm => lstm::matrices(inputs, self.hidden, self.forget_bias),
        };
        if self.normalization != Normalization::None {
            matrices.extend(normalize::matrices(self.normalization_gain));
        }
        matrices
    }

    /// The outputs at the steps read, one below the other: (steps read · batch) × width of the head; states begin at
    /// zero.
    pub fn forward(&self, weights: &Weights, inputs: &Inputs, masks: &Masks) -> Result<Tensor> {
        Ok(self.pass(weights, inputs, None, masks)?.outputs)
    }

    /// The outputs, the activations that penalties are on, and the states to go on from; `carried` are those of the
    /// window before, if this goes on from it.
    pub fn pass(
        &self,
        weights: &Weights,
        inputs: &Inputs,
        carried: Option<&Carried>,
        masks: &Masks,
    ) -> Result<Pass> {
        let mut states = self.read(weights, inputs, masks)?;
        let (mut last, mut seen) = (Vec::new(), Vec::new());
        let statistics = weights.statistics.as_ref();
        for (layer, matrices) in weights.layers.iter().enumerate() {
            let before = carried.map(|carried| &carried.layers[layer]);
            let above = self.layer(layer, matrices, &states, before, masks, statistics)?;
            states = above.states;
            last.push(above.last);
            seen.push(above.seen);
        }
        let from = states.len() - self.read_out.of(states.len());
        let entering = |(t, h)| masks.entering(SiteName::Output, self.layers - 1, t, h);
        let entering = states[from..]
            .iter()
            .enumerate()
            .map(entering)
            .collect::<Result<Vec<_>>>()?;
        // One product for all steps is faster than one for each.
        let inputs: Vec<&Tensor> = entering.iter().map(|entering| entering.gate(0)).collect();
        let dropped = Tensor::cat(&inputs, 0)?;
        let product = dropped
            .matmul(&weights.output)?
            .broadcast_add(&weights.output_bias)?;
        let outputs = if entering[0].has_noise() {
            let rows = product.dim(0)? / entering.len();
            let noisy = entering.iter().enumerate().map(|(t, entering)| {
                let product = product.narrow(0, t * rows, rows)?;
                entering.with_noise(0, product, || Ok(weights.output.clone()))
            });
            Tensor::cat(&noisy.collect::<Result<Vec<_>>>()?, 0)?
        } else {
            product
        };
        Ok(Pass {
            outputs,
            dropped,
            states,
            carried: Carried { layers: last },
            statistics: Statistics { layers: seen },
        })
    }

    /// Mean loss over all outputs that count: squared error or cross-entropy in nats.
    pub fn loss(&self, outputs: &Tensor, batch: &Batch) -> Result<Tensor> {
        let targets = &batch.targets;
        match self.head {
            Head::Value => candle_nn::loss::mse(outputs, targets),
            Head::Classes(_) => candle_nn::loss::cross_entropy(outputs, targets),
            Head::Keys(_) => {
                let losses = keys_loss(outputs, targets)?;
                match &batch.weights {
                    None => losses.mean_all(),
                    Some(weights) => (losses * weights)?.sum_all()? / weights.sum_all()?,
                }
            }
        }
    }
}

/// Cross-entropy of each output's keys, summed over the keys: from logits and zeros or ones, in nats.
///
/// −log p = max(z, 0) − z y + log(1 + exp(−|z|)), which is finite for every z.
pub fn keys_loss(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let far = (logits.relu()? - (logits * targets)?)?;
    let near = (logits.abs()?.neg()?.exp()? + 1.0)?.log()?;
    (far + near)?.sum(D::Minus1)
}

/// One weight matrix of a layer; it has `hidden` columns.
#[derive(Debug, Clone, Copy)]
struct Matrix {
    name: &'static str,
    rows: usize,
    /// The row that meets the appended 1.
    bias_row: usize,
    /// Initial value of that row.
    bias: f64,
    /// Whether it begins so whatever the range is in which all else begins.
    always: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::{ReadOut, Reads, Shape};
    use breakmywork_protocol::spec::Model;
    use candle_core::{DType, Device};

    /// A plain network that reads all in one step is a multilayer perceptron: tanh(W₂ tanh(W₁ x + b₁) + b₂), by hand.
    #[test]
    fn one_step_of_a_plain_network_is_a_perceptron() {
        let shape = Shape {
            steps: 1,
            reads: Reads::Numbers(3),
            head: Head::Classes(2),
            read_out: ReadOut::Last(1),
        };
        let network = Network {
            initial_range: Some(0.5),
            ..Network::new(&Model::new(Cell::Rnn, 2, 4), shape)
        };
        let parameters = Parameters::initial(&network, 1, DType::F64, &Device::Cpu).expect("fits");
        let x = [0.3, -1.2, 0.7];
        let inputs = Inputs::Numbers(vec![Tensor::new(&[x], &Device::Cpu).expect("a row")]);
        let weights = parameters.frozen().expect("weights");
        let outputs = network.forward(&weights, &inputs, &Masks::default());
        let outputs: Vec<Vec<f64>> = outputs.and_then(|y| y.to_vec2()).expect("computes");
        let matrices: Vec<Vec<Vec<f64>>> = parameters
            .named()
            .iter()
            .map(|(_, var)| var.to_vec2().expect("a matrix"))
            .collect();
        // Rows of the inputs, then the bias; those of the state before come behind and meet zeros.
        let product = |x: &[f64], matrix: &[Vec<f64>], bias: &[f64]| -> Vec<f64> {
            let column = |unit: usize| {
                let sum: f64 = x.iter().zip(matrix).map(|(x, row)| x * row[unit]).sum();
                sum + bias[unit]
            };
            (0..bias.len()).map(column).collect()
        };
        let tanh = |layer: Vec<f64>| -> Vec<f64> { layer.into_iter().map(f64::tanh).collect() };
        let first = tanh(product(&x, &matrices[0], &matrices[0][3]));
        let second = tanh(product(&first, &matrices[1], &matrices[1][4]));
        let expected = product(&second, &matrices[2], &matrices[3][0]);
        for (output, expected) in outputs[0].iter().zip(expected) {
            assert!((output - expected).abs() < 1e-12, "{output} {expected}");
        }
    }

    /// Two steps of one sequence with two units: by hand.
    #[test]
    fn penalties_are_means_of_squares() {
        let row = |values: [f64; 2]| Tensor::new(&[values], &Device::Cpu).expect("a row");
        let pass = Pass {
            outputs: row([0.0, 0.0]),
            carried: Carried { layers: Vec::new() },
            statistics: Statistics::default(),
            dropped: row([2.0, 0.0]),
            states: vec![row([1.0, 0.5]), row([1.0, -0.5]), row([3.0, -0.5])],
        };
        let penalty = |ar, tar| {
            let penalty = pass.penalty(ar, tar).expect("computes");
            penalty.map(|penalty| penalty.to_scalar::<f64>().expect("a number"))
        };
        assert_eq!(penalty(0.0, 0.0), None);
        assert_eq!(penalty(0.5, 0.0), Some(0.5 * 2.0));
        // Changes 0, −1 and then 2, 0.
        assert_eq!(penalty(0.0, 2.0), Some(2.0 * (1.0 + 4.0) / 4.0));
        assert_eq!(penalty(0.5, 2.0), Some(1.0 + 2.5));
    }
}
