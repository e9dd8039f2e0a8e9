//! The specification of an experiment: what is trained, on what, and what decides.
//!
//! One Rust type for TOML files, JSON over REST and the form. [`read`] turns
//! untrusted text into a [`Spec`] with every default filled in, or into a list
//! of everything that is wrong with it.

mod canonical;
mod contrast;
mod cost;
mod criterion;
mod dropout;
mod fields;
mod gates;
mod likeness;
pub mod limits;
mod masks;
mod memory;
mod plain;
pub mod presets;
mod read;
mod reading;
mod search;
mod sections;
mod seeds;
mod to_toml;
mod tuning;
mod types;

pub use contrast::Term;
pub(crate) use contrast::pair;
pub use cost::{
    Board, Cost, CostOnWorkers, Kind, Past, USUAL_HOURS, card_run_seconds, cpu_seconds, flops,
    run_seconds, sequence_length, tested_length,
};
pub use dropout::*;
pub use fields::{Problem, Problems};
pub use memory::{DataShape, in_words, run_memory};
pub use read::{Format, draft, read, read_bytes, read_value};
pub(crate) use reading::{number, sentence};
pub use search::{Axis, Rung, Search, SearchPlan, Settings, USUAL_LEVELS};
pub use seeds::{Seeds, drawn as drawn_seeds};
pub use to_toml::FIELD_ORDER;
pub use tuning::{
    Trial, Tuned, TunedSettings, Tuning, TuningSearch, is_natural_bound, tunable_paths,
};
pub use types::*;
