//! A CUDA card through candle's own device: its memory, its stream, its cuBLAS handle.
//!
//! candle's stream is the calling thread's, so a run stays on one thread. Memory is given back in the order of that
//! stream, so a buffer may be dropped as soon as everything that uses it has been asked for.

use super::{Argument, Buffer, Card, Grid, Mask, Matrix, Product, Room, Step};
use crate::precision::Products;
use candle_core::cuda_backend::cudarc::cublas::{result as cublas, sys};
use candle_core::cuda_backend::cudarc::driver::sys::{
    CUdevice_attribute as Attribute, CUfunction_attribute as FunctionAttribute,
};
use candle_core::cuda_backend::cudarc::driver::{
    CudaFunction, CudaModule, CudaSlice, CudaStream, DevicePtr, DeviceRepr, LaunchConfig,
    PushKernelArg,
};
use candle_core::cuda_backend::cudarc::nvrtc::Ptx;
use candle_core::cuda_backend::{CudaDevice, CudaStorageSlice, DeviceId, WrapErr};
use candle_core::op::BackpropOp;
use candle_core::{CudaStorage, Result, Storage, Tensor};
use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::c_void;
use std::sync::Arc;

/// All kernels for all cards, compiled by `build.rs`; the driver takes what fits.
const KERNELS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/kernels.fatbin"));

thread_local! {
    /// The kernels of this thread's devices: a launch should cost microseconds, and the driver's own search by name
    /// costs one.
    static LOADED: RefCell<HashMap<DeviceId, Loaded>> = RefCell::default();
}

/// The kernels on one device, by name as far as they have been asked for.
struct Loaded {
    module: Arc<CudaModule>,
    functions: HashMap<&'static str, CudaFunction>,
    room: Room,
}

impl Loaded {
    fn new(stream: &CudaStream) -> Result<Self> {
        let context = stream.context();
        let kernels = Ptx::from_binary(KERNELS.to_vec());
        let attribute = |attribute| context.attribute(attribute).w();
        let together = attribute(Attribute::CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH)? != 0;
        let multiprocessors = attribute(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?;
        let shared = attribute(Attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)?;
        Ok(Self {
            module: context.load_module(kernels).w()?,
            functions: HashMap::new(),
            room: Room {
                multiprocessors: usize::try_from(multiprocessors)? * usize::from(together),
                shared: usize::try_from(shared)?,
            },
        })
    }

    /// The kernel of that name. What takes memory of its own at launch may take all there is: without being told so the
    /// driver grants 48 kB.
    fn function(&mut self, kernel: &'static str, shared: usize) -> Result<CudaFunction> {
        if let Some(function) = self.functions.get(kernel) {
            return Ok(function.clone());
        }
        let function = self.module.load_function(kernel).w()?;
        if shared > 0 {
            let most = FunctionAttribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
            function.set_attribute(most, whole(self.room.shared)?).w()?;
        }
        self.functions.insert(kernel, function.clone());
        Ok(function)
    }
}

// SAFETY: both have C's layout, which `kernels/common.cuh` repeats, and hold numbers alone.
#[allow(unsafe_code, reason = "kernels take them by value")]
unsafe impl DeviceRepr for Mask<'_> {}
#[allow(unsafe_code, reason = "kernels take them by value")]
unsafe impl DeviceRepr for Step<'_> {}

/// The card of a candle device.
pub(super) struct Cuda {
    device: CudaDevice,
    stream: Arc<CudaStream>,
}

impl Cuda {
    pub(super) fn new(device: CudaDevice) -> Self {
        let stream = device.cuda_stream();
        Self { device, stream }
    }

    /// What has been loaded on this device.
    fn loaded<T>(&self, of: impl FnOnce(&mut Loaded) -> Result<T>) -> Result<T> {
        LOADED.with_borrow_mut(|all| match all.entry(self.device.id()) {
            Entry::Occupied(there) => of(there.into_mut()),
            Entry::Vacant(none) => of(none.insert(Loaded::new(&self.stream)?)),
        })
    }

    fn buffer<T: 'static>(&self, slice: CudaSlice<T>) -> Buffer {
        let (address, count) = (slice.device_ptr(&self.stream).0, slice.len());
        Buffer::new(address, count, Box::new(slice))
    }
}

impl Card for Cuda {
    #[allow(unsafe_code, reason = "memory whose content is not set")]
    fn alloc(&self, count: usize) -> Result<Buffer> {
        // SAFETY: every number is written by a kernel or a product before it is read, which tests check.
        let slice = unsafe { self.device.alloc::<f32>(count)? };
        Ok(self.buffer(slice))
    }

    fn zeros(&self, count: usize) -> Result<Buffer> {
        Ok(self.buffer(self.device.alloc_zeros::<f32>(count)?))
    }

    fn upload(&self, numbers: &[u32]) -> Result<Buffer> {
        Ok(self.buffer(self.device.clone_htod(numbers)?))
    }

    fn read(&self, tensor: &Tensor, count: usize) -> Result<Buffer> {
        let (storage, layout) = tensor.storage_and_layout();
        let Storage::Cuda(storage) = &*storage else {
            candle_core::bail!("a tensor that is not on the card");
        };
        let (address, there) = match &storage.slice {
            CudaStorageSlice::F32(slice) => (slice.device_ptr(&self.stream).0, slice.len()),
            CudaStorageSlice::U32(slice) => (slice.device_ptr(&self.stream).0, slice.len()),
            _ => candle_core::bail!("a tensor of neither f32 nor u32"),
        };
        let first = layout.start_offset();
        if first + count > there {
            candle_core::bail!("{count} numbers from {first} on of {there}");
        }
        let address = address + 4 * first as u64;
        Ok(Buffer::new(address, count, Box::new(tensor.clone())))
    }

