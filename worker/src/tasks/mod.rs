//! The tasks: what a network reads, what it should answer, and in which order it learns.
//!
//! Sequences are generated ([`generated`]), or come from a data set: pieces that stand by themselves (reviews,
//! music, pictures), or a text that is read on and on ([`text`]). Every draw is a function of seed, purpose and
//! number, so arms of one seed read the same data in the same order, whatever their dropout.

mod error;
mod generated;
mod music;
mod pictures;
mod schedule;
mod sentiment;
mod text;

pub use error::Error;
pub use schedule::{Lesson, Schedule};

use crate::data::{Content, DataSet, Reference, Splits, Store};
use crate::rng::Purpose;
use breakmywork_protocol::spec::{self, TaskName};
use candle_core::{DType, Device, Result, Tensor};
use std::path::Path;
use text::Text;

/// What the network's linear output means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// One number; squared error.
    Value,
    /// So many classes; cross-entropy.
    Classes(usize),
    /// So many keys, each on or off; cross-entropy of each, summed.
    Keys(usize),
}

impl Head {
    /// Width of the linear output.
    pub fn width(self) -> usize {
        match self {
            Self::Value => 1,
            Self::Classes(n) | Self::Keys(n) => n,
        }
    }

    /// Numbers of one target.
    fn target_width(self) -> usize {
        match self {
            Self::Value | Self::Classes(_) => 1,
            Self::Keys(n) => n,
        }
    }
}

/// What enters at a time step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// So many numbers.
    Numbers(usize),
    /// One token of so many.
    Tokens(usize),
}

/// At which time steps the output is read and scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOut {
    /// At so many of the last.
    Last(usize),
    /// At all of them.
    Every,
}

impl ReadOut {
    /// How many steps of so many are read.
    pub fn of(self, steps: usize) -> usize {
        match self {
            Self::Last(n) => n,
            Self::Every => steps,
        }
    }
}

/// The shape of a task: what a network for it must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Time steps of the longest sequence or window.
    pub steps: usize,
    /// What enters at a time step.
    pub reads: Reads,
    /// What the output means.
    pub head: Head,
    /// At which steps it is read.
    pub read_out: ReadOut,
}

/// Sequences that stand by themselves.
trait Sequences: Send {
    /// Their shape.
    fn shape(&self) -> Shape;

    /// How many a split has; `None` if there is no end of them.
    fn count(&self, purpose: Purpose) -> Option<u64>;

    /// Writes the sequence of that number.
    fn write(&self, seed: u32, purpose: Purpose, number: u64, into: &mut Sequence);
}

/// One sequence, to be filled in.
#[derive(Debug, Clone)]
struct Sequence {
    /// Steps × numbers, all zero before; empty where tokens are read.
    numbers: Vec<f64>,
    /// A token a step; empty where numbers are read.
    tokens: Vec<u32>,
    /// Steps read × width of a target, all zero before.
    targets: Vec<f64>,
    /// Steps read: 1 before; 0 where there is nothing to answer.
    weights: Vec<f64>,
}

/// A task, its data in memory.
pub struct Task {
    /// Its name.
    pub name: TaskName,
    source: Source,
    /// Name and SHA-256 of its data set, if it has one.
    data: Option<(String, String)>,
}

enum Source {
    Sequences(Box<dyn Sequences>),
    Text(Text),
}

/// What a minibatch is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Sequences with those numbers.
    Sequences(Purpose, Vec<u64>),
    /// A window of a text that is cut into streams.
    Window(Purpose, Window),
}

/// The same steps of all streams of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Streams, read side by side.
    pub streams: usize,
    /// The first step.
    pub start: usize,
    /// How many steps.
    pub length: usize,
}

impl Piece {
    /// Whether its state begins at zero; else it goes on from the window before.
    pub fn begins(&self) -> bool {
        match self {
            Self::Sequences(..) => true,
            Self::Window(_, window) => window.start == 0,
        }
    }
}

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

impl Task {
    /// A task on generated sequences.
    ///
    /// # Errors
    /// If it needs a data set.
    pub fn generated(spec: &spec::Task) -> std::result::Result<Self, Error> {
        let sequences = generated::sequences(spec).ok_or(Error::Unnamed(spec.name))?;
        Ok(Self {
            name: spec.name,
            source: Source::Sequences(sequences),
            data: None,
        })
    }

