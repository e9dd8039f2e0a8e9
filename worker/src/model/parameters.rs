//! The trained parameters: names, initial values, and the two views of them that the forward pass takes.

use super::{Network, Weights};
use crate::rng::{Purpose, Stream};
use candle_core::{DType, Device, Result, Tensor, Var};

/// Named parameters in a fixed order: the layers' matrices from the bottom, then the linear output.
#[derive(Debug)]
pub struct Parameters {
    named: Vec<(String, Var)>,
    /// Matrices of each layer.
    per_layer: usize,
}

impl Parameters {
    /// Initial values: uniform in ±1/√hidden as in torch, biases 0 except the forget gate's 1.
    ///
    /// They depend on the seed and the shape alone, so all arms of a seed that share a shape begin alike.
    pub fn initial(network: &Network, seed: u32, dtype: DType, device: &Device) -> Result<Self> {
        let hidden = network.hidden;
        let bound = 1.0 / (hidden as f64).sqrt();
        let mut named: Vec<(String, Var)> = Vec::new();
        let mut per_layer = 0;
        let mut add = |name: String, rows: usize, columns: usize, bias: Option<(usize, f64)>| {
            let mut stream = Stream::new(seed, Purpose::Weights, named.len() as u64);
            let mut values: Vec<f64> = (0..rows * columns)
                .map(|_| bound * (2.0 * stream.uniform() - 1.0))
                .collect();
            if let Some((row, value)) = bias {
                values[row * columns..][..columns].fill(value);
            }
            let tensor =
                Tensor::from_vec(values, (rows, columns), &Device::Cpu)?.to_dtype(dtype)?;
            named.push((name, Var::from_tensor(&tensor.to_device(device)?)?));
            Result::Ok(())
        };
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
        add("output.weight".into(), hidden, width, None)?;
        add("output.bias".into(), 1, width, Some((0, 0.0)))?;
        Ok(Self { named, per_layer })
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
    pub fn weights(&self) -> Weights {
        self.view(|var| var.as_tensor().clone())
    }

    /// Weights cut from the graph: candle would otherwise build one during evaluation too.
    pub fn frozen(&self) -> Weights {
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
    pub fn with_values(&self, values: &[Tensor]) -> Weights {
        self.arranged(values.to_vec())
    }

    fn view(&self, of: impl Fn(&Var) -> Tensor) -> Weights {
        self.arranged(self.named.iter().map(|(_, var)| of(var)).collect())
    }

    fn arranged(&self, mut tensors: Vec<Tensor>) -> Weights {
        let outputs = tensors.split_off(tensors.len() - 2);
        Weights {
            layers: tensors
                .chunks(self.per_layer)
                .map(<[Tensor]>::to_vec)
                .collect(),
            output: outputs[0].clone(),
            output_bias: outputs[1].clone(),
        }
    }
}
