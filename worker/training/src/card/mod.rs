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

    /// What blocks may be given.
    ///
    /// # Errors
    /// What the card says.
    fn room(&self) -> Result<Room>;

    /// Whether all blocks of a launch can run at once, as those must that wait for one another.
    ///
    /// # Errors
    /// What the card says.
    fn holds(&self, kernel: &'static str, grid: Grid) -> Result<bool>;

    /// Runs a kernel. The arguments are trusted: they are this module's own, and tests hold their types against the
    /// kernel's.
    ///
    /// # Errors
    /// What the card says.
    fn launch(&self, kernel: &'static str, grid: Grid, arguments: &[Argument<'_>]) -> Result<()>;
}

/// What blocks may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Multiprocessors whose blocks can wait for one another; 0 where they cannot.
    pub multiprocessors: usize,
    /// Bytes of memory of a block's own.
    pub shared: usize,
}

/// On what a kernel runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Blocks.
    pub blocks: usize,
    /// Threads of a block.
    pub threads: usize,
    /// Bytes of a block's own memory, beside what its kernel names.
    pub shared: usize,
    /// Whether blocks wait for one another.
    pub together: bool,
}

impl Grid {
    /// Blocks that have no memory but what their kernel names, and do not wait for one another.
    pub fn new(blocks: usize, threads: usize) -> Self {
        Self {
            blocks,
            threads,
            shared: 0,
            together: false,
        }
    }
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
    let grid = Grid::new(entries.div_ceil(THREADS), THREADS);
    card.launch(kernel, grid, arguments)
}

/// All numbers of a tensor in the order of its entries.
pub(crate) fn read(card: &dyn Card, tensor: &Tensor) -> Result<Buffer> {
    card.read(&tensor.contiguous()?, tensor.elem_count())
}
