//! The tasks: generated sequences, no data set.
//!
//! Training, validation and test sequences come from separate streams, one stream a sequence, so the n-th
//! sequence is the same whatever the minibatch size or the arm.

mod adding;
mod copy;
mod temporal_order;

use crate::rng::{Purpose, Stream};
use breakmywork_protocol::spec;
use candle_core::{DType, Device, Result, Tensor};
use std::ops::Range;

/// What the network's linear output means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// One number; squared error.
    Value,
    /// So many classes; cross-entropy.
    Classes(usize),
}

impl Head {
    /// Width of the linear output.
    pub fn width(self) -> usize {
        match self {
            Self::Value => 1,
            Self::Classes(n) => n,
        }
    }
}

/// A generated task.
pub trait Task {
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

/// The task of that specification.
pub fn task(spec: &spec::Task) -> Box<dyn Task> {
    let length = spec.length as usize;
    match spec.name {
        spec::TaskName::Adding => Box::new(adding::Adding { length }),
        spec::TaskName::Copy => Box::new(copy::Copy { length }),
        spec::TaskName::TemporalOrder => Box::new(temporal_order::TemporalOrder { length }),
    }
}

/// A minibatch.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The input of each time step: batch × inputs.
    pub inputs: Vec<Tensor>,
    /// What the output should be, step read by step read: (steps read · batch) × 1 numbers, or as many classes.
    pub targets: Tensor,
}

/// The sequences with those numbers.
pub fn batch(
    task: &dyn Task,
    seed: u32,
    purpose: Purpose,
    numbers: Range<u64>,
    dtype: DType,
    device: &Device,
) -> Result<Batch> {
    let (steps, width, read) = (task.steps(), task.inputs(), task.read_out());
    let size = (numbers.end - numbers.start) as usize;
    let mut inputs = vec![0.0; steps * size * width];
    let mut targets = vec![0.0; read * size];
    let (mut sequence, mut answer) = (vec![0.0; steps * width], vec![0.0; read]);
    for (row, number) in numbers.enumerate() {
        sequence.fill(0.0);
        task.draw(
            &mut Stream::new(seed, purpose, number),
            &mut sequence,
            &mut answer,
        );
        // Time first: each step's input is then one contiguous piece.
        for (t, step) in sequence.chunks_exact(width).enumerate() {
            inputs[(t * size + row) * width..][..width].copy_from_slice(step);
        }
        for (t, &target) in answer.iter().enumerate() {
            targets[t * size + row] = target;
        }
    }
    let inputs = Tensor::from_vec(inputs, (steps, size, width), &Device::Cpu)?;
    let inputs = inputs.to_dtype(dtype)?.to_device(device)?;
    let targets = match task.head() {
        Head::Value => {
            Tensor::from_vec(targets, (read * size, 1), &Device::Cpu)?.to_dtype(dtype)?
        }
        Head::Classes(_) => {
            Tensor::from_vec(targets, read * size, &Device::Cpu)?.to_dtype(DType::U32)?
        }
    };
    Ok(Batch {
        inputs: (0..steps).map(|t| inputs.get(t)).collect::<Result<_>>()?,
        targets: targets.to_device(device)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use breakmywork_protocol::spec::TaskName;

    fn inputs(batch: &Batch) -> Vec<Vec<Vec<f64>>> {
        batch
            .inputs
            .iter()
            .map(|x| x.to_vec2().expect("batch × inputs"))
            .collect()
    }

    #[test]
    fn a_sequence_does_not_depend_on_its_minibatch_and_streams_are_separate() {
        for name in [TaskName::Adding, TaskName::Copy, TaskName::TemporalOrder] {
            let task = task(&spec::Task { name, length: 30 });
            let draw = |purpose, numbers| {
                inputs(
                    &batch(&*task, 5, purpose, numbers, DType::F64, &Device::Cpu).expect("draws"),
                )
            };
            let whole = draw(Purpose::Training, 0..8);
            let part = draw(Purpose::Training, 3..5);
            for (whole, part) in whole.iter().zip(&part) {
                assert_eq!(whole[3..5], part[..]);
            }
            assert_ne!(whole, draw(Purpose::Validation, 0..8));
            assert_ne!(draw(Purpose::Test, 0..8), draw(Purpose::Validation, 0..8));
        }
    }
}
