//! A CUDA card through candle's own device: its memory, its stream, its cuBLAS handle.
//!
//! candle's stream is the calling thread's, so a run stays on one thread. Memory is given back in the order of that
//! stream, so a buffer may be dropped as soon as everything that uses it has been asked for.

use super::{Argument, Buffer, Card, Mask, Matrix, Product, Step};
use crate::precision::Products;
use candle_core::cuda_backend::cudarc::cublas::{result as cublas, sys};
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

    fn function(&self, kernel: &'static str) -> Result<CudaFunction> {
        LOADED.with_borrow_mut(|all| {
            let id = self.device.id();
            if !all.contains_key(&id) {
                let kernels = Ptx::from_binary(KERNELS.to_vec());
                let module = self.stream.context().load_module(kernels).w()?;
                let functions = HashMap::new();
                all.insert(id, Loaded { module, functions });
            }
            let loaded = all.get_mut(&id).expect("is there now");
            if let Some(function) = loaded.functions.get(kernel) {
                return Ok(function.clone());
            }
            let function = loaded.module.load_function(kernel).w()?;
            loaded.functions.insert(kernel, function.clone());
            Ok(function)
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

    #[allow(unsafe_code, reason = "a launch trusts its arguments")]
    fn launch(
        &self,
        kernel: &'static str,
        grid: usize,
        block: usize,
        arguments: &[Argument<'_>],
    ) -> Result<()> {
        let function = self.function(kernel)?;
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
            grid_dim: (u32::try_from(grid)?, 1, 1),
            block_dim: (u32::try_from(block)?, 1, 1),
            shared_mem_bytes: 0,
        };
        // SAFETY: tests hold the types of all launches against the kernels; spans lie in buffers that are there, and
        // memory is given back in the order of the stream.
        unsafe { launch.launch(config) }.w()?;
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
