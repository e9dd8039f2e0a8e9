//! Arithmetic on a CPU: numbers, vectors as the processor holds them, products, and buffers that are used again.

mod buffer;
mod functions;
mod numbers;
mod packed;
mod product;
mod real;
mod vector;

pub(crate) use buffer::Buffer;
pub(crate) use numbers::{Numbers, values};
pub(crate) use packed::{Onto, Packed, Rows};
pub(crate) use product::{Matrix, MatrixMut, product, tune};
pub(crate) use real::Real;
pub use vector::instructions;
pub(crate) use vector::{Span, Vector, each_span};
