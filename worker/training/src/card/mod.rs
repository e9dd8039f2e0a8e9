//! Arithmetic on a card: memory, products, and kernels of our own, whose source is in `worker/kernels/`.
//!
//! Sums have a fixed order and no kernel uses atomics, so the same run gives the same numbers. A card is a small trait
//! ([`Card`]), because tests run the same callers and the same source on a processor.

#[cfg(feature = "cuda")]
mod cuda;
mod memory;
mod optim;
mod product;
mod random;

pub use memory::{Argument, Buffer, Mask, Span, Step};
pub use optim::{Adam, adam, clip, descend};
pub(crate) use product::multiply;
pub use product::{Matrix, Product};
pub use random::draw_mask;

use candle_core::{Device, Result, Tensor};

/// What the walk needs of a card. Everything that is asked for happens in the order in which it is asked for.
pub trait Card {
    /// So many numbers, whatever they are.
    ///
    /// # Errors
    /// If the card is out of memory.
    fn alloc(&self, count: usize) -> Result<Buffer>;

    /// So many zeros.
    ///
    /// # Errors
    /// If the card is out of memory.
    fn zeros(&self, count: usize) -> Result<Buffer>;

    /// Those whole numbers.
    ///
    /// # Errors
    /// If the card is out of memory.
    fn upload(&self, numbers: &[u32]) -> Result<Buffer>;

    /// `count` numbers of a tensor's storage from the tensor's first one on, where they lie.
    ///
    /// # Errors
    /// If the tensor lies elsewhere, or its storage ends before.
    fn read(&self, tensor: &Tensor, count: usize) -> Result<Buffer>;

    /// A buffer of single precision that this card made, as a tensor.
    ///
    /// # Errors
    /// If this card has not made it.
    fn tensor(&self, buffer: Buffer, shape: &[usize]) -> Result<Tensor>;

    /// Computes a product whose shapes have been checked.
    ///
    /// # Errors
    /// What the card says.
    fn product(&self, product: &Product<'_>) -> Result<()>;

    /// Runs a kernel on `grid` blocks of `block` threads. The arguments are trusted: they are this module's own, and
    /// tests hold their types against the kernel's.
    ///
    /// # Errors
    /// What the card says.
    fn launch(
        &self,
        kernel: &'static str,
        grid: usize,
        block: usize,
        arguments: &[Argument<'_>],
    ) -> Result<()>;
}

/// The card behind a device, if it is one.
pub fn on(device: &Device) -> Option<Box<dyn Card>> {
    match device {
        #[cfg(feature = "cuda")]
        Device::Cuda(device) => Some(Box::new(cuda::Cuda::new(device.clone()))),
        _ => None,
    }
}

/// Runs a kernel with a thread for each of so many entries.
pub(crate) fn each(
    card: &dyn Card,
    kernel: &'static str,
    entries: usize,
    arguments: &[Argument<'_>],
) -> Result<()> {
    /// A block's threads: enough to fill a card, few enough for any.
    const THREADS: usize = 256;
    card.launch(kernel, entries.div_ceil(THREADS), THREADS, arguments)
}

/// All numbers of a tensor in the order of its entries.
pub(crate) fn read(card: &dyn Card, tensor: &Tensor) -> Result<Buffer> {
    card.read(&tensor.contiguous()?, tensor.elem_count())
}
