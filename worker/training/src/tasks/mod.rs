//! The tasks: what a network reads, what it should answer, and in which order it learns.
//!
//! Sequences are generated ([`generated`]), or come from a data set: pieces that stand by themselves (reviews,
//! music, pictures), or a text that is read on and on ([`text`]). Every draw is a function of seed, purpose and
//! number, so arms of one seed read the same data in the same order, whatever their dropout.

mod batch;
mod constant;
mod error;
mod fraction;
mod generated;
mod music;
mod pictures;
mod schedule;
mod sentiment;
mod shape;
mod text;

pub use batch::{Batch, Inputs, Tokens};
pub use error::Error;
pub use schedule::{Lesson, Schedule};
pub use shape::{Head, ReadOut, Reads, Shape};

use crate::data::{Content, DataSet, Reference, Splits, Store};
use crate::rng::Purpose;
use batch::{Sequence, stack};
use breakmywork_protocol::result::Constant;
use breakmywork_protocol::spec::{self, TaskName};
use candle_core::{DType, Device, Result};
use std::path::Path;
use text::Text;

/// Sequences that stand by themselves.
trait Sequences: Send {
    /// Their shape.
    fn shape(&self) -> Shape;

    /// How many a split has; `None` if there is no end of them.
    fn count(&self, purpose: Purpose) -> Option<u64>;

    /// Writes the sequence of that number.
    fn write(&self, seed: u32, purpose: Purpose, number: u64, into: &mut Sequence);
}

/// A task, its data in memory.
pub struct Task {
    /// Its name.
    pub name: TaskName,
    source: Source,
    /// What the test is on, if it is not what training is on.
    tested: Option<Box<dyn Sequences>>,
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
    Window(Purpose, TextWindow),
}

/// The same steps of all streams of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextWindow {
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

impl Task {
    /// A task on generated sequences.
    ///
    /// # Errors
    /// If it needs a data set.
    pub fn generated(spec: &spec::Task) -> std::result::Result<Self, Error> {
        let sequences = generated::sequences(spec, 0.0).ok_or(Error::Unnamed(spec.name))?;
        Ok(Self {
            name: spec.name,
            source: Source::Sequences(sequences),
            tested: None,
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

    /// The same, its test as that evaluation has it: of generated sequences it may be longer, or on shifted numbers.
    pub fn tested(self, spec: &spec::Task, evaluation: &spec::Evaluation) -> Self {
        if evaluation.shift.is_none() && evaluation.length.is_none() {
            return self;
        }
        let spec = spec::Task {
            length: evaluation.length.unwrap_or(spec.length),
            ..spec.clone()
        };
        let tested = generated::sequences(&spec, evaluation.shift.unwrap_or(0.0));
        Self { tested, ..self }
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
        let source = match (spec.fraction, source) {
            (Some(share), Source::Sequences(whole)) if share < 1.0 => {
                Source::Sequences(Box::new(fraction::Fraction::new(whole, share)))
            }
            // A text has cut its tokens itself.
            (_, source) => source,
        };
        Ok(Self {
            name: spec.name,
            source,
            tested: None,
            data: Some((reference, data.manifest.sha256)),
        })
    }

    /// Its shape in training.
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

    /// What the best answer reaches on a test of so many sequences that is always the same, by the data that are learned from;
    /// `None` of sequences that are generated, where [`breakmywork_protocol::metric::constant`] says it.
    pub fn constant(&self, sequences: u32) -> Option<Constant> {
        match &self.source {
            Source::Text(text) => Some(constant::of_text(text)),
            Source::Sequences(source) => constant::of_sequences(&**source, u64::from(sequences)),
        }
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
                let source = match (purpose, &self.tested) {
                    (Purpose::Test, Some(tested)) => tested,
                    _ => source,
                };
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

#[cfg(test)]
mod tests;
