//! The linear output with its loss, forward and backward in one, a block of outputs at a time.
//!
//! The gradient of the outputs takes the place of the outputs themselves, so nothing larger than a block is ever held:
//! 4,480 outputs of 10,000 words, 64 sequences of 70, would be 179 MB, and as much again for each step of a softmax.
//! Where classes are many, threads divide them instead of the outputs ([`divided`]).

mod divided;

use super::rows::add;
use crate::vectors::{Buffer, Matrix, Real, Span, Vector, each_span, product};
use divided::all_classes;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::ops::Range;

/// Numbers of a block of outputs, of all threads together; 32 MB in single precision. Each block packs the weights anew.
const BLOCK: usize = 8 << 20;
/// Fewest outputs of a thread's block, however many classes there are: fewer would not fill a product.
const LEAST_ROWS: usize = 16;

/// Fewest classes that are worth a thread, where threads divide them.
const LEAST_COLUMNS: usize = 512;

/// The linear output's weights.
pub(super) struct Output<'a, R> {
    /// hidden × width, wherever the numbers lie.
    pub(super) weight: Matrix<'a, R>,
    pub(super) bias: &'a [R],
    /// Whether the weights are the embedding's: the gradient is then width × hidden.
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

/// What a part of the minibatch brings to the output.
pub(super) struct Lesson<'a, R> {
    /// Outputs × hidden.
    pub(super) entered: &'a [R],
    pub(super) answers: Answers<'a, R>,
    /// 0 where an output does not count.
    pub(super) weights: Option<&'a [R]>,
}

/// The loss of a minibatch, and the gradients of what it went through.
pub(super) struct Loss<R: Real> {
    /// Sum over the outputs that count.
    pub(super) sum: f64,
    /// Gradient of what entered the output, for each part: outputs × hidden.
    pub(super) entered: Vec<Buffer<R>>,
    /// hidden × width, or as the embedding lies.
    pub(super) weight: Buffer<R>,
    pub(super) bias: Vec<R>,
}

/// A part's present block.
struct Block<R: Real> {
    outputs: Buffer<R>,
    /// How many of its rows are outputs at present.
    count: usize,
    sum: f64,
    entered: Buffer<R>,
    bias: Vec<R>,
}

