//! From values to what stands on a page.

pub mod badge;
pub mod filters;
pub mod form;
pub mod markdown;
pub mod number;
pub mod time;
pub mod url;
