//! The output over many classes: threads divide the classes, not the outputs.
//!
//! A product packs what it meets. Where each thread has its own outputs, each packs all of the weights, there and back,
//! and all of the outputs' gradient for the weights'; where each has its own classes, it packs its own part of all three.
//! Each then knows a part of a softmax's sum, and a part of the gradient of what entered, which are added up in order.

use super::{
    Answers, Buffer, Exponentials, Lesson, Loss, Matrix, Output, Range, Real, Scaled, add, product,
};
use crate::vectors::MatrixMut;
use pulp::Arch;
use rayon::prelude::*;

/// Classes of a thread are a multiple of so many, for its products to have whole tiles.
const TILE: usize = 16;

/// Whether what should be is classes.
pub(super) fn all_classes<R>(lessons: &[Lesson<'_, R>]) -> bool {
    let classes = |lesson: &Lesson<'_, R>| matches!(lesson.answers, Answers::Classes(_));
    lessons.iter().all(classes)
}

/// One thread's classes in the present block of outputs.
struct Piece<R: Real> {
    classes: Range<usize>,
    /// Outputs × classes.
    outputs: Buffer<R>,
    /// Of each output the largest logit, the sum of its powers, and what these are to be multiplied by.
    sums: Vec<[R; 3]>,
    /// What these classes give of the gradient of what entered: outputs × hidden.
    entered: Buffer<R>,
    bias: Vec<R>,
}

/// What all outputs should be, one lesson's after the other's.
struct Asked<R: Real> {
    /// Outputs × hidden.
    entered: Buffer<R>,
    classes: Vec<u32>,
    /// What the loss of each is multiplied by.
    weights: Vec<R>,
}

impl<R: Real> Asked<R> {
    fn of(lessons: &[Lesson<'_, R>]) -> Self {
        let all = lessons.iter().map(|lesson| lesson.entered.len()).sum();
        let mut entered = Buffer::take(all);
        let (mut classes, mut weights) = (Vec::new(), Vec::new());
        let mut end = 0;
        for lesson in lessons {
            entered[end..][..lesson.entered.len()].copy_from_slice(lesson.entered);
            end += lesson.entered.len();
            let Answers::Classes(own) = lesson.answers else {
                continue;
            };
            classes.extend_from_slice(own);
            match lesson.weights {
                Some(own) => weights.extend_from_slice(own),
                None => weights.resize(classes.len(), R::ONE),
            }
        }
        Self {
            entered,
            classes,
            weights,
        }
    }
}

impl<R: Real> Output<'_, R> {
    /// What [`Self::learn`] gives, where all answers are classes, by so many threads, `rows` outputs at a time.
    pub(super) fn learn_divided(
        &self,
        lessons: &[Lesson<'_, R>],
        scale: f64,
        threads: usize,
        rows: usize,
    ) -> Loss<R> {
        let (n, width) = (self.hidden(), self.width());
        let asked = Asked::of(lessons);
        let all = asked.classes.len();
        let rows = rows.min(all);
        let ranges = ranges(width, threads);
        let piece = |classes: &Range<usize>| Piece {
            outputs: Buffer::take(rows * classes.len()),
            sums: vec![[R::ZERO; 3]; rows],
            entered: Buffer::take(rows * n),
            bias: vec![R::ZERO; classes.len()],
            classes: classes.clone(),
        };
        let mut pieces: Vec<Piece<R>> = ranges.iter().map(piece).collect();
        let mut weight = Buffer::take(n * width);
        let own = |lesson: &Lesson<'_, R>| Buffer::take(lesson.entered.len());
        let mut entered: Vec<Buffer<R>> = lessons.iter().map(own).collect();
        let mut sum = 0.0;
        for from in (0..all).step_by(rows) {
            let block = from..all.min(from + rows);
            let powers = |piece: &mut Piece<R>| self.powers(piece, &asked, block.clone());
            let targets: Vec<Vec<(usize, f64)>> = pieces.par_iter_mut().map(powers).collect();
            sum += combine(&mut pieces, &asked, block.clone(), &targets, scale);
            let gradients = self.cut(&mut weight, &ranges);
            let both = pieces.par_iter_mut().zip(gradients);
            both.for_each(|(piece, to)| self.gradients(piece, &asked, block.clone(), scale, to));
            let mut first = 0;
            let spans: Vec<_> = entered
                .iter_mut()
                .map(|to| {
                    let start = first;
                    first += to.len() / n;
                    (start, to)
                })
                .collect();
            spans.into_par_iter().for_each(|(start, to)| {
                let end = start + to.len() / n;
                let (from, until) = (block.start.max(start), block.end.min(end));
                if from < until {
                    let to = &mut to[(from - start) * n..(until - start) * n];
                    let of = (from - block.start) * n..(until - block.start) * n;
                    to.copy_from_slice(&pieces[0].entered[of.clone()]);
                    for piece in &pieces[1..] {
                        add(to, &piece.entered[of.clone()]);
                    }
                }
            });
        }
        let bias = pieces.iter().map(|piece| &piece.bias[..]);
        Loss {
            sum,
            entered,
            weight,
            bias: bias.collect::<Vec<_>>().concat(),
        }
    }

    /// The weights' gradient, for each thread that of its classes.
    fn cut<'w>(&self, weight: &'w mut [R], ranges: &[Range<usize>]) -> Vec<MatrixMut<'w, R>> {
        if !self.tied {
            return MatrixMut::cut(weight, self.width(), ranges);
        }
        let n = self.hidden();
        let mut rest = weight;
        let mut pieces = Vec::with_capacity(ranges.len());
        for range in ranges {
            let (own, behind) = rest.split_at_mut(range.len() * n);
            pieces.extend(MatrixMut::cut(own, n, std::slice::from_ref(&(0..n))));
            rest = behind;
        }
        pieces
    }

    /// Puts powers of e in place of the outputs of a block; gives the logits that should be largest, each with its
    /// output's place in the block.
    fn powers(
        &self,
        piece: &mut Piece<R>,
        asked: &Asked<R>,
        block: Range<usize>,
    ) -> Vec<(usize, f64)> {
        let (n, count, classes) = (self.hidden(), block.len(), piece.classes.clone());
        let entered = Matrix::rows(&asked.entered[block.start * n..], count, n, n);
        let outputs = &mut piece.outputs[..count * classes.len()];
        let weight = self.weight.columns(classes.clone());
        product(outputs, classes.len(), false, entered, weight);
        let bias = &self.bias[classes.clone()];
        let mut targets = Vec::new();
        for (row, logits) in outputs.chunks_exact_mut(classes.len()).enumerate() {
            let class = asked.classes[block.start + row] as usize;
            if classes.contains(&class) {
                let place = class - classes.start;
                targets.push((row, (logits[place] + bias[place]).wide()));
            }
            let bias = Some(bias);
            let (largest, sum) = Arch::new().dispatch(Exponentials { logits, bias });
            piece.sums[row] = [largest, sum, R::ZERO];
        }
        targets
    }

    /// Makes a softmax of the powers and takes all gradients of it; those of the weights are added up over the blocks.
    fn gradients(
        &self,
        piece: &mut Piece<R>,
        asked: &Asked<R>,
        block: Range<usize>,
        scale: f64,
        mut to: MatrixMut<'_, R>,
    ) {
        let (n, count, classes) = (self.hidden(), block.len(), piece.classes.clone());
        let width = classes.len();
        let outputs = &mut piece.outputs[..count * width];
        for (row, powers) in outputs.chunks_exact_mut(width).enumerate() {
            let place = block.start + row;
            Arch::new().dispatch(Scaled {
                powers,
                factor: piece.sums[row][2],
                bias: Some(&mut piece.bias),
            });
            let class = asked.classes[place] as usize;
            if classes.contains(&class) {
                let scale = R::of(scale) * asked.weights[place];
                powers[class - classes.start] -= scale;
                piece.bias[class - classes.start] -= scale;
            }
        }
        let outputs = Matrix::rows(outputs, count, width, width);
        let weight = self.weight.columns(classes);
        product(&mut piece.entered, n, false, outputs, weight.transposed());
        let entered = Matrix::rows(&asked.entered[block.start * n..], count, n, n);
        match self.tied {
            true => to.multiply(block.start > 0, outputs.transposed(), entered),
            false => to.multiply(block.start > 0, entered.transposed(), outputs),
        }
    }
}

