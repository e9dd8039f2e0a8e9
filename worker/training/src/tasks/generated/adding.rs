//! The adding problem (Hochreiter & Schmidhuber 1997, in the form of Le, Jaitly & Hinton 2015).

use super::{Generator, Head};
use crate::rng::Stream;

/// Sum of the two marked numbers of a sequence.
///
/// Channel 0 holds u_t ~ U(0, 1); channel 1 marks one step of each half. The target, read after the last step,
/// is the sum of the two marked numbers; squared error. Always answering 1 scores 1/6, the variance of the sum.
pub(super) struct Adding {
    /// Time steps, at least 2.
    pub(super) length: usize,
    /// Added to every number of channel 0; then always answering 1 scores 1/6 + 4 · shift².
    pub(super) shift: f64,
}

impl Generator for Adding {
    fn steps(&self) -> usize {
        self.length
    }

    fn inputs(&self) -> usize {
        2
    }

    fn head(&self) -> Head {
        Head::Value
    }

    fn draw(&self, stream: &mut Stream, inputs: &mut [f64], targets: &mut [f64]) {
        let half = self.length / 2;
        let first = stream.below(half as u32) as usize;
        let second = half + stream.below((self.length - half) as u32) as usize;
        for step in inputs.chunks_exact_mut(2) {
            step[0] = self.shift + stream.uniform();
        }
        inputs[2 * first + 1] = 1.0;
        inputs[2 * second + 1] = 1.0;
        targets[0] = inputs[2 * first] + inputs[2 * second];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Purpose;

    #[test]
    fn target_is_the_sum_of_one_marked_number_in_each_half_and_answering_one_scores_a_sixth() {
        let task = Adding {
            length: 11,
            shift: 0.0,
        };
        let (mut squares, n) = (0.0, 20_000);
        for number in 0..n {
            let (mut inputs, mut target) = (vec![0.0; 22], [0.0]);
            task.draw(
                &mut Stream::new(1, Purpose::Test, number),
                &mut inputs,
                &mut target,
            );
            let marked: Vec<usize> = (0..11).filter(|t| inputs[2 * t + 1] == 1.0).collect();
            assert!(marked.len() == 2 && marked[0] < 5 && marked[1] >= 5);
            assert_eq!(target[0], inputs[2 * marked[0]] + inputs[2 * marked[1]]);
            squares += (target[0] - 1.0).powi(2);
        }
        assert!((squares / n as f64 - 1.0 / 6.0).abs() < 0.01);
    }
}