impl<R: Real> Output<'_, R> {
    fn hidden(&self) -> usize {
        self.weight.row_count()
    }

    pub(super) fn width(&self) -> usize {
        self.weight.column_count()
    }

    /// Loss and gradients of what entered; gradients are multiplied by `scale`.
    ///
    /// Each part has its own outputs of a block; the weights' gradient of the block is then cut into rows, each added up
    /// over the parts in their order.
    pub(super) fn learn(&self, lessons: &[Lesson<'_, R>], scale: f64) -> Loss<R> {
        let threads = rayon::current_num_threads();
        if threads > 1 && self.width() >= threads * LEAST_COLUMNS && all_classes(lessons) {
            let rows = (BLOCK / self.width()).max(LEAST_ROWS);
            return self.learn_divided(lessons, scale, threads, rows);
        }
        let (n, width) = (self.hidden(), self.width());
        let rows = (BLOCK / width / lessons.len()).max(LEAST_ROWS);
        let mut parts: Vec<Block<R>> = lessons
            .iter()
            .map(|lesson| Block {
                outputs: Buffer::take(rows.min(lesson.entered.len() / n) * width),
                count: 0,
                sum: 0.0,
                entered: Buffer::take(lesson.entered.len()),
                bias: vec![R::ZERO; width],
            })
            .collect();
        let mut weight = Buffer::take(n * width);
        let gradient_width = if self.tied { n } else { width };
        // Products with fewer rows take longer for each.
        let piece = (weight.len() / gradient_width).div_ceil(rayon::current_num_threads());
        let blocks = lessons
            .iter()
            .map(|lesson| (lesson.entered.len() / n).div_ceil(rows));
        for block in 0..blocks.max().unwrap_or(0) {
            let from = block * rows;
            lessons
                .par_iter()
                .zip(&mut parts)
                .for_each(|(lesson, part)| {
                    self.learn_block(lesson, part, from..from + rows, scale);
                });
            let pieces = weight.par_chunks_mut(piece * gradient_width).enumerate();
            pieces.for_each(|(index, to)| {
                let mut adds = block > 0;
                for (lesson, part) in lessons.iter().zip(&parts) {
                    if part.count > 0 {
                        self.write_gradient(lesson, part, from, index * piece, to, adds);
                        adds = true;
                    }
                }
            });
        }
        let mut bias = vec![R::ZERO; width];
        parts.iter().for_each(|part| add(&mut bias, &part.bias));
        Loss {
            sum: parts.iter().map(|part| part.sum).sum(),
            entered: parts.into_iter().map(|part| part.entered).collect(),
            weight,
            bias,
        }
    }

    /// Outputs, loss and gradients of a part's rows; the gradient of the outputs stays in the block.
    fn learn_block(
        &self,
        lesson: &Lesson<'_, R>,
        part: &mut Block<R>,
        rows: Range<usize>,
        scale: f64,
    ) {
        let (n, width) = (self.hidden(), self.width());
        let end = rows.end.min(lesson.entered.len() / n);
        let count = end.saturating_sub(rows.start);
        part.count = count;
        if count == 0 {
            return;
        }
        let block = &mut part.outputs[..count * width];
        let entered = Matrix::rows(&lesson.entered[rows.start * n..], count, n, n);
        product(block, width, false, entered, self.weight);
        for (row, outputs) in block.chunks_exact_mut(width).enumerate() {
            let place = rows.start + row;
            let weight = lesson.weights.map_or(R::ONE, |weights| weights[place]);
            let bias = Bias {
                numbers: self.bias,
                gradient: &mut part.bias,
            };
            let own = (lesson.answers).learn(place, outputs, bias, R::of(scale) * weight);
            if weight != R::ZERO {
                part.sum += own * weight.wide();
            }
        }
        let gradient = Matrix::rows(block, count, width, width);
        let to = &mut part.entered[rows.start * n..];
        product(to, n, false, gradient, self.weight.transposed());
    }

    /// Writes the gradient of some of the weights' rows, from `first` on, that a part's present block gives, or adds it.
    fn write_gradient(
        &self,
        lesson: &Lesson<'_, R>,
        part: &Block<R>,
        from: usize,
        first: usize,
        to: &mut [R],
        adds: bool,
    ) {
        let (n, width) = (self.hidden(), self.width());
        let count = part.count;
        let entered = &lesson.entered[from * n..];
        let outputs = &part.outputs;
        let ((left, left_width), (right, right_width)) = match self.tied {
            true => ((&outputs[..], width), (entered, n)),
            false => ((entered, n), (&outputs[..], width)),
        };
        let rows = to.len() / right_width;
        let left = Matrix::rows(&left[first..], count, rows, left_width).transposed();
        let right = Matrix::rows(right, count, right_width, right_width);
        product(to, right_width, adds, left, right);
    }

    /// The outputs, outputs × width.
    pub(super) fn outputs(&self, entered: &[R]) -> Vec<R> {
        let (n, width) = (self.hidden(), self.width());
        let count = entered.len() / n;
        let mut outputs = self.bias.repeat(count);
        let entered = Matrix::rows(entered, count, n, n);
        product(&mut outputs, width, true, entered, self.weight);
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
        let rows = (BLOCK / self.width() / rayon::current_num_threads()).max(LEAST_ROWS);
        let [mut loss, mut correct] = [0.0, 0.0];
        for (index, entered) in entered.chunks(rows * self.hidden()).enumerate() {
            let mut block = self.outputs(entered);
            for (row, outputs) in block.chunks_exact_mut(self.width()).enumerate() {
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

/// A bias that is still to be added to the outputs, and its gradient, which is added up.
struct Bias<'a, R> {
    numbers: &'a [R],
    gradient: &'a mut [R],
}

impl<R: Real> Answers<'_, R> {
    /// The loss of one output without its bias; its gradient, times `scale`, takes the place of the output.
    fn learn(&self, place: usize, outputs: &mut [R], bias: Bias<'_, R>, scale: R) -> f64 {
        if let Self::Classes(classes) = self {
            return cross_entropy(outputs, classes[place] as usize, Some(bias), scale);
        }
        add(outputs, bias.numbers);
        let loss = self.loss(place, outputs, scale);
        add(bias.gradient, outputs);
        loss
    }

    /// The loss of one output; its gradient, times `scale`, takes the place of the output.
    fn loss(&self, place: usize, outputs: &mut [R], scale: R) -> f64 {
        match self {
            Self::Values(values) => {
                let off = outputs[0] - values[place];
                outputs[0] = off * scale * R::of(2.0);
                off.wide() * off.wide()
            }
            Self::Classes(classes) => cross_entropy(outputs, classes[place] as usize, None, scale),
            Self::Keys(keys) => {
                let keys = &keys[place * outputs.len()..][..outputs.len()];
                let mut sum = 0.0;
                for (output, &key) in outputs.iter_mut().zip(keys) {
                    let (z, y) = (output.wide(), key.wide());
                    sum += z.max(0.0) - z * y + (-z.abs()).exp().ln_1p();
                    *output = R::of(1.0 / (1.0 + (-z).exp()) - y) * scale;
                }
                sum
            }
        }
    }
}

/// −log softmax of the class; the gradient takes the place of the logits.
fn cross_entropy<R: Real>(
    logits: &mut [R],
    class: usize,
    mut bias: Option<Bias<'_, R>>,
    scale: R,
) -> f64 {
    let mut target = logits[class];
    if let Some(bias) = &mut bias {
        target += bias.numbers[class];
        bias.gradient[class] -= scale;
    }
    let arch = pulp::Arch::new();
    let (largest, sum) = arch.dispatch(Exponentials {
        logits,
        bias: bias.as_ref().map(|bias| bias.numbers),
    });
    // The sum is at least 1, so the quotient is finite if the logits are.
    arch.dispatch(Scaled {
        powers: logits,
        factor: scale / sum,
        bias: bias.map(|bias| bias.gradient),
    });
    logits[class] -= scale;
    sum.wide().ln() + largest.wide() - target.wide()
}

/// Puts e to the power of (logit − largest logit) in place of each logit, to which a bias is added first; gives the
/// largest and the sum of the powers.
struct Exponentials<'a, R> {
    logits: &'a mut [R],
    bias: Option<&'a [R]>,
}

impl<R: Real> WithSimd for Exponentials<'_, R> {
    type Output = (R, R);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> (R, R) {
        let largest = largest(simd, self.logits, self.bias);
        (largest, exponentials(simd, self.logits, largest))
    }
}