/// Makes whole sums of those that the pieces have of each output, and says what each piece's powers are to be multiplied
/// by; gives the sum of the losses.
fn combine<R: Real>(
    pieces: &mut [Piece<R>],
    asked: &Asked<R>,
    block: Range<usize>,
    targets: &[Vec<(usize, f64)>],
    scale: f64,
) -> f64 {
    let mut losses = vec![0.0; block.len()];
    for (row, loss) in losses.iter_mut().enumerate() {
        let all = pieces.iter().map(|piece| piece.sums[row]);
        let largest = all.clone().map(|[largest, ..]| largest.wide());
        let largest = largest.fold(f64::NEG_INFINITY, f64::max);
        let share = |[own, ..]: [R; 3]| (own.wide() - largest).exp();
        let sum: f64 = all.map(|own| own[1].wide() * share(own)).sum();
        let factor = scale * asked.weights[block.start + row].wide() / sum;
        for piece in pieces.iter_mut() {
            let own = &mut piece.sums[row];
            own[2] = R::of(factor * share(*own));
        }
        *loss = sum.ln() + largest;
    }
    for &(row, target) in targets.iter().flatten() {
        losses[row] -= target;
    }
    let weights = &asked.weights[block];
    let counting = losses.iter().zip(weights);
    let counting = counting.filter(|&(_, &weight)| weight != R::ZERO);
    counting.map(|(loss, weight)| loss * weight.wide()).sum()
}

