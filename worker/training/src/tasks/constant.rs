//! What the best answer reaches that is always the same: how often each comes in the training data, or their mean. Whoever has
//! learned anything does better on the test.

use super::batch::Sequence;
use super::text::Text;
use super::{Head, Sequences, split};
use crate::rng::Purpose;
use breakmywork_protocol::result::Constant;

/// Of a text by how often each token comes.
pub(super) fn of_text(text: &Text) -> Constant {
    let [train, test] = [Purpose::Training, Purpose::Test].map(|of| split(text.tokens(), of));
    let mut often = Classes::new(text.vocabulary());
    train.iter().for_each(|token| often.count(*token as usize));
    often.tested(test.iter().map(|token| *token as usize))
}

/// Of sequences that stand by themselves, so many of which are the test; `None` where there is no end of them.
pub(super) fn of_sequences(source: &dyn Sequences, tested: u64) -> Option<Constant> {
    let train = answers(source, Purpose::Training, u64::MAX)?;
    let test = answers(source, Purpose::Test, tested)?;
    Some(match source.shape().head {
        Head::Value => of_numbers(&train, &test),
        Head::Classes(count) => {
            let mut often = Classes::new(count);
            train.iter().for_each(|class| often.count(*class as usize));
            often.tested(test.iter().map(|class| *class as usize))
        }
        Head::Keys(count) => of_keys(count, &train, &test),
    })
}

/// The answers of a split's first sequences that count, one behind the other.
fn answers(source: &dyn Sequences, purpose: Purpose, most: u64) -> Option<Vec<f64>> {
    /// Seeds draw generated sequences alone.
    const SEED: u32 = 0;
    let width = source.shape().head.target_width();
    let fresh = Sequence::fresh(source.shape());
    let mut one = fresh.clone();
    let mut found = Vec::new();
    for number in 0..source.count(purpose)?.min(most) {
        one.clone_from(&fresh);
        source.write(SEED, purpose, number, &mut one);
        let steps = one.targets.chunks_exact(width).zip(&one.weights);
        let counting = steps.filter(|(_, weight)| **weight > 0.0);
        counting.for_each(|(answer, _)| found.extend_from_slice(answer));
    }
    Some(found)
}

fn of_numbers(train: &[f64], test: &[f64]) -> Constant {
    let mean = mean(train.iter().copied());
    Constant {
        loss: self::mean(test.iter().map(|answer| (answer - mean).powi(2))),
        accuracy: None,
    }
}

/// One key by itself as one of two classes, summed over the keys.
fn of_keys(count: usize, train: &[f64], test: &[f64]) -> Constant {
    let of_key = |key: usize| {
        let pressed = |all: &[f64]| -> Vec<usize> {
            let key = all.iter().skip(key).step_by(count);
            key.map(|pressed| usize::from(*pressed > 0.0)).collect()
        };
        let mut often = Classes::new(2);
        pressed(train).into_iter().for_each(|it| often.count(it));
        often.tested(pressed(test).into_iter()).loss
    };
    Constant {
        loss: (0..count).map(of_key).sum(),
        accuracy: None,
    }
}

/// How often each class comes, with one more of each, so that none is impossible.
struct Classes(Vec<f64>);

impl Classes {
    fn new(count: usize) -> Self {
        Self(vec![1.0; count])
    }

    fn count(&mut self, class: usize) {
        self.0[class] += 1.0;
    }

    fn tested(&self, test: impl Iterator<Item = usize> + Clone) -> Constant {
        let all: f64 = self.0.iter().sum();
        let most = (0..self.0.len()).max_by(|one, other| self.0[*one].total_cmp(&self.0[*other]));
        let right = |class: usize| f64::from(Some(class) == most);
        Constant {
            loss: mean(test.clone().map(|class| -(self.0[class] / all).ln())),
            accuracy: Some(mean(test.map(right))),
        }
    }
}

fn mean(numbers: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = numbers.fold((0.0, 0.0), |(sum, count), number| {
        (sum + number, count + 1.0)
    });
    sum / count
}