/// Multiplies the powers, which makes a softmax of them, and adds them to a bias' gradient while they are at hand: ten
/// thousand of them do not stay in the nearest cache.
struct Scaled<'a, R> {
    powers: &'a mut [R],
    factor: R,
    bias: Option<&'a mut [R]>,
}

impl<R: Real> WithSimd for Scaled<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let powers = self.powers;
        let factor = Vector::splat(simd, self.factor);
        match self.bias {
            Some(gradient) => each_span!(R, simd, powers.len(), span => {
                let product = span.read(powers) * factor;
                span.write(powers, product);
                let all = span.read(gradient) + product;
                span.write(gradient, all);
            }),
            None => each_span!(R, simd, powers.len(), span => {
                let product = span.read(powers) * factor;
                span.write(powers, product);
            }),
        }
    }
}

/// Adds the bias, if there is one, and gives the largest number then; a NaN is lost here and found by the sum.
#[inline(always)]
fn largest<R: Real, S: Simd>(simd: S, values: &mut [R], bias: Option<&[R]>) -> R {
    let first = values[0] + bias.map_or(R::ZERO, |bias| bias[0]);
    let mut lanes = Vector::splat(simd, first);
    for span in Span::whole::<R>(simd, values.len()) {
        let mut numbers = span.read(values);
        if let Some(bias) = bias {
            numbers = numbers + span.read(bias);
            span.write(values, numbers);
        }
        lanes = lanes.choose_less(numbers, numbers, lanes);
    }
    let mut largest = lanes.largest();
    if let Some(span) = Span::rest::<R>(simd, values.len()) {
        if let Some(bias) = bias {
            let numbers = span.read(values) + span.read(bias);
            span.write(values, numbers);
        }
        for &value in span.of(values) {
            if largest < value {
                largest = value;
            }
        }
    }
    largest
}

/// Puts e to the power of (value − largest) in place of each value, and gives their sum.
#[inline(always)]
fn exponentials<R: Real, S: Simd>(simd: S, values: &mut [R], largest: R) -> R {
    let largest = Vector::splat(simd, largest);
    let mut sums = Vector::splat(simd, R::ZERO);
    for span in Span::whole::<R>(simd, values.len()) {
        let powers = (span.read(values) - largest).exp();
        span.write(values, powers);
        sums = sums + powers;
    }
    let mut sum = sums.sum();
    if let Some(span) = Span::rest::<R>(simd, values.len()) {
        let powers = (span.read(values) - largest).exp();
        span.write(values, powers);
        for &power in span.of(values) {
            sum += power;
        }
    }
    sum
}
