//! The specification of an experiment: what is trained, on what, and what decides.
//!
//! One Rust type for TOML files, JSON over REST and the form. [`read`] turns
//! untrusted text into a [`Spec`] with every default filled in, or into a list
//! of everything that is wrong with it.

mod types;

pub use types::*;
