//! What web and worker agree on: the specification and its criterion, the
//! statistics and the verdict, the job table and the migrations.
//!
//! Invariant: this crate names neither axum, askama nor candle.

pub mod checkpoint_files;
pub mod data_set;
pub mod db;
pub mod id;
pub mod jobs;
pub mod json;
pub mod limit;
pub mod metric;
pub mod news;
pub mod record;
pub mod reproduction;
pub mod result;
pub mod scope;
pub mod search;
pub mod spec;
pub mod stats;
pub mod stored;
pub mod text;
pub mod tuning;
pub mod verdict;
pub mod visible;
