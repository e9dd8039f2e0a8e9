//! The gradient of a parameter: all of it, or only its rows that are not zero.

use candle_core::{Result, Tensor};

/// The gradient of one parameter.
#[derive(Debug, Clone)]
pub enum Gradient {
    /// As the parameter lies.
    Whole(Tensor),
    /// Of an embedding: the rows that were used.
    Rows(RowGradient),
}

/// Rows of a gradient; all others are zero.
#[derive(Debug, Clone)]
pub struct RowGradient {
    /// Which rows, ascending, each once.
    pub rows: Vec<u32>,
    /// Their values, one below the other: rows × width.
    pub values: Tensor,
    /// How many rows the parameter has.
    pub of: usize,
}

impl Gradient {
    /// All of its numbers that may differ from zero, each once.
    pub fn values(&self) -> &Tensor {
        match self {
            Self::Whole(whole) => whole,
            Self::Rows(rows) => &rows.values,
        }
    }

    /// As the parameter lies, with the zeros.
    ///
    /// # Errors
    /// If the device is out of memory.
    pub fn whole(&self) -> Result<Tensor> {
        let Self::Rows(RowGradient { rows, values, of }) = self else {
            return Ok(self.values().clone());
        };
        let zeros = Tensor::zeros((*of, values.dim(1)?), values.dtype(), values.device())?;
        let rows = Tensor::new(rows.as_slice(), values.device())?;
        zeros.index_add(&rows, values, 0)
    }
}
