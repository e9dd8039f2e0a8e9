//! Matrix products of a card.

use super::{Card, Span};
use candle_core::Result;

/// A matrix on a card, or one of several that lie at equal distances; its rows lie one below the other.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    /// Where the first begins.
    pub at: Span<'a>,
    /// Rows as they lie.
    pub rows: usize,
    /// Columns as they lie.
    pub columns: usize,
    /// Distance between the beginnings of two rows.
    pub stride: usize,
    /// Whether rows and columns are exchanged in the product.
    pub transposed: bool,
    /// Distance between two matrices.
    pub apart: usize,
}

impl<'a> Matrix<'a> {
    /// A matrix whose rows begin at a distance of `stride`.
    pub(crate) fn new(at: Span<'a>, rows: usize, columns: usize, stride: usize) -> Self {
        Self {
            at,
            rows,
            columns,
            stride,
            transposed: false,
            apart: 0,
        }
    }

    /// With rows and columns exchanged.
    pub(crate) fn transposed(self) -> Self {
        Self {
            transposed: !self.transposed,
            ..self
        }
    }

    /// The first of several at that distance.
    pub(crate) fn apart(self, apart: usize) -> Self {
        Self { apart, ..self }
    }

    /// Rows and columns in the product.
    pub fn shape(&self) -> (usize, usize) {
        match self.transposed {
            true => (self.columns, self.rows),
            false => (self.rows, self.columns),
        }
    }

    fn fits(&self, count: usize) -> bool {
        let last = (count - 1) * self.apart + (self.rows - 1) * self.stride + self.columns;
        self.columns <= self.stride && last <= self.at.count()
    }
}

/// `to` ← `left` · `right`, or added to what is there, for `count` of them.
#[derive(Debug, Clone, Copy)]
pub struct Product<'a> {
    /// The result; as it lies.
    pub to: Matrix<'a>,
    /// The left factor.
    pub left: Matrix<'a>,
    /// The right factor.
    pub right: Matrix<'a>,
    /// Whether it is added.
    pub add: bool,
    /// How many products.
    pub count: usize,
}

/// Computes the product, after its shapes are checked.
pub(crate) fn multiply(card: &dyn Card, product: Product<'_>) -> Result<()> {
    let Product {
        to,
        left,
        right,
        count,
        ..
    } = product;
    let (rows, inner) = left.shape();
    let fit = [to, left, right].iter().all(|matrix| matrix.fits(count));
    if !fit || to.transposed || to.shape() != (rows, right.shape().1) || inner != right.shape().0 {
        candle_core::bail!("matrices do not fit: {product:?}");
    }
    card.product(&product)
}
