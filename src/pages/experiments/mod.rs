//! Experiments: the list, one in full, its live stream, and the editor.

pub mod actions;
mod compose;
pub mod edit;
mod fields;
mod line;
pub mod list;
pub mod live;
mod matrix;
pub(super) mod plots;
pub mod show;
mod toml_text;
