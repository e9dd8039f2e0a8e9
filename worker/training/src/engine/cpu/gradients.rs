//! Gradients in the order of the parameters, those of an embedding by the rows that were used.

use super::inputs::Embedded;
use super::rows::add;
use crate::gradient::{Gradient, RowGradient};
use crate::model::Parameters;
use crate::vectors::{Buffer, Real};
use candle_core::{CpuStorage, Device, InplaceOp1, Layout, Result, Tensor};

/// What has been gathered so far.
pub(super) struct Gradients<'p> {
    parameters: &'p Parameters,
    gathered: Vec<Gradient>,
}

impl<'p> Gradients<'p> {
    /// Nothing yet.
    pub(super) fn new(parameters: &'p Parameters) -> Self {
        Self {
            parameters,
            gathered: Vec::new(),
        }
    }

    /// The next parameter's.
    pub(super) fn push<R: Real>(&mut self, numbers: Buffer<R>) -> Result<()> {
        let (_, var) = &self.parameters.named()[self.gathered.len()];
        let tensor = Tensor::from_vec(numbers.into_numbers(), var.shape(), &Device::Cpu)?;
        self.gathered.push(Gradient::Whole(tensor));
        Ok(())
    }

    /// That of an embedding whose rows are the output's too.
    pub(super) fn push_tied<R: Real>(
        &mut self,
        mut numbers: Buffer<R>,
        embedded: &[Embedded<R>],
    ) -> Result<()> {
        for (ids, rows) in embedded {
            let width = rows.len() / ids.len();
            for (&id, row) in ids.iter().zip(rows.chunks_exact(width)) {
                add(&mut numbers[id as usize * width..][..width], row);
            }
        }
        self.push(numbers)
    }

    /// That of an embedding with that many rows: only those that were used, each once. Occurrences are added up in the
    /// order of the parts and of the steps in them.
    pub(super) fn push_rows<R: Real>(
        &mut self,
        of: usize,
        embedded: Vec<Embedded<R>>,
    ) -> Result<()> {
        let mut used: Vec<u32> = embedded.iter().flat_map(|(ids, _)| ids).copied().collect();
        used.sort_unstable();
        used.dedup();
        let mut place = vec![0; of];
        for (index, &id) in used.iter().enumerate() {
            place[id as usize] = index;
        }
        let width = self.parameters.named()[self.gathered.len()].1.dim(1)?;
        let mut numbers = Buffer::zeros(used.len() * width);
        for (ids, rows) in embedded {
            for (&id, row) in ids.iter().zip(rows.chunks_exact(width)) {
                add(&mut numbers[place[id as usize] * width..][..width], row);
            }
        }
        let shape = (used.len(), width);
        let values = Tensor::from_vec(numbers.into_numbers(), shape, &Device::Cpu)?;
        self.gathered.push(Gradient::Rows(RowGradient {
            rows: used,
            values,
            of,
        }));
        Ok(())
    }

    /// All of them.
    pub(super) fn done(self) -> Vec<Gradient> {
        self.gathered
    }
}

/// Takes back the memory of gradients of [`super::learn`] that nobody reads any more, for those of the next window.
///
/// A new vector would be filled with zeros first, hundreds of megabytes of them in a large network, while all but one
/// thread wait.
///
/// # Errors
/// If one is not on the CPU.
pub fn reclaim(gradients: Vec<Gradient>) -> Result<()> {
    for gradient in gradients {
        gradient.values().inplace_op1(&Emptied)?;
    }
    Ok(())
}

/// Leaves a tensor that is about to go without its numbers.
struct Emptied;

impl InplaceOp1 for Emptied {
    fn name(&self) -> &'static str {
        "emptied"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, _: &Layout) -> Result<()> {
        match storage {
            CpuStorage::F32(numbers) => drop(Buffer::from(std::mem::take(numbers))),
            CpuStorage::F64(numbers) => drop(Buffer::from(std::mem::take(numbers))),
            _ => {}
        }
        Ok(())
    }
}
