//! Experiments: the list, one in full, its live stream, and the editor.

pub mod acceptance;
pub mod actions;
mod compose;
mod defaults;
pub mod diff;
mod document;
pub mod download;
mod e_process;
pub mod edit;
mod fields;
pub mod forecast;
pub mod frozen;
pub mod list;
pub mod live;
mod matrix;
pub(in crate::pages) mod plots;
mod posted;
pub(in crate::pages) mod pulse;
pub mod rival;
pub mod run_list;
mod search;
pub mod show;
pub mod standing;
pub mod stop;
mod toml_text;
mod tuned;
mod unseen;
