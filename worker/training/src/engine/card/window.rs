//! A whole window on a card: its way through the network and back.

use super::copies::{self, Extent};
use super::embedding;
use super::head::{Answers, Loss, Output, total};
use super::layer::{Layer, Tape};
use super::masks::{self, MaskOnCard, MasksOnCard};
use super::weights::{Packed, Size};
use crate::card::{Argument, Buffer, Card, Span, each, read};
use crate::dropout::Masks;
use crate::gradient::Gradient;
use crate::model::{Arranged, Carried, Statistics, Weights};
use crate::network::Network;
use crate::tasks::{Batch, Inputs};
use crate::window::{Learned, Window};
use breakmywork_protocol::spec::SiteName;
use candle_core::{Result, Tensor};

/// Numbers of a block of outputs: 64 MB, a fraction of any card, and enough for a product to fill it.
pub const BLOCK: usize = 16 << 20;

/// Loss and gradients of a window; at most `block` outputs are held at a time.
///
/// # Errors
/// What the card says.
pub fn learn(card: &dyn Card, window: &Window<'_>, block: usize) -> Result<Learned> {
    let (network, batch) = (window.network, window.batch);
    let tensors = window.parameters.tensors();
    let walk = WindowOnCard::read(card, network, &tensors, batch, window.carried, window.masks)?;
    let way = walk.forward()?;
    let entered = walk.entered(&way);
    let rows = walk.read * batch.size;
    let targets = read(card, &batch.targets)?;
    let weights = batch.weights.as_ref().map(|weights| read(card, weights));
    let weights = weights.transpose()?;
    let counts = weights.as_ref().map(Buffer::all);
    let counts = counts.map(|weights| total(card, weights, rows, 1.0, None));
    let counts = counts.transpose()?;
    let share = if counts.is_some() {
        1.0
    } else {
        1.0 / rows as f64
    };
    let answers = Answers {
        targets: targets.all(),
        weights: weights.as_ref().map(Buffer::all),
        scale: (window.factor * share) as f32,
        divisor: counts.as_ref().map(Buffer::all),
    };
    let output = walk.output();
    let loss = output.learn(entered, rows, &answers, block)?;
    let sum = total(card, loss.losses.all(), rows, share as f32, answers.divisor)?;
    let above = walk.above(&way, &loss, window.penalties)?;
    let (layers, inputs) = walk.backward(&way, above)?;
    Ok(Learned {
        loss: card.tensor(sum, &[])?,
        gradients: walk.gradients(layers, inputs, loss)?,
        carried: walk.carried(&way)?,
        statistics: Statistics::default(),
    })
}

/// The outputs at the steps read, one below the other, and the states to go on from.
///
/// # Errors
/// What the card says.
pub fn outputs(
    card: &dyn Card,
    network: &Network,
    weights: &Weights,
    batch: &Batch,
    carried: Option<&Carried>,
    masks: &Masks,
) -> Result<(Tensor, Carried)> {
    let walk = WindowOnCard::read(card, network, &weights.arranged(), batch, carried, masks)?;
    let way = walk.forward()?;
    let rows = walk.read * batch.size;
    let outputs = walk.output().outputs(walk.entered(&way), rows)?;
    let outputs = card.tensor(outputs, &[rows, network.head.width()])?;
    Ok((outputs, walk.carried(&way)?))
}

/// What a window is walked with.
struct WindowOnCard<'a> {
    card: &'a dyn Card,
    network: &'a Network,
    batch: &'a Batch,
    steps: usize,
    /// Steps whose outputs are read.
    read: usize,
    layers: Vec<Layer<'a>>,
    embedding: Option<Buffer>,
    embedding_mask: Option<MaskOnCard>,
    /// The output's weights, if they are not the embedding's.
    output: Option<Buffer>,
    output_bias: Buffer,
    output_mask: Option<MaskOnCard>,
    /// h and c of each layer before the window; `None` where it begins anew.
    before: Option<Vec<[Buffer; 2]>>,
}

/// What the way forward leaves.
struct ForwardedOnCard {
    /// What entered the first layer.
    x: Buffer,
    tapes: Vec<Tape>,
    /// The top states at the steps read with the output's masks, if it has any.
    masked: Option<Buffer>,
}

