//! Language models: the next character or word of a text that is read on and on.

use super::fraction::part;
use super::schedule::LONGER;
use super::{Batch, Error, Head, Inputs, Piece, ReadOut, Reads, Shape, TextWindow, Tokens, split};
use crate::data::{Splits, Vocabulary};
use crate::rng::Purpose;
use breakmywork_protocol::spec::{self, TaskName, Windows, limits};
use candle_core::{Device, Result, Tensor};

/// From each token of a text predict the next.
///
/// A split is cut into equally long streams, the remainder dropped; they are read side by side, window by window,
/// with the state carried on. Cross-entropy at every step.
pub(super) struct Text {
    /// What its tokens are, for sentences.
    pub(super) unit: &'static str,
    length: usize,
    pub(super) windows: Windows,
    vocabulary: usize,
    tokens: Splits<Vec<u32>>,
}

impl Text {
    pub(super) fn new(
        spec: &spec::Task,
        reference: &str,
        text: &Splits<String>,
    ) -> std::result::Result<Self, Error> {
        let (vocabulary, unit) = match spec.name {
            TaskName::CharLm => (Vocabulary::characters(text), "characters"),
            _ => {
                let most = spec.vocabulary.unwrap_or(u32::MAX) as usize;
                (Vocabulary::words(&text.train, most), "words")
            }
        };
        if spec.name == TaskName::CharLm && vocabulary.len() > limits::CHARACTERS {
            return Err(Error::TooManyCharacters {
                reference: reference.to_owned(),
                have: vocabulary.len(),
                most: limits::CHARACTERS,
            });
        }
        // The vocabulary is that of the whole text, so that networks and losses of all shares can be compared.
        let mut tokens = text.as_ref().map(|text| vocabulary.encode(text));
        if let Some(share) = spec.fraction {
            let kept = part(tokens.train.len(), share);
            tokens.train.truncate(kept);
        }
        for (split, tokens) in tokens.each() {
            if tokens.len() < 2 {
                return Err(Error::TooShort {
                    reference: reference.to_owned(),
                    split,
                    have: tokens.len(),
                    what: unit,
                    need: "one prediction".into(),
                });
            }
        }
        Ok(Self {
            unit,
            length: spec.length as usize,
            windows: spec.windows.unwrap_or(Windows::Fixed),
            vocabulary: vocabulary.len(),
            tokens,
        })
    }

    /// Tokens of the training split.
    pub(super) fn training(&self) -> usize {
        self.tokens.train.len()
    }

    /// The tokens of each split, of the training split those that are learned from.
    pub(super) fn tokens(&self) -> &Splits<Vec<u32>> {
        &self.tokens
    }

    /// How many different tokens there are.
    pub(super) fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    pub(super) fn shape(&self) -> Shape {
        Shape {
            steps: self.longest(),
            reads: Reads::Tokens(self.vocabulary),
            head: Head::Classes(self.vocabulary),
            read_out: ReadOut::Every,
        }
    }

    /// Steps of a usual window.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Steps of the longest window.
    pub(super) fn longest(&self) -> usize {
        match self.windows {
            Windows::Fixed => self.length,
            Windows::Variable => self.length + LONGER,
        }
    }

    /// Predictions that each of so many streams of a split makes.
    pub(super) fn predictions(&self, purpose: Purpose, streams: usize) -> usize {
        (split(&self.tokens, purpose).len() / streams).saturating_sub(1)
    }

    /// All windows of a split, the last one as short as it is.
    ///
    /// Of the training split it is only as many as the test split has: it stands beside the test.
    pub(super) fn held_out(&self, purpose: Purpose, streams: usize) -> Vec<Piece> {
        let tokens = split(&self.tokens, purpose).len();
        let tokens = match purpose {
            Purpose::Training => tokens.min(self.tokens.test.len()),
            _ => tokens,
        };
        // A stream without a prediction would say nothing.
        let streams = streams.min(tokens / 2).max(1);
        let predictions = tokens / streams - 1;
        let window = |start| TextWindow {
            streams,
            start,
            length: self.length.min(predictions - start),
        };
        (0..predictions)
            .step_by(self.length)
            .map(|start| Piece::Window(purpose, window(start)))
            .collect()
    }

    /// The tokens of that window, and those that follow them.
    pub(super) fn batch(
        &self,
        purpose: Purpose,
        window: TextWindow,
        device: &Device,
    ) -> Result<Batch> {
        let all = split(&self.tokens, purpose);
        let TextWindow {
            streams,
            start,
            length,
        } = window;
        // The length of a stream must not depend on how much of the split is read.
        let whole = all.len() / streams;
        let at = |offset: usize| {
            let step = move |t: usize| {
                (0..streams).map(move |stream| all[stream * whole + start + t + offset])
            };
            (0..length).flat_map(step).collect::<Vec<u32>>()
        };
        let targets = Tensor::from_vec(at(1), length * streams, &Device::Cpu)?;
        Ok(Batch {
            inputs: Inputs::Tokens(Tokens {
                ids: at(0),
                batch: streams,
            }),
            targets: targets.to_device(device)?,
            weights: None,
            size: streams,
        })
    }
}
