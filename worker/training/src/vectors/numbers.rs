//! The numbers of tensors on the CPU, borrowed.

use super::product::Matrix;
use super::real::Real;
use candle_core::{Layout, Result, Storage, Tensor};
use std::marker::PhantomData;
use std::ops::Deref;

/// A tensor's numbers where they lie: nobody writes parameters while a window is learned from.
pub(crate) struct Numbers<'t, R> {
    /// candle's guard, whose type it does not name.
    storage: Box<dyn Deref<Target = Storage> + Sync + 't>,
    layout: &'t Layout,
    of: PhantomData<fn() -> R>,
}

impl<'t, R: Real> Numbers<'t, R> {
    /// Those of that tensor.
    ///
    /// # Errors
    /// If it is not on the CPU, or of another type.
    pub(crate) fn of(tensor: &'t Tensor) -> Result<Self> {
        let (storage, layout) = tensor.storage_and_layout();
        let Storage::Cpu(numbers) = &*storage else {
            candle_core::bail!("the tensor is not on the CPU");
        };
        R::cpu_storage_as_slice(numbers)?;
        Ok(Self {
            storage: Box::new(storage),
            layout,
            of: PhantomData,
        })
    }

    /// From the tensor's first number on, as they lie.
    pub(crate) fn slice(&self) -> &[R] {
        // `of` has seen that both are so.
        let numbers = match &**self.storage {
            Storage::Cpu(numbers) => R::cpu_storage_as_slice(numbers).unwrap_or_default(),
            _ => &[],
        };
        &numbers[self.layout.start_offset()..]
    }

    /// Those of a tensor with two dimensions.
    ///
    /// # Panics
    /// If it has not.
    pub(crate) fn matrix(&self) -> Matrix<'_, R> {
        let (dims, strides) = (self.layout.dims(), self.layout.stride());
        Matrix::strided(self.slice(), [dims[0], dims[1]], [strides[0], strides[1]])
    }
}

/// The numbers of a tensor on the CPU, copied.
pub(crate) fn values<R: Real>(tensor: &Tensor) -> Result<Vec<R>> {
    let tensor = tensor.contiguous()?;
    let numbers = Numbers::<R>::of(&tensor)?;
    Ok(numbers.slice()[..tensor.elem_count()].to_vec())
}