/// The classes in so many ranges, as even as whole tiles allow.
fn ranges(classes: usize, count: usize) -> Vec<Range<usize>> {
    let border = |index: usize| match index == count {
        true => classes,
        false => index * classes / count / TILE * TILE,
    };
    (0..count)
        .map(|index| border(index)..border(index + 1))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIDDEN: usize = 5;
    const CLASSES: usize = 70;

    fn numbers(count: usize, seed: usize) -> Vec<f64> {
        let number = |index: usize| ((index * 7919 + seed * 104_729) % 1009) as f64 / 504.5 - 1.0;
        (0..count).map(number).collect()
    }

    /// Divided classes give what divided outputs give, with weights that lie either way and outputs that do not count.
    #[test]
    fn divided_classes_give_the_same_loss_and_gradients() {
        let ways = [false, true].into_iter().flat_map(|tied| {
            [(1, 11), (1, 4), (2, 100), (3, 11), (3, 4)]
                .map(|(threads, rows)| (tied, threads, rows))
        });
        for (tied, threads, rows) in ways {
            let (entries, bias) = (numbers(HIDDEN * CLASSES, 1), numbers(CLASSES, 2));
            let weight = match tied {
                false => Matrix::rows(&entries, HIDDEN, CLASSES, CLASSES),
                true => Matrix::rows(&entries, CLASSES, HIDDEN, HIDDEN).transposed(),
            };
            let output = Output {
                weight,
                bias: &bias,
                tied,
            };
            let entered = [numbers(7 * HIDDEN, 3), numbers(4 * HIDDEN, 4)];
            let classes = [vec![3, 69, 0, 15, 16, 40, 31], vec![32, 33, 3, 64]];
            let counting = [vec![1.0, 0.0, 1.0, 1.0, 0.5, 1.0, 1.0], vec![1.0; 4]];
            let lessons: Vec<Lesson<'_, f64>> = (0..2)
                .map(|part| Lesson {
                    entered: &entered[part],
                    answers: Answers::Classes(&classes[part]),
                    weights: (part == 0).then_some(&counting[part][..]),
                })
                .collect();
            let expected = output.learn(&lessons, 0.25);
            let divided = output.learn_divided(&lessons, 0.25, threads, rows);
            let case = format!("tied: {tied}, threads: {threads}, rows: {rows}");
            // Who takes a piece changes nothing, not a bit.
            let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build();
            let again = pool
                .expect("threads")
                .install(|| output.learn_divided(&lessons, 0.25, threads, rows));
            assert_eq!(again.sum.to_bits(), divided.sum.to_bits(), "{case}");
            assert!(again.weight[..] == divided.weight[..], "{case}");
            assert!(again.bias == divided.bias, "{case}");
            let entered = again.entered.iter().zip(&divided.entered);
            assert!(entered.into_iter().all(|(a, b)| a[..] == b[..]), "{case}");
            assert!((expected.sum - divided.sum).abs() < 1e-9, "{case}");
            near(&expected.weight, &divided.weight, &case);
            near(&expected.bias, &divided.bias, &case);
            for (expected, divided) in expected.entered.iter().zip(&divided.entered) {
                near(expected, divided, &case);
            }
        }
    }

    fn near(expected: &[f64], given: &[f64], case: &str) {
        assert_eq!(expected.len(), given.len(), "{case}");
        let off = expected.iter().zip(given).map(|(a, b)| (a - b).abs());
        assert!(off.fold(0.0, f64::max) < 1e-12, "{case}");
    }

    #[test]
    fn every_class_is_in_one_range() {
        for (classes, count) in [(10_000, 2), (10_000, 16), (513, 1), (1100, 2)] {
            let ranges = ranges(classes, count);
            assert_eq!(ranges.len(), count);
            assert_eq!((ranges[0].start, ranges[count - 1].end), (0, classes));
            assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert!(ranges.iter().all(|range| !range.is_empty()));
        }
    }
}
