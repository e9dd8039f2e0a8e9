//! The linear output with its loss, forward and backward in one, a block of outputs at a time.
//!
//! The gradient of the outputs takes the place of the outputs themselves, so nothing larger than a block is ever held:
//! 700 outputs of 10,000 words would be 28 MB, and as much again for each step of a softmax.

use super::product::{Matrix, add_column_sums, product};
use super::real::Real;
use pulp::{Simd, WithSimd};

/// Numbers of a block of outputs; 16 MB in single precision.
const BLOCK: usize = 4 << 20;
/// Sums run in so many lanes, so that they become vector code: the order is fixed.
const LANES: usize = 16;

/// The linear output's weights.
pub(super) struct Output<R> {
    /// hidden × width, or width × hidden where they are the embedding's.
    pub(super) weight: Vec<R>,
    pub(super) bias: Vec<R>,
    pub(super) hidden: usize,
    pub(super) width: usize,
    /// Whether the weights are the embedding's.
    pub(super) tied: bool,
}

/// What the outputs should be.
pub(super) enum Answers<'a, R> {
    /// One number each.
    Values(&'a [R]),
    /// One class each.
    Classes(&'a [u32]),
    /// A zero or one for each key of each.
    Keys(&'a [R]),
}

/// What a part of the minibatch adds to the loss, and the gradients of what it went through.
pub(super) struct Loss<R> {
    /// Sum over the outputs that count.
    pub(super) sum: f64,
    /// Gradient of what entered the output: outputs × hidden.
    pub(super) entered: Vec<R>,
    /// As the weights lie.
    pub(super) weight: Vec<R>,
    pub(super) bias: Vec<R>,
}

impl<R: Real> Output<R> {
    fn matrix(&self) -> Matrix<'_, R> {
        match self.tied {
            true => Matrix::rows(&self.weight, self.width, self.hidden, self.hidden).transposed(),
            false => Matrix::rows(&self.weight, self.hidden, self.width, self.width),
        }
    }

    /// Loss and gradients of what entered, outputs × hidden. `weights` are 0 where an output does not count; gradients are
    /// multiplied by `scale`.
    pub(super) fn learn(
        &self,
        entered: &[R],
        answers: &Answers<'_, R>,
        weights: Option<&[R]>,
        scale: f64,
    ) -> Loss<R> {
        let (n, width) = (self.hidden, self.width);
        let mut loss = Loss {
            sum: 0.0,
            entered: vec![R::ZERO; entered.len()],
            weight: vec![R::ZERO; self.weight.len()],
            bias: vec![R::ZERO; width],
        };
        let rows = (BLOCK / width).clamp(16, 512);
        let mut block = vec![R::ZERO; rows.min(entered.len() / n) * width];
        let blocks = entered
            .chunks(rows * n)
            .zip(loss.entered.chunks_mut(rows * n));
        for (index, (entered, to)) in blocks.enumerate() {
            let (first, count) = (index * rows, entered.len() / n);
            let block = &mut block[..count * width];
            for row in block.chunks_exact_mut(width) {
                row.copy_from_slice(&self.bias);
            }
            let entered = Matrix::rows(entered, count, n, n);
            product(block, width, true, entered, self.matrix());
            for (row, outputs) in block.chunks_exact_mut(width).enumerate() {
                let place = first + row;
                let weight = weights.map_or(R::ONE, |weights| weights[place]);
                let scale = R::of(scale) * weight;
                let own = answers.loss(place, outputs, scale);
                if weight != R::ZERO {
                    loss.sum += own * weight.wide();
                }
            }
            let gradient = Matrix::rows(block, count, width, width);
            product(to, n, false, gradient, self.matrix().transposed());
            match self.tied {
                true => product(&mut loss.weight, n, true, gradient.transposed(), entered),
                false => product(
                    &mut loss.weight,
                    width,
                    true,
                    entered.transposed(),
                    gradient,
                ),
            }
            add_column_sums(&mut loss.bias, block);
        }
        loss
    }
}

impl<R: Real> Output<R> {
    /// The outputs, outputs × width.
    pub(super) fn outputs(&self, entered: &[R]) -> Vec<R> {
        let count = entered.len() / self.hidden;
        let mut outputs = self.bias.repeat(count);
        let entered = Matrix::rows(entered, count, self.hidden, self.hidden);
        product(&mut outputs, self.width, true, entered, self.matrix());
        outputs
    }

    /// Sums of the losses and of the right classes, of the outputs that count; logits are divided by the temperature.
    pub(super) fn score(
        &self,
        entered: &[R],
        answers: &Answers<'_, R>,
        weights: Option<&[R]>,
        temperature: f64,
    ) -> [f64; 2] {
        let cooling = match answers {
            Answers::Values(_) => R::ONE,
            _ => R::of(1.0 / temperature),
        };
        let rows = (BLOCK / self.width).clamp(16, 512);
        let [mut loss, mut correct] = [0.0, 0.0];
        for (index, entered) in entered.chunks(rows * self.hidden).enumerate() {
            let mut block = self.outputs(entered);
            for (row, outputs) in block.chunks_exact_mut(self.width).enumerate() {
                let place = index * rows + row;
                let weight = weights.map_or(1.0, |weights| weights[place].wide());
                if weight == 0.0 {
                    continue;
                }
                for output in outputs.iter_mut() {
                    *output *= cooling;
                }
                if let Answers::Classes(classes) = answers {
                    correct +=
                        weight * f64::from(u8::from(is_first_largest(outputs, classes[place])));
                }
                loss += weight * answers.loss(place, outputs, R::ZERO);
            }
        }
        [loss, correct]
    }
}

/// Whether the class has the largest logit, and is the first of equals.
fn is_first_largest<R: Real>(logits: &[R], class: u32) -> bool {
    let (before, rest) = logits.split_at(class as usize);
    let own = rest[0];
    before.iter().all(|&other| other < own) && rest.iter().all(|&other| other <= own)
}

impl<R: Real> Answers<'_, R> {
    /// The loss of one output; its gradient, times `scale`, takes the place of the output.
    fn loss(&self, place: usize, outputs: &mut [R], scale: R) -> f64 {
        match self {
            Self::Values(values) => {
                let off = outputs[0] - values[place];
                outputs[0] = off * scale * R::of(2.0);
                off.wide() * off.wide()
            }
            Self::Classes(classes) => cross_entropy(outputs, classes[place] as usize, scale),
            Self::Keys(keys) => {
                let keys = &keys[place * outputs.len()..][..outputs.len()];
                let mut sum = 0.0;
                for (output, &key) in outputs.iter_mut().zip(keys) {
                    let (z, y) = (output.wide(), key.wide());
                    sum += z.max(0.0) - z * y + (-z.abs()).exp().ln_1p();
                    *output = (output.sigmoid() - key) * scale;
                }
                sum
            }
        }
    }
}

