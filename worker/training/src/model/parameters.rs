//! The trained parameters: names, initial values, and the two views of them that the forward pass takes.

use super::Weights;
use crate::gradient::Gradient;
use crate::network::Network;
use crate::rng::{Purpose, Stream};
use candle_core::backprop::GradStore;
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

/// The parameters' tensors by where they belong.
pub(crate) struct Arranged {
    /// For each layer its matrices.
    pub(crate) layers: Vec<Vec<Tensor>>,
    /// A row for each token, if tokens are read.
    pub(crate) embedding: Option<Tensor>,
    /// The output's weights, if they are not the embedding's.
    pub(crate) output: Option<Tensor>,
    pub(crate) output_bias: Tensor,
}

impl Parameters {
    /// Initial values: uniform in ±1/√hidden as in torch, biases 0 except the forget gate's; or all uniform in the
    /// network's initial range, except what is given.
    ///
    /// They depend on the seed and the shape alone, so all arms of a seed that share a shape begin alike.
    pub fn initial(network: &Network, seed: u32, dtype: DType, device: &Device) -> Result<Self> {
        let hidden = network.hidden;
        let bound = network
            .initial_range
            .unwrap_or(1.0 / (hidden as f64).sqrt());
        let mut named: Vec<(String, Var)> = Vec::new();
        let mut per_layer = 0;
        let mut add = |name: String, rows: usize, columns: usize, set: Option<(usize, f64)>| {
            let mut stream = Stream::new(seed, Purpose::Weights, named.len() as u64);
            let mut values: Vec<f64> = (0..rows * columns)
                .map(|_| bound * (2.0 * stream.uniform() - 1.0))
                .collect();
            if let Some((row, value)) = set {
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
                let set = network.initial_range.is_none() || matrix.always;
                let set = set.then_some((matrix.bias_row, matrix.bias));
                add(
                    format!("layer{layer}.{}", matrix.name),
                    matrix.rows,
                    hidden,
                    set,
                )?;
            }
        }
        let width = network.head.width();
        if !network.tied {
            add("output.weight".into(), hidden, width, None)?;
        }
        let zero = network.initial_range.is_none().then_some((0, 0.0));
        add("output.bias".into(), 1, width, zero)?;
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

    /// The gradients in the order of the parameters.
    ///
    /// # Errors
    /// If the device is out of memory.
    pub fn gradients(&self, gradients: &GradStore) -> Result<Vec<Gradient>> {
        let each = self.named.iter().map(|(_, var)| match gradients.get(var) {
            // candle keeps the whole graph alive in a parameter's gradient; moments must not inherit it.
            Some(gradient) => Ok(Gradient::Whole(gradient.detach())),
            None => Ok(Gradient::Whole(var.as_detached_tensor().zeros_like()?)),
        });
        each.collect()
    }

    /// The present values by where they belong, cut from the graph.
    pub(crate) fn tensors(&self) -> Arranged {
        self.arrange(
            self.named
                .iter()
                .map(|(_, var)| var.as_detached_tensor())
                .collect(),
        )
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

    fn arrange(&self, mut tensors: Vec<Tensor>) -> Arranged {
        let output_bias = tensors.remove(tensors.len() - 1);
        let output = (!self.tied).then(|| tensors.remove(tensors.len() - 1));
        let embedding = self.embedded.then(|| tensors.remove(0));
        Arranged {
            layers: tensors
                .chunks(self.per_layer)
                .map(<[Tensor]>::to_vec)
                .collect(),
            embedding,
            output,
            output_bias,
        }
    }

    fn arranged(&self, tensors: Vec<Tensor>) -> Result<Weights> {
        let arranged = self.arrange(tensors);
        let output = match (arranged.output, &arranged.embedding) {
            (Some(output), _) => output,
            (None, Some(embedding)) => embedding.t()?,
            (None, None) => candle_core::bail!("the output is tied to no embedding"),
        };
        Ok(Weights {
            layers: arranged.layers,
            embedding: arranged.embedding,
            output,
            output_bias: arranged.output_bias,
            statistics: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::Task;
    use breakmywork_protocol::spec::{self, Cell, Model, Normalization, TaskName};
    use std::collections::BTreeMap;

    fn begun(model: &Model) -> BTreeMap<String, Vec<Vec<f64>>> {
        let task = Task::generated(&spec::Task::generated(TaskName::Adding, 6)).expect("generated");
        let network = Network::new(model, task.shape());
        let parameters = Parameters::initial(&network, 1, DType::F64, &Device::Cpu);
        let named = parameters.expect("fits").named;
        let values = |(name, var): (String, Var)| (name, var.to_vec2().expect("a matrix"));
        named.into_iter().map(values).collect()
    }

    /// Adding has two inputs, so the third row is the bias (see `lstm::matrices`).
    #[test]
    fn the_forget_bias_is_what_is_given_and_nothing_else_changes() {
        for (given, initial_range, expected) in [
            (None, None, Some(1.0)),
            (Some(0.0), None, Some(0.0)),
            (Some(-2.5), Some(0.1), Some(-2.5)),
            (None, Some(0.1), None),
        ] {
            let usual = Model {
                initial_range,
                ..Model::new(Cell::Lstm, 2, 4)
            };
            let model = Model {
                forget_bias: given,
                ..usual.clone()
            };
            let (mut usual, mut begun) = (begun(&usual), begun(&model));
            for (layer, row) in [(0, 2), (1, 4)] {
                let gate = format!("layer{layer}.forget_gate");
                let of = |all: &mut BTreeMap<String, Vec<Vec<f64>>>| {
                    all.get_mut(&gate).expect("there").remove(row)
                };
                let (bias, _) = (of(&mut begun), of(&mut usual));
                match expected {
                    Some(expected) => assert_eq!(bias, [expected; 4]),
                    None => assert!(bias.iter().all(|bias| bias.abs() < 0.1 && *bias != 0.0)),
                }
            }
            assert_eq!(begun, usual);
        }
    }

    #[test]
    fn gains_begin_as_published_or_as_given() {
        for (normalization, given, expected) in [
            (Normalization::Layer, None, 1.0),
            (Normalization::Batch, None, 0.1),
            (Normalization::Batch, Some(1.0), 1.0),
            (Normalization::Layer, Some(0.25), 0.25),
        ] {
            let model = Model {
                normalization,
                normalization_gain: given,
                initial_range: Some(0.5),
                ..Model::new(Cell::Lstm, 1, 4)
            };
            let gains: Vec<_> = begun(&model)
                .into_iter()
                .filter(|(name, _)| name.ends_with("_gain"))
                .collect();
            assert_eq!(gains.len(), 9);
            for (name, gain) in gains {
                assert_eq!(gain, [[expected; 4]], "{name}");
            }
        }
    }
}
