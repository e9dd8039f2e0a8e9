//! The linear output with its loss, forward and backward in one, a block of rows at a time: the gradient of the outputs
//! takes their place, so nothing larger than a block is ever held.

use super::layer::column_sums;
use crate::card::{Argument, Buffer, Card, Grid, Matrix, Product, Span, each, multiply};
use crate::tasks::Head;
use candle_core::Result;

/// The linear output's weights.
pub(super) struct Output<'a> {
    pub(super) card: &'a dyn Card,
    pub(super) head: Head,
    /// hidden × width, or width × hidden where they are the embedding's.
    pub(super) weight: Span<'a>,
    pub(super) bias: Span<'a>,
    pub(super) hidden: usize,
    /// Whether the weights are the embedding's.
    pub(super) tied: bool,
}

/// What the outputs should be.
pub(super) struct Answers<'a> {
    /// Numbers or classes.
    pub(super) targets: Span<'a>,
    /// 0 where an output does not count.
    pub(super) weights: Option<Span<'a>>,
    /// What gradients are multiplied by,
    pub(super) scale: f32,
    /// and the number on the card that they are divided by.
    pub(super) divisor: Option<Span<'a>>,
}

/// The losses, and the gradients of what went through the output.
pub(super) struct Loss {
    /// One for each output, 0 where it does not count.
    pub(super) losses: Buffer,
    /// Of what entered: outputs × hidden.
    pub(super) entered: Buffer,
    /// As the weights lie.
    pub(super) weight: Buffer,
    pub(super) bias: Buffer,
}

/// Threads of a block that reduces a row of that width.
fn threads(width: usize) -> usize {
    width.next_power_of_two().clamp(32, 256)
}

impl Output<'_> {
    fn width(&self) -> usize {
        self.head.width()
    }

    /// The weights, or their gradients, as hidden × width.
    fn matrix<'m>(&self, at: Span<'m>) -> Matrix<'m> {
        let (n, width) = (self.hidden, self.width());
        match self.tied {
            true => Matrix::new(at, width, n, n).transposed(),
            false => Matrix::new(at, n, width, width),
        }
    }

    fn product(&self, add: bool, [to, left, right]: [Matrix<'_>; 3]) -> Result<()> {
        let product = Product {
            to,
            left,
            right,
            add,
            count: 1,
        };
        multiply(self.card, product)
    }

    /// The outputs: rows × width.
    pub(super) fn outputs(&self, entered: Span<'_>, rows: usize) -> Result<Buffer> {
        let (n, width) = (self.hidden, self.width());
        let outputs = self.card.alloc(rows * width)?;
        let to = Matrix::new(outputs.all(), rows, width, width);
        let entered = Matrix::new(entered, rows, n, n);
        self.product(false, [to, entered, self.matrix(self.weight)])?;
        let arguments = [
            Argument::At(outputs.all()),
            Argument::At(self.bias),
            Argument::count(rows),
            Argument::count(width),
        ];
        each(self.card, "add_row", rows * width, &arguments)?;
        Ok(outputs)
    }

    /// Losses and gradients of what entered, rows × hidden, with at most so many numbers in a block.
    pub(super) fn learn(
        &self,
        entered: Span<'_>,
        rows: usize,
        answers: &Answers<'_>,
        numbers: usize,
    ) -> Result<Loss> {
        let (card, n, width) = (self.card, self.hidden, self.width());
        let loss = Loss {
            losses: card.alloc(rows)?,
            entered: card.alloc(rows * n)?,
            weight: card.alloc(n * width)?,
            bias: card.alloc(width)?,
        };
        let most = (numbers / width).clamp(1, rows);
        let outputs = card.alloc(most * width)?;
        for first in (0..rows).step_by(most) {
            let (count, add) = (most.min(rows - first), first > 0);
            let block = Matrix::new(outputs.all(), count, width, width);
            let entered = Matrix::new(entered.from(first * n), count, n, n);
            let back = Matrix::new(loss.entered.from(first * n), count, n, n);
            let weight = self.matrix(self.weight);
            self.product(false, [block, entered, weight])?;
            self.losses(answers, &outputs, &loss.losses, first, count)?;
            self.product(false, [back, block, weight.transposed()])?;
            let gradient = Matrix {
                transposed: false,
                ..self.matrix(loss.weight.all())
            };
            let factors = match self.tied {
                true => [gradient, block.transposed(), entered],
                false => [gradient, entered.transposed(), block],
            };
            self.product(add, factors)?;
            let shape = (count, width, width);
            column_sums(card, loss.bias.all(), outputs.all(), shape, add)?;
        }
        Ok(loss)
    }

    /// The losses of a block of rows; gradients take the place of its outputs.
    fn losses(
        &self,
        answers: &Answers<'_>,
        outputs: &Buffer,
        losses: &Buffer,
        first: usize,
        rows: usize,
    ) -> Result<()> {
        let width = self.width();
        let (kernel, target) = match self.head {
            Head::Value => ("squared_error", 1),
            Head::Classes(_) => ("cross_entropy", 1),
            Head::Keys(_) => ("keys_entropy", width),
        };
        let weights = answers.weights.unwrap_or(Span::NONE);
        let last = match self.head {
            Head::Value => rows,
            _ => width,
        };
        let arguments = [
            Argument::At(outputs.all()),
            Argument::At(self.bias),
            Argument::At(answers.targets.from(first * target)),
            Argument::At(weights.from(first)),
            Argument::Number(answers.scale),
            Argument::At(answers.divisor.unwrap_or(Span::NONE)),
            Argument::At(losses.from(first)),
            Argument::count(last),
        ];
        match self.head {
            Head::Value => each(self.card, kernel, rows, &arguments),
            _ => self
                .card
                .launch(kernel, Grid::new(rows, threads(width)), &arguments),
        }
    }
}

/// The sum of so many numbers times `times`, divided by a number on the card if that is given; it stays there.
pub(super) fn total(
    card: &dyn Card,
    from: Span<'_>,
    count: usize,
    times: f32,
    divisor: Option<Span<'_>>,
) -> Result<Buffer> {
    let to = card.alloc(1)?;
    let arguments = [
        Argument::At(to.all()),
        Argument::At(from),
        Argument::count(count),
        Argument::Number(times),
        Argument::At(divisor.unwrap_or(Span::NONE)),
    ];
    card.launch("total", Grid::new(1, threads(count)), &arguments)?;
    Ok(to)
}
