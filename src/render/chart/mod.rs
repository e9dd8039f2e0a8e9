//! Server-drawn plots: SVG with classes only, so that one stylesheet colours them in light and dark.

pub mod axis;
mod canvas;
pub mod conditions;
pub mod curves;
pub mod e_process;
pub mod effects;
pub mod forecasts;
pub mod forest;
pub mod means;
pub mod optimum;
pub mod pairs;
pub mod space;
