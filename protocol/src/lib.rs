//! What web and worker agree on: the specification and its criterion, the
//! statistics and the verdict, the job table and the migrations.
//!
//! Invariant: this crate names neither axum, askama nor candle.

pub mod id;
pub mod metric;
pub mod result;
pub mod spec;