/// −log softmax of the class; the gradient takes the place of the logits.
fn cross_entropy<R: Real>(logits: &mut [R], class: usize, scale: R) -> f64 {
    let target = logits[class];
    let (largest, sum) = pulp::Arch::new().dispatch(Softmax { logits, scale });
    logits[class] -= scale;
    sum.wide().ln() + largest.wide() - target.wide()
}

/// Puts softmax · scale in place of the logits, in vector instructions; gives the largest logit and the sum.
struct Softmax<'a, R> {
    logits: &'a mut [R],
    scale: R,
}

impl<R: Real> WithSimd for Softmax<'_, R> {
    type Output = (R, R);

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> (R, R) {
        let largest = largest(self.logits);
        let sum = exponentials(self.logits, largest);
        // The sum is at least 1, so the quotient is finite if the logits are.
        let factor = self.scale / sum;
        for logit in self.logits.iter_mut() {
            *logit *= factor;
        }
        (largest, sum)
    }
}

/// The largest number; a NaN among them is lost here and found by the sum.
#[inline(always)]
pub(super) fn largest<R: Real>(values: &[R]) -> R {
    let mut lanes = [values[0]; LANES];
    let mut chunks = values.chunks_exact(LANES);
    for chunk in &mut chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = lane.larger(value);
        }
    }
    let rest = chunks.remainder().iter().chain(&lanes);
    rest.fold(values[0], |largest, &value| largest.larger(value))
}

/// Puts e to the power of (value − largest) in place of each value, and gives their sum.
#[inline(always)]
pub(super) fn exponentials<R: Real>(values: &mut [R], largest: R) -> R {
    let mut lanes = [R::ZERO; LANES];
    let mut chunks = values.chunks_exact_mut(LANES);
    for chunk in &mut chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *value = (*value - largest).exp();
            *lane += *value;
        }
    }
    let mut sum = R::ZERO;
    for value in chunks.into_remainder() {
        *value = (*value - largest).exp();
        sum += *value;
    }
    for lane in lanes {
        sum += lane;
    }
    sum
}
