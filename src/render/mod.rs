//! From values to what stands on a page.

pub mod acceptance_words;
pub mod badge;
pub mod batch;
pub mod chart;
pub mod copied;
pub mod dropout;
pub mod filters;
pub mod form;
pub mod html;
pub mod markdown;
pub mod marked;
mod math;
pub mod news_words;
pub mod number;
pub mod power_words;
pub mod progress;
pub mod record_words;
pub mod shell;
pub mod summary;
pub mod time;
pub mod unrolled;
pub mod url;
pub mod verdict_words;
pub mod words;