impl<'a> WindowOnCard<'a> {
    fn read(
        card: &'a dyn Card,
        network: &'a Network,
        tensors: &Arranged,
        batch: &'a Batch,
        carried: Option<&Carried>,
        masks: &Masks,
    ) -> Result<Self> {
        let steps = batch.inputs.steps();
        let widest = network.gates() * network.hidden.max(network.inputs);
        if u32::try_from((steps + 1) * batch.size * widest).is_err() {
            candle_core::bail!("a window of more than 2³² numbers");
        }
        let layer = |layer| {
            let size = Size {
                cell: network.cell,
                inputs: network.layer_inputs(layer),
                hidden: network.hidden,
                gates: network.gates(),
            };
            let masks = MasksOnCard::read(card, masks, layer, steps)?;
            let dropped = masks.recurrent_weights.as_ref();
            Ok(Layer {
                card,
                size,
                weights: Packed::read(card, size, &tensors.layers[layer], dropped)?,
                masks,
                steps,
                rows: batch.size,
            })
        };
        let layers = (0..network.layers).map(layer).collect::<Result<_>>()?;
        let states = |[h, c]: &[Tensor; 2]| Result::Ok([read(card, h)?, read(card, c)?]);
        let states = |carried: &Carried| carried.layers.iter().map(states).collect();
        let at = |site, layer, steps| MaskOnCard::read(card, masks, site, layer, steps);
        let (read_steps, top) = (network.read_out.of(steps), network.layers - 1);
        let of = |tensor: &Option<Tensor>| tensor.as_ref().map(|t| read(card, t)).transpose();
        Ok(Self {
            card,
            network,
            batch,
            steps,
            read: read_steps,
            layers,
            embedding: of(&tensors.embedding)?,
            embedding_mask: at(SiteName::Embedding, 0, steps)?,
            output: of(&tensors.output)?,
            output_bias: read(card, &tensors.output_bias)?,
            output_mask: at(SiteName::Output, top, read_steps)?,
            before: carried.map(states).transpose()?,
        })
    }

    fn extent(&self, steps: usize, columns: usize) -> Extent {
        Extent {
            steps,
            rows: self.batch.size,
            columns,
        }
    }

    /// Numbers of a step's states.
    fn step(&self) -> usize {
        self.batch.size * self.network.hidden
    }

    fn inputs(&self) -> Result<Buffer> {
        match &self.batch.inputs {
            Inputs::Numbers(steps) => {
                let (numbers, distance) = copies::joined(self.card, steps)?;
                match steps.len() == 1 || distance == steps[0].elem_count() {
                    true => Ok(numbers),
                    false => read(self.card, &Tensor::cat(steps, 0)?),
                }
            }
            Inputs::Tokens(tokens) => {
                let Some(table) = &self.embedding else {
                    candle_core::bail!("tokens are read by a network without embeddings");
                };
                let extent = self.extent(self.steps, self.network.inputs);
                let mask = self.embedding_mask.as_ref();
                embedding::embed(self.card, table.all(), &tokens.ids, mask, extent)
            }
        }
    }