    fn tensor(&self, buffer: Buffer, shape: &[usize]) -> Result<Tensor> {
        let Ok(slice) = buffer.into_owner().downcast::<CudaSlice<f32>>() else {
            candle_core::bail!("a buffer that this card has not made");
        };
        let storage = CudaStorage::wrap_cuda_slice(*slice, self.device.clone());
        let storage = Storage::Cuda(storage);
        Ok(Tensor::from_storage(
            storage,
            shape,
            BackpropOp::none(),
            false,
        ))
    }

    /// cuBLAS has columns one after the other: what it takes for its transposed matrices are ours, so left and right
    /// change places.
    #[allow(unsafe_code, reason = "cuBLAS works on pointers")]
    fn product(&self, product: &Product<'_>) -> Result<()> {
        let Product {
            to,
            left,
            right,
            add,
            count,
        } = product;
        let (rows, inner) = left.shape();
        let (_, columns) = right.shape();
        let (alpha, beta) = (1.0f32, if *add { 1.0f32 } else { 0.0 });
        let operation = |matrix: &Matrix<'_>| match matrix.transposed {
            true => sys::cublasOperation_t::CUBLAS_OP_T,
            false => sys::cublasOperation_t::CUBLAS_OP_N,
        };
        let address = |matrix: &Matrix<'_>| matrix.at.address() as *const c_void;
        let single = sys::cudaDataType_t::CUDA_R_32F;
        let algorithm = sys::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT;
        let handle = self.device.cublas_handle();
        // SAFETY: the shapes have been checked against the spans, whose buffers outlive the call, and memory is given
        // back in the order of the stream.
        unsafe {
            if *count == 1 {
                return cublas::gemm_ex(
                    *handle.handle(),
                    operation(right),
                    operation(left),
                    whole(columns)?,
                    whole(rows)?,
                    whole(inner)?,
                    (&raw const alpha).cast(),
                    address(right),
                    single,
                    whole(right.stride)?,
                    address(left),
                    single,
                    whole(left.stride)?,
                    (&raw const beta).cast(),
                    address(to).cast_mut(),
                    single,
                    whole(to.stride)?,
                    precision(),
                    algorithm,
                )
                .w();
            }
            cublas::gemm_strided_batched_ex(
                *handle.handle(),
                operation(right),
                operation(left),
                whole(columns)?,
                whole(rows)?,
                whole(inner)?,
                (&raw const alpha).cast(),
                address(right),
                single,
                whole(right.stride)?,
                right.apart as i64,
                address(left),
                single,
                whole(left.stride)?,
                left.apart as i64,
                (&raw const beta).cast(),
                address(to).cast_mut(),
                single,
                whole(to.stride)?,
                to.apart as i64,
                whole(*count)?,
                precision(),
                algorithm,
            )
        }
        .w()
    }

    fn room(&self) -> Result<Room> {
        self.loaded(|loaded| Ok(loaded.room))
    }

    fn holds(&self, kernel: &'static str, grid: Grid) -> Result<bool> {
        let threads = u32::try_from(grid.threads)?;
        self.loaded(|loaded| {
            let function = loaded.function(kernel, grid.shared)?;
            let each = function
                .occupancy_max_active_blocks_per_multiprocessor(threads, grid.shared, None)
                .w()?;
            Ok(grid.blocks <= each as usize * loaded.room.multiprocessors)
        })
    }

    #[allow(unsafe_code, reason = "a launch trusts its arguments")]
    fn launch(&self, kernel: &'static str, grid: Grid, arguments: &[Argument<'_>]) -> Result<()> {
        let function = self.loaded(|loaded| loaded.function(kernel, grid.shared))?;
        let mut launch = self.stream.launch_builder(&function);
        for argument in arguments {
            match argument {
                Argument::At(span) => launch.arg(&span.address),
                Argument::Count(count) => launch.arg(count),
                Argument::Wide(count) => launch.arg(count),
                Argument::Number(number) => launch.arg(number),
                Argument::Mask(mask) => launch.arg(mask),
                Argument::Step(step) => launch.arg(step),
            };
        }
        let config = LaunchConfig {
            grid_dim: (u32::try_from(grid.blocks)?, 1, 1),
            block_dim: (u32::try_from(grid.threads)?, 1, 1),
            shared_mem_bytes: u32::try_from(grid.shared)?,
        };
        // SAFETY: tests hold the types of all launches against the kernels; spans lie in buffers that are there, and
        // memory is given back in the order of the stream.
        unsafe {
            match grid.together {
                true => launch.launch_cooperative(config),
                false => launch.launch(config),
            }
        }
        .w()?;
        Ok(())
    }
}

/// cuBLAS counts with fewer bits.
fn whole(count: usize) -> Result<i32> {
    Ok(i32::try_from(count)?)
}

/// How cuBLAS is to multiply; sums are of single precision always.
fn precision() -> sys::cublasComputeType_t {
    match Products::chosen() {
        Products::F32 => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
        Products::Tf32 => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F_FAST_TF32,
        Products::Bf16 => sys::cublasComputeType_t::CUBLAS_COMPUTE_32F_FAST_16BF,
    }
}
