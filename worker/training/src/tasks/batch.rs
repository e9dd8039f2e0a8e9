//! A minibatch: sequences side by side.

use super::{Head, Reads, Shape};
use candle_core::{DType, Device, Result, Tensor};

/// What the network reads.
#[derive(Debug, Clone)]
pub enum Inputs {
    /// The input of each time step: batch × numbers.
    Numbers(Vec<Tensor>),
    /// Tokens.
    Tokens(Tokens),
}

/// A token for each step of each sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Step by step, each with all sequences.
    pub ids: Vec<u32>,
    /// Sequences.
    pub batch: usize,
}

impl Inputs {
    /// Time steps.
    pub fn steps(&self) -> usize {
        match self {
            Self::Numbers(steps) => steps.len(),
            Self::Tokens(tokens) => tokens.ids.len() / tokens.batch,
        }
    }

    /// The tokens, if that is what is read.
    pub fn tokens(&self) -> Option<&Tokens> {
        match self {
            Self::Numbers(_) => None,
            Self::Tokens(tokens) => Some(tokens),
        }
    }
}

/// A minibatch.
#[derive(Debug, Clone)]
pub struct Batch {
    /// What the network reads.
    pub inputs: Inputs,
    /// What the output should be, step read by step read: (steps read · batch) × 1 numbers, or as many classes, or ×
    /// keys.
    pub targets: Tensor,
    /// 1 where an output counts, 0 where the sequence was over: steps read · batch; absent where all count.
    pub weights: Option<Tensor>,
    /// Sequences.
    pub size: usize,
}

/// One sequence, to be filled in.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    /// Steps × numbers, all zero before; empty where tokens are read.
    pub(super) numbers: Vec<f64>,
    /// A token a step; empty where numbers are read.
    pub(super) tokens: Vec<u32>,
    /// Steps read × width of a target, all zero before.
    pub(super) targets: Vec<f64>,
    /// Steps read: 1 before; 0 where there is nothing to answer.
    pub(super) weights: Vec<f64>,
}

impl Sequence {
    /// One of that shape, before anything is written.
    pub(super) fn fresh(shape: Shape) -> Self {
        let (steps, read) = (shape.steps, shape.read_out.of(shape.steps));
        let (width, tokens) = match shape.reads {
            Reads::Numbers(width) => (width, 0),
            Reads::Tokens(_) => (0, 1),
        };
        Self {
            numbers: vec![0.0; steps * width],
            tokens: vec![0; steps * tokens],
            targets: vec![0.0; read * shape.head.target_width()],
            weights: vec![1.0; read],
        }
    }
}

/// Sequences side by side.
pub(super) fn stack(
    shape: Shape,
    numbers: &[u64],
    mut write: impl FnMut(&u64, &mut Sequence),
    dtype: DType,
    device: &Device,
) -> Result<Batch> {
    let (steps, size) = (shape.steps, numbers.len());
    let (read, answer) = (shape.read_out.of(steps), shape.head.target_width());
    let (width, tokens) = match shape.reads {
        Reads::Numbers(width) => (width, 0),
        Reads::Tokens(_) => (0, 1),
    };
    let fresh = Sequence::fresh(shape);
    let mut one = fresh.clone();
    let mut inputs = vec![0.0; steps * size * width];
    let mut ids = vec![0; steps * size * tokens];
    let mut targets = vec![0.0; read * size * answer];
    let mut weights = vec![0.0; read * size];
    for (row, number) in numbers.iter().enumerate() {
        one.clone_from(&fresh);
        write(number, &mut one);
        // Time first: each step's input is then one contiguous piece.
        interleave(&one.numbers, width, row, size, &mut inputs);
        interleave(&one.tokens, tokens, row, size, &mut ids);
        interleave(&one.targets, answer, row, size, &mut targets);
        interleave(&one.weights, 1, row, size, &mut weights);
    }
    let inputs = match shape.reads {
        Reads::Numbers(_) => {
            let all = Tensor::from_vec(inputs, (steps, size, width), &Device::Cpu)?;
            let all = all.to_dtype(dtype)?.to_device(device)?;
            Inputs::Numbers((0..steps).map(|t| all.get(t)).collect::<Result<_>>()?)
        }
        Reads::Tokens(_) => Inputs::Tokens(Tokens { ids, batch: size }),
    };
    let targets = match shape.head {
        Head::Value | Head::Keys(_) => {
            Tensor::from_vec(targets, (read * size, answer), &Device::Cpu)?.to_dtype(dtype)?
        }
        Head::Classes(_) => {
            Tensor::from_vec(targets, read * size, &Device::Cpu)?.to_dtype(DType::U32)?
        }
    };
    let all_count = weights.iter().all(|&weight| weight == 1.0);
    let weights = (!all_count).then(|| {
        Tensor::from_vec(weights, read * size, &Device::Cpu)?
            .to_dtype(dtype)?
            .to_device(device)
    });
    Ok(Batch {
        inputs,
        targets: targets.to_device(device)?,
        weights: weights.transpose()?,
        size,
    })
}

/// Puts one sequence's steps of that width where row `row` of `size` has them.
fn interleave<T: Copy>(sequence: &[T], width: usize, row: usize, size: usize, into: &mut [T]) {
    if width == 0 {
        return;
    }
    for (t, step) in sequence.chunks_exact(width).enumerate() {
        into[(t * size + row) * width..][..width].copy_from_slice(step);
    }
}