    fn forward(&self) -> Result<ForwardedOnCard> {
        let x = self.inputs()?;
        let mut tapes: Vec<Tape> = Vec::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let before = self.before.as_ref().map(|before| &before[index]);
            let below = tapes.last().map_or(x.all(), |tape| layer.states(tape));
            let tape = layer.forward(below, before)?;
            tapes.push(tape);
        }
        let mut way = ForwardedOnCard {
            x,
            tapes,
            masked: None,
        };
        if let Some(mask) = &self.output_mask {
            let extent = self.extent(self.read, self.network.hidden);
            let masked = copies::masked(self.card, self.read_states(&way), mask, extent)?;
            way.masked = Some(masked);
        }
        Ok(way)
    }

    /// The top layer's states at every step.
    fn top<'w>(&self, way: &'w ForwardedOnCard) -> Span<'w> {
        let top = self.layers.len() - 1;
        self.layers[top].states(&way.tapes[top])
    }

    /// Those at the steps read.
    fn read_states<'w>(&self, way: &'w ForwardedOnCard) -> Span<'w> {
        self.top(way).from((self.steps - self.read) * self.step())
    }

    /// What enters the output: outputs × hidden.
    fn entered<'w>(&self, way: &'w ForwardedOnCard) -> Span<'w> {
        let masked = way.masked.as_ref();
        masked.map_or_else(|| self.read_states(way), Buffer::all)
    }

    fn output(&self) -> Output<'_> {
        let tied = self.embedding.as_ref().filter(|_| self.output.is_none());
        let weight = self.output.as_ref().or(tied);
        Output {
            card: self.card,
            head: self.network.head,
            weight: weight.map_or(Span::NONE, Buffer::all),
            bias: self.output_bias.all(),
            hidden: self.network.hidden,
            tied: tied.is_some(),
        }
    }

    /// The gradient of the top states at every step: from the loss through the output's masks, and from the penalties.
    fn above(&self, way: &ForwardedOnCard, loss: &Loss, [ar, tar]: [f64; 2]) -> Result<Buffer> {
        let (size, n) = (self.batch.size, self.network.hidden);
        // Means over all entries of the whole minibatch.
        let weight = |penalty: f64, steps: usize| match penalty > 0.0 && steps > 0 {
            true => (2.0 * penalty / (steps * size * n) as f64) as f32,
            false => 0.0,
        };
        let above = self.card.alloc(self.steps * self.step())?;
        let arguments = [
            Argument::At(above.all()),
            Argument::At(loss.entered.all()),
            Argument::At(self.entered(way)),
            Argument::Mask(masks::at(self.output_mask.as_ref())),
            Argument::At(self.top(way)),
            Argument::Number(weight(ar, self.read)),
            Argument::Number(weight(tar, self.steps - 1)),
            Argument::count(self.steps - self.read),
            Argument::count(self.steps),
            Argument::count(size),
            Argument::count(n),
        ];
        let entries = self.steps * self.step();
        each(self.card, "gradient_above", entries, &arguments)?;
        Ok(above)
    }

    /// The gradients of the layers' weights from the bottom, and of what entered the first if it came from embeddings.
    fn backward(
        &self,
        way: &ForwardedOnCard,
        above: Buffer,
    ) -> Result<(Vec<Packed>, Option<Buffer>)> {
        let (mut layers, mut above) = (Vec::new(), Some(above));
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let below = match index {
                0 => way.x.all(),
                _ => layer.states(&way.tapes[index - 1]),
            };
            let Some(from) = above.take() else {
                candle_core::bail!("a layer without a gradient from above");
            };
            let wants_inputs = index > 0 || self.embedding.is_some();
            let tape = &way.tapes[index];
            let (gradients, inputs) = layer.backward(tape, below, from.all(), wants_inputs)?;
            layers.push(gradients);
            above = inputs;
        }
        layers.reverse();
        Ok((layers, above))
    }

    /// All gradients in the order of the parameters.
    fn gradients(
        &self,
        layers: Vec<Packed>,
        inputs: Option<Buffer>,
        loss: Loss,
    ) -> Result<Vec<Gradient>> {
        let (card, network) = (self.card, self.network);
        let (n, width) = (network.hidden, network.head.width());
        let mut gradients = Vec::new();
        let mut output = Some(loss.weight);
        if let (Inputs::Tokens(tokens), Some(inputs)) = (&self.batch.inputs, inputs) {
            let shape = [network.vocabulary.unwrap_or(0), network.inputs];
            let tied = output.take_if(|_| self.output.is_none());
            let embedded = match tied {
                Some(tied) => tied,
                None => card.zeros(shape[0] * shape[1])?,
            };
            let extent = self.extent(self.steps, network.inputs);
            let mask = self.embedding_mask.as_ref();
            let (to, from) = (embedded.all(), inputs.all());
            embedding::add_gradient(card, to, from, &tokens.ids, mask, extent)?;
            gradients.push(card.tensor(embedded, &shape)?);
        }
        for (layer, packed) in self.layers.iter().zip(layers) {
            let dropped = layer.masks.recurrent_weights.as_ref();
            gradients.extend(packed.matrices(card, dropped)?);
        }
        if let Some(output) = output {
            gradients.push(card.tensor(output, &[n, width])?);
        }
        gradients.push(card.tensor(loss.bias, &[1, width])?);
        Ok(gradients.into_iter().map(Gradient::Whole).collect())
    }

    /// The states after the window; a cell without c carries zeros.
    fn carried(&self, way: &ForwardedOnCard) -> Result<Carried> {
        let shape = [self.batch.size, self.network.hidden];
        let own = |state: Option<Span<'_>>| {
            let Some(state) = state else {
                return self.card.tensor(self.card.zeros(self.step())?, &shape);
            };
            let copy = self.card.alloc(self.step())?;
            copies::copy(self.card, copy.all(), state, self.step())?;
            self.card.tensor(copy, &shape)
        };
        let layers = self.layers.iter().zip(&way.tapes);
        let layers = layers.map(|(layer, tape)| {
            let [h, c] = layer.last(tape);
            Ok([own(h)?, own(c)?])
        });
        Ok(Carried {
            layers: layers.collect::<Result<_>>()?,
        })
    }
}
