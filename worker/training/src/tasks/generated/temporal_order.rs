//! The temporal order problem (Hochreiter & Schmidhuber 1997, in the form of Semeniuta et al. 2016).

use super::{Generator, Head};
use crate::rng::Stream;

/// Order of two marked bits: four classes.
///
/// Channel 0 holds a random bit, channel 1 marks one step of the first third and one of the second; the last third
/// is delay. The class, read after the last step, is the two marked bits in order (2 · first + second);
/// cross-entropy. Knowing nothing scores ln 4. The published positions, [0, 10) and [10, 20) of 30, scale with
/// the length.
pub(super) struct TemporalOrder {
    /// Time steps, at least 3.
    pub(super) length: usize,
}

impl Generator for TemporalOrder {
    fn steps(&self) -> usize {
        self.length
    }

    fn inputs(&self) -> usize {
        2
    }

    fn head(&self) -> Head {
        Head::Classes(4)
    }

    fn draw(&self, stream: &mut Stream, inputs: &mut [f64], targets: &mut [f64]) {
        let third = self.length / 3;
        let first = stream.below(third as u32) as usize;
        let second = third + stream.below(third as u32) as usize;
        for step in inputs.chunks_exact_mut(2) {
            step[0] = f64::from(stream.below(2));
        }
        inputs[2 * first + 1] = 1.0;
        inputs[2 * second + 1] = 1.0;
        targets[0] = 2.0 * inputs[2 * first] + inputs[2 * second];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Purpose;

    #[test]
    fn class_is_the_two_marked_bits_in_order_and_all_classes_are_as_frequent() {
        let task = TemporalOrder { length: 30 };
        let mut counts = [0; 4];
        for number in 0..4000 {
            let (mut inputs, mut target) = (vec![0.0; 60], [0.0]);
            task.draw(
                &mut Stream::new(1, Purpose::Test, number),
                &mut inputs,
                &mut target,
            );
            let marked: Vec<usize> = (0..30).filter(|t| inputs[2 * t + 1] == 1.0).collect();
            assert!(marked.len() == 2 && marked[0] < 10 && (10..20).contains(&marked[1]));
            assert!(
                inputs
                    .chunks_exact(2)
                    .all(|step| step[0] == 0.0 || step[0] == 1.0)
            );
            assert_eq!(
                target[0],
                2.0 * inputs[2 * marked[0]] + inputs[2 * marked[1]]
            );
            counts[target[0] as usize] += 1;
        }
        assert!(
            counts.iter().all(|&n| (850..1150).contains(&n)),
            "{counts:?}"
        );
    }
}
