//! The fast path on a card: forward, loss and gradients of a whole window by a few products and kernels of our own.
//!
//! It walks as [`super::cpu`] does, but with the whole minibatch at once: the products with x of all steps are one
//! product; then one kernel walks all steps where its blocks can share them (`recurrence`), else a step is one product
//! and one kernel, and so back; the gradients of the weights are one product each after the walk back. Output and loss
//! go by blocks of rows. Nothing waits for the card: losses, norms and the factor of clipping stay on it.

mod copies;
mod embedding;
mod head;
mod layer;
mod masks;
mod recurrence;
mod weights;
mod window;

pub use window::{BLOCK, learn, outputs};
