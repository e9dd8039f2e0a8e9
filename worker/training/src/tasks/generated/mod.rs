//! Generated sequences, without end: one random stream a sequence.

mod adding;
mod copy;
mod temporal_order;

use super::{Head, ReadOut, Reads, Sequence, Sequences, Shape};
use crate::rng::{Purpose, Stream};
use breakmywork_protocol::spec::{self, TaskName};

/// A generated task.
trait Generator: Send {
    /// Time steps of a sequence.
    fn steps(&self) -> usize;

    /// Input channels.
    fn inputs(&self) -> usize;

    /// What the output means.
    fn head(&self) -> Head;

    /// At how many of the last time steps the output is read and scored.
    fn read_out(&self) -> usize {
        1
    }

    /// Draws one sequence: fills `inputs` (steps × inputs, all zero before) and `targets` (one for each step read).
    fn draw(&self, stream: &mut Stream, inputs: &mut [f64], targets: &mut [f64]);
}

/// The sequences of that task, if it is a generated one; numbers are shifted by so much.
pub(super) fn sequences(spec: &spec::Task, shift: f64) -> Option<Box<dyn Sequences>> {
    let length = spec.length as usize;
    match spec.name {
        TaskName::Adding => Some(Box::new(adding::Adding { length, shift })),
        TaskName::Copy => Some(Box::new(copy::Copy { length })),
        TaskName::TemporalOrder => Some(Box::new(temporal_order::TemporalOrder { length })),
        _ => None,
    }
}

impl<G: Generator> Sequences for G {
    fn shape(&self) -> Shape {
        Shape {
            steps: self.steps(),
            reads: Reads::Numbers(self.inputs()),
            head: self.head(),
            read_out: ReadOut::Last(self.read_out()),
        }
    }

    fn count(&self, _: Purpose) -> Option<u64> {
        None
    }

    fn write(&self, seed: u32, purpose: Purpose, number: u64, into: &mut Sequence) {
        let mut stream = Stream::new(seed, purpose, number);
        self.draw(&mut stream, &mut into.numbers, &mut into.targets);
    }
}
