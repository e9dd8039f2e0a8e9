//! A card that is this processor: memory of its own, products by their definition, and the kernels' own source.

use breakmywork_kernels_emulated::{self as emulated, Order, run};
use breakmywork_training::card::{Argument, Buffer, Card, Grid, Matrix, Product, Room};
use candle_core::{CpuStorage, Device, InplaceOp1, Layout, Result, Tensor};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::ffi::c_void;

/// Numbers before and behind each buffer that nobody may write.
const GUARD: usize = 4;
const UNTOUCHED: f32 = -1.234_5e30;

/// The card, with the order in which threads take turns.
pub(crate) struct HostCard(pub(crate) Order);

/// Memory of the card.
struct Memory(Vec<f32>);

impl Memory {
    fn check(&self) {
        let behind = self.0.len() - GUARD;
        let guards = self.0[..GUARD].iter().chain(&self.0[behind..]);
        let untouched = |number: &f32| number.to_bits() == UNTOUCHED.to_bits();
        assert!(
            guards.into_iter().all(untouched),
            "a kernel wrote beside its buffer"
        );
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.check();
        }
    }
}

fn buffer(numbers: impl ExactSizeIterator<Item = f32>) -> Buffer {
    let count = numbers.len();
    let guard = || std::iter::repeat_n(UNTOUCHED, GUARD);
    let mut all: Vec<f32> = guard().chain(numbers).chain(guard()).collect();
    let address = all[GUARD..].as_mut_ptr() as u64;
    Buffer::new(address, count, Box::new(Memory(all)))
}

/// Finds where a tensor's storage lies, to be written, and how many numbers it has from the tensor's first one on.
struct Locate(Cell<(u64, usize)>);

impl InplaceOp1 for Locate {
    fn name(&self) -> &'static str {
        "locate"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (address, count) = match storage {
            CpuStorage::F32(numbers) => (numbers.as_mut_ptr() as u64, numbers.len()),
            CpuStorage::U32(numbers) => (numbers.as_mut_ptr() as u64, numbers.len()),
            _ => candle_core::bail!("neither f32 nor u32"),
        };
        let first = layout.start_offset();
        self.0.set((address + 4 * first as u64, count - first));
        Ok(())
    }
}

impl Card for HostCard {
    fn alloc(&self, count: usize) -> Result<Buffer> {
        // What is read before it is written spoils everything.
        Ok(buffer(std::iter::repeat_n(f32::NAN, count)))
    }

    fn zeros(&self, count: usize) -> Result<Buffer> {
        Ok(buffer(std::iter::repeat_n(0.0, count)))
    }

    fn upload(&self, numbers: &[u32]) -> Result<Buffer> {
        Ok(buffer(numbers.iter().map(|&number| f32::from_bits(number))))
    }

    fn read(&self, tensor: &Tensor, count: usize) -> Result<Buffer> {
        let locate = Locate(Cell::new((0, 0)));
        tensor.inplace_op1(&locate)?;
        let (address, there) = locate.0.get();
        assert!(count <= there, "{count} numbers of {there}");
        Ok(Buffer::new(address, count, Box::new(tensor.clone())))
    }

    fn tensor(&self, buffer: Buffer, shape: &[usize]) -> Result<Tensor> {
        let memory = buffer.into_owner().downcast::<Memory>();
        let memory = memory.expect("this card made the buffer");
        let numbers = memory.0[GUARD..memory.0.len() - GUARD].to_vec();
        Tensor::from_vec(numbers, shape, &Device::Cpu)
    }

    fn product(&self, product: &Product<'_>) -> Result<()> {
        let (rows, inner) = product.left.shape();
        let (_, columns) = product.right.shape();
        for number in 0..product.count {
            for row in 0..rows {
                for column in 0..columns {
                    let term = |i: usize| {
                        let left = get(&product.left, number, row, i);
                        f64::from(left) * f64::from(get(&product.right, number, i, column))
                    };
                    let sum: f64 = (0..inner).map(term).sum();
                    let before = match product.add {
                        true => get(&product.to, number, row, column),
                        false => 0.0,
                    };
                    set(&product.to, number, row, column, before + sum as f32);
                }
            }
        }
        Ok(())
    }

    fn room(&self) -> Result<Room> {
        Ok(Room {
            multiprocessors: 4,
            shared: 48 << 10,
        })
    }

    fn holds(&self, _kernel: &'static str, _grid: Grid) -> Result<bool> {
        Ok(true)
    }

    #[allow(unsafe_code, reason = "kernels work on pointers")]
    fn launch(&self, kernel: &'static str, grid: Grid, arguments: &[Argument<'_>]) -> Result<()> {
        let letters: String = arguments.iter().map(Argument::letter).collect();
        let pointers: Vec<*const c_void> = arguments.iter().map(Argument::pointer).collect();
        let grid = emulated::Grid {
            blocks: grid.blocks as u32,
            threads: grid.threads as u32,
            shared: grid.shared as u32,
            together: grid.together,
        };
        // SAFETY: each pointer is at an argument of its type, and spans lie in buffers that are there.
        let run = unsafe { run(kernel, grid, &letters, &pointers, self.0) };
        run.map_err(candle_core::Error::msg)
    }
}

/// A card that says that it has other room than it has, and remembers what was launched, and whether together.
pub(crate) struct WithRoom {
    pub(crate) card: Box<dyn Card>,
    pub(crate) room: Room,
    pub(crate) launched: RefCell<HashSet<(&'static str, bool)>>,
}

impl Card for WithRoom {
    fn alloc(&self, count: usize) -> Result<Buffer> {
        self.card.alloc(count)
    }

    fn zeros(&self, count: usize) -> Result<Buffer> {
        self.card.zeros(count)
    }

    fn upload(&self, numbers: &[u32]) -> Result<Buffer> {
        self.card.upload(numbers)
    }

    fn read(&self, tensor: &Tensor, count: usize) -> Result<Buffer> {
        self.card.read(tensor, count)
    }

    fn tensor(&self, buffer: Buffer, shape: &[usize]) -> Result<Tensor> {
        self.card.tensor(buffer, shape)
    }

    fn product(&self, product: &Product<'_>) -> Result<()> {
        self.card.product(product)
    }

    fn room(&self) -> Result<Room> {
        Ok(self.room)
    }

    fn holds(&self, kernel: &'static str, grid: Grid) -> Result<bool> {
        self.card.holds(kernel, grid)
    }

    fn launch(&self, kernel: &'static str, grid: Grid, arguments: &[Argument<'_>]) -> Result<()> {
        let what = (kernel, grid.together);
        self.launched.borrow_mut().insert(what);
        self.card.launch(kernel, grid, arguments)
    }
}

fn address(matrix: &Matrix<'_>, number: usize, row: usize, column: usize) -> *mut f32 {
    let (row, column) = match matrix.transposed {
        true => (column, row),
        false => (row, column),
    };
    let place = number * matrix.apart + row * matrix.stride + column;
    matrix.at.from(place).address() as *mut f32
}

#[allow(unsafe_code, reason = "a card's memory is known by its address")]
fn get(matrix: &Matrix<'_>, number: usize, row: usize, column: usize) -> f32 {
    // SAFETY: the place lies in the span, which `Span::from` asserts.
    unsafe { *address(matrix, number, row, column) }
}

#[allow(unsafe_code, reason = "a card's memory is known by its address")]
fn set(matrix: &Matrix<'_>, number: usize, row: usize, column: usize, value: f32) {
    // SAFETY: as above, and no reference to a card's memory is held anywhere.
    unsafe { *address(matrix, number, row, column) = value }
}