    /// The task of that specification; its data set, if it needs one, lies in that folder.
    ///
    /// # Errors
    /// If there is no such data set, or the task cannot be learned from it.
    pub fn open(spec: &spec::Task, data_sets: &Path) -> std::result::Result<Self, Error> {
        if spec.name.is_generated() {
            return Self::generated(spec);
        }
        let name = spec.data.as_deref().ok_or(Error::Unnamed(spec.name))?;
        let reference: Reference = name.parse().map_err(crate::data::Error::Reference)?;
        Self::on(spec, Store::new(data_sets.to_owned()).load(&reference)?)
    }

    /// The task of that specification on that data set.
    ///
    /// # Errors
    /// If the task cannot be learned from it.
    pub fn on(spec: &spec::Task, data: DataSet) -> std::result::Result<Self, Error> {
        let reference = format!("{}@{}", data.manifest.name, data.manifest.version);
        let source = match (spec.name, data.content) {
            (TaskName::CharLm | TaskName::WordLm, Content::Text(text)) => {
                Source::Text(Text::new(spec, &reference, &text)?)
            }
            (TaskName::Sentiment, Content::Labelled(reviews)) => {
                Source::Sequences(Box::new(sentiment::Sentiment::new(spec, &reviews)))
            }
            (TaskName::Music, Content::Frames(pieces)) => {
                Source::Sequences(Box::new(music::Music::new(spec, &reference, &pieces)?))
            }
            (TaskName::SequentialMnist | TaskName::PermutedMnist, Content::Images(images)) => {
                Source::Sequences(Box::new(pictures::Pictures::new(spec, images)))
            }
            (task, content) => {
                return Err(Error::OtherKind {
                    reference,
                    kind: content.kind(),
                    task,
                });
            }
        };
        Ok(Self {
            name: spec.name,
            source,
            data: Some((reference, data.manifest.sha256)),
        })
    }

    /// Its shape.
    pub fn shape(&self) -> Shape {
        match &self.source {
            Source::Sequences(sequences) => sequences.shape(),
            Source::Text(text) => text.shape(),
        }
    }

    /// Name and SHA-256 of its data set, if it has one.
    pub fn data(&self) -> Option<(&str, &str)> {
        let data = self.data.as_ref();
        data.map(|(name, sha256)| (name.as_str(), sha256.as_str()))
    }

    /// The minibatches of a measurement, in order; see [`spec::Evaluation::sequences`].
    pub fn held_out(&self, purpose: Purpose, sequences: u32) -> Vec<Piece> {
        /// Sequences evaluated at once: large enough for efficient products, small enough for any memory.
        const BATCH: u64 = 256;
        match &self.source {
            Source::Text(text) => text.held_out(purpose, sequences as usize),
            Source::Sequences(source) => {
                let there = source.count(purpose).unwrap_or(u64::MAX);
                let last = u64::from(sequences).min(there);
                let piece = |first: u64| (first..last.min(first + BATCH)).collect();
                (0..last)
                    .step_by(BATCH as usize)
                    .map(|first| Piece::Sequences(purpose, piece(first)))
                    .collect()
            }
        }
    }

    /// The minibatch of that piece.
    ///
    /// # Errors
    /// If the device is out of memory.
    pub fn batch(&self, seed: u32, piece: &Piece, dtype: DType, device: &Device) -> Result<Batch> {
        match (&self.source, piece) {
            (Source::Text(text), Piece::Window(purpose, window)) => {
                text.batch(*purpose, *window, device)
            }
            (Source::Sequences(source), Piece::Sequences(purpose, numbers)) => {
                let sequence = |number: &u64, into: &mut Sequence| {
                    source.write(seed, *purpose, *number, into);
                };
                stack(source.shape(), numbers, sequence, dtype, device)
            }
            _ => candle_core::bail!("a piece of another task"),
        }
    }
}

/// The split that is meant.
fn split<T>(splits: &Splits<T>, purpose: Purpose) -> &T {
    match purpose {
        Purpose::Training => &splits.train,
        Purpose::Test => &splits.test,
        _ => &splits.valid,
    }
}

/// Sequences side by side.
fn stack(
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
    let mut one = Sequence {
        numbers: vec![0.0; steps * width],
        tokens: vec![0; steps * tokens],
        targets: vec![0.0; read * answer],
        weights: vec![1.0; read],
    };
    let fresh = one.clone();
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

#[cfg(test)]
mod tests;
