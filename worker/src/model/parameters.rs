//! The trained parameters: names, initial values, and the two views of them that the forward pass takes.

use super::{Network, Weights};
use crate::rng::{Purpose, Stream};
use candle_core::{DType, Device, Result, Tensor, Var};

/// Named parameters in a fixed order: the embedding, if there is one, the layers' matrices from the bottom, then the
/// linear output.
#[derive(Debug)]
pub struct Parameters {
    named: Vec<(String, Var)>,
    /// Matrices of each layer.
    per_layer: usize,
    /// Whether the first is an embedding.
    embedded: bool,
    /// Whether the embedding is the output's weight too.
    tied: bool,
}

impl Parameters {
    /// Initial values: uniform in ±1/√hidden as in torch, biases 0 except the forget gate's 1; or all uniform in the
    /// network's initial range.
    ///
    /// They depend on the seed and the shape alone, so all arms of a seed that share a shape begin alike.
    pub fn initial(network: &Network, seed: u32, dtype: DType, device: &Device) -> Result<Self> {
        let hidden = network.hidden;
        let bound = network
            .initial_range
            .unwrap_or(1.0 / (hidden as f64).sqrt());
        let set_biases = network.initial_range.is_none();
        let mut named: Vec<(String, Var)> = Vec::new();
        let mut per_layer = 0;
        let mut add = |name: String, rows: usize, columns: usize, bias: Option<(usize, f64)>| {
            let mut stream = Stream::new(seed, Purpose::Weights, named.len() as u64);
            let mut values: Vec<f64> = (0..rows * columns)
                .map(|_| bound * (2.0 * stream.uniform() - 1.0))
                .collect();
            if let Some((row, value)) = bias.filter(|_| set_biases) {
                values[row * columns..][..columns].fill(value);
            }
            let tensor =
                Tensor::from_vec(values, (rows, columns), &Device::Cpu)?.to_dtype(dtype)?;
            named.push((name, Var::from_tensor(&tensor.to_device(device)?)?));
            Result::Ok(())
        };
        if let Some(vocabulary) = network.vocabulary {
            add("embedding".into(), vocabulary, network.inputs, None)?;
        }
        for layer in 0..network.layers {
            let matrices = network.matrices(network.layer_inputs(layer));
            per_layer = matrices.len();
            for matrix in matrices {
                let bias = Some((matrix.bias_row, matrix.bias));
                add(
                    format!("layer{layer}.{}", matrix.name),
                    matrix.rows,
                    hidden,
                    bias,
                )?;
            }
        }
        let width = network.head.width();
        if !network.tied {
            add("output.weight".into(), hidden, width, None)?;
        }
        add("output.bias".into(), 1, width, Some((0, 0.0)))?;
        Ok(Self {
            named,
            per_layer,
            embedded: network.vocabulary.is_some(),
            tied: network.tied,
        })
    }

    /// Names and variables, always in the same order.
    pub fn named(&self) -> &[(String, Var)] {
        &self.named
    }

    /// How many numbers there are to train.
    pub fn count(&self) -> usize {
        self.named.iter().map(|(_, var)| var.elem_count()).sum()
    }

    /// Weights that gradients flow to.
    ///
    /// # Errors
    /// If the device is out of memory.
    pub fn weights(&self) -> Result<Weights> {
        self.view(|var| var.as_tensor().clone())
    }

    /// Weights cut from the graph: candle would otherwise build one during evaluation too.
    ///
    /// # Errors
    /// If the device is out of memory.
    pub fn frozen(&self) -> Result<Weights> {
        self.view(|var| var.as_detached_tensor())
    }

    /// A copy of the present values, which later steps do not change.
    pub fn values(&self) -> Result<Vec<Tensor>> {
        let copies = self
            .named
            .iter()
            .map(|(_, var)| var.as_detached_tensor().copy());
        copies.collect()
    }

    /// Those values as weights, cut from the graph.
    ///
    /// # Errors
    /// If the device is out of memory.
    pub fn with_values(&self, values: &[Tensor]) -> Result<Weights> {
        self.arranged(values.to_vec())
    }

    fn view(&self, of: impl Fn(&Var) -> Tensor) -> Result<Weights> {
        self.arranged(self.named.iter().map(|(_, var)| of(var)).collect())
    }

    fn arranged(&self, mut tensors: Vec<Tensor>) -> Result<Weights> {
        let output_bias = tensors.remove(tensors.len() - 1);
        let own_output = (!self.tied).then(|| tensors.remove(tensors.len() - 1));
        let embedding = self.embedded.then(|| tensors.remove(0));
        let output = match (own_output, &embedding) {
            (Some(output), _) => output,
            (None, Some(embedding)) => embedding.t()?,
            (None, None) => candle_core::bail!("the output is tied to no embedding"),
        };
        Ok(Weights {
            layers: tensors
                .chunks(self.per_layer)
                .map(<[Tensor]>::to_vec)
                .collect(),
            embedding,
            output,
            output_bias,
        })
    }
}
