//! The same network of stock parts: `candle_nn`'s embedding, LSTM, linear layer, loss and gradient descent.

use crate::clock::Clock;
use crate::configuration::{CLIP, LEARNING_RATE, Size};
use breakmywork_training::rng::{Purpose, Stream};
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::rnn::{LSTM, LSTMState};
use candle_nn::{
    Embedding, LSTMConfig, Linear, Module, Optimizer, RNN, SGD, VarBuilder, VarMap, embedding,
    linear, loss, lstm,
};

/// candle walks and drops a graph by recursion; this is deep enough for the longest.
const STACK: usize = 512 << 20;

/// Trains until the clock has seen enough.
pub(crate) fn train(size: Size, clock: &mut Clock) -> anyhow::Result<()> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        let thread = thread.spawn_scoped(scope, || steps(size, clock))?;
        let done = thread.join();
        Ok(done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?)
    })
}

struct Model {
    embedding: Embedding,
    layers: Vec<LSTM>,
    output: Linear,
}

impl Model {
    fn new(size: Size, build: &VarBuilder<'_>) -> Result<Self> {
        let Size {
            hidden, vocabulary, ..
        } = size;
        let layer = |number: usize| {
            let build = build.pp(format!("layer{number}"));
            lstm(hidden, hidden, LSTMConfig::default(), build)
        };
        Ok(Self {
            embedding: embedding(vocabulary, hidden, build.pp("embedding"))?,
            layers: (0..size.layers).map(layer).collect::<Result<_>>()?,
            output: linear(hidden, vocabulary, build.pp("output"))?,
        })
    }

    /// Logits of batch × steps tokens; the states are carried on, without a graph.
    fn forward(&self, tokens: &Tensor, carried: &mut [LSTMState]) -> Result<Tensor> {
        let mut x = self.embedding.forward(tokens)?;
        for (layer, state) in self.layers.iter().zip(carried) {
            let states = layer.seq_init(&x, state)?;
            x = layer.states_to_tensor(&states)?;
            if let Some(last) = states.last() {
                *state = LSTMState::new(last.h().detach(), last.c().detach());
            }
        }
        self.output.forward(&x.flatten_to(1)?)
    }
}

fn steps(size: Size, clock: &mut Clock) -> Result<()> {
    let device = Device::Cpu;
    let variables = VarMap::new();
    let build = VarBuilder::from_varmap(&variables, DType::F32, &device);
    let model = Model::new(size, &build)?;
    let all = variables.all_vars();
    let mut optimizer = SGD::new(all.clone(), LEARNING_RATE)?;
    let zero = |layer: &LSTM| layer.zero_state(size.batch);
    let mut carried = model.layers.iter().map(zero).collect::<Result<Vec<_>>>()?;
    let mut stream = Stream::new(1, Purpose::Training, 0);
    for step in 1.. {
        let random =
            (0..size.batch * (size.steps + 1)).map(|_| stream.below(size.vocabulary as u32));
        let text = Tensor::from_iter(random, &device)?.reshape((size.batch, size.steps + 1))?;
        let read = text.narrow(1, 0, size.steps)?.contiguous()?;
        let next = text.narrow(1, 1, size.steps)?.flatten_all()?;
        let logits = model.forward(&read, &mut carried)?;
        let mut gradients = loss::cross_entropy(&logits, &next)?.backward()?;
        clip(&mut gradients, &all)?;
        optimizer.step(&gradients)?;
        if clock.tick(step) {
            break;
        }
    }
    Ok(())
}

/// Scales the gradients so that their common norm is at most [`CLIP`].
fn clip(gradients: &mut GradStore, variables: &[Var]) -> Result<()> {
    let mut square = 0.0;
    for variable in variables {
        if let Some(gradient) = gradients.get(variable) {
            square += f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?);
        }
    }
    let norm = square.sqrt();
    if norm <= CLIP {
        return Ok(());
    }
    for variable in variables {
        if let Some(gradient) = gradients.remove(variable) {
            gradients.insert(variable, (gradient * (CLIP / norm))?);
        }
    }
    Ok(())
}
