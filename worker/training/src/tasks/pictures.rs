//! Digits read pixel by pixel (Le, Jaitly & Hinton 2015), in the order of the picture or in a fixed random one.

use super::{Head, ReadOut, Reads, Sequence, Sequences, Shape, split};
use crate::data::{Image, Splits};
use crate::rng::{Purpose, Stream};
use breakmywork_protocol::spec::{self, TaskName};

/// Pixels of a picture.
const PIXELS: usize = 784;
/// Digits.
const CLASSES: usize = 10;
/// The permutation is part of the task, not of a run.
const PERMUTATION_SEED: u32 = 0;

/// From a picture, read `PIXELS / length` pixels a step, predict its digit after the last step.
pub(super) struct Pictures {
    length: usize,
    /// Which pixel is read at each place.
    order: Vec<u32>,
    images: Splits<Vec<Image>>,
}

impl Pictures {
    pub(super) fn new(spec: &spec::Task, images: Splits<Vec<Image>>) -> Self {
        let mut order: Vec<u32> = (0..PIXELS as u32).collect();
        if spec.name == TaskName::PermutedMnist {
            Stream::new(PERMUTATION_SEED, Purpose::Permutation, 0).shuffle(&mut order);
        }
        Self {
            length: spec.length as usize,
            order,
            images,
        }
    }
}

impl Sequences for Pictures {
    fn shape(&self) -> Shape {
        Shape {
            steps: self.length,
            reads: Reads::Numbers(PIXELS / self.length),
            head: Head::Classes(CLASSES),
            read_out: ReadOut::Last(1),
        }
    }

    fn count(&self, purpose: Purpose) -> Option<u64> {
        Some(split(&self.images, purpose).len() as u64)
    }

    fn write(&self, _: u32, purpose: Purpose, number: u64, into: &mut Sequence) {
        let image = &split(&self.images, purpose)[number as usize];
        for (place, &pixel) in into.numbers.iter_mut().zip(&self.order) {
            *place = f64::from(image.pixels[pixel as usize]) / 255.0;
        }
        into.targets[0] = f64::from(image.label);
    }
}
