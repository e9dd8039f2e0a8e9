//! The copy memory problem (Hochreiter & Schmidhuber 1997, in the form of Arjovsky, Shah & Bengio 2016).

use super::{Generator, Head};
use crate::rng::Stream;

/// Symbols to remember.
const RECALLED: usize = 10;
/// Kinds of symbols, 1..=8; symbol 0 is blank.
const KINDS: usize = 8;
/// The symbol that asks for the recall.
const SIGNAL: usize = 9;

/// Recall ten symbols after a delay.
///
/// Inputs are one of ten symbols, one channel each: ten symbols out of 1..=8, blanks, the signal 9 exactly `length`
/// steps after the last symbol, then blanks: `length` + 20 steps in all. The output is read at the last ten
/// steps, right after the signal, where the ten symbols are due in order; cross-entropy over the eight
/// kinds, so knowing nothing scores ln 8 a symbol.
pub(super) struct Copy {
    /// Steps from the last symbol to the signal, at least 1.
    pub(super) length: usize,
}

impl Generator for Copy {
    fn steps(&self) -> usize {
        self.length + 2 * RECALLED
    }

    fn inputs(&self) -> usize {
        KINDS + 2
    }

    fn head(&self) -> Head {
        Head::Classes(KINDS)
    }

    fn read_out(&self) -> usize {
        RECALLED
    }

    fn draw(&self, stream: &mut Stream, inputs: &mut [f64], targets: &mut [f64]) {
        let signal_at = self.length + RECALLED - 1;
        for (t, step) in inputs.chunks_exact_mut(KINDS + 2).enumerate() {
            let symbol = if t < RECALLED {
                let kind = stream.below(KINDS as u32) as usize;
                targets[t] = kind as f64;
                kind + 1
            } else if t == signal_at {
                SIGNAL
            } else {
                0
            };
            step[symbol] = 1.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Purpose;

    #[test]
    fn ten_symbols_then_blanks_the_signal_and_ten_steps_to_answer() {
        for length in [1, 5] {
            let task = Copy { length };
            let (mut inputs, mut targets) = (vec![0.0; task.steps() * 10], vec![0.0; 10]);
            task.draw(
                &mut Stream::new(3, Purpose::Test, 0),
                &mut inputs,
                &mut targets,
            );
            let symbols: Vec<usize> = inputs
                .chunks_exact(10)
                .map(|step| {
                    assert_eq!(step.iter().sum::<f64>(), 1.0);
                    step.iter()
                        .position(|&x| x == 1.0)
                        .expect("one symbol a step")
                })
                .collect();
            assert_eq!(symbols.len(), length + 20);
            for (symbol, target) in symbols[..10].iter().zip(&targets) {
                assert!((1..=8).contains(symbol) && *target == (*symbol - 1) as f64);
            }
            assert!(symbols[10..9 + length].iter().all(|&s| s == 0));
            assert_eq!(symbols[9 + length], 9);
            assert!(symbols[10 + length..].iter().all(|&s| s == 0));
        }
    }
}
